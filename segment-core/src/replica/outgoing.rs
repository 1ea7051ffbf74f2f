//! The own messages on their way: on disk before the first byte leaves, kept until they are committed or refused for good.

use core::time::Duration;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{
    AccountId, Envelope, EnvelopeKind, Fence, Hash, Instant, MessageKey, Reason, Row, Signed, SignedEnvelope,
};
use serde::{Deserialize, Serialize};

use crate::peer::context::{Context, Unanswered};
use crate::peer::events::{PeerEvent, Serving, Stage, Transfer};
use crate::replica::{Outgoing, Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{Fatal, LogId, Lookup, Operation, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use crate::sync::persist::{Loaded, Meta, encode, put_meta};

/// How long to wait before trying again where nobody has said.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Where this device's own chain of messages stands; on disk before any of them leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    incarnation: u32,
    seq: u64,
    last: Hash,
}

impl Author {
    /// Where the chain goes on when a message and those behind it are given up.
    fn without(self, first: &Item) -> Self {
        Self { incarnation: self.incarnation + 1, seq: 0, last: first.envelope.prev }
    }
}

#[derive(Debug)]
struct Item {
    number: u64,
    envelope: SignedEnvelope,
    progress: Progress,
    /// Where the sequencer says that it stands.
    pos: Option<u64>,
    /// Whether it stands in the own cache, at that place.
    seen: bool,
    /// The epoch whose sequencer says that an access entry stands in its place.
    barred_in: Option<Fence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Being written to disk.
    Unwritten,
    /// On disk, not under way.
    Waiting,
    /// Under way to the sequencer.
    Submitted,
    /// The sequencer has it.
    Placed,
}

/// The own messages of a channel that are not settled yet.
#[derive(Debug)]
pub struct Outbox {
    author: Author,
    items: VecDeque<Item>,
    next_number: u64,
    /// When to try again.
    pub retry_at: Option<Instant>,
}

impl Default for Outbox {
    fn default() -> Self {
        let author = Author { incarnation: 1, seq: 0, last: Hash::ZERO };
        Self { author, items: VecDeque::new(), next_number: 1, retry_at: None }
    }
}

impl Outbox {
    /// The outbox as the store has it. What stands in the cache already is found there.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(loaded: &Loaded, entries: LogId, store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut outbox = Self::default();
        outbox.author = loaded.meta(Meta::Author).unwrap_or(outbox.author);
        for (number, envelope) in loaded.values::<(u64, SignedEnvelope)>(Table::Outgoing) {
            outbox.next_number = number + 1;
            let find = StoreOperation::Find { log: entries, lookup: lookup(&envelope.key) };
            let pos = match store.perform(&[find])?.pop() {
                Some(StoreOutcome::Found(found)) => found.map(|stored| stored.entry.pos),
                _ => None,
            };
            let progress = if pos.is_some() { Progress::Placed } else { Progress::Waiting };
            outbox.items.push_back(Item { number, envelope, progress, pos, seen: pos.is_some(), barred_in: None });
        }
        Ok(outbox)
    }

    /// The outbox of a channel that is joined again: no key is ever used twice.
    pub fn resumed(author: Author) -> Self {
        Self { author, ..Self::default() }
    }

    /// Where the chain stands when what is not settled is dropped.
    pub fn author_without_items(&self) -> Author {
        self.items.front().map_or(self.author, |first| self.author.without(first))
    }

    /// Messages that are not settled.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Signs the next message; what is to be written before it leaves.
    pub fn sign(
        &mut self,
        log: LogId,
        account: AccountId,
        kind: EnvelopeKind,
        body: Bytes,
        cx: &Context<'_>,
    ) -> (MessageKey, Vec<Write>) {
        let author = &mut self.author;
        author.seq += 1;
        let device = cx.identity.device();
        let key = MessageKey { channel: log.channel, device, incarnation: author.incarnation, seq: author.seq };
        let envelope = Envelope { key, account, prev: author.last, sent: cx.now.wall, kind, body };
        let envelope = Signed::new(envelope, cx.identity);
        author.last = envelope.hash();
        let number = self.next_number;
        self.next_number += 1;
        let (item_key, value) = (log.key(&number.to_be_bytes()), encode(&(number, &envelope)));
        let put = Write::Put { table: Table::Outgoing, key: item_key, value };
        let writes = alloc::vec![put, put_meta(log, Meta::Author, &self.author)];
        let (progress, pos, seen, barred_in) = (Progress::Unwritten, None, false, None);
        self.items.push_back(Item { number, envelope, progress, pos, seen, barred_in });
        (key, writes)
    }

    /// Whatever was under way on a lost link has to go again.
    pub fn forget_submits(&mut self) {
        for item in self.items.iter_mut().filter(|item| item.progress == Progress::Submitted) {
            item.progress = Progress::Waiting;
        }
    }

    /// What was placed behind a cut is to be placed again.
    pub fn unplace_behind(&mut self, pos: u64) {
        for item in self.items.iter_mut().filter(|item| item.pos.is_some_and(|at| at > pos)) {
            (item.progress, item.pos, item.seen) = (Progress::Waiting, None, false);
        }
    }

    fn get(&mut self, key: MessageKey) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.envelope.key == key)
    }
}

