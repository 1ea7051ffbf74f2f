//! The own messages of a channel that are not settled yet, and where this device's own chain of them stands.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{
    AccountId, Envelope, EnvelopeKind, Fence, Hash, Instant, Limits, MessageKey, Row, Signed, SignedEnvelope,
};
use serde::{Deserialize, Serialize};

use crate::peer::context::Context;
use crate::store::{Fatal, LogId, Lookup, Store, StoreOperation, StoreOutcome, Table, Write};
use crate::sync::persist::{Loaded, Meta, encode, put_meta};

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

/// One message.
#[derive(Debug)]
pub(super) struct Item {
    pub number: u64,
    pub envelope: SignedEnvelope,
    pub progress: Progress,
    /// Where the sequencer says that it stands.
    pub pos: Option<u64>,
    /// Whether it stands in the own cache, at that place.
    pub seen: bool,
    /// With which [`Submission`] it went last.
    pub submission: u64,
    /// The epoch whose sequencer says that an access entry stands in its place.
    pub barred_in: Option<Fence>,
}

impl Item {
    fn new(number: u64, envelope: SignedEnvelope, progress: Progress) -> Self {
        Self { number, envelope, progress, pos: None, seen: false, submission: 0, barred_in: None }
    }

    /// It has to go again.
    pub fn unplace(&mut self) {
        (self.progress, self.pos, self.seen) = (Progress::Again, None, false);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Being written to disk.
    Unwritten,
    /// On disk, and never sent.
    Waiting,
    /// Sent once, perhaps: it may stand in a log. To be sent again.
    Again,
    /// Under way to the sequencer.
    Submitted,
    /// The sequencer has it.
    Placed,
}

/// One batch on its way to a sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    number: u64,
    /// The epoch for which it was meant.
    pub fence: Fence,
}

/// The own messages of a channel that are not settled yet.
#[derive(Debug)]
pub struct Outbox {
    author: Author,
    pub(super) items: VecDeque<Item>,
    next_number: u64,
    submissions: u64,
    /// When to try again.
    pub retry_at: Option<Instant>,
}

impl Default for Outbox {
    fn default() -> Self {
        let author = Author { incarnation: 1, seq: 0, last: Hash::ZERO };
        Self { author, items: VecDeque::new(), next_number: 1, submissions: 0, retry_at: None }
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
            let mut item = Item::new(number, envelope, Progress::Again);
            if pos.is_some() {
                (item.progress, item.pos, item.seen) = (Progress::Placed, pos, true);
            }
            outbox.items.push_back(item);
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
        self.items.push_back(Item::new(number, envelope, Progress::Unwritten));
        (key, writes)
    }

    /// Whatever was under way on a lost link has to go again, and what only its sequencer has seen.
    pub fn forget_submits(&mut self) {
        let unsure = |item: &&mut Item| item.progress >= Progress::Submitted && !item.seen;
        self.items.iter_mut().filter(unsure).for_each(Item::unplace);
    }

    /// What was placed behind a cut is to be placed again.
    pub fn unplace_behind(&mut self, pos: u64) {
        self.items.iter_mut().filter(|item| item.pos.is_some_and(|at| at > pos)).for_each(Item::unplace);
    }

    /// What was placed up to the tip and does not stand there in the own cache is to be placed again. Says whether
    /// there is any.
    pub fn unplace_unseen(&mut self, tip: u64) -> bool {
        let gone = |item: &&mut Item| !item.seen && item.pos.is_some_and(|at| at <= tip);
        self.items.iter_mut().filter(gone).map(Item::unplace).count() > 0
    }

    /// Takes the next batch, in order, as far as the window of uncommitted messages allows.
    pub fn take_batch(&mut self, fence: Fence, limits: &Limits) -> Option<(Submission, Vec<SignedEnvelope>)> {
        let under_way = self.items.iter().filter(|item| item.progress >= Progress::Submitted).count();
        let window = limits.uncommitted_per_author_max.saturating_sub(under_way).min(limits.batch_entries_max);
        let submission = Submission { number: self.submissions + 1, fence };
        let (mut envelopes, mut bytes) = (Vec::new(), 0);
        for item in self.items.iter_mut().filter(|item| item.progress <= Progress::Again) {
            bytes += item.envelope.bytes().len() + 80;
            let full = envelopes.len() >= window || (bytes > limits.batch_bytes_max && !envelopes.is_empty());
            if full || item.progress == Progress::Unwritten {
                break;
            }
            (item.progress, item.submission) = (Progress::Submitted, submission.number);
            envelopes.push(item.envelope.clone());
        }
        if envelopes.is_empty() {
            return None;
        }
        self.submissions = submission.number;
        Some((submission, envelopes))
    }

    /// What went with this batch, and has no answer yet, goes again. Says whether there is any.
    pub fn not_submitted(&mut self, submission: &Submission) -> bool {
        let unanswered =
            |item: &&mut Item| item.progress == Progress::Submitted && item.submission == submission.number;
        self.items.iter_mut().filter(unanswered).map(Item::unplace).count() > 0
    }

    pub(super) fn get(&mut self, key: MessageKey) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| item.envelope.key == key)
    }

    /// What the log says of this device, when nothing is on its way: the next message builds on it.
    pub fn learn_row(&mut self, log: LogId, row: &Row) -> Option<Write> {
        let author = &mut self.author;
        if !self.items.is_empty() || author.last == row.hash {
            return None;
        }
        if (row.incarnation, row.seq) > (author.incarnation, author.seq) {
            *author = Author { incarnation: row.incarnation, seq: row.seq, last: row.hash };
        } else if author.seq == 0 {
            author.last = row.hash;
        } else {
            return None;
        }
        Some(put_meta(log, Meta::Author, author))
    }

    /// Takes out the messages from one on. The next one that is signed builds on what stood before them.
    pub(super) fn take_from(&mut self, log: LogId, index: usize) -> (VecDeque<Item>, Vec<Write>) {
        let taken = self.items.split_off(index);
        let mut writes: Vec<Write> = taken.iter().map(|item| delete(log, item.number)).collect();
        if let Some(first) = taken.front() {
            self.author = self.author.without(first);
            writes.push(put_meta(log, Meta::Author, &self.author));
        }
        (taken, writes)
    }

    /// Takes out what stands in the own cache up to a place.
    pub(super) fn take_settled(&mut self, committed: u64) -> Vec<Item> {
        let settled = |item: &Item| item.seen && item.pos.is_some_and(|pos| pos <= committed);
        if !self.items.iter().any(settled) {
            return Vec::new();
        }
        let (settled, rest): (VecDeque<Item>, VecDeque<Item>) = self.items.drain(..).partition(settled);
        self.items = rest;
        settled.into()
    }
}

fn lookup(key: &MessageKey) -> Lookup {
    Lookup::Key { device: key.device, incarnation: key.incarnation, seq: key.seq }
}

/// Removes a message from the disk.
pub(super) fn delete(log: LogId, number: u64) -> Write {
    Write::Delete { table: Table::Outgoing, key: log.key(&number.to_be_bytes()) }
}
