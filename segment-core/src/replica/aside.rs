//! What only the log of an older generation has is put aside, in a log of its own, and carried from there page by page.

use alloc::vec::Vec;

use segment_proto::Position;
use serde::{Deserialize, Serialize};

use crate::peer::context::Context;
use crate::replica::{Replica, ReplicaTask};
use crate::store::{LogId, LogRole, Operation, StoreOperation, StoredEntry, Write};
use crate::sync::persist::{Meta, delete_meta};

/// Entries of one page of what was put aside.
pub(super) const PAGE: usize = 64;

/// What logs of older generations have that the new one lacks, in a log of its own: it follows, a page at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The next place to read.
    pub next: u64,
    /// Behind the last place.
    pub end: u64,
}

/// What only the log of the older generation has is being put aside.
#[derive(Clone, Copy, Debug)]
pub struct Copying {
    common: Position,
    /// The next place to copy.
    from: u64,
    aside: Aside,
}

impl Replica {
    /// Makes room behind what of another generation is put aside still.
    pub(super) fn begin_aside(&mut self, common: Position, from: u64, cx: &mut Context<'_>) {
        let log = aside(self.own_log());
        let (aside, room) = match self.carry.aside() {
            Some(aside) => (aside, Write::Cut { log, from: aside.end }),
            None => (Aside { next: from, end: from }, Write::Erase { log }),
        };
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, alloc::vec![room]);
        self.copy_aside(Copying { common, from, aside }, cx);
    }

    fn copy_aside(&mut self, copying: Copying, cx: &mut Context<'_>) {
        let read = self.read_page(copying.from, self.cache.tip().pos, cx.limits.batch_entries_max, cx);
        let task = self.task(ReplicaTask::Copied(copying));
        cx.out.perform(task, read);
    }

    pub(super) fn on_copied(&mut self, mut copying: Copying, mut entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let tip = self.cache.tip().pos;
        copying.from = entries.last().map_or(tip, |stored| stored.entry.pos) + 1;
        for stored in &mut entries {
            stored.entry.pos = copying.aside.end;
            copying.aside.end += 1;
        }
        self.on_put_aside(&entries, cx);
        if !entries.is_empty() {
            let append = Write::Append { log: aside(self.own_log()), entries };
            let task = self.task(ReplicaTask::Nothing);
            cx.out.write(task, alloc::vec![append]);
        }
        if copying.from <= tip {
            return self.copy_aside(copying, cx);
        }
        // What was there before may have been read on meanwhile.
        let next = self.carry.aside().map_or(copying.aside.next, |aside| aside.next);
        self.renumber(copying.common, Some(Aside { next, ..copying.aside }), cx);
    }

    /// Reads the next page of what was put aside.
    pub(super) fn read_aside(&mut self, cx: &mut Context<'_>) {
        let is_free = !self.carry.is_reading && !self.is_crossing();
        let Some(Aside { next, end }) = self.carry.aside.filter(|_| is_free) else {
            return;
        };
        if next >= end {
            return self.end_aside(cx);
        }
        if !self.carry.has_room_for_a_page() {
            return;
        }
        self.carry.is_reading = true;
        let (log, bytes_max) = (aside(self.own_log()), cx.limits.batch_bytes_max);
        let to = end.min(next + PAGE as u64) - 1;
        let read = StoreOperation::Read { log, from: next, to, entries_max: PAGE, bytes_max };
        let task = self.task(ReplicaTask::Aside);
        cx.out.perform(task, Operation::Store(read));
    }

    fn end_aside(&mut self, cx: &mut Context<'_>) {
        self.carry.aside = None;
        let log = self.own_log();
        let writes = alloc::vec![delete_meta(log, Meta::Aside), Write::Erase { log: aside(log) }];
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        self.pump(cx);
    }

    pub(super) fn on_aside_read(&mut self, page: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let log = self.own_log();
        self.carry.is_reading = false;
        // What is being put aside now goes behind it: then it is read again.
        let Some(aside) = self.carry.aside.filter(|_| !self.is_crossing()) else {
            return;
        };
        let Some(last) = page.last() else {
            return self.end_aside(cx);
        };
        if !self.carry.has_room_for_a_page() {
            // Something was cut meanwhile: the page is read again once there is room.
            return self.pump(cx);
        }
        let mut writes = alloc::vec![self.carry.put_aside(log, Aside { next: last.entry.pos + 1, ..aside })];
        let missing = page.into_iter().map(|stored| stored.entry.envelope).collect();
        writes.extend(self.carry.take_in(log, missing));
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        self.pump(cx);
    }
}

/// Where a log is put that is not the new generation's. A host in this process has its own beside it, for what it adopts.
fn aside(log: LogId) -> LogId {
    LogId { role: LogRole::Aside, ..log }
}
