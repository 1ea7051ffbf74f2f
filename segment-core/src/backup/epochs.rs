//! The epoch authority: who sequences is what is on this disk.

use core::time::Duration;

use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Adopted, Failure, Fenced, Grant, HostHello, Presence};
use segment_proto::{EpochOwner, EpochRecord, Fence, Identity, Instant, LinkId, Nonce, Position, Reason, Signed};

use crate::backup::{Backup, BackupTask};
use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::rules::Rule;
use crate::store::{Operation, StoreOperation, StoredEntry, Write};
use crate::sync::persist::{Meta, put_epoch, put_meta};
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::TrackerEvent;

/// The link of the device that hosts the channel.
#[derive(Debug)]
pub struct HostLink {
    /// The link.
    pub link: LinkId,
    nonce: Nonce,
    /// The hello that is not answered yet, and from where on it wants entries.
    hello: Option<(Asker, Position)>,
    stage: Stage,
    suspect_at: Option<Instant>,
    heard: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Takes over what it missed.
    Adopting,
    /// Sequences.
    Active,
    /// Sequences, but has been silent for a while.
    Silent,
}

impl HostLink {
    fn new(from: Asker, hello: &HostHello) -> Self {
        let (nonce, hello) = (hello.nonce, Some((from, hello.after)));
        Self { link: from.link, nonce, hello, stage: Stage::Adopting, suspect_at: None, heard: None }
    }

    /// Whether members are to be sent there.
    pub fn is_present(&self) -> bool {
        self.stage == Stage::Active
    }

    /// Whether it may sequence, for all that it has been told.
    pub fn owns(&self) -> bool {
        self.stage != Stage::Adopting
    }

    /// Whether it has been silent for a while.
    pub fn is_silent(&self) -> bool {
        self.stage == Stage::Silent
    }

    /// A sign of life, now or a moment ago.
    pub fn heard(&mut self, at: Instant) {
        self.heard = self.heard.max(Some(at));
        if self.stage == Stage::Silent {
            self.stage = Stage::Active;
        }
    }

    /// Silence for so long makes it suspect.
    pub fn suspect(&mut self, now: Instant, silence: Duration) {
        let last = self.heard.unwrap_or(now);
        self.heard = Some(last);
        if self.stage == Stage::Active && now.since(last) >= silence {
            self.stage = Stage::Silent;
        }
        self.suspect_at = Some(last + silence);
    }

    /// When silence makes it suspect.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let due = self.suspect_at.filter(|_| self.stage == Stage::Active)?;
        Some(Deadline::new(due, "host is silent"))
    }

    /// What it has asked for is not to be had.
    pub fn refuse(self, reason: Reason, cx: &mut Context<'_>) {
        if let Some((asker, _)) = self.hello {
            cx.out.fail(asker, reason, "");
        }
    }

    /// Nobody waits for an answer any more.
    pub fn forget_hello(&mut self) {
        self.hello = None;
    }

    fn activate(&mut self, now: Instant, silence: Duration) {
        self.stage = Stage::Active;
        self.heard = Some(now);
        self.suspect_at = Some(now + silence);
    }
}

impl Backup {
    pub(super) fn on_host_hello(&mut self, from: Asker, caller: &Caller, hello: &HostHello, cx: &mut Context<'_>) {
        if caller.device != self.host_device {
            return cx.out.fail(from, Reason::NotHost, "the channel's record names another device");
        }
        if caller.presence == Presence::Invisible && cx.rules.has(Rule::HideInvisible) {
            return cx.out.fail(from, Reason::OwnerMayNotHide, "who hides does not host");
        }
        let before = self.host().is_some();
        if let Some(before) = self.host.replace(HostLink::new(from, hello)) {
            before.refuse(Reason::Replaced, cx);
        }
        self.answer_hello(cx);
        self.note_presence(before);
    }

