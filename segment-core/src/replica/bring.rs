//! What an own message builds on is missing where it was sent: its author brings that first, from the cache. Only
//! what nobody can bring is signed over. And what a host has shown here is brought to the tracker, if that host stays
//! away, and nobody says anything that would.

use core::time::Duration;

use alloc::vec::Vec;

use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{Evidence, Hash, Instant, Row, SignedEnvelope};

use crate::peer::context::Context;
use crate::peer::events::Serving;
use crate::replica::carrying::authors_of;
use crate::replica::outbox::Item;
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{Lookup, Operation, StoreOperation, StoredEntry};

/// So long somebody else may bring it.
const SIGN_OVER_AFTER: Duration = Duration::from_secs(30);
/// So long the tracker's copy may lack what a host has shown here. Each reader waits a while longer: one is enough.
const SHOWN_AFTER: Duration = Duration::from_secs(10);
const SHOWN_WITHIN_MS: u64 = 5_000;
/// Between two attempts.
const BRING_AGAIN: Duration = Duration::from_secs(1);

/// What is being done about a missing piece.
#[derive(Debug, Default)]
pub struct Bringing {
    since: Option<Instant>,
    /// It is looked for, or on its way.
    busy: bool,
    /// When to bring what the copy lacks of what is shown here.
    pub(super) shown_at: Option<Instant>,
}

/// Between the row that the log has and the message that comes too early, something is missing.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    row: Row,
    /// What the message builds on.
    prev: Hash,
}

/// How a gap is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapStep {
    /// The last thing that the log has is looked for.
    Row,
    /// The own entries behind it are read.
    Own,
    /// The access entry on which the next one was signed is looked for.
    Access,
}

impl Replica {
    pub(super) fn on_expected(&mut self, fate: &Fate, cx: &mut Context<'_>) {
        let index = self.outbox.items.iter().position(|item| item.envelope.key == fate.key);
        let (Some(index), Some(row)) = (index, fate.row) else {
            return self.try_again(BRING_AGAIN, cx);
        };
        self.try_again(BRING_AGAIN, cx);
        if self.outbox.items.range(..index).any(Item::is_open) || self.bringing.busy {
            // What it builds on goes again by itself.
            return;
        }
        let since = *self.bringing.since.get_or_insert(cx.now.mono);
        if cx.now.mono.since(since) >= SIGN_OVER_AFTER || !cx.rules.has(Rule::BringFirst) {
            self.bringing.since = None;
            return self.search(row, cx);
        }
        let prev = self.outbox.items.get(index).map_or(Hash::ZERO, |item| item.envelope.prev);
        self.bring(Gap { row, prev }, cx);
    }

    /// Nothing is under way any more that was asked of another.
    pub(super) fn forget_bringing(&mut self) {
        (self.bringing.busy, self.bringing.shown_at) = (false, None);
    }

    /// The tracker serves: what is shown here and not committed, it does not have.
    pub(super) fn doubt_shown(&mut self, cx: &mut Context<'_>) {
        let may_submit = cx.login.is_some_and(|login| !login.who.is_visitor());
        let shows_more = self.serving() == Serving::Copy && self.first_unseen_by_copy().is_some();
        if may_submit && shows_more && self.bringing.shown_at.is_none() {
            let wait = SHOWN_AFTER + Duration::from_millis(cx.random.below(SHOWN_WITHIN_MS));
            self.bringing.shown_at = Some(cx.now.mono + wait);
        }
    }

    /// What is shown here, or has its place at a host that the tracker has handed it to.
    fn first_unseen_by_copy(&self) -> Option<&SignedEnvelope> {
        self.cache.first_provisional().or_else(|| self.outbox.first_behind(self.cache.tip().pos))
    }

    pub(super) fn end_doubt(&mut self) {
        self.bringing.shown_at = self.bringing.shown_at.filter(|_| self.first_unseen_by_copy().is_some());
    }

    /// It still does not. The first is enough: a host that is there has it, and else an epoch begins in which all
    /// of it is carried.
    pub(super) fn bring_shown(&mut self, cx: &mut Context<'_>) {
        self.bringing.shown_at = None;
        if let Some(first) = self.first_unseen_by_copy().cloned() {
            self.submit_brought(alloc::vec![first], cx);
            self.doubt_shown(cx);
        }
    }

    fn bring(&mut self, gap: Gap, cx: &mut Context<'_>) {
        self.bringing.busy = true;
        if gap.row.hash == Hash::ZERO {
            return self.read_own(gap, self.cache.low(), cx);
        }
        self.find_hash(gap, GapStep::Row, gap.row.hash, cx);
    }

    fn find_hash(&self, gap: Gap, step: GapStep, hash: Hash, cx: &mut Context<'_>) {
        let find = StoreOperation::Find { log: self.cache.entries, lookup: Lookup::Hash(hash) };
        let task = self.task(ReplicaTask::Bring(gap, step));
        cx.out.perform(task, Operation::Store(find));
    }

    fn read_own(&self, gap: Gap, from: u64, cx: &mut Context<'_>) {
        let read = StoreOperation::ReadAuthor {
            log: self.cache.entries,
            device: cx.identity.device(),
            from,
            to: self.cache.tip().pos,
            entries_max: cx.limits.uncommitted_per_author_max,
            bytes_max: cx.limits.batch_bytes_max,
        };
        let task = self.task(ReplicaTask::Bring(gap, GapStep::Own));
        cx.out.perform(task, Operation::Store(read));
    }

    pub(super) fn on_gap_found(&mut self, gap: Gap, step: GapStep, found: Option<StoredEntry>, cx: &mut Context<'_>) {
        match (found, step) {
            (None, _) => self.bringing.busy = false,
            (Some(stored), GapStep::Row) => self.read_own(gap, stored.entry.pos + 1, cx),
            (Some(stored), _) => self.submit_brought(alloc::vec![stored.entry.envelope], cx),
        }
    }

    pub(super) fn on_gap_read(&mut self, gap: Gap, entries: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let first_prev = entries.first().map_or(gap.prev, |stored| stored.entry.envelope.prev);
        let mut last = gap.row.hash;
        let continues = |stored: &StoredEntry| {
            let continues = stored.entry.envelope.prev == last;
            last = stored.hash;
            continues
        };
        let missing: Vec<_> = entries.into_iter().take_while(continues).map(|stored| stored.entry.envelope).collect();
        if missing.is_empty() {
            return self.find_hash(gap, GapStep::Access, first_prev, cx);
        }
        self.submit_brought(missing, cx);
    }

    fn submit_brought(&mut self, envelopes: Vec<SignedEnvelope>, cx: &mut Context<'_>) {
        let Some((link, fence)) = self.submits_to(cx) else {
            self.bringing.busy = false;
            return;
        };
        let (channel, authors) = (self.channel(), authors_of(&envelopes, cx));
        let submit = Submit { channel, fence, envelopes, authors, evidence: Evidence::default() };
        if cx.request(link, &submit, self.purpose(Wanted::Brought)).is_err() {
            self.bringing.busy = false;
        }
    }

    pub(super) fn on_brought(&mut self, submitted: Option<&Submitted>, cx: &mut Context<'_>) {
        self.bringing.busy = false;
        let stands = |fate: &Fate| matches!(fate.code, FateCode::Stored | FateCode::Committed);
        if submitted.is_some_and(|submitted| submitted.fates.iter().any(stands)) {
            self.bringing.since = None;
            self.outbox.retry_at = None;
            self.pump(cx);
        }
    }
}
