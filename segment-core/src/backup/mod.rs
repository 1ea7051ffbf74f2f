//! The tracker's copy of one channel: the commit point, the epoch authority, and where the channel
//! is read and written while its host is away.

mod epochs;
mod flapping;
mod healing;
mod joining;
mod moving;
mod readers;
mod recovery;
mod replication;
mod retaining;
mod seal;
mod submit;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;

use segment_proto::messages::{Diverged, ReadSnapshot, Reseed};
use segment_proto::{
    Access, ChannelId, ChannelRecord, DeviceId, EpochRecord, Instant, LinkId, Message, Nonce, Position, Reason,
    Receipt, Signed, Snapshot,
};

use crate::contract::{Deadline, earliest};
use crate::outbox::Asker;
use crate::store::{LogId, LogRole, Record, StoreOutcome, StoredEntry};
use crate::sync::deliveries::Cursors;
use crate::sync::persist::{Loaded, Meta};
use crate::sync::retention::Trim;
use crate::sync::sequencer::{Sequencer, SubmitJob};
use crate::sync::serve::{self, Page};
use crate::sync::verify::{Gap, sound};
use crate::sync::{ChannelLog, Fold, Subscribers};
use crate::tracker::context::{Caller, Context, TrackerTask};

use epochs::HostLink;
use flapping::Flapping;
use joining::Queue;
use recovery::{Recovery, RecoveryTask};
use retaining::Keeping;
use seal::Seal;
use submit::Held;

/// Committed entries that a copy keeps in memory; older ones are read from disk.
const MEMORY_ENTRIES_MAX: usize = 128;

/// What an operation of a backup is for.
#[derive(Debug)]
pub enum BackupTask {
    /// Entries up to the receipt's place were written, with the receipt.
    Stored(Signed<Receipt>),
    /// A page for a reader.
    Page(Page),
    /// Entries that a returning host lacks.
    AdoptPage {
        /// The hello.
        asker: Asker,
        /// Its nonce.
        nonce: Nonce,
        /// What the entries follow.
        after: Position,
    },
    /// Nobody waits.
    Nothing,
    /// A submit needs an entry that is not in memory.
    LookedUp(SubmitJob),
    /// The entry behind a place that is to be put right.
    Mend(Asker, Box<Reseed>),
    /// Entries were put right, up to here.
    Mended(Asker, Position, Gap),
    /// A recovery's.
    Recovery(RecoveryTask),
    /// What the tracker has signed of the prefix was written.
    Snapshot(Signed<Snapshot>),
    /// A part of it, for the host.
    SnapshotPart(Asker, ReadSnapshot),
    /// Entries that may be too old.
    Retain,
    /// They are gone.
    Trimmed(Trim),
    /// The record of the next epoch was written; where it is the host's, `Adopted` is answered by it.
    Epoch(Option<(Asker, Nonce)>),
}

/// What the directory has to know of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupNotice {
    /// The host has come or gone.
    HostPresence {
        /// Whether it is there.
        present: bool,
    },
    /// Committed entries have changed the rights.
    AccessChanged,
    /// A committed entry has named the device that is to host.
    HostDesignated {
        /// The device.
        device: DeviceId,
    },
}

/// The tracker's copy of one channel.
#[derive(Debug)]
pub struct Backup {
    log: ChannelLog,
    host_device: DeviceId,
    host: Option<HostLink>,
    /// To whom the newest epoch was granted.
    granted: Option<Nonce>,
    /// The record that is being written.
    next_epoch: Option<Signed<EpochRecord>>,
    readers: Subscribers,
    sequencer: Sequencer,
    /// Submits that wait until it is decided who sequences.
    held: Vec<Held>,
    seal: Seal,
    flapping: Flapping,
    cursors: Cursors,
    keeping: Keeping,
    recovery: Recovery,
    /// The rights before the first entry.
    first_access: Access,
    notices: Vec<BackupNotice>,
}

impl Backup {
    /// The copy of a channel that has just been made.
    #[must_use]
    pub fn create(record: &ChannelRecord) -> Self {
        Self::restore(record, Vec::new(), None)
    }

