//! The copies of all channels, and which links concern which of them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use segment_proto::messages::Failure;
use segment_proto::{ChannelId, ChannelRecord, Instant, Limits, LinkId, Message, Reason, Signed};

use crate::backup::{Backup, BackupNotice, BackupTask};
use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::store::{Fatal, LogId, LogRole, Store, StoreOutcome, load_log};
use crate::tracker::context::{Caller, Context};

/// A copy, and when it wants to be called.
#[derive(Debug)]
struct Slot {
    backup: Backup,
    due: Option<Deadline>,
}

/// The channels whose copies may remember a link.
#[derive(Debug, Default)]
struct Concerns {
    reading: BTreeSet<ChannelId>,
    hosting: BTreeSet<ChannelId>,
    /// When anything was heard. The copies are told when one of them wants to know, not with each message: a host
    /// may have many channels.
    heard: Option<Instant>,
    /// A copy takes its host for silent: it is told at once.
    is_missed: bool,
}

impl Concerns {
    /// Remembers what has to be undone when the link goes. Everything else leaves nothing behind.
    fn note(&mut self, message: &Message, channel: ChannelId, limits: &Limits) -> Result<(), Reason> {
        let (set, max) = match message {
            Message::Subscribe(_) | Message::Submit(_) => (&mut self.reading, limits.joined_channels_max),
            Message::HostHello(_) => (&mut self.hosting, limits.channels_per_account_max),
            _ => return Ok(()),
        };
        if !set.contains(&channel) && set.len() >= max {
            return Err(Reason::LimitReached);
        }
        set.insert(channel);
        Ok(())
    }

    fn all(&self) -> BTreeSet<ChannelId> {
        self.reading.union(&self.hosting).copied().collect()
    }
}

/// The copies of all channels.
#[derive(Debug, Default)]
pub struct Backups {
    slots: BTreeMap<ChannelId, Slot>,
    due: BTreeSet<(Instant, ChannelId)>,
    links: BTreeMap<LinkId, Concerns>,
    /// Links without room; a copy that is subscribed to later has to know.
    full: BTreeSet<LinkId>,
    notices: Vec<(ChannelId, BackupNotice)>,
    /// Calls of copies.
    #[cfg(test)]
    pub(super) calls: usize,
}

