//! The tracker's disk has lost something, and a new generation has begun: who holds what was lost brings it, and
//! what the new generation's log lacks nevertheless is submitted to it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Lost, Reseed, Reseeded, SyncPage};
use segment_proto::{Entry, Hash, Instant, Position, Receipt, Signed};

use crate::peer::context::Context;
use crate::peer::events::PeerEvent;
use crate::replica::aside::Aside;
use crate::replica::cache::Keeper;
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{LogRole, Operation, StoreOperation, StoredEntry};
use crate::sync::persist::{Meta, delete_meta};

/// So long the tracker has to ask for what it has lost, before a replica takes it that it never will.
const CROSS_AFTER: Duration = Duration::from_secs(2);

/// What a replica is doing about another generation.
#[derive(Debug, Default)]
pub struct Crossing {
    /// When it was seen that its own log is not the new generation's.
    since: Option<Instant>,
    /// What the tracker has asked for.
    reseeding: Option<Reseeding>,
    /// The last common place is being looked for.
    busy: bool,
    /// Own messages that are put aside wait as well: their author may not read the log that decides about them.
    takes_back: bool,
}

/// A tracker is given back what it has lost.
#[derive(Clone, Debug)]
struct Reseeding {
    generation: u32,
    receipt: Signed<Receipt>,
}

/// Looking for the last place that two logs share, newest first.
#[derive(Clone, Debug)]
pub struct CommonSearch {
    why: Why,
    candidates: VecDeque<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// To give the tracker back what it has lost.
    Reseed,
    /// To go over to the new generation's log.
    Cross,
    /// To leave for a log that may not be read.
    Leave,
}

impl CommonSearch {
    pub(super) fn new(why: Why, head: Position, bases: impl DoubleEndedIterator<Item = Position>) -> Self {
        let candidates = core::iter::once(head).chain(bases.rev()).chain([Position::START]);
        Self { why, candidates: candidates.collect() }
    }
}

impl Replica {
    /// Whether what is committed here was committed in an older generation than whoever serves is in.
    pub(super) fn is_of_older_generation(&self) -> bool {
        let own = self.cache.receipt().map(|receipt| receipt.fence.generation);
        own.is_some_and(|own| own < self.newest_fence().generation)
    }

    /// Whether what is committed here was committed in the generation of whoever serves: then it stands there too,
    /// or somebody has lost or changed it.
    pub(super) fn is_served_in_own_generation(&self) -> bool {
        let own = self.cache.receipt().map(|receipt| receipt.fence.generation);
        let served = self.attachment.as_ref().map(|attachment| attachment.fence.generation);
        own.is_none() || own == served
    }

    /// The tracker lacks what it was shown.
    pub(super) fn on_lost(&mut self, lost: &Lost, cx: &mut Context<'_>) {
        let Some(receipt) = self.cache.receipt().filter(|_| self.tracker_link().is_some()) else {
            return;
        };
        // It is asked for whenever its loss is shown: two who bring it at a time would be in each other's way.
        let is_under_way = self.crossing.reseeding.as_ref().is_some_and(|known| known.generation == lost.generation);
        if self.crossing.busy || is_under_way || receipt.fence.generation >= lost.generation {
            return;
        }
        self.crossing.reseeding = Some(Reseeding { generation: lost.generation, receipt: receipt.clone() });
        self.crossing.busy = true;
        let bases = lost.epochs.iter().map(|record| record.base).collect::<Vec<_>>();
        self.look_for_common(CommonSearch::new(Why::Reseed, lost.head, bases.into_iter()), cx);
    }

    /// The log of the new generation does not have what is committed here. `true`: that is being seen to.
    pub(super) fn crosses(&mut self, page: &SyncPage, cx: &mut Context<'_>) -> bool {
        if self.cache.keeper == Keeper::Host && !self.is_served_in_own_generation() {
            // Its host has brought over what there was. Only the places are others.
            let bases = page.diverged.iter().rev().map(|record| record.base);
            let common = bases.into_iter().find(|base| self.cache.contains(*base)).unwrap_or(Position::START);
            self.renumber(common, None, cx);
            return true;
        }
        if !self.is_of_older_generation() {
            return false;
        }
        let since = *self.crossing.since.get_or_insert(cx.now.mono);
        if self.crossing.busy || self.crossing.reseeding.is_some() || cx.now.mono.since(since) < CROSS_AFTER {
            self.subscribe_later(cx);
            return true;
        }
        let bases = page.diverged.iter().map(|record| record.base);
        self.begin_crossing(CommonSearch::new(Why::Cross, page.head, bases), cx);
        true
    }

    pub(super) fn begin_crossing(&mut self, search: CommonSearch, cx: &mut Context<'_>) {
        (self.crossing.since, self.crossing.busy) = (None, true);
        self.look_for_common(search, cx);
    }

    /// A page is put aside.
    pub(super) fn on_put_aside(&mut self, entries: &[StoredEntry], cx: &mut Context<'_>) {
        let me = cx.identity.device();
        let own = entries.iter().filter(|stored| stored.entry.envelope.key.device == me);
        let own: Vec<_> =
            own.filter(|_| self.crossing.takes_back).map(|stored| stored.entry.envelope.clone()).collect();
        for envelope in own {
            // For more there is no room: it is settled when they are let in again, as what others wrote.
            if self.outbox.len() < cx.limits.outbox_items_max {
                self.take_back(envelope, cx);
            }
        }
    }

    /// Whether a log is being left for that of a newer generation.
    pub(super) fn is_crossing(&self) -> bool {
        self.crossing.busy
    }

    /// Nothing is under way any more that was asked of another.
    pub(super) fn forget_crossing(&mut self) {
        self.crossing.reseeding = None;
    }