    /// Answers a hello that waits. While a record is being written, nothing is said that rests on it.
    pub(super) fn answer_hello(&mut self, cx: &mut Context<'_>) {
        if self.is_deciding() {
            return;
        }
        let owner = self.log.epoch().map(|record| record.owner);
        let Some(host) = self.host.as_mut().filter(|host| host.hello.is_some()) else {
            return;
        };
        let nonce = host.nonce;
        let is_resumed = owner == Some(EpochOwner::Host(self.host_device)) && self.granted == Some(nonce);
        if !is_resumed && owner != Some(EpochOwner::Tracker) {
            return self.write_epoch(EpochOwner::Tracker, None, cx);
        }
        let after = host.hello.as_ref().map_or(Position::START, |(_, after)| *after);
        if !is_resumed && !self.is_still(after, cx) {
            return;
        }
        let Some((host, (asker, after))) =
            self.host.as_mut().and_then(|host| host.hello.take().map(|hello| (host, hello)))
        else {
            return;
        };
        if !is_resumed {
            return self.say_adopt(asker, nonce, after, cx);
        }
        // The same process of the host after a mere blip of its link.
        host.activate(cx.now.mono, cx.limits.host_silence);
        self.send_adopt(asker, nonce, self.log.durable_position(), Vec::new(), cx);
    }

    /// Whether a host may be told the head. Where it is within one batch of it, submits wait from now on, and so
    /// does the answer until what is under way is on disk.
    fn is_still(&mut self, after: Position, cx: &Context<'_>) -> bool {
        let gap = self.log.head().pos.saturating_sub(after.pos);
        if gap <= cx.limits.batch_entries_max as u64 && !self.flapping.is_paused(cx.now.mono) {
            self.seal.begin(cx.now.mono);
        }
        !self.seal.is_on() || self.sequencer.is_idle()
    }

    /// Submits do not wait for a host any more.
    pub(super) fn unseal(&mut self, cx: &mut Context<'_>) {
        if self.seal.lift() {
            self.release_held(cx);
        }
    }

    /// Until the record is on disk, it is shown to nobody, and nothing is taken in either epoch.
    pub(super) fn write_epoch(&mut self, owner: EpochOwner, to: Option<(Asker, Nonce)>, cx: &mut Context<'_>) {
        let record = self.make_epoch(owner, cx);
        let mut writes = put_epoch(&self.log, &record);
        writes.extend(to.map(|(_, nonce)| put_meta(self.log.id, Meta::Nonce, &nonce)));
        self.next_epoch = Some(record);
        let task = self.task(BackupTask::Epoch(to));
        cx.out.write(task, writes);
        if !cx.rules.has(Rule::EpochBeforeShown) {
            self.on_epoch_written(to, cx);
        }
    }

    pub(super) fn on_epoch_written(&mut self, to: Option<(Asker, Nonce)>, cx: &mut Context<'_>) {
        let Some(record) = self.next_epoch.take() else {
            return;
        };
        let before = self.host().is_some();
        self.log.push_epoch(record.clone());
        match to {
            Some((asker, nonce)) => {
                self.granted = Some(nonce);
                self.seal.lift();
                self.flapping.granted(cx.now.mono);
                self.say_grant(asker, nonce, record, cx);
            }
            None => self.take_over(record, cx),
        }
        self.fence_other_host(cx);
        self.settle_recovery();
        self.note_presence(before);
        self.go_on(cx);
    }

    /// It is decided who sequences, unless it is to be decided anew.
    pub(super) fn go_on(&mut self, cx: &mut Context<'_>) {
        self.open_if_lost(cx);
        self.answer_hello(cx);
        self.release_held(cx);
    }

    /// A host that was silent, and is still linked, stops at once; it says hello for another epoch.
    fn take_over(&mut self, record: Signed<EpochRecord>, cx: &mut Context<'_>) {
        if !self.held.is_empty() {
            cx.out.event(TrackerEvent::TookOver { channel: self.channel(), fence: record.fence });
        }
        if let Some(host) = self.host.take_if(|host| host.owns()) {
            cx.out.push(host.link, &Fenced { record });
        }
    }

