//! What the conversation knows, shared by whoever answers commands and whoever tells what happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use segment_core::peer::ChannelView;
use segment_core::peer::events::{ChannelMessage, Serving, Transfer};
use segment_proto::messages::{DeliveryStep, UserRow};
use segment_proto::{AccountId, ChannelId, ChannelName, DeviceId, MessageKey, Rights, StreamId, Who};

use super::figures::Figures;
use super::shown::Shown;
use super::streaming::Heard;
use super::unread::Unread;
use crate::config::NotifyPlan;
use crate::profile::Marks;
use crate::render::UnreadIn;
use crate::terminal::Known as KnownToTab;

/// Users whose names Tab knows.
const KNOWN_USERS_MAX: usize = 1_024;

/// What the conversation knows.
#[derive(Clone, Debug, Default)]
pub struct Talk(Arc<Mutex<Known>>);

/// A joined channel that text goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub id: ChannelId,
    /// Its name.
    pub name: ChannelName,
}

/// See [`Talk`].
#[derive(Debug, Default)]
pub struct Known {
    /// The peer is being stopped: what is lost by that is not news.
    pub leaving: bool,
    /// The peer was logged in and comes back by itself.
    pub logged_in: bool,
    /// The session was ended here: that nothing is served any more is no news.
    pub logged_out: bool,
    /// When the newest message that was shown was written.
    pub above_ms: Option<u64>,
    /// Where plain text goes.
    pub current: Option<Target>,
    /// How often it was looked how things stand, for the prompt.
    pub looks: u64,
    /// Which of these looks the prompt shows.
    pub shown_look: u64,
    /// Names of the joined channels.
    pub names: BTreeMap<ChannelId, ChannelName>,
    /// Names of those whose machines host them.
    pub hosts: BTreeMap<ChannelId, String>,
    /// Whose device is whose, of those who were seen.
    pub devices: BTreeMap<DeviceId, String>,
    /// Channels that may not be seen any more.
    pub removed: BTreeSet<ChannelId>,
    /// Users that were seen; who spoke or came last comes first.
    pub users: VecDeque<String>,
    /// The last place in the current channel.
    pub newest: u64,
    /// What of each channel was shown here.
    pub shown: BTreeMap<ChannelId, Shown>,
    /// How many members have everything up to which place on disk, of how many.
    pub delivered: BTreeMap<ChannelId, (u32, Vec<DeliveryStep>)>,
    /// Own messages that were shown when they were typed; until they are settled.
    pub typed: BTreeSet<MessageKey>,
    /// A channel that is about to become the current one: its newest messages are shown then.
    pub entering: Option<ChannelId>,
    /// A channel that became the current one before everything of it was here: what is still fetched is new.
    pub late: Option<ChannelId>,
    /// Channels whose host this device is.
    pub own_hosted: BTreeSet<ChannelId>,
    /// Whose channels these are.
    pub owners: BTreeMap<ChannelId, Who>,
    /// Channels that are not served by their hosts now.
    pub troubled: BTreeMap<ChannelId, Trouble>,
    /// What this session may do where.
    pub rights: BTreeMap<ChannelId, Rights>,
    /// Own messages that are not committed, since when, and whether that was said.
    pub own: BTreeMap<MessageKey, Own>,
    /// Those of them that are committed at last, until that was said.
    pub settled: BTreeSet<MessageKey>,
    /// The first lines were shown: what comes from now on is news.
    pub welcomed: bool,
    /// Who this session is.
    pub me: Option<Who>,
    /// What was not read yet.
    pub unread: BTreeMap<ChannelId, Unread>,
    /// How far channels were read, as it is kept.
    pub marks: Marks,
    /// What is announced.
    pub notify: NotifyPlan,
    /// Own figures.
    pub figures: Figures,
    /// Streams that were told of.
    pub(in crate::chat) streams: BTreeMap<StreamId, Heard>,
}

/// A channel that is not served as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// Since when.
    pub since: Instant,
    /// Whether that was said.
    pub told: bool,
    /// From where it is served.
    pub serving: Serving,
}

/// An own message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// Since when.
    pub since: Instant,
    /// Whether it was said that it waits.
    pub told: bool,
}

impl Talk {
    /// Everything, for a moment.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where plain text goes.
    #[must_use]
    pub fn current(&self) -> Option<Target> {
        self.known().current.clone()
    }
}

impl Known {
    /// The name of a channel, or its id where it has none here.
    #[must_use]
    pub fn name_of(&self, channel: &ChannelId) -> String {
        self.names.get(channel).map_or_else(|| segment_proto::ids::short(channel), ToString::to_string)
    }

    /// The name of whoever hosts a channel.
    #[must_use]
    pub fn host_of(&self, channel: &ChannelId) -> String {
        self.hosts.get(channel).cloned().unwrap_or_default()
    }

    /// The name of whoever hosts a channel. Until it is moved that is its owner.
    #[must_use]
    pub fn host_name(&self, view: &ChannelView) -> String {
        let device = view.record.host;
        let known = view.host.as_ref().map(ToString::to_string).or_else(|| self.devices.get(&device).cloned());
        let is_first = view.record.revision <= 1;
        known.unwrap_or_else(|| match is_first {
            true => view.record.owner.to_string(),
            false => format!("device {}", segment_proto::ids::short(&device)),
        })
    }

    /// Whether what comes into a channel is to be divided off from what was read, before it counts as read itself.
    #[must_use]
    pub fn divides_off(&self, channel: ChannelId, transfer: Transfer) -> bool {
        self.entering == Some(channel) || (self.late == Some(channel) && transfer != Transfer::Live)
    }