    fn look_for_common(&mut self, mut search: CommonSearch, cx: &mut Context<'_>) {
        let (low, tip) = (self.cache.low(), self.cache.tip().pos);
        while let Some(candidate) = search.candidates.front().copied() {
            if candidate.pos + 1 == low && candidate.chain == self.cache.chain_before_low() {
                return self.on_common(search.why, Some(candidate), cx);
            }
            if (low..=tip).contains(&candidate.pos) {
                let read = self.read_page(candidate.pos, candidate.pos, 1, cx);
                let task = self.task(ReplicaTask::Common(search));
                cx.out.perform(task, read);
                return;
            }
            search.candidates.pop_front();
        }
        self.on_common(search.why, None, cx);
    }

    pub(super) fn read_page(&self, from: u64, to: u64, entries_max: usize, cx: &Context<'_>) -> Operation {
        let (log, bytes_max) = (self.cache.entries, cx.limits.batch_bytes_max);
        Operation::Store(StoreOperation::Read { log, from, to, entries_max, bytes_max })
    }

    pub(super) fn on_common_read(&mut self, mut search: CommonSearch, entries: &[StoredEntry], cx: &mut Context<'_>) {
        let Some(candidate) = search.candidates.pop_front() else {
            return;
        };
        if entries.first().is_some_and(|stored| stored.entry.pos == candidate.pos && stored.chain == candidate.chain) {
            return self.on_common(search.why, Some(candidate), cx);
        }
        self.look_for_common(search, cx);
    }

    fn on_common(&mut self, why: Why, common: Option<Position>, cx: &mut Context<'_>) {
        self.crossing.busy = false;
        match (why, common) {
            (Why::Reseed, Some(common)) => self.reseed(common, cx),
            // The cache does not reach down to where the tracker still is.
            (Why::Reseed, None) => self.crossing.reseeding = None,
            (why, common) => {
                self.crossing.takes_back = why == Why::Leave;
                self.cross(common, cx);
            }
        }
    }

    /// Gives the tracker the page that follows a place which both have.
    fn reseed(&mut self, after: Position, cx: &mut Context<'_>) {
        let Some(reseeding) = &self.crossing.reseeding else {
            return;
        };
        let to = reseeding.receipt.at.pos;
        if after.pos >= to {
            self.crossing.reseeding = None;
            self.ask_parting(cx);
            return self.subscribe(cx);
        }
        let read = self.read_page(after.pos + 1, to, cx.limits.batch_entries_max, cx);
        let task = self.task(ReplicaTask::Reseed(after));
        cx.out.perform(task, read);
    }

    pub(super) fn on_reseed_read(
        &mut self,
        after: Position,
        before: Hash,
        page: Vec<StoredEntry>,
        cx: &mut Context<'_>,
    ) {
        let (Some(reseeding), Some(link)) = (self.crossing.reseeding.clone(), self.tracker_link()) else {
            return;
        };
        let follows = page.first().is_some_and(|first| first.entry.pos == after.pos + 1);
        let fits = before == after.chain || after.pos + 1 == self.cache.low();
        if !follows || !fits {
            self.crossing.reseeding = None;
            return;
        }
        let (channel, Reseeding { generation, receipt }) = (self.channel(), reseeding);
        let entries: Vec<Entry> = page.into_iter().map(|stored| stored.entry).collect();
        let reseed = Reseed { channel, generation, after, entries, receipt };
        if cx.request(link, &reseed, self.purpose(Wanted::Reseeded)).is_err() {
            self.crossing.reseeding = None;
        }
    }

    pub(super) fn on_reseeded(&mut self, reseeded: Option<Reseeded>, cx: &mut Context<'_>) {
        match reseeded {
            Some(reseeded) => self.reseed(reseeded.next, cx),
            None => {
                // Another holder has brought it, or it is not wanted any more.
                self.crossing.reseeding = None;
                self.ask_parting_later(cx);
                self.subscribe_later(cx);
            }
        }
    }

    /// Goes over to the new generation's log. What that lacks is put aside first, behind what of another generation
    /// still is.
    fn cross(&mut self, common: Option<Position>, cx: &mut Context<'_>) {
        let common = common.unwrap_or(Position::START);
        if self.cache.keeper == Keeper::Host {
            return;
        }
        let from = self.cache.low().max(common.pos + 1);
        if from > self.cache.tip().pos || !cx.rules.has(Rule::GenerationResubmits) {
            return self.renumber(common, None, cx);
        }
        self.crossing.busy = true;
        self.begin_aside(common, from, cx);
    }

    /// Behind the last common place the new generation's log is the one. What was put aside is submitted to it page
    /// by page.
    pub(super) fn renumber(&mut self, common: Position, put_aside: Option<Aside>, cx: &mut Context<'_>) {
        (self.crossing.busy, self.crossing.takes_back) = (false, false);
        let log = self.own_log();
        let mut writes = alloc::vec![delete_meta(log, Meta::Receipt)];
        if self.cache.entries.role == LogRole::Host && self.cache.keeper == Keeper::Replica {
            // What the host in this process knew of this log was the older generation's.
            writes.push(delete_meta(self.cache.entries, Meta::Receipt));
        }
        writes.extend(self.cache.part_behind(common));
        writes.extend(self.carry.forget_home(log));
        writes.extend(put_aside.map(|aside| self.carry.put_aside(log, aside)));
        self.outbox.unplace_behind(common.pos);
        self.delivery.cut(common.pos);
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        cx.out.event(PeerEvent::CutBehind { channel: self.channel(), pos: common.pos });
        self.access_at = 0;
        self.subscribe(cx);
    }
}
