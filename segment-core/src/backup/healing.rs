//! Putting a damaged entry right with what a member or the host brings.
//!
//! Nothing of it is believed. What is brought stands behind a place that whoever brings it names,
//! and has to lead to the entry behind it, or to the receipt: only the right entries, behind the
//! right place, do. So anybody with a session may bring it.

use segment_proto::messages::{Reseed, Reseeded};
use segment_proto::{Position, Reason};

use crate::backup::{Backup, BackupTask};
use crate::outbox::Asker;
use crate::store::{Operation, StoreOperation, StoredEntry, Write};
use crate::sync::verify::{Gap, close};
use crate::tracker::context::Context;
use crate::tracker::events::TrackerEvent;

impl Backup {
    /// Entries for places that this copy has: it is no generation that asked for them.
    pub(super) fn on_mend(&mut self, from: Asker, reseed: Reseed, cx: &mut Context<'_>) {
        let to = reseed.after.pos + reseed.entries.len() as u64;
        let current = reseed.generation == self.log.fence().generation;
        if !current || reseed.entries.is_empty() || to > self.log.committed() {
            return cx.out.fail(from, Reason::NotNow, "nothing is missing there");
        }
        let id = self.log.id;
        let read = StoreOperation::Read { log: id, from: to + 1, to: to + 1, entries_max: 1, bytes_max: usize::MAX };
        let task = self.task(BackupTask::Mend(from, reseed.into()));
        cx.out.perform(task, Operation::Store(read));
    }

    pub(super) fn mend(&mut self, from: Asker, reseed: Reseed, behind: Option<&StoredEntry>, cx: &mut Context<'_>) {
        let to = reseed.after.pos + reseed.entries.len() as u64;
        let gap = Gap { from: reseed.after.pos + 1, to, before: reseed.after.chain };
        let end = self.log.receipt().filter(|receipt| receipt.at.pos == to).map(|receipt| receipt.at.chain);
        let Some(entries) = close(&gap, reseed.entries, behind, end) else {
            return cx.out.fail(from, Reason::ChainMismatch, "this does not fit what stands behind it");
        };
        let next = entries.last().map_or(Position::START, StoredEntry::position);
        let task = self.task(BackupTask::Mended(from, next, gap));
        cx.out.write(task, alloc::vec![Write::Append { log: self.log.id, entries }]);
    }

    pub(super) fn on_mended(&mut self, to: Asker, next: Position, gap: Gap, cx: &mut Context<'_>) {
        cx.out.event(TrackerEvent::Healed { channel: self.channel(), first: gap.from, last: gap.to });
        cx.out.answer(to, &Reseeded { channel: self.channel(), next });
    }
}
