//! The own messages of a channel that are not settled yet.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use segment_proto::{Entry, Envelope, Fence, Instant, Limits, MessageKey, SignedEnvelope};

use crate::replica::refusing::Refused;
use crate::replica::signing::Author;
use crate::rules::{Rule, Rules};
use crate::store::{Fatal, LogId, Lookup, Store, StoreOperation, StoreOutcome, Table, Write};
use crate::sync::persist::{Loaded, Meta, put_meta};

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
    /// What says the same in the log, and where.
    pub found: Option<(u64, SignedEnvelope)>,
    /// The place of the own entry in the log on which its chain goes on.
    pub builds_on: Option<u64>,
    /// The epoch whose sequencer says that an access entry stands in its place.
    pub barred_in: Option<Fence>,
}

impl Item {
    fn new(number: u64, envelope: SignedEnvelope, progress: Progress) -> Self {
        let (pos, found, builds_on, barred_in) = (None, None, None, None);
        Self { number, envelope, progress, pos, seen: false, submission: 0, found, builds_on, barred_in }
    }

    /// Whether its place in the log is not known.
    pub fn is_open(&self) -> bool {
        !self.seen && self.progress != Progress::Placed
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
    pub(super) number: u64,
    /// The epoch for which it was meant.
    pub fence: Fence,
}

/// The own messages of a channel that are not settled yet.
#[derive(Debug)]
pub struct Outbox {
    pub(super) author: Author,
    pub(super) items: VecDeque<Item>,
    /// What is refused for good, until its author was told.
    pub(super) refused: Vec<Refused>,
    next_number: u64,
    submissions: u64,
    /// When to try again.
    pub retry_at: Option<Instant>,
    /// The sequencer's tail was full: a commit makes room, and nothing else is waited for.
    pub(super) awaits_commit: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        let (items, refused) = (VecDeque::new(), Vec::new());
        Self {
            author: Author::default(),
            items,
            refused,
            next_number: 1,
            submissions: 0,
            retry_at: None,
            awaits_commit: false,
        }
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
        outbox.refused = Refused::restore(loaded);
        outbox.next_number = outbox.refused.last().map_or(1, |refused| refused.number + 1);
        for (number, envelope) in loaded.values::<(u64, SignedEnvelope)>(Table::Outgoing) {
            outbox.next_number = outbox.next_number.max(number + 1);
            let find = StoreOperation::Find { log: entries, lookup: lookup(&envelope.key) };
            let pos = match store.perform(&[find])?.pop() {
                Some(StoreOutcome::Found(found)) => {
                    found.filter(|stored| stored.hash == envelope.hash()).map(|stored| stored.entry.pos)
                }
                _ => None,
            };
            let mut item = Item::new(number, envelope, Progress::Again);
            if pos.is_some() {
                (item.progress, item.pos, item.seen) = (Progress::Placed, pos, true);
            }
            outbox.items.push_back(item);
        }
        outbox.items.make_contiguous().sort_by_key(|item| item.envelope.sent);
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

    /// Takes in a message, in the order in which its author wrote.
    pub(super) fn add(&mut self, envelope: SignedEnvelope) -> &Item {
        let number = self.next_number;
        self.next_number += 1;
        let index = self.items.partition_point(|item| item.envelope.sent <= envelope.sent);
        self.items.insert(index, Item::new(number, envelope, Progress::Unwritten));
        &self.items[index]
    }

    /// Whatever was under way on a lost link has to go again, and what only its sequencer has seen.
    pub fn forget_submits(&mut self) {
        let unsure = |item: &&mut Item| item.progress >= Progress::Submitted && !item.seen;
        self.items.iter_mut().filter(unsure).for_each(Item::unplace);
    }

    /// The first that has its place behind what is cached.
    pub fn first_behind(&self, tip: u64) -> Option<&SignedEnvelope> {
        self.items.iter().find(|item| item.pos.is_some_and(|at| at > tip)).map(|item| &item.envelope)
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
        let index = self.index_of(key)?;
        self.items.get_mut(index)
    }

    /// Numbers are dense as long as none was refused: where it should stand, else wherever it does.
    fn index_of(&self, key: MessageKey) -> Option<usize> {
        let is_it = |item: &Item| item.envelope.key == key;
        let behind_first = key.seq.checked_sub(self.items.front()?.envelope.key.seq);
        let expected = behind_first.and_then(|index| usize::try_from(index).ok());
        let found = expected.filter(|index| self.items.get(*index).is_some_and(is_it));
        found.or_else(|| self.items.iter().position(is_it))
    }

    /// An own entry was found in the log: perhaps it says what a message on its way says.
    pub(super) fn find_content(&mut self, entry: &Entry, rules: Rules) {
        let found = &entry.envelope;
        let content = |envelope: &Envelope| (envelope.sent, envelope.kind, envelope.body.clone());
        let same = |item: &&mut Item| {
            let alike = content(&item.envelope) == content(found) && rules.has(Rule::ContentSearch);
            item.is_open() && item.found.is_none() && (alike || item.envelope.hash() == found.hash())
        };
        if let Some(item) = self.items.iter_mut().find(same) {
            item.found = Some((entry.pos, found.clone()));
        }
    }

    /// An own entry was found in the log: perhaps messages on their way go on from it.
    pub(super) fn find_base(&mut self, entry: &Entry) {
        let hash = entry.envelope.hash();
        let on_it = self.items.iter_mut().filter(|item| item.envelope.prev == hash);
        on_it.for_each(|item| item.builds_on = Some(entry.pos));
    }

    /// What goes on from a message on its way goes on from where that does. Those of another process of this device
    /// stand between them, in the order of their times.
    pub(super) fn follow_bases(&mut self) {
        let (mut bases, mut known) = (BTreeMap::new(), usize::MAX);
        while known != bases.len() {
            known = bases.len();
            for item in &mut self.items {
                item.builds_on = item.builds_on.or_else(|| bases.get(&item.envelope.prev).copied());
                bases.extend(item.builds_on.map(|pos| (item.envelope.hash(), pos)));
            }
        }
    }

    /// Takes out some messages, wherever they are.
    pub(super) fn take_if(&mut self, mut which: impl FnMut(&mut Item) -> bool) -> Vec<Item> {
        let (mut taken, mut kept) = (Vec::new(), VecDeque::new());
        for mut item in self.items.drain(..) {
            if which(&mut item) {
                taken.push(item);
            } else {
                kept.push_back(item);
            }
        }
        self.items = kept;
        taken
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

    /// Takes out what stands in the own cache up to a place: usually the first ones, and then no other is moved.
    pub(super) fn take_settled(&mut self, committed: u64) -> Vec<Item> {
        let settled = |item: &Item| item.seen && item.pos.is_some_and(|pos| pos <= committed);
        let first = core::iter::from_fn(|| self.items.pop_front_if(|item| settled(item)));
        let mut taken: Vec<Item> = first.collect();
        if self.items.iter().any(settled) {
            taken.extend(self.take_if(|item| settled(item)));
        }
        taken
    }
}

pub(super) fn lookup(key: &MessageKey) -> Lookup {
    Lookup::Key { device: key.device, incarnation: key.incarnation, seq: key.seq }
}

/// Removes a message from the disk.
pub(super) fn delete(log: LogId, number: u64) -> Write {
    Write::Delete { table: Table::Outgoing, key: log.key(&number.to_be_bytes()) }
}