impl Backups {
    /// The copies as the store has them.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore<'a>(
        records: impl Iterator<Item = &'a Signed<ChannelRecord>>,
        store: &mut dyn Store,
    ) -> Result<Self, Fatal> {
        let mut backups = Self::default();
        for record in records {
            let (rows, last) = load_log(store, LogId { channel: record.channel, role: LogRole::Backup })?;
            backups.insert(record.channel, Backup::restore(record, rows, last));
        }
        Ok(backups)
    }

    /// Every copy, while the tracker is being restored.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Backup> {
        self.slots.values_mut().map(|slot| &mut slot.backup)
    }

    /// A channel that has just been made.
    pub fn create(&mut self, record: &ChannelRecord) {
        self.insert(record.channel, Backup::create(record));
    }

    fn insert(&mut self, channel: ChannelId, backup: Backup) {
        self.slots.insert(channel, Slot { backup, due: None });
        self.settle(channel);
    }

    /// The copy of a channel.
    #[must_use]
    pub fn get(&self, channel: ChannelId) -> Option<&Backup> {
        self.slots.get(&channel).map(|slot| &slot.backup)
    }

    /// The link of whoever hosts a channel and sequences it now.
    #[must_use]
    pub fn host_of(&self, channel: ChannelId) -> Option<LinkId> {
        self.get(channel).and_then(Backup::host)
    }

    /// The links of those who read a copy and keep up.
    pub(super) fn readers(&mut self, channel: ChannelId) -> Option<Arc<[LinkId]>> {
        self.slots.get_mut(&channel).map(|slot| slot.backup.reader_links())
    }

    /// A message of a logged-in session about a channel.
    pub fn on_message(&mut self, from: Asker, caller: &Caller, message: Message, cx: &mut Context<'_>) {
        let asked = !from.id.is_none();
        let Some(channel) = channel_of(&message).filter(|_| !(asked && is_push(&message))) else {
            return cx.refuse(from, &Failure::new(Reason::UnsupportedKind, "not asked of a tracker"));
        };
        let Some(slot) = self.slots.get(&channel) else {
            return cx.refuse(from, &Failure::new(Reason::NoSuchChannel, ""));
        };
        let is_host = slot.backup.host_device() == caller.device;
        if is_host || !matches!(message, Message::HostHello(_)) {
            let concerns = self.links.entry(from.link).or_default();
            if let Err(reason) = concerns.note(&message, channel, cx.limits) {
                return cx.refuse(from, &Failure::new(reason, "too many channels on one link"));
            }
        }
        if self.full.contains(&from.link) && matches!(message, Message::Subscribe(_) | Message::HostHello(_)) {
            self.with(channel, |backup| backup.on_writable(from.link, 0, cx));
        }
        self.with(channel, |backup| backup.on_message(from, caller, message, cx));
    }

    /// A link is gone, or its session has ended.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        self.full.remove(&link);
        for channel in self.links.remove(&link).unwrap_or_default().all() {
            self.with(channel, |backup| backup.on_link_down(link, cx));
        }
    }

    /// Who hosts on this link hides from now on: to everybody else that is leaving.
    pub fn on_host_left(&mut self, link: LinkId, cx: &mut Context<'_>) {
        let hosting = self.links.get(&link).map(|concerns| concerns.hosting.clone()).unwrap_or_default();
        for channel in hosting {
            self.with(channel, |backup| backup.on_host_left(link, cx));
        }
    }

    /// Anything at all was heard on a link: whoever hosts on it is there, also one taken for silent.
    pub fn on_heard(&mut self, link: LinkId, now: Instant) {
        let Some(concerns) = self.links.get_mut(&link).filter(|concerns| !concerns.hosting.is_empty()) else { return };
        concerns.heard = Some(now);
        if core::mem::take(&mut concerns.is_missed) {
            for channel in concerns.hosting.clone() {
                self.with(channel, |backup| backup.on_host_heard(link, now));
            }
        }
    }

    /// A copy judges by what was heard of its host.
    fn wake(&mut self, channel: ChannelId, cx: &mut Context<'_>) {
        let link = self.slots.get(&channel).and_then(|slot| slot.backup.host_link());
        let heard = link.and_then(|link| Some((link, self.links.get(&link)?.heard?)));
        self.with(channel, |backup| {
            heard.into_iter().for_each(|(link, at)| backup.on_host_heard(link, at));
            backup.handle_timeout(cx);
        });
        let silent = self.slots.get(&channel).is_some_and(|slot| slot.backup.misses_host());
        if let Some(concerns) = link.filter(|_| silent).and_then(|link| self.links.get_mut(&link)) {
            concerns.is_missed = true;
        }
    }

    /// The send queue of a link has crossed a mark.
    pub fn on_writable(&mut self, link: LinkId, room: usize, cx: &mut Context<'_>) {
        if room == 0 {
            self.full.insert(link);
        } else {
            self.full.remove(&link);
        }
        for channel in self.links.get(&link).map(Concerns::all).unwrap_or_default() {
            self.with(channel, |backup| backup.on_writable(link, room, cx));
        }
    }

    /// An operation of a copy is done.
    pub fn on_performed(&mut self, channel: ChannelId, task: BackupTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        self.with(channel, |backup| backup.on_performed(task, outcome, cx));
    }

    /// The time has come, for some.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let due: Vec<ChannelId> =
            self.due.iter().take_while(|(at, _)| *at <= cx.now.mono).map(|(_, channel)| *channel).collect();
        for channel in due {
            self.wake(channel, cx);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let (_, channel) = self.due.first()?;
        self.slots.get(channel).and_then(|slot| slot.due)
    }

    /// What the directory has to know; to be asked after every call.
    pub fn take_notices(&mut self) -> Vec<(ChannelId, BackupNotice)> {
        core::mem::take(&mut self.notices)
    }

    /// Links that a copy may remember.
    #[cfg(test)]
    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    fn with(&mut self, channel: ChannelId, call: impl FnOnce(&mut Backup)) {
        if let Some(slot) = self.slots.get_mut(&channel) {
            call(&mut slot.backup);
            self.settle(channel);
            #[cfg(test)]
            (self.calls += 1);
        }
    }

    /// After every call: what it wants to be called for, and what it has to say.
    fn settle(&mut self, channel: ChannelId) {
        let Some(slot) = self.slots.get_mut(&channel) else { return };
        let before = core::mem::replace(&mut slot.due, slot.backup.poll_timeout());
        if before != slot.due {
            before.map(|deadline| self.due.remove(&(deadline.at, channel)));
            slot.due.map(|deadline| self.due.insert((deadline.at, channel)));
        }
        self.notices.extend(slot.backup.take_notices().into_iter().map(|notice| (channel, notice)));
    }
}

/// What is only ever pushed, and has no answer.
fn is_push(message: &Message) -> bool {
    matches!(message, Message::Replicate(_) | Message::Delivered(_))
}

/// The channel of a message that a tracker takes for one of its copies.
fn channel_of(message: &Message) -> Option<ChannelId> {
    match message {
        Message::Subscribe(m) => Some(m.channel),
        Message::Unsubscribe(m) => Some(m.channel),
        Message::Submit(m) => Some(m.channel),
        Message::ReadTail(m) => Some(m.channel),
        Message::ReadRange(m) => Some(m.channel),
        Message::ReadOwn(m) => Some(m.channel),
        Message::Sync(m) => Some(m.channel),
        Message::Delivered(m) => Some(m.channel),
        Message::Reseed(m) => Some(m.channel),
        Message::ReadSnapshot(m) => Some(m.channel),
        Message::HostHello(m) => Some(m.channel),
        Message::Adopted(m) => Some(m.channel),
        Message::Replicate(m) => Some(m.channel),
        _ => None,
    }
}