    /// The copy as the store has it: all of it is committed.
    #[must_use]
    pub fn restore(record: &ChannelRecord, records: Vec<Record>, last: Option<StoredEntry>) -> Self {
        let id = LogId { channel: record.channel, role: LogRole::Backup };
        let loaded = Loaded::new(records);
        let granted = loaded.meta(Meta::Nonce);
        let cursors = Cursors::restore(&loaded);
        let (keeping, below) = (Keeping::restore(&loaded), loaded.meta(Meta::Below).unwrap_or(Position::START));
        let recovery = Recovery { queue: Queue::restore(&loaded), ..Recovery::default() };
        let first_access = Access::new(record.owner.account, record.view, record.visitors);
        let fold = match loaded.rights {
            Some(rights) => Fold::from_parts(rights, loaded.rows),
            None => Fold::with_rows(first_access.clone(), loaded.rows),
        };
        let head = last.map_or(below, |stored| stored.position());
        let log = ChannelLog::restored(id, fold, head, loaded.receipt, loaded.epochs).with_memory(MEMORY_ENTRIES_MAX);
        let mut backup = Self {
            log: log.with_below(below),
            host_device: record.host,
            host: None,
            granted,
            next_epoch: None,
            readers: Subscribers::default(),
            sequencer: Sequencer::default(),
            held: Vec::new(),
            seal: Seal::default(),
            flapping: Flapping::default(),
            cursors,
            keeping,
            recovery,
            first_access,
            notices: Vec::new(),
        };
        backup.note_designation();
        backup
    }

    fn channel(&self) -> ChannelId {
        self.log.id.channel
    }

    fn task(&self, task: BackupTask) -> TrackerTask {
        TrackerTask::Backup(self.channel(), task)
    }

    /// The rights by the committed log.
    #[must_use]
    pub fn access(&self) -> &Access {
        self.log.base().access()
    }

    /// The newest epoch on disk.
    #[must_use]
    pub fn epoch(&self) -> Option<&Signed<EpochRecord>> {
        self.log.epoch()
    }

    /// The device that the channel's record names as its host.
    #[must_use]
    pub fn host_device(&self) -> DeviceId {
        self.host_device
    }

    /// The link of the host, while it is there and sequences.
    #[must_use]
    pub fn host(&self) -> Option<LinkId> {
        self.host.as_ref().filter(|host| host.is_present()).map(|host| host.link)
    }

    /// The link of the host, whether or not it sequences.
    pub(crate) fn host_link(&self) -> Option<LinkId> {
        self.host.as_ref().map(|host| host.link)
    }

    /// Whether the host has been silent for a while.
    pub(crate) fn misses_host(&self) -> bool {
        self.host.as_ref().is_some_and(HostLink::is_silent)
    }

    /// A message of a logged-in session about this channel (kinds 0x03xx and 0x04xx).
    pub fn on_message(&mut self, from: Asker, caller: &Caller, message: Message, cx: &mut Context<'_>) {
        if let Some(evidence) = recovery::shown_in(&message) {
            self.on_shown(from.link, evidence, cx);
        }
        match message {
            Message::Subscribe(_) => self.on_subscribe(from, caller, cx),
            Message::Unsubscribe(_) => self.on_unsubscribe(from, cx),
            Message::ReadTail(_) | Message::ReadRange(_) | Message::Sync(_) | Message::ReadOwn(_) => {
                self.on_read(from, caller, &message, cx);
            }
            Message::Submit(submit) => self.on_submit(from, caller, submit, cx),
            Message::Delivered(delivered) => self.on_delivered(from.link, caller, &delivered, cx),
            Message::HostHello(hello) => self.on_host_hello(from, caller, &hello, cx),
            Message::Adopted(adopted) => self.on_adopted(from, &adopted, cx),
            Message::Replicate(replicate) => self.on_replicate(from, caller, replicate, cx),
            Message::ReadSnapshot(read) => self.on_read_snapshot(from, caller, &read, cx),
            Message::Reseed(reseed) => self.on_reseed(from, reseed, cx),
            other => cx.out.fail(from, Reason::UnsupportedKind, other.name()),
        }
    }

