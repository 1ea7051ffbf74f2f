//! The epoch authority: who sequences is what is on this disk.

use core::time::Duration;

use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Adopted, Grant, HostHello};
use segment_proto::{EpochOwner, EpochRecord, Fence, Instant, LinkId, Nonce, Position, Reason, Signed};

use crate::backup::{Backup, BackupTask};
use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::store::{Operation, StoreOperation, StoredEntry};
use crate::sync::persist::{Meta, put_epoch, put_meta};
use crate::tracker::context::{Caller, Context};

/// The link of the device that hosts the channel.
#[derive(Debug)]
pub struct HostLink {
    /// The link.
    pub link: LinkId,
    nonce: Nonce,
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
    /// Whether members are to be sent there.
    pub fn is_present(&self) -> bool {
        self.stage == Stage::Active
    }

    /// A sign of life.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
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
        let before = self.host().is_some();
        let nonce = hello.nonce;
        self.host = Some(HostLink { link: from.link, nonce, stage: Stage::Adopting, suspect_at: None, heard: None });
        if self.owner() == Some(EpochOwner::Host(caller.device)) && self.granted == Some(nonce) {
            return self.resume(from, hello, before, cx);
        }
        self.note_presence(before);
        let own = self.owner() == Some(EpochOwner::Tracker);
        if own && self.log.epochs_are_written() {
            return self.say_adopt(from, nonce, hello.after, cx);
        }
        let mut writes = Vec::new();
        if !own {
            let record = self.next_epoch(EpochOwner::Tracker, cx);
            writes.push(put_epoch(self.log.id, &record));
            self.log.begin_epoch(record);
        }
        // An own epoch that is being written: this is performed after it.
        let fence = self.log.fence();
        let task = self.task(BackupTask::OwnEpoch { asker: from, nonce, after: hello.after, fence });
        cx.out.write(task, writes);
    }

    fn owner(&self) -> Option<EpochOwner> {
        self.log.newest_epoch().map(|record| record.owner)
    }

    /// The same process of the host after a mere blip of its link.
    fn resume(&mut self, from: Asker, hello: &HostHello, before: bool, cx: &mut Context<'_>) {
        if let Some(host) = &mut self.host {
            host.activate(cx.now.mono, cx.limits.host_silence);
        }
        self.note_presence(before);
        self.send_adopt(from, hello.nonce, self.log.durable_position(), Vec::new(), cx);
    }

    /// The base is the last place handed to the store; the record follows it in the same queue.
    fn next_epoch(&mut self, owner: EpochOwner, cx: &Context<'_>) -> Signed<EpochRecord> {
        self.flush_before_epoch();
        let Fence { generation, epoch } = self.log.fence();
        let fence = Fence { generation: generation.max(1), epoch: epoch + 1 };
        Signed::new(EpochRecord { channel: self.channel(), fence, owner, base: self.log.head() }, cx.identity)
    }

    /// Entries of the old epoch that are not handed to the store yet are not taken: the host sends them again.
    fn flush_before_epoch(&mut self) {
        if let Some(first) = self.unwritten.first().map(|stored| stored.entry.pos) {
            self.unwritten.clear();
            self.log.cut(first - 1, crate::rules::Rules::all());
        }
    }

    pub(super) fn say_adopt(&mut self, asker: Asker, nonce: Nonce, after: Position, cx: &mut Context<'_>) {
        if after.pos >= self.log.durable() {
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
        };
        cx.out.answer(asker, &adopt);
    }

    pub(super) fn on_adopted(&mut self, from: Asker, adopted: &Adopted, cx: &mut Context<'_>) {
        let greeted = self.host.as_ref().is_some_and(|host| host.link == from.link && host.nonce == adopted.nonce);
        let level = adopted.at == self.log.head() && self.log.durable() == self.log.head().pos;
        if !greeted || !level || self.owner() != Some(EpochOwner::Tracker) {
            return cx.out.fail(from, Reason::NotNow, "say hello again");
        }
        let record = self.next_epoch(EpochOwner::Host(self.host_device), cx);
        let writes = alloc::vec![put_epoch(self.log.id, &record), put_meta(self.log.id, Meta::Nonce, &adopted.nonce)];
        self.log.begin_epoch(record.clone());
        self.granted = Some(adopted.nonce);
        let task = self.task(BackupTask::Granted { asker: from, nonce: adopted.nonce, record });
        cx.out.write(task, writes);
    }

    pub(super) fn say_grant(&mut self, asker: Asker, nonce: Nonce, record: Signed<EpochRecord>, cx: &mut Context<'_>) {
        let before = self.host().is_some();
        let Some(host) = self.host.as_mut().filter(|host| host.link == asker.link && host.nonce == nonce) else {
            return;
        };
        host.activate(cx.now.mono, cx.limits.host_silence);
        self.note_presence(before);
        cx.out.answer(asker, &Grant { nonce, record });
    }
}
