//! Putting what was lost in its place: one transaction, from a log to which both branches lead.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use segment_proto::messages::{Diverged, Fenced};
use segment_proto::{DeviceId, EpochOwner, EpochRecord, Frame, Hash, Position, Receipt, Signed, SignedEnvelope};

use crate::backup::recovery::{RecoveryTask, State, staging};
use crate::backup::{Backup, BackupNotice, BackupTask, MEMORY_ENTRIES_MAX};
use crate::rules::Rule;
use crate::store::{LogId, Operation, StoreOperation, StoredEntry, Table, Write};
use crate::sync::accept::Found;
use crate::sync::persist::{Loaded, Meta, delete_epoch, delete_row, encode, put_epoch_record, put_meta, put_row};
use crate::sync::{ChannelLog, Fold, Verdict, accept};
use crate::tracker::context::Context;

/// What was lost is here, and being put in its place.
#[derive(Debug)]
pub(super) struct Joining {
    target: Signed<Receipt>,
    /// What both branches share.
    common: Position,
    /// Rows and rights at the place that was folded last.
    fold: Fold,
    folded: u64,
    /// The own branch, up to the place that was read last.
    branch: Vec<SignedEnvelope>,
    read: u64,
    /// The log that is being written.
    log: Option<ChannelLog>,
}

/// What stood in a branch that was cut, in its order; on disk until it stands in the log again, or cannot.
#[derive(Debug, Default)]
pub struct Queue {
    items: BTreeMap<u64, SignedEnvelope>,
    /// Their hashes: what builds on none of them, and on nothing in the log, can never stand there.
    hashes: BTreeSet<Hash>,
}

impl Queue {
    /// As the store has it.
    pub fn restore(loaded: &Loaded) -> Self {
        let items: BTreeMap<u64, SignedEnvelope> = loaded.values(Table::Resubmit).collect();
        let hashes = items.values().map(|envelope| envelope.hash()).collect();
        Self { items, hashes }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn add(&mut self, log: LogId, branch: Vec<SignedEnvelope>) -> Vec<Write> {
        let first = self.items.last_key_value().map_or(1, |(last, _)| last + 1);
        let numbered = (first..).zip(branch);
        let put = |(number, envelope): (u64, SignedEnvelope)| {
            let write =
                Write::Put { table: Table::Resubmit, key: key(log, number), value: encode(&(number, &envelope)) };
            self.hashes.insert(envelope.hash());
            self.items.insert(number, envelope);
            write
        };
        numbered.map(put).collect()
    }
}

fn key(log: LogId, number: u64) -> bytes::Bytes {
    log.key(&number.to_be_bytes())
}

impl Backup {
    /// All of it is staged, and leads to the receipt.
    pub(super) fn join(&mut self, common: Position, target: Signed<Receipt>, cx: &mut Context<'_>) {
        let (fold, folded) = if common == self.log.head() {
            (self.log.fold().clone(), common.pos)
        } else {
            (Fold::new(self.first_access.clone()), 0)
        };
        let (branch, read) = (Vec::new(), common.pos);
        let joining = Joining { target, common, fold, folded, branch, read, log: None };
        self.recovery.state = State::Joining(Box::new(joining));
        self.read_on(cx);
    }

    /// First the common prefix, where the fold at its end is not at hand; then what was lost; then the own branch.
    pub(super) fn read_on(&mut self, cx: &mut Context<'_>) {
        let own = self.log.id;
        if !self.sequencer.is_idle() {
            let read = StoreOperation::Read { log: own, from: 1, to: 1, entries_max: 1, bytes_max: usize::MAX };
            cx.out.perform(self.task(BackupTask::Recovery(RecoveryTask::Wait)), Operation::Store(read));
            return;
        }
        let State::Joining(joining) = &self.recovery.state else { return };
        let (log, from, to) = if joining.folded < joining.common.pos {
            (own, joining.folded + 1, joining.common.pos)
        } else if joining.folded < joining.target.at.pos {
            (staging(own), joining.folded + 1, joining.target.at.pos)
        } else if joining.read < self.log.head().pos {
            (own, joining.read + 1, self.log.head().pos)
        } else {
            return self.finish_joining(cx);
        };
        let (entries_max, bytes_max) = (cx.limits.batch_entries_max, cx.limits.batch_bytes_max);
        let read = StoreOperation::Read { log, from, to, entries_max, bytes_max };
        cx.out.perform(self.task(BackupTask::Recovery(RecoveryTask::Read)), Operation::Store(read));
    }

    pub(super) fn on_joining_read(&mut self, entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let State::Joining(joining) = &mut self.recovery.state else { return };
        if entries.is_empty() {
            // A hole in what was on disk a moment ago: the channel goes on with what it has.
            return self.open_generation(cx);
        }
        for stored in entries {
            if joining.folded < joining.target.at.pos {
                joining.fold.apply(stored.entry.pos, &stored.entry.envelope, stored.hash, cx.rules);
                joining.folded = stored.entry.pos;
            } else {
                joining.read = stored.entry.pos;
                joining.branch.push(stored.entry.envelope);
            }
        }
        self.read_on(cx);
    }

