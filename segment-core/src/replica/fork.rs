//! After a fork: another envelope stands in the place of an own one, so that it can never be accepted. Its author
//! looks for the content of what waits among its own entries in that log, and signs again only what is missing.

use core::time::Duration;

use alloc::vec::Vec;

use segment_proto::messages::{Fate, OwnEntries, ReadOwn};
use segment_proto::{Entry, Envelope, Fence, Hash, MessageKey, Reason, Row};

use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Stage};
use crate::replica::outbox::{Item, Progress, delete, lookup};
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{Operation, StoreOperation, StoredEntry};

/// Between two searches, where one did not help, and before an answer is asked for again.
const SEARCH_AGAIN: Duration = Duration::from_secs(1);

/// A search through the own entries in the log of whoever serves the channel.
#[derive(Debug)]
pub struct Search {
    /// The next place to look at.
    next: u64,
    /// The epoch in which all of it is read: between two, entries are cut and come back.
    fence: Option<Fence>,
    /// The own row there, as far as it is known.
    row: Row,
    /// The last own entry that was passed, and its place.
    passed: Option<(Row, u64)>,
    closed: Option<Closed>,
}

/// What was signed up to this incarnation, and is not in the log, was signed before an access entry that
/// has moved the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Closed {
    incarnation: u32,
    /// The last own entry before it stands here: what builds on that, or on an older one, was signed before it as well,
    /// in whatever incarnation.
    after: u64,
    /// The access entry stands below this place.
    below: u64,
}

impl Search {
    fn new(row: Row) -> Self {
        let closed = is_moved(&row).then(|| Closed { incarnation: row.incarnation - 1, after: u64::MAX, below: 0 });
        Self { next: 1, fence: None, row, passed: None, closed }
    }

    /// Whether a page is of the epoch that the others are of. Who owns none is about to take over another's log.
    fn is_of_one_epoch(&mut self, page: &OwnEntries) -> bool {
        *self.fence.get_or_insert(page.fence) == page.fence && page.fence != Fence::default()
    }

    /// An own entry, in the order of their places. One that does not build on the one before it builds on an
    /// access entry.
    fn pass(&mut self, entry: &Entry) {
        let envelope = &entry.envelope;
        self.open(envelope.key.incarnation);
        if let Some((before, after)) = self.passed.filter(|(before, _)| before.hash != envelope.prev) {
            self.close(Closed { incarnation: before.incarnation, after, below: entry.pos });
        }
        let Envelope { key, account, .. } = **envelope;
        let (incarnation, seq, hash) = (key.incarnation, key.seq, envelope.hash());
        self.passed = Some((Row { device: key.device, account, incarnation, seq, hash }, entry.pos));
    }

    /// An own entry of this incarnation stands here. Where the row says less, this stands behind the access entry that has
    /// moved it, and so does what builds on this.
    fn open(&mut self, incarnation: u32) {
        let last = self.passed.map_or(0, |(_, pos)| pos);
        if let Some(closed) = self.closed.as_mut().filter(|closed| closed.incarnation < incarnation) {
            closed.after = closed.after.min(last);
        }
    }

    /// An older one closes nothing that a newer one has not closed.
    fn close(&mut self, closed: Closed) {
        if self.closed.is_none_or(|known| known.incarnation <= closed.incarnation) {
            self.closed = Some(closed);
        }
    }

    /// The own row at the end of the search.
    fn row(&self) -> Row {
        let newer = |passed: &Row| (passed.incarnation, passed.seq) > (self.row.incarnation, self.row.seq);
        self.passed.map(|(passed, _)| passed).filter(newer).unwrap_or(self.row)
    }
}

fn is_moved(row: &Row) -> bool {
    row.seq == 0 && row.incarnation > 0
}

impl Replica {
    /// Where an access entry has moved the row, that is to be committed first: what was signed before it is refused.
    pub(super) fn on_fork(&mut self, fate: &Fate, fence: Fence, cx: &mut Context<'_>) {
        let Some(row) = fate.row else {
            return self.try_again(SEARCH_AGAIN, cx);
        };
        let Some(item) = self.outbox.get(fate.key) else {
            return;
        };
        item.unplace();
        if is_moved(&row) && cx.rules.has(Rule::FinalRefusal) {
            item.barred_in = Some(fence);
            self.subscribe_later(cx);
            return self.try_again(SEARCH_AGAIN, cx);
        }
        self.search(row, cx);
    }

    /// Begins a search, unless one is under way or has just ended.
    pub(super) fn search(&mut self, row: Row, cx: &mut Context<'_>) {
        if self.search.is_some() {
            return;
        }
        if self.searched_at.is_some_and(|at| cx.now.mono < at + SEARCH_AGAIN) {
            return self.try_again(SEARCH_AGAIN, cx);
        }
        self.searched_at = Some(cx.now.mono);
        self.outbox.items.iter_mut().for_each(|item| (item.found, item.builds_on) = (None, None));
        self.search = Some(Search::new(row));
        self.ask_own(cx);
    }

