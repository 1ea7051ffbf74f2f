//! A channel's log in memory: its head, its fold, and a bounded tail.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use segment_proto::limits::EPOCHS_MAX;
use segment_proto::{DeviceId, Entry, EpochRecord, Fence, Hash, Position, Receipt, Signed, SignedEnvelope, UnixMillis};

use crate::rules::Rules;
use crate::store::{LogId, Lookup, StoredEntry};
use crate::sync::fold::{Changed, Fold};

/// The log of a channel, as its sequencer or its copy holds it.
#[derive(Clone, Debug)]
pub struct ChannelLog {
    /// Which log.
    pub id: LogId,
    fold: Fold,
    /// The fold at the last committed place: what a cut goes back to, and what is on disk.
    base: Fold,
    tail: VecDeque<StoredEntry>,
    head: Position,
    /// Entries up to here are gone, by the owner's policy.
    below: Position,
    durable: Position,
    receipt: Option<Signed<Receipt>>,
    epochs: VecDeque<Signed<EpochRecord>>,
    memory_entries_max: usize,
}

impl ChannelLog {
    /// An empty log.
    #[must_use]
    pub fn new(id: LogId, fold: Fold) -> Self {
        Self {
            id,
            base: fold.clone(),
            fold,
            tail: VecDeque::new(),
            head: Position::START,
            below: Position::START,
            durable: Position::START,
            receipt: None,
            epochs: VecDeque::new(),
            memory_entries_max: 1_024,
        }
    }

    /// Keeps at most so many committed entries in memory.
    #[must_use]
    pub fn with_memory(mut self, entries_max: usize) -> Self {
        self.memory_entries_max = entries_max;
        self
    }

    /// Whose entries up to here are gone.
    #[must_use]
    pub fn with_below(mut self, below: Position) -> Self {
        self.below = below;
        self
    }

    /// A log that was stored, with its fold at `at`. What stands behind that is [appended](Self::append_stored) again.
    #[must_use]
    pub fn restored(
        id: LogId,
        fold: Fold,
        at: Position,
        receipt: Option<Signed<Receipt>>,
        epochs: Vec<Signed<EpochRecord>>,
    ) -> Self {
        let mut log = Self::new(id, fold);
        log.head = at;
        log.durable = at;
        log.receipt = receipt;
        epochs.into_iter().for_each(|record| log.push_epoch(record));
        log
    }

    /// The last place whose entry is gone, by the owner's policy; the start where none is.
    #[must_use]
    pub fn below(&self) -> Position {
        self.below
    }

    /// The chain at `pos`, which the store has given as that before a page; where the entry there is gone, the
    /// store knows it no more.
    #[must_use]
    pub fn chain_before_page(&self, pos: u64, stored: Hash) -> Hash {
        if pos == self.below.pos { self.below.chain } else { stored }
    }

    /// Everything up to this committed place is gone from the disk. Rows and rights stay.
    pub fn trim_below(&mut self, at: Position) {
        self.below = at;
        while self.tail.front().is_some_and(|stored| stored.entry.pos <= at.pos) {
            self.tail.pop_front();
        }
    }

    /// The planted fault of `Rule::RowsForEver`: what is known of authors goes with their entries.
    pub(crate) fn forget_rows(&mut self, devices: &BTreeSet<DeviceId>) {
        self.fold.forget_rows(devices);
        self.base.forget_rows(devices);
    }

    /// Rows and rights at the head.
    #[must_use]
    pub fn fold(&self) -> &Fold {
        &self.fold
    }

    /// The last place, on disk or not yet.
    #[must_use]
    pub fn head(&self) -> Position {
        self.head
    }

