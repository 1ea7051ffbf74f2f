//! The tracker has opened a new generation without what is committed here: its log is taken from the start, and
//! what only the own branch has is kept for later, in its order.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use segment_proto::messages::Adopt;
use segment_proto::{Access, DeviceId, EpochRecord, Position, Receipt, Signed};

use crate::host::replication::Replication;
use crate::host::staging::{Staged, Staging, join};
use crate::host::{Company, Host, HostTask};
use crate::peer::context::Context;
use crate::store::{LogId, Operation, StoreOperation, StoredEntry, Write};
use crate::sync::persist::{Loaded, Meta, delete_epoch, delete_meta, delete_row, put_epoch_record, put_meta, put_row};
use crate::sync::{ChannelLog, Fold};

/// What was derived from a log that is another now. It goes with the next one that is taken over.
pub(super) fn void(id: LogId, rows: Vec<DeviceId>, epochs: &[Signed<EpochRecord>]) -> Vec<Write> {
    let rows = rows.into_iter().map(|device| delete_row(id, device));
    let epochs = epochs.iter().map(|record| delete_epoch(id, record.fence));
    rows.chain(epochs).chain([delete_meta(id, Meta::Rights), delete_meta(id, Meta::Below)]).collect()
}

/// What is left of a log whose reader has gone over to a newer generation's: rows stand on disk with a receipt only.
pub(super) fn take_void(id: LogId, loaded: &mut Loaded) -> Vec<Write> {
    if loaded.receipt.is_some() || loaded.rows.is_empty() {
        return Vec::new();
    }
    let rows = core::mem::take(&mut loaded.rows).into_iter().map(|row| row.device).collect();
    loaded.rights = None;
    void(id, rows, &core::mem::take(&mut loaded.epochs))
}

/// An own branch that is being read, and what replaces it.
#[derive(Debug)]
pub struct Branch {
    staging: Staging,
    adopt: Adopt,
    /// The last place that was read.
    read: u64,
}

impl Host {
    /// The reader that writes to this log as well has gone over to a newer generation's, and brings what only the old
    /// one had: nothing is left of it here, and everything is taken from the tracker again.
    pub fn part(&mut self, generation: u32, cx: &mut Context<'_>) {
        let own = self.log.receipt().map(|receipt| receipt.fence.generation);
        if self.company != Company::Reader || own.is_none_or(|own| own >= generation) {
            return;
        }
        let rows = self.log.base().rows().map(|row| row.device).collect();
        self.void = void(self.log.id, rows, &self.log.epochs());
        self.log = ChannelLog::new(self.log.id, self.first_fold());
        (self.tenure.staging, self.branch, self.reseeding) = (None, None, None);
        self.replication = Replication::from(0);
        self.greet(cx);
    }

    /// The log is the reader's as well, which has not gone over to this generation yet: what only the older one has is
    /// put aside first.
    pub(super) fn waits_for_reader(&self, adopt: &Adopt) -> bool {
        let theirs = adopt.epochs.last().map(|record| record.fence.generation);
        self.company == Company::Reader && self.reader_in.is_some() && self.reader_in < theirs
    }

    /// Rows and rights before the first entry.
    pub(super) fn first_fold(&self) -> Fold {
        let record = &self.record;
        Fold::new(Access::new(record.owner.account, record.view, record.visitors))
    }

    /// Whether the tracker's log is of a generation that is newer than what is committed here.
    pub(super) fn is_superseded_by(&self, adopt: &Adopt) -> bool {
        let own = self.log.receipt().map(|receipt| receipt.fence.generation);
        let theirs = adopt.epochs.last().map(|record| record.fence.generation);
        own.is_some() && theirs > own
    }

    /// Asks for all of the tracker's log.
    pub(super) fn stage_anew(&mut self, cx: &mut Context<'_>) {
        self.tenure.staging = Some(Staging::new(Position::START, self.first_fold()));
        self.say_hello(Position::START, cx);
    }

    /// All of it is staged: first what only this log has is put aside.
    pub(super) fn leave_branch(&mut self, staging: Staging, adopt: Adopt, cx: &mut Context<'_>) {
        let own = self.log.epochs();
        let is_shared = |base: &Position| own.iter().any(|record| record.base == *base);
        let shared = adopt.epochs.iter().rev().map(|record| record.base).find(is_shared);
        let read = shared.map_or(0, |base| base.pos);
        self.branch = Some(Branch { staging, adopt, read });
        self.read_branch(cx);
    }

    fn read_branch(&mut self, cx: &mut Context<'_>) {
        let Some(branch) = self.branch.take() else { return };
        if branch.read >= self.log.committed() {
            return self.replace_branch(branch, cx);
        }
        let read = StoreOperation::Read {
            log: self.log.id,
            from: branch.read + 1,
            to: self.log.committed(),
            entries_max: cx.limits.batch_entries_max,
            bytes_max: cx.limits.batch_bytes_max,
        };
        self.branch = Some(branch);
        cx.out.perform(self.task(HostTask::Branch), Operation::Store(read));
    }

    pub(super) fn on_branch_read(&mut self, entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let Some(branch) = &mut self.branch else { return };
        let Some(last) = entries.last().map(|stored| stored.entry.pos) else {
            self.branch = None;
            return self.on_refused_by_tracker(cx);
        };
        branch.read = last;
        let envelopes = entries.into_iter().map(|stored| stored.entry.envelope).collect();
        let writes = self.resubmit.add(&self.log, envelopes);
        cx.out.write(self.task(HostTask::Nothing), writes);
        self.read_branch(cx);
    }

    fn replace_branch(&mut self, branch: Branch, cx: &mut Context<'_>) {
        let Branch { staging, adopt, .. } = branch;
        let is_current = Some(adopt.nonce) == self.tenure.nonce && self.tenure.tracker.is_some();
        if !is_current {
            return self.on_refused_by_tracker(cx);
        }
        self.adopt(staging, &adopt, cx);
    }

    /// Everything that was derived from the own branch goes with it.
    pub(super) fn replace_log(
        &mut self,
        staged: Staged,
        receipt: Option<Signed<Receipt>>,
        adopt: &Adopt,
    ) -> Vec<Write> {
        let id = self.log.id;
        let mut writes = alloc::vec![Write::Cut { log: id, from: 1 }];
        if staged.is_long {
            writes.extend(join(id, &staged.page));
        } else {
            writes.push(Write::Append { log: id, entries: staged.page });
        }
        let kept: BTreeSet<DeviceId> = staged.fold.rows().map(|row| row.device).collect();
        let gone = self.log.base().rows().filter(|row| !kept.contains(&row.device));
        writes.extend(gone.map(|row| delete_row(id, row.device)));
        writes.extend(staged.fold.rows().map(|row| put_row(id, row)));
        writes.push(delete_meta(id, Meta::Below));
        writes.push(put_meta(id, Meta::Rights, staged.fold.rights()));
        writes.extend(receipt.as_ref().map(|receipt| put_meta(id, Meta::Receipt, receipt)));
        writes.extend(self.log.epochs().iter().map(|record| delete_epoch(id, record.fence)));
        writes.extend(adopt.epochs.iter().map(|record| put_epoch_record(id, record)));
        self.log = ChannelLog::restored(id, staged.fold, adopt.head, receipt, adopt.epochs.clone());
        writes
    }
}