    /// A link is gone, or its session has ended.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        self.sequencer.forget(cx.now.mono);
        self.forget_held(link);
        self.forget_holder(link);
        self.readers.forget_link(link);
        self.readers.remove(link);
        self.host.iter_mut().filter(|host| host.link == link).for_each(HostLink::forget_hello);
        self.on_host_left(link, cx);
    }

    /// The links of those who keep up.
    pub(crate) fn reader_links(&mut self) -> alloc::sync::Arc<[LinkId]> {
        self.readers.keeping().clone()
    }

    /// Anything at all was heard on a link: perhaps the host's.
    pub fn on_host_heard(&mut self, link: LinkId, now: Instant) {
        let before = self.host().is_some();
        if let Some(host) = self.host.as_mut().filter(|host| host.link == link) {
            host.heard(now);
        }
        self.note_presence(before);
    }

    fn note_presence(&mut self, before: bool) {
        let present = self.host().is_some();
        if present != before {
            self.notices.push(BackupNotice::HostPresence { present });
        }
    }

    /// The send queue of a subscriber has crossed a mark.
    pub fn on_writable(&mut self, link: LinkId, room: usize, cx: &mut Context<'_>) {
        if self.readers.set_room(link, room) {
            if let (Some(at), Some(fence)) = (self.readers.take_cut(link), self.log.epoch().map(|record| record.fence))
            {
                cx.out.push(link, &Diverged { channel: self.channel(), fence, at });
            }
            cx.out.push(link, &self.watermarks());
        }
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: BackupTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        match (task, outcome) {
            (BackupTask::Stored(receipt), _) => self.on_stored(receipt, cx),
            (BackupTask::Page(page), StoreOutcome::Entries { before, entries }) => {
                self.on_page(page, before, entries, cx);
            }
            (BackupTask::AdoptPage { asker, nonce, after }, StoreOutcome::Entries { before, entries }) => {
                let before = self.log.chain_before_page(after.pos, before);
                let continues = before == after.chain;
                let entries = if continues { sound(before, entries) } else { Vec::new() };
                if continues && entries.is_empty() {
                    return self.answer_page(asker, &serve::damaged(after.pos + 1), (0, 0), cx);
                }
                self.send_adopt(asker, nonce, after, entries, cx);
            }
            (
                BackupTask::Page(Page { asker, .. }) | BackupTask::AdoptPage { asker, .. },
                StoreOutcome::Damaged { pos },
            ) => {
                self.answer_page(asker, &serve::damaged(pos), (0, 0), cx);
            }
            (BackupTask::Mend(asker, reseed), StoreOutcome::Entries { entries, .. }) => {
                self.mend(asker, *reseed, entries.first(), cx);
            }
            (BackupTask::Mend(asker, reseed), _) => self.mend(asker, *reseed, None, cx),
            (BackupTask::Mended(asker, next, gap), _) => self.on_mended(asker, next, gap, cx),
            (BackupTask::Recovery(task), outcome) => self.on_recovery(task, outcome, cx),
            (BackupTask::Snapshot(snapshot), _) => self.on_snapshot_written(snapshot, cx),
            (BackupTask::SnapshotPart(asker, read), StoreOutcome::Records(records)) => {
                self.on_snapshot_part(asker, &read, &records, cx);
            }
            (BackupTask::Retain, StoreOutcome::Entries { entries, .. }) => self.on_retain_page(&entries, cx),
            (BackupTask::Retain, _) => self.on_retain_page(&[], cx),
            (BackupTask::Trimmed(trim), _) => self.on_trimmed(trim, cx),
            (BackupTask::Epoch(to), _) => self.on_epoch_written(to, cx),
            (BackupTask::LookedUp(job), StoreOutcome::Found(found)) => self.on_looked_up(job, found, cx),
            _ => {}
        }
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let before = self.host().is_some();
        if let Some(host) = &mut self.host {
            host.suspect(cx.now.mono, cx.limits.host_silence);
        }
        self.note_presence(before);
        if self.seal.expire(cx.now.mono) {
            self.release_held(cx);
            self.answer_hello(cx);
        }
        self.tell_deliveries(cx);
        self.recovery_timeout(cx);
        self.retain(cx);
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let host = self.host.as_ref().and_then(HostLink::poll_timeout);
        let kept = [self.cursors.poll_timeout(), self.recovery.poll_timeout(), self.keeping.poll_timeout()];
        earliest([host, self.seal.poll_timeout()].into_iter().chain(kept))
    }

    /// What the directory has to know; to be asked after every call.
    pub fn take_notices(&mut self) -> Vec<BackupNotice> {
        core::mem::take(&mut self.notices)
    }
}