    /// The last place on disk.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable.pos
    }

    /// The last place on disk, with its chain.
    #[must_use]
    pub fn durable_position(&self) -> Position {
        self.durable
    }

    /// The highest receipt.
    #[must_use]
    pub fn receipt(&self) -> Option<&Signed<Receipt>> {
        self.receipt.as_ref()
    }

    /// The last committed place.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.at.pos)
    }

    /// Places behind the last committed one.
    #[must_use]
    pub fn provisional(&self) -> usize {
        usize::try_from(self.head.pos.saturating_sub(self.committed())).unwrap_or(usize::MAX)
    }

    /// The epochs, oldest first.
    #[must_use]
    pub fn epochs(&self) -> Vec<Signed<EpochRecord>> {
        self.epochs.iter().cloned().collect()
    }

    /// The newest epoch.
    #[must_use]
    pub fn epoch(&self) -> Option<&Signed<EpochRecord>> {
        self.epochs.back()
    }

    /// The newest fence.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.epoch().map_or(Fence::default(), |record| record.fence)
    }

    /// The oldest epoch, where one more makes it go.
    #[must_use]
    pub fn epoch_to_go(&self) -> Option<Fence> {
        self.epochs.front().filter(|_| self.epochs.len() >= EPOCHS_MAX).map(|record| record.fence)
    }

    /// Adds a newer epoch.
    pub fn push_epoch(&mut self, record: Signed<EpochRecord>) {
        if record.fence <= self.fence() && self.epoch().is_some() {
            return;
        }
        // As many as a message may have; a log has two for each time its host came back.
        if self.epochs.len() >= EPOCHS_MAX {
            self.epochs.pop_front();
        }
        self.epochs.push_back(record);
    }

    /// Gives an accepted envelope the next place.
    pub fn sequence(&mut self, envelope: SignedEnvelope, epoch: u32, now: UnixMillis, rules: Rules) -> StoredEntry {
        let entry = Entry { pos: self.head.pos + 1, epoch, sequenced: now, envelope };
        let stored = StoredEntry::new(entry, &self.head.chain);
        self.append(stored.clone(), rules);
        stored
    }

    /// Takes in the entry that follows the head.
    pub fn append(&mut self, stored: StoredEntry, rules: Rules) -> Changed {
        let changed = self.fold.apply(stored.entry.pos, &stored.entry.envelope, stored.hash, rules);
        self.head = stored.position();
        self.tail.push_back(stored);
        self.trim();
        changed
    }

    /// As [`Self::append`], for an entry that is on disk.
    pub fn append_stored(&mut self, stored: StoredEntry, rules: Rules) {
        self.append(stored, rules);
        self.durable = self.head;
    }

    /// Everything up to `pos` is on disk.
    pub fn set_durable(&mut self, pos: u64) {
        if pos >= self.head.pos {
            self.durable = self.head;
        } else if pos > self.durable.pos {
            self.durable = self.position_at(pos).unwrap_or(self.durable);
        }
    }

    /// Everything up to the receipt stands for good. Returns what has changed in the fold at that place.
    pub fn commit(&mut self, receipt: Signed<Receipt>, rules: Rules) -> Vec<Changed> {
        let (from, to) = (self.committed(), receipt.at.pos);
        if to < from {
            return Vec::new();
        }
        self.receipt = Some(receipt);
        let base = &mut self.base;
        let newly = self.tail.iter().filter(|stored| stored.entry.pos > from && stored.entry.pos <= to);
        let changed =
            newly.map(|stored| base.apply(stored.entry.pos, &stored.entry.envelope, stored.hash, rules)).collect();
        self.trim();
        changed
    }

    /// Everything up to the receipt was taken over at once: `fold` stands for all of it, `page` is the last of it. What was behind the last committed place has been cut.
    pub fn take_over(&mut self, fold: Fold, page: Vec<StoredEntry>, receipt: Signed<Receipt>) {
        self.head = receipt.at;
        self.receipt = Some(receipt);
        self.base = fold.clone();
        self.fold = fold;
        self.tail = page.into();
        self.trim();
    }

    /// The fold at the last committed place.
    #[must_use]
    pub fn base(&self) -> &Fold {
        &self.base
    }

    fn trim(&mut self) {
        let committed = self.committed();
        while self.tail.len() > self.memory_entries_max
            && self.tail.front().is_some_and(|stored| stored.entry.pos <= committed)
        {
            self.tail.pop_front();
        }
    }

    /// Cuts everything behind `pos`, restores what is derived, and gives back the voided envelopes in
    /// log order. `pos` is not below the last committed place.
    pub fn cut(&mut self, pos: u64, rules: Rules) -> Vec<SignedEnvelope> {
        let pos = pos.max(self.committed());
        let keep = self.tail.iter().take_while(|stored| stored.entry.pos <= pos).count();
        let voided = self.tail.split_off(keep).into_iter().map(|stored| stored.entry.envelope).collect();
        if let Some(position) = self.position_at(pos) {
            self.head = position;
        }
        if self.durable.pos > self.head.pos {
            self.durable = self.head;
        }
        self.fold = self.base.clone();
        for stored in self.tail.iter().filter(|stored| stored.entry.pos > self.receipt.as_ref().map_or(0, |r| r.at.pos))
        {
            self.fold.apply(stored.entry.pos, &stored.entry.envelope, stored.hash, rules);
        }
        voided
    }

    /// The place `pos` with its chain, where it is in memory or is the last committed one.
    #[must_use]
    pub fn position_at(&self, pos: u64) -> Option<Position> {
        if pos == 0 {
            return Some(Position::START);
        }
        if pos == self.below.pos {
            return Some(self.below);
        }
        if let Some(receipt) = self.receipt.as_ref().filter(|receipt| receipt.at.pos == pos) {
            return Some(receipt.at);
        }
        if pos == self.head.pos && self.tail.is_empty() {
            return Some(self.head);
        }
        self.entry_at(pos).map(StoredEntry::position)
    }

    fn entry_at(&self, pos: u64) -> Option<&StoredEntry> {
        let first = self.tail.front()?.entry.pos;
        let index = usize::try_from(pos.checked_sub(first)?).ok()?;
        self.tail.get(index)
    }

    /// The entries from `from` to `to`, and the chain before them, where all of them are in memory.
    #[must_use]
    pub fn slice(&self, from: u64, to: u64) -> Option<(Hash, Vec<&StoredEntry>)> {
        let before = self.position_at(from.checked_sub(1)?)?.chain;
        (from..=to).map(|pos| self.entry_at(pos)).collect::<Option<Vec<_>>>().map(|entries| (before, entries))
    }

    /// An entry in memory.
    #[must_use]
    pub fn find(&self, lookup: Lookup) -> Option<&StoredEntry> {
        self.tail.iter().rev().find(|stored| lookup.is_of(stored))
    }

    /// Whether no entry is on disk only.
    #[must_use]
    pub fn is_whole_in_memory(&self) -> bool {
        self.tail.front().map_or(self.head.pos == self.below.pos, |stored| stored.entry.pos == self.below.pos + 1)
    }
}