    fn finish_joining(&mut self, cx: &mut Context<'_>) {
        let (id, fence) = (self.log.id, self.next_fence());
        let State::Joining(joining) = &mut self.recovery.state else { return };
        let (at, branch) = (joining.target.at, core::mem::take(&mut joining.branch));
        let record = EpochRecord { channel: id.channel, fence, owner: EpochOwner::Tracker, base: at };
        let record = Signed::new(record, cx.identity);
        let receipt = Signed::new(Receipt { channel: id.channel, fence, at }, cx.identity);
        let (stay, go): (Vec<_>, Vec<_>) =
            self.log.epochs().into_iter().partition(|record| record.base.pos <= joining.common.pos);
        let mut writes = alloc::vec![
            Write::Cut { log: id, from: joining.common.pos + 1 },
            Write::Move { from: staging(id), to: id },
            put_meta(id, Meta::Receipt, &receipt),
            put_meta(id, Meta::Rights, joining.fold.rights()),
            put_epoch_record(id, &record),
        ];
        writes.extend(joining.fold.rows().map(|row| put_row(id, row)));
        let kept: BTreeSet<DeviceId> = joining.fold.rows().map(|row| row.device).collect();
        let gone = self.log.fold().rows().filter(|row| !kept.contains(&row.device));
        writes.extend(gone.map(|row| delete_row(id, row.device)));
        writes.extend(go.iter().map(|record| delete_epoch(id, record.fence)));
        if cx.rules.has(Rule::CutResubmits) {
            writes.extend(self.recovery.queue.add(id, branch));
        }
        let epochs = stay.into_iter().chain([record]).collect();
        let log = ChannelLog::restored(id, joining.fold.clone(), at, Some(receipt), epochs);
        joining.log = Some(log.with_memory(MEMORY_ENTRIES_MAX).with_below(self.log.below()));
        cx.out.write(self.task(BackupTask::Recovery(RecoveryTask::Joined)), writes);
    }

    /// It is on disk: a new generation begins.
    pub(super) fn on_joined(&mut self, cx: &mut Context<'_>) {
        let State::Joining(joining) = core::mem::take(&mut self.recovery.state) else { return };
        let Some(log) = joining.log else { return };
        let was_cut = self.log.head().pos > joining.common.pos;
        self.log = log;
        self.granted = None;
        self.cursors.cut(joining.common.pos);
        self.tell_generation(was_cut.then_some(joining.common), cx);
        self.notices.push(BackupNotice::AccessChanged);
        self.remove_who_may_not_read(cx);
        self.settle_recovery();
        self.on_designated(cx);
        self.run_queue(cx);
        self.go_on(cx);
    }

    fn tell_generation(&mut self, cut_behind: Option<Position>, cx: &mut Context<'_>) {
        let Some(record) = self.log.epoch().cloned() else { return };
        if let Some(at) = cut_behind.filter(|_| cx.rules.has(Rule::SayDiverged)) {
            let diverged = Diverged { channel: self.channel(), fence: record.fence, at };
            cx.out.transmit_many(self.readers.keeping(), Frame::push(&diverged));
            self.readers.note_cut(at);
        }
        if let Some(host) = self.host.take_if(|host| host.owns()) {
            cx.out.push(host.link, &Fenced { record: record.clone() });
        }
        cx.out.transmit_many(self.readers.keeping(), Frame::push(&Fenced { record }));
        let watermarks = Frame::push(&self.watermarks());
        cx.out.transmit_many(self.readers.keeping(), watermarks);
    }

    /// Sequences again what the own branch had, as far as the log takes it.
    pub(super) fn run_queue(&mut self, cx: &mut Context<'_>) {
        let numbers: Vec<u64> = self.recovery.queue.items.keys().copied().collect();
        for number in numbers {
            self.take_queued(number, None, cx);
        }
        self.flush(cx);
    }

    pub(super) fn take_queued(&mut self, number: u64, found: Found, cx: &mut Context<'_>) {
        let is_own = self.log.epoch().is_some_and(|record| record.owner == EpochOwner::Tracker);
        let Some(envelope) = self.recovery.queue.items.get(&number).filter(|_| is_own) else { return };
        let (id, hash) = (self.log.id, envelope.hash());
        let is_final = self.log.head().pos == self.log.committed();
        let may_follow = self.recovery.queue.hashes.contains(&envelope.prev);
        match accept(&self.log, envelope, &hash, &found, cx.rules) {
            Verdict::Accept => {
                let (envelope, epoch) = (envelope.clone(), self.log.fence().epoch);
                self.sequencer.sequence(&mut self.log, envelope, epoch, cx.terms());
            }
            Verdict::Unknown(lookup) => {
                let find = Operation::Store(StoreOperation::Find { log: id, lookup });
                cx.out.perform(self.task(BackupTask::Recovery(RecoveryTask::Queue(number))), find);
            }
            Verdict::Expected(_) if may_follow => {}
            _ if !is_final => {}
            _ => {
                self.recovery.queue.items.remove(&number);
                self.recovery.queue.hashes.remove(&hash);
                let delete = alloc::vec![Write::Delete { table: Table::Resubmit, key: key(id, number) }];
                cx.out.write(self.task(BackupTask::Recovery(RecoveryTask::Nothing)), delete);
            }
        }
    }
}