    /// Remembers what the channels and their hosts are called, and of which this device is the host.
    pub fn note_channels(&mut self, views: &[ChannelView], here: DeviceId) {
        for view in views {
            self.names.insert(view.record.channel, view.record.name.clone());
            let host = self.host_name(view);
            self.hosts.insert(view.record.channel, host);
            self.owners.insert(view.record.channel, view.record.owner.clone());
            match view.record.host == here {
                true => self.own_hosted.insert(view.record.channel),
                false => self.own_hosted.remove(&view.record.channel),
            };
        }
    }

    /// This user's name, where a channel is this user's and lives on another machine.
    #[must_use]
    pub fn owner_of_elsewhere(&self, channel: &ChannelId) -> Option<String> {
        let owner = self.owners.get(channel).filter(|owner| self.account() == Some(owner.account))?;
        (!self.own_hosted.contains(channel)).then(|| owner.name.to_string())
    }

    /// This account, where somebody is logged in.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.me.as_ref().map(|me| me.account)
    }

    /// What Tab knows of it.
    #[must_use]
    pub fn for_tab(&self) -> KnownToTab {
        KnownToTab {
            channels: self.readable().map(ToString::to_string).collect(),
            users: self.users.iter().cloned().collect(),
            newest: self.newest,
        }
    }

    /// The names of the channels that may be read.
    fn readable(&self) -> impl Iterator<Item = &ChannelName> {
        self.names.iter().filter(|(id, _)| !self.removed.contains(*id)).map(|(_, name)| name)
    }

    /// Remembers a user for Tab, behind those who have spoken, and whose device is whose.
    pub fn meet(&mut self, row: &UserRow) {
        let name = row.who.to_string();
        if self.devices.len() < KNOWN_USERS_MAX || self.devices.contains_key(&row.device) {
            self.devices.insert(row.device, name.clone());
        }
        if self.users.len() < KNOWN_USERS_MAX && !self.users.contains(&name) {
            self.users.push_back(name);
        }
    }

    /// A user has spoken; who has not for the longest time is forgotten.
    pub fn heard(&mut self, name: String) {
        if self.users.front() == Some(&name) {
            return;
        }
        self.users.retain(|user| *user != name);
        self.users.push_front(name);
        self.users.truncate(KNOWN_USERS_MAX);
    }

    /// Whether a place was not shown yet; from now on it was.
    pub fn is_news(&mut self, channel: ChannelId, message: &ChannelMessage) -> bool {
        self.shown.entry(channel).or_default().is_new_place(message)
    }

    /// Whether a message was shown here before, as it was typed or at a place that it has lost.
    pub fn was_shown(&mut self, message: &ChannelMessage) -> bool {
        let shown = self.shown.entry(message.key.channel).or_default();
        if self.typed.contains(&message.key) {
            // One's own line stands where it was typed, and nobody expects otherwise.
            shown.forget_cut(&message.key);
            return true;
        }
        let again = shown.comes_again(message);
        if !again {
            shown.comes_new();
        }
        again
    }

    /// Everything in a channel that was looked at is read.
    pub fn read_channel(&mut self, channel: ChannelId) {
        let (Some(me), Some(unread)) = (&self.me, self.unread.get_mut(&channel)) else { return };
        self.marks.set_read(me.account, channel, unread.read_all());
    }

    /// Something has come before somebody's eyes.
    pub fn read_arrived(&mut self, channel: ChannelId, transfer: Transfer) {
        let is_here = self.current.as_ref().is_some_and(|current| current.id == channel);
        if is_here && !self.divides_off(channel, transfer) {
            self.read_channel(channel);
        }
    }

    /// A channel was left: nothing of it is remembered.
    pub fn forget_channel(&mut self, channel: ChannelId) {
        self.names.remove(&channel);
        self.shown.remove(&channel);
        self.unread.remove(&channel);
        if let Some(me) = &self.me {
            self.marks.forget(me.account, channel);
        }
    }

    /// A channel may not be read any more.
    pub fn remove(&mut self, channel: ChannelId) {
        self.removed.insert(channel);
        self.troubled.remove(&channel);
        self.unread.remove(&channel);
        if let Some(me) = &self.me {
            self.marks.remove(me.account, channel);
        }
    }

    /// A channel may be read again.
    pub fn admit(&mut self, channel: ChannelId) {
        self.removed.remove(&channel);
        if let Some(me) = &self.me {
            self.marks.admit(me.account, channel);
        }
    }

    /// What is unread in other channels than the current one, most wanted first.
    #[must_use]
    pub fn unread_elsewhere(&self) -> Vec<UnreadIn> {
        let here = self.current.as_ref().map(|current| current.id);
        let with = self.unread.iter().filter(|(id, unread)| Some(**id) != here && unread.messages() > 0);
        let named = with.filter_map(|(id, unread)| {
            let (messages, mentions) = (unread.messages(), unread.mentions());
            Some(UnreadIn { channel: self.names.get(id)?.clone(), messages, mentions })
        });
        let mut unread: Vec<UnreadIn> = named.collect();
        unread.sort_by_key(|unread| std::cmp::Reverse((unread.mentions, unread.messages)));
        unread
    }

    /// Messages and mentions everywhere.
    #[must_use]
    pub fn unread_in_all(&self) -> (usize, usize) {
        let unread = self.unread.values();
        unread.fold((0, 0), |(messages, mentions), one| (messages + one.messages(), mentions + one.mentions()))
    }

    /// An own message is committed or refused.
    pub fn settle(&mut self, key: &MessageKey) -> Option<Own> {
        self.typed.remove(key);
        self.own.remove(key)
    }
}
