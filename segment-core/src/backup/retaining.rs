//! The owner's policy at the copy: a snapshot every so often, and what is below one and covered by the
//! host may go.

use segment_proto::limits::SNAPSHOT_PART_BYTES_MAX;
use segment_proto::messages::{ReadSnapshot, SnapshotPart};
use segment_proto::{EpochOwner, Limits, Reason, Retention, Signed, Snapshot};

use crate::backup::{Backup, BackupTask};
use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::rules::Rule;
use crate::store::{Operation, Record, StoreOperation, StoredEntry, Table};
use crate::sync::persist::{Loaded, Meta};
use crate::sync::retention::{Retaining, Step, Trim};
use crate::sync::snapshot::{Folded, part_key, put_snapshot};
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::TrackerEvent;

/// What is kept of the log, and what goes.
#[derive(Debug, Default)]
pub struct Keeping {
    retaining: Retaining,
    /// The newest.
    pub(super) snapshot: Option<Signed<Snapshot>>,
    is_writing: bool,
}

impl Keeping {
    /// As it was stored.
    pub fn restore(loaded: &Loaded) -> Self {
        Self { snapshot: loaded.meta(Meta::Snapshot), ..Self::default() }
    }

    /// When it is to be looked whether something has become too old.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let due = self.retaining.due().filter(|_| !self.is_writing);
        due.map(|at| Deadline::new(at, "copy looks what is too old"))
    }
}

impl Backup {
    /// Called whenever something was stored, the epoch has changed, or it is time.
    pub(super) fn retain(&mut self, cx: &mut Context<'_>) {
        let policy = self.access().retention;
        let snapshot_due = self.is_snapshot_due(cx.limits);
        if self.keeping.is_writing || !self.keeping.retaining.is_due(policy, cx.now.mono) && !snapshot_due {
            return;
        }
        if snapshot_due {
            return self.make_snapshot(cx);
        }
        let covered = self.snapshot_place().min(self.covered_by_host());
        let now = (cx.now.mono, cx.now.wall);
        let step = self.keeping.retaining.begin(&self.log, covered, now, cx.limits, cx.rules);
        self.retain_step(step, cx);
    }

    fn snapshot_place(&self) -> u64 {
        self.keeping.snapshot.as_ref().map_or(0, |snapshot| snapshot.at.pos)
    }

    fn is_snapshot_due(&self, limits: &Limits) -> bool {
        let is_set = self.access().retention != Retention::default();
        is_set && self.log.committed() >= self.snapshot_place() + limits.snapshot_entries
    }

    /// What the host has sequenced it has, while it is there. One that is away may have cut that on its disk, as far as no
    /// receipt has reached it: it has what it had when it was granted its last epoch.
    pub(super) fn covered_by_host(&self) -> u64 {
        if self.host().is_some() {
            return self.log.committed();
        }
        let epochs = self.log.epochs();
        let granted = epochs.iter().rfind(|record| record.owner != EpochOwner::Tracker);
        granted.map_or(0, |record| record.base.pos)
    }

    fn make_snapshot(&mut self, cx: &mut Context<'_>) {
        // What is committed is what the receipt names: the fold is the one at its place.
        let Some(folded) = Folded::of(&self.log) else { return };
        let (snapshot, bytes) = folded.sign(self.log.fence(), cx.identity);
        let before = self.keeping.snapshot.as_ref().map_or(0, |snapshot| snapshot.size);
        let writes = put_snapshot(self.log.id, &snapshot, &bytes, before);
        self.keeping.is_writing = true;
        let task = self.task(BackupTask::Snapshot(snapshot));
        cx.out.write(task, writes);
    }

    pub(super) fn on_snapshot_written(&mut self, snapshot: Signed<Snapshot>, cx: &mut Context<'_>) {
        (self.keeping.snapshot, self.keeping.is_writing) = (Some(snapshot), false);
        self.keeping.retaining.hurry();
        self.retain(cx);
    }

    fn retain_step(&mut self, step: Step, cx: &mut Context<'_>) {
        match step {
            Step::Read(operation) => {
                let task = self.task(BackupTask::Retain);
                cx.out.perform(task, operation);
            }
            Step::Trim(trim) => {
                let writes = trim.writes(&self.log);
                let task = self.task(BackupTask::Trimmed(trim));
                cx.out.write(task, writes);
            }
            Step::Keep => {}
        }
    }

    pub(super) fn on_retain_page(&mut self, entries: &[StoredEntry], cx: &mut Context<'_>) {
        let step = self.keeping.retaining.take(&self.log, entries, cx.limits);
        self.retain_step(step, cx);
    }

    pub(super) fn on_trimmed(&mut self, trim: Trim, cx: &mut Context<'_>) {
        self.log.trim_below(trim.to);
        if !cx.rules.has(Rule::RowsForEver) {
            self.log.forget_rows(&trim.devices);
        }
        cx.out.event(TrackerEvent::Trimmed { channel: self.channel(), to: trim.to.pos });
        self.keeping.retaining.hurry();
        self.retain(cx);
    }

    /// A part of the snapshot, for the host that has nothing below it.
    pub(super) fn on_read_snapshot(&mut self, from: Asker, caller: &Caller, read: &ReadSnapshot, cx: &mut Context<'_>) {
        let current = self.keeping.snapshot.as_ref().is_some_and(|snapshot| snapshot.at.pos == read.pos);
        if caller.device != self.host_device || !current {
            return cx.out.fail(from, Reason::Gone, "there is another snapshot now");
        }
        let part = read.offset / SNAPSHOT_PART_BYTES_MAX as u64;
        let log = self.log.id;
        let after = part.checked_sub(1).map_or_else(|| log.key(&[]), |before| part_key(log, before));
        let scan = StoreOperation::Scan { table: Table::Snapshot, after, limit: 1 };
        let task = self.task(BackupTask::SnapshotPart(from, read.clone()));
        cx.out.perform(task, Operation::Store(scan));
    }

    pub(super) fn on_snapshot_part(&self, to: Asker, read: &ReadSnapshot, records: &[Record], cx: &mut Context<'_>) {
        let part = read.offset / SNAPSHOT_PART_BYTES_MAX as u64;
        let skip = usize::try_from(read.offset % SNAPSHOT_PART_BYTES_MAX as u64).unwrap_or_default();
        let found = records.first().filter(|record| record.key == part_key(self.log.id, part));
        let bytes = found.map(|record| record.value.slice(skip.min(record.value.len())..)).unwrap_or_default();
        let (channel, pos, offset) = (self.channel(), read.pos, read.offset);
        cx.out.answer(to, &SnapshotPart { channel, pos, offset, bytes });
    }
}