    /// The store was put back from an older copy: a generation of its own, from what is here on. To be
    /// written before anybody is answered.
    pub fn put_restored_generation(&mut self, identity: &Identity) -> Vec<Write> {
        let Fence { generation, epoch } = self.log.fence();
        let fence = Fence { generation: generation.max(1) + 1, epoch: epoch + 1 };
        let (owner, base) = (EpochOwner::Tracker, self.log.head());
        let record = Signed::new(EpochRecord { channel: self.channel(), fence, owner, base }, identity);
        let writes = put_epoch(&self.log, &record);
        self.log.push_epoch(record);
        writes
    }

    /// The base is the last place handed to the store; the record follows it in the same queue. Entries of the
    /// old epoch that are not handed to it yet are not taken: the host sends them again.
    fn make_epoch(&mut self, owner: EpochOwner, cx: &Context<'_>) -> Signed<EpochRecord> {
        self.sequencer.drop_unwritten(&mut self.log, cx.rules);
        let base = if cx.rules.has(Rule::EpochBase) { self.log.head() } else { self.log.durable_position() };
        let (channel, fence) = (self.channel(), self.next_fence());
        Signed::new(EpochRecord { channel, fence, owner, base }, cx.identity)
    }

    fn say_adopt(&mut self, asker: Asker, nonce: Nonce, after: Position, cx: &mut Context<'_>) {
        let is_gone = after.pos < self.log.below().pos;
        if is_gone || after.pos >= self.log.durable() {
            return self.send_adopt(asker, nonce, after, Vec::new(), cx);
        }
        let read = StoreOperation::Read {
            log: self.log.id,
            from: after.pos + 1,
            to: self.log.durable(),
            entries_max: cx.limits.batch_entries_max,
            bytes_max: cx.limits.batch_bytes_max,
        };
        let task = self.task(BackupTask::AdoptPage { asker, nonce, after });
        cx.out.perform(task, Operation::Store(read));
    }

    pub(super) fn send_adopt(
        &mut self,
        asker: Asker,
        nonce: Nonce,
        common: Position,
        stored: Vec<StoredEntry>,
        cx: &mut Context<'_>,
    ) {
        let adopt = Adopt {
            channel: self.channel(),
            nonce,
            epochs: self.log.epochs(),
            head: self.log.durable_position(),
            common,
            entries: stored.into_iter().map(|stored| stored.entry).collect(),
            receipt: self.log.receipt().cloned(),
            snapshot: self.keeping.snapshot.clone().filter(|_| common.pos < self.log.below().pos),
        };
        cx.out.answer(asker, &adopt);
    }

    pub(super) fn on_adopted(&mut self, from: Asker, adopted: &Adopted, cx: &mut Context<'_>) {
        if !self.recovery.queue.is_empty() {
            self.run_queue(cx);
        }
        let greeted = self.host.as_ref().is_some_and(|host| host.link == from.link && host.nonce == adopted.nonce);
        let level = adopted.at == self.log.head() && self.log.durable() == self.log.head().pos;
        let owned = self.log.epoch().is_some_and(|record| record.owner == EpochOwner::Tracker);
        if !greeted
            || !level
            || !owned
            || !self.sequencer.is_idle()
            || self.is_deciding()
            || !self.recovery.queue.is_empty()
        {
            return cx.out.fail(from, Reason::NotNow, "say hello again");
        }
        if let Err(wait) = self.flapping.check(cx.now.mono) {
            let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            cx.out.fail_with(from, &Failure::retry_after(Reason::NotNow, millis));
            return self.unseal(cx);
        }
        self.write_epoch(EpochOwner::Host(self.host_device), Some((from, adopted.nonce)), cx);
    }

    fn say_grant(&mut self, asker: Asker, nonce: Nonce, record: Signed<EpochRecord>, cx: &mut Context<'_>) {
        let greeter = self.host.as_mut().filter(|host| host.link == asker.link && host.nonce == nonce);
        let Some(host) = greeter else {
            return cx.out.fail(asker, Reason::NotNow, "say hello again");
        };
        host.activate(cx.now.mono, cx.limits.host_silence);
        cx.out.answer(asker, &Grant { nonce, record });
    }
}