    fn ask_own(&mut self, cx: &mut Context<'_>) {
        let (Some(search), Some(link)) = (&self.search, self.link()) else {
            return;
        };
        let read = ReadOwn { channel: self.channel(), from: search.next };
        if cx.request(link, &read, self.purpose(Wanted::Own)).is_err() {
            self.give_up_search(cx);
        }
    }

    pub(super) fn give_up_search(&mut self, cx: &mut Context<'_>) {
        self.search = None;
        self.try_again(SEARCH_AGAIN, cx);
    }

    pub(super) fn on_own_entries(&mut self, page: OwnEntries, cx: &mut Context<'_>) {
        let Some(search) = &mut self.search else {
            return;
        };
        if !search.is_of_one_epoch(&page) {
            return self.give_up_search(cx);
        }
        for entry in page.entries.iter().filter(|entry| entry.envelope.key.device == cx.identity.device()) {
            search.pass(entry);
            self.outbox.find_content(entry, cx.rules);
            self.outbox.find_base(entry);
        }
        if page.searched >= page.head {
            return self.end_search(cx);
        }
        if page.searched < search.next {
            return self.give_up_search(cx);
        }
        search.next = page.searched + 1;
        self.ask_own(cx);
    }

    fn end_search(&mut self, cx: &mut Context<'_>) {
        let Some(search) = self.search.take() else {
            return;
        };
        let closed = search.closed.filter(|_| cx.rules.has(Rule::ClosedIncarnation));
        if closed.is_some_and(|closed| closed.below > self.cache.committed() + 1) {
            return self.try_again(SEARCH_AGAIN, cx);
        }
        if let Some(closed) = closed {
            self.outbox.follow_bases();
            self.refuse_closed(closed, cx);
        }
        let (renamed, writes) = self.outbox.sign_again(self.own_log(), &search.row(), cx);
        let task = self.task(ReplicaTask::SignedAgain(renamed.iter().map(|renamed| renamed.new).collect()));
        cx.out.write(task, writes);
        for renamed in renamed.iter().filter(|renamed| renamed.old != renamed.new) {
            cx.out.event(PeerEvent::MessageSignedAgain { old: renamed.old, new: renamed.new });
        }
        for renamed in renamed {
            self.look_at_home(renamed.new, cx);
        }
    }

    /// What was signed before an access entry that has moved the row, and is not in the log, is refused for good.
    fn refuse_closed(&mut self, closed: Closed, cx: &mut Context<'_>) {
        let log = self.own_log();
        let is_before = |item: &Item| {
            item.envelope.key.incarnation <= closed.incarnation || item.builds_on.is_some_and(|pos| pos <= closed.after)
        };
        let is_closed = |item: &mut Item| item.is_open() && item.found.is_none() && is_before(item);
        let refused: Vec<Item> = self.outbox.take_if(is_closed);
        if refused.is_empty() {
            return;
        }
        let writes = refused.iter().map(|item| delete(log, item.number)).collect();
        self.give_up(refused, Reason::MayNotSend, writes, cx);
    }

    /// What was found in the log of another may stand in the own cache already.
    fn look_at_home(&mut self, key: MessageKey, cx: &mut Context<'_>) {
        let tip = self.cache.tip().pos;
        if self.outbox.get(key).is_none_or(|item| item.pos.is_none_or(|pos| pos > tip)) {
            return;
        }
        let find = StoreOperation::Find { log: self.cache.entries, lookup: lookup(&key) };
        let task = self.task(ReplicaTask::LookedUp(key));
        cx.out.perform(task, Operation::Store(find));
    }

    pub(super) fn on_looked_up(&mut self, key: MessageKey, found: Option<&StoredEntry>, cx: &mut Context<'_>) {
        let tip = self.cache.tip().pos;
        let Some(item) = self.outbox.get(key).filter(|item| item.progress == Progress::Placed) else {
            return;
        };
        match found.filter(|stored| stored.entry.pos <= tip && stored.hash == item.envelope.hash()) {
            Some(stored) => {
                self.on_placed(stored, cx);
                self.settle(cx);
            }
            None => {
                item.unplace();
                self.try_again(SEARCH_AGAIN, cx);
            }
        }
    }

    /// What was signed again is on disk, and goes.
    pub(super) fn on_signed_again(&mut self, keys: &[MessageKey], cx: &mut Context<'_>) {
        for key in keys {
            let Some(item) = self.outbox.get(*key).filter(|item| item.progress == Progress::Unwritten) else {
                continue;
            };
            item.progress = Progress::Again;
            cx.out.event(PeerEvent::MessageStage { key: *key, stage: Stage::Queued, pos: None });
        }
        self.outbox.retry_at = None;
        self.pump(cx);
    }
}

/// A row of which nothing is known but whose it is.
pub(super) fn unknown_row(cx: &Context<'_>) -> Option<Row> {
    let account = cx.login?.who.account;
    Some(Row { device: cx.identity.device(), account, incarnation: 0, seq: 0, hash: Hash::ZERO })
}