fn lookup(key: &MessageKey) -> Lookup {
    Lookup::Key { device: key.device, incarnation: key.incarnation, seq: key.seq }
}

impl Replica {
    pub(super) fn on_queued(&mut self, key: MessageKey, cx: &mut Context<'_>) {
        let Some(item) = self.outbox.get(key).filter(|item| item.progress == Progress::Unwritten) else {
            return;
        };
        item.progress = Progress::Waiting;
        cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Queued, pos: None });
        self.pump(cx);
    }

    /// Sends what waits, in order, as far as the window of uncommitted messages allows.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>) {
        let Some(attachment) = self.attachment.as_ref().filter(|attachment| attachment.is_level()) else {
            return;
        };
        let can_write = matches!(attachment.serving, Serving::Here | Serving::Host(_));
        let (link, fence) = (attachment.link, attachment.fence);
        if !can_write || fence == segment_proto::Fence::default() || self.outbox.retry_at.is_some() {
            return;
        }
        let under_way = self.outbox.items.iter().filter(|item| item.progress >= Progress::Submitted).count();
        let window = cx.limits.uncommitted_per_author_max.saturating_sub(under_way).min(cx.limits.batch_entries_max);
        let (mut envelopes, mut bytes) = (Vec::new(), 0);
        for item in self.outbox.items.iter_mut().filter(|item| item.progress <= Progress::Waiting) {
            bytes += item.envelope.bytes().len() + 80;
            let full = envelopes.len() >= window || (bytes > cx.limits.batch_bytes_max && !envelopes.is_empty());
            if full || item.progress == Progress::Unwritten {
                break;
            }
            item.progress = Progress::Submitted;
            envelopes.push(item.envelope.clone());
        }
        if envelopes.is_empty() {
            return;
        }
        let keys: Vec<MessageKey> = envelopes.iter().map(|envelope| envelope.key).collect();
        let (channel, with, transfer) = (self.channel(), self.source(), Transfer::Submitted);
        cx.out.event(PeerEvent::Transferred { channel, with, transfer, first: 0, last: 0 });
        let submit = Submit { channel, fence, envelopes };
        if cx.request(link, &submit, self.purpose(Wanted::Submit(keys))).is_err() {
            self.outbox.forget_submits();
            self.try_again(TRY_AGAIN, cx);
        }
    }

    fn try_again(&mut self, after: Duration, cx: &Context<'_>) {
        let at = cx.now.mono + after;
        self.outbox.retry_at = Some(self.outbox.retry_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn on_submitted(&mut self, keys: &[MessageKey], submitted: Submitted, cx: &mut Context<'_>) {
        let fates = submitted.fates.into_iter().filter(|fate| keys.contains(&fate.key));
        for fate in fates.collect::<Vec<Fate>>() {
            self.on_fate(&fate, submitted.fence, cx);
        }
        for key in keys {
            if let Some(item) = self.outbox.get(*key).filter(|item| item.progress == Progress::Submitted) {
                item.progress = Progress::Waiting;
            }
        }
        self.settle(cx);
        self.pump(cx);
    }

    fn on_fate(&mut self, fate: &Fate, fence: Fence, cx: &mut Context<'_>) {
        if self.outbox.get(fate.key).is_none() {
            // Settled since it was submitted.
            return;
        }
        match fate.code {
            FateCode::Stored | FateCode::Committed => self.on_stored_at(fate.key, fate.pos, cx),
            FateCode::Refused => self.on_refused(fate, cx),
            FateCode::Forgotten => self.refuse(fate.key, Reason::Gone, cx),
            FateCode::SlowDown => self.try_again(Duration::from_millis(u64::from(fate.retry_after_ms.max(10))), cx),
            FateCode::Fork if fate.row.is_some_and(|row| row.seq == 0) => {
                // An access entry has moved the row: once that is committed, the next `Subscribed` says so.
                if let Some(item) = self.outbox.get(fate.key) {
                    item.barred_in = Some(fence);
                }
                self.subscribe_later(cx);
                self.try_again(TRY_AGAIN * 2, cx);
            }
            FateCode::Fork => {
                cx.out.event(PeerEvent::Suspicious { what: "another message stands in the place of an own one" });
                self.try_again(Duration::from_secs(30), cx);
            }
            FateCode::Expected | FateCode::Unknown(_) => self.try_again(TRY_AGAIN, cx),
        }
    }

    fn on_stored_at(&mut self, key: MessageKey, pos: u64, cx: &mut Context<'_>) {
        let (tip, entries) = (self.cache.tip().pos, self.cache.entries);
        let Some(item) = self.outbox.get(key) else {
            return;
        };
        let news = item.pos != Some(pos);
        (item.progress, item.pos) = (Progress::Placed, Some(pos));
        let look = !item.seen && pos <= tip;
        if look {
            let find = Operation::Store(StoreOperation::Find { log: entries, lookup: lookup(&key) });
            let task = self.task(ReplicaTask::LookedUp(key));
            cx.out.perform(task, find);
        }
        if news {
            cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Stored, pos: Some(pos) });
        }
    }

    pub(super) fn on_looked_up(&mut self, key: MessageKey, found: Option<StoredEntry>, cx: &mut Context<'_>) {
        if let Some(stored) = found {
            self.on_placed(&stored, cx);
            self.settle(cx);
        } else if let Some(item) = self.outbox.get(key).filter(|item| !item.seen) {
            (item.progress, item.pos) = (Progress::Waiting, None);
            self.try_again(TRY_AGAIN, cx);
        }
    }

    /// An entry stands in the cache: perhaps it is an own one.
    pub(super) fn on_placed(&mut self, stored: &StoredEntry, cx: &mut Context<'_>) {
        let key = stored.entry.envelope.key;
        if key.device != cx.identity.device() {
            return;
        }
        let pos = stored.entry.pos;
        let Some(item) = self.outbox.get(key) else {
            return;
        };
        let news = item.pos != Some(pos);
        (item.progress, item.pos, item.seen) = (Progress::Placed, Some(pos), true);
        if news {
            cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Stored, pos: Some(pos) });
        }
    }

    /// Lets go of what is committed on the own chain.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        let committed = if cx.rules.has(Rule::OutboxUntilCommitted) { self.cache.committed() } else { u64::MAX };
        let log = self.own_log();
        let mut writes = Vec::new();
        self.outbox.items.retain(|item| {
            let settled = item.seen && item.pos.is_some_and(|pos| pos <= committed);
            if settled {
                writes.push(delete(log, item.number));
                cx.out.event(PeerEvent::MessageStage {
                    key: item.envelope.key,
                    stage: Stage::Committed,
                    pos: item.pos,
                });
            }
            !settled
        });
        if !writes.is_empty() {
            let task = self.task(ReplicaTask::Nothing);
            cx.out.write(task, writes);
            self.pump(cx);
        }
    }

    fn on_refused(&mut self, fate: &Fate, cx: &mut Context<'_>) {
        let reason = fate.reason.unwrap_or(Reason::MayNotSend);
        let static_fault = matches!(reason, Reason::BadEnvelope | Reason::NotTheAuthor);
        if static_fault || fate.pos <= self.cache.committed() {
            return self.refuse(fate.key, reason, cx);
        }
        self.try_again(TRY_AGAIN, cx);
    }

    /// Gives up a message for good, and those that build on it.
    fn refuse(&mut self, key: MessageKey, reason: Reason, cx: &mut Context<'_>) {
        let Some(index) = self.outbox.items.iter().position(|item| item.envelope.key == key) else {
            return;
        };
        let (refused, writes) = self.take_from(index);
        for item in refused {
            let text = item.envelope.text().map(Into::into);
            cx.out.event(PeerEvent::MessageRefused { key: item.envelope.key, reason, text });
        }
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        // The chain of what was refused ends: the next message builds on the row that the log has.
        self.subscribe(cx);
    }

    pub(super) fn on_not_submitted(&mut self, keys: &[MessageKey], unanswered: &Unanswered, cx: &mut Context<'_>) {
        for key in keys {
            if let Some(item) = self.outbox.get(*key).filter(|item| item.progress == Progress::Submitted) {
                item.progress = Progress::Waiting;
            }
        }
        let Unanswered::Refused(failure) = unanswered else {
            return self.try_again(TRY_AGAIN, cx);
        };
        if matches!(failure.reason, Reason::OutOfOrder | Reason::Fenced | Reason::BadCertificate) {
            self.subscribe_later(cx);
        }
        let wait = Duration::from_millis(u64::from(failure.retry_after_ms));
        self.try_again(wait.max(TRY_AGAIN), cx);
    }

    /// The committed row of this device: what the next message builds on. Where an access entry has
    /// moved it, what was signed before is refused, if its sequencer has said in this epoch that it
    /// does not stand in the log: only that one can know.
    pub(super) fn learn_row(&mut self, row: &Row, fence: Option<Fence>, cx: &mut Context<'_>) {
        let moved = row.seq == 0 && row.incarnation > 0 && fence.is_some();
        let outdated = |item: &&Item| moved && !item.seen && item.barred_in == fence && item.envelope.prev != row.hash;
        if let Some(key) = self.outbox.items.front().filter(outdated).map(|item| item.envelope.key) {
            self.refuse(key, Reason::MayNotSend, cx);
        }
        let author = &mut self.outbox.author;
        if !self.outbox.items.is_empty() || author.last == row.hash {
            return;
        }
        if (row.incarnation, row.seq) > (author.incarnation, author.seq) {
            *author = Author { incarnation: row.incarnation, seq: row.seq, last: row.hash };
        } else if author.seq == 0 {
            author.last = row.hash;
        }
    }

    /// The own messages on their way, oldest first.
    pub fn outgoing(&self) -> impl Iterator<Item = Outgoing> + '_ {
        self.outbox.items.iter().map(|item| Outgoing {
            key: item.envelope.key,
            stage: if item.pos.is_some() { Stage::Stored } else { Stage::Queued },
            pos: item.pos,
            text: item.envelope.text().map(Into::into),
        })
    }

    /// Drops the messages that were never sent, or those from one of them on: later ones build on it. Says how many.
    pub fn drop_outgoing(&mut self, key: Option<MessageKey>, cx: &mut Context<'_>) -> usize {
        let first = self.outbox.items.iter().position(|item| match key {
            Some(key) => item.envelope.key == key,
            None => item.progress <= Progress::Waiting,
        });
        let Some(index) = first else {
            return 0;
        };
        if self.outbox.items.range(index..).any(|item| item.progress > Progress::Waiting) {
            return 0;
        }
        let (dropped, writes) = self.take_from(index);
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        dropped.len()
    }

    /// Takes out the messages from one on. The next one that is signed builds on what stood before them.
    fn take_from(&mut self, index: usize) -> (VecDeque<Item>, Vec<Write>) {
        let log = self.own_log();
        let taken = self.outbox.items.split_off(index);
        let mut writes: Vec<Write> = taken.iter().map(|item| delete(log, item.number)).collect();
        if let Some(first) = taken.front() {
            self.outbox.author = self.outbox.author.without(first);
            writes.push(put_meta(log, Meta::Author, &self.outbox.author));
        }
        (taken, writes)
    }

    /// Tries now, whatever is waited for.
    pub fn retry(&mut self, cx: &mut Context<'_>) {
        self.outbox.retry_at = None;
        self.pump(cx);
    }
}

fn delete(log: LogId, number: u64) -> Write {
    Write::Delete { table: Table::Outgoing, key: log.key(&number.to_be_bytes()) }
}
