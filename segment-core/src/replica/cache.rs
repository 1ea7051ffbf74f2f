//! What a member has of a channel: one dense run of entries up to its tip, of which a prefix is committed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use segment_proto::{ChannelId, Hash, Position, Receipt, Signed, SignedEnvelope};

use crate::store::{Fatal, LogId, LogRole, Store, StoreOperation, StoreOutcome, StoredEntry, Write, load_log};
use crate::sync::persist::{Loaded, Meta, delete_meta, put_meta};

/// Envelopes behind the last committed place that are at hand. Policy: what stands behind them is not carried.
const PROVISIONAL_MAX: usize = 1_024;

/// The cached run of a channel.
#[derive(Debug)]
pub struct Cache {
    /// Where the entries are.
    pub entries: LogId,
    /// Who writes them there.
    pub keeper: Keeper,
    /// The first cached place, and the chain before it.
    low: Option<(u64, Hash)>,
    /// The places from the last committed one on, and some before it.
    recent: VecDeque<Position>,
    /// What stands behind the last committed place: it may be cut, and has to be carried then.
    provisional: VecDeque<(u64, SignedEnvelope)>,
    /// Up to here stands on disk what the host in this process has taken over. The same stands here, or will.
    pub kept_up_to: u64,
    receipt: Option<Signed<Receipt>>,
    /// A receipt above the tip, until the tip is there.
    ahead: Option<Signed<Receipt>>,
    /// Up to here everything was in this cache before it began anew.
    had: u64,
}

/// Who writes a channel's entries on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Its host.
    Host,
    /// Its reader.
    Replica,
}

/// What a receipt means for a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watermark {
    /// The committed place has moved here.
    Moved(u64),
    /// Nothing new, or not yet.
    Waits,
    /// The cached chain is another one.
    OffChain,
}

impl Cache {
    /// An empty cache.
    pub fn new(channel: ChannelId, keeping: LogRole) -> Self {
        let entries = LogId { channel, role: keeping };
        let keeper = if keeping == LogRole::Host { Keeper::Host } else { Keeper::Replica };
        let (recent, provisional) = (VecDeque::new(), VecDeque::new());
        Self { entries, keeper, low: None, recent, provisional, kept_up_to: 0, receipt: None, ahead: None, had: 0 }
    }

    /// The cache as the store has it, and the other records of this replica.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(channel: ChannelId, keeping: LogRole, store: &mut dyn Store) -> Result<(Self, Loaded), Fatal> {
        let mut cache = Self::new(channel, keeping);
        let (own_records, _) = load_log(store, LogId { channel, role: LogRole::Cache })?;
        let own = Loaded::new(own_records);
        let (records, last) = load_log(store, cache.entries)?;
        let kept = Loaded::new(records);
        // Where a former host's log is kept by the reader, the reader's own receipt is the newer one.
        let end = last.as_ref().map_or(0, |stored| stored.entry.pos);
        let receipts = [kept.receipt.clone(), own.receipt.clone()].into_iter().flatten();
        cache.receipt = receipts.filter(|receipt| receipt.at.pos <= end).max_by_key(|receipt| receipt.at.pos);
        cache.low = match keeping {
            LogRole::Host => {
                let below = kept.meta(Meta::Below).unwrap_or(Position::START);
                last.is_some().then_some((below.pos + 1, below.chain))
            }
            // Where the first entries were not on disk yet, nothing is cached.
            LogRole::Backup | LogRole::Cache | LogRole::Staging | LogRole::Aside => {
                own.meta(Meta::Low).filter(|_| last.is_some())
            }
        };
        if let (Some(last), Some((low, before))) = (last, cache.low) {
            cache.load_recent(low, before, last.entry.pos, store)?;
        }
        Ok((cache, own))
    }

    fn load_recent(&mut self, low: u64, before: Hash, last: u64, store: &mut dyn Store) -> Result<(), Fatal> {
        let from = self.committed().max(low);
        let read =
            StoreOperation::Read { log: self.entries, from, to: last, entries_max: usize::MAX, bytes_max: usize::MAX };
        if from == low && low > 1 {
            self.recent.push_back(Position { pos: low - 1, epoch: 0, chain: before });
        }
        if let Some(StoreOutcome::Entries { entries, .. }) = store.perform(&[read])?.pop() {
            self.recent.extend(entries.iter().map(StoredEntry::position));
            self.keep_provisional(&entries);
        }
        Ok(())
    }

    fn keep_provisional(&mut self, entries: &[StoredEntry]) {
        let committed = self.committed();
        let room = PROVISIONAL_MAX.saturating_sub(self.provisional.len());
        let provisional = entries.iter().filter(|stored| stored.entry.pos > committed).take(room);
        self.provisional.extend(provisional.map(|stored| (stored.entry.pos, stored.entry.envelope.clone())));
    }

    /// The last cached place.
    pub fn tip(&self) -> Position {
        self.recent.back().copied().unwrap_or(Position::START)
    }

    /// What stands behind the last committed place.
    pub fn first_provisional(&self) -> Option<&SignedEnvelope> {
        self.provisional.front().map(|(_, envelope)| envelope)
    }

    /// Whether nothing is cached.
    pub fn is_empty(&self) -> bool {
        self.low.is_none()
    }

    /// The first cached place; one behind the tip where nothing is cached.
    pub fn low(&self) -> u64 {
        self.low.map_or(self.tip().pos + 1, |(low, _)| low)
    }

    /// The chain before the first cached place.
    pub fn chain_before_low(&self) -> Hash {
        self.low.map_or(Hash::ZERO, |(_, before)| before)
    }

    /// The last committed place.
    pub fn committed(&self) -> u64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.at.pos)
    }

    /// The highest receipt.
    pub fn receipt(&self) -> Option<&Signed<Receipt>> {
        self.receipt.as_ref()
    }

    /// Whether this receipt was looked at already: each page of a long way up brings the same.
    pub fn knows(&self, receipt: &Signed<Receipt>) -> bool {
        self.receipt.as_ref() == Some(receipt) || self.ahead.as_ref() == Some(receipt)
    }

    /// Whether this place, with this chain, is in the cache.
    pub fn contains(&self, position: Position) -> bool {
        position.pos == 0 || self.chain_at(position.pos) == Some(position.chain)
    }

    /// The chain at a place that is at hand.
    pub fn chain_at(&self, pos: u64) -> Option<Hash> {
        let first = self.recent.front()?.pos;
        let index = usize::try_from(pos.checked_sub(first)?).ok()?;
        self.recent.get(index).map(|position| position.chain)
    }

    /// Begins an empty cache behind a place.
    pub fn begin(&mut self, pos: u64, before: Hash) -> Vec<Write> {
        self.low = Some((pos, before));
        self.recent.clear();
        self.provisional.clear();
        if pos > 1 {
            self.recent.push_back(Position { pos: pos - 1, epoch: 0, chain: before });
        }
        self.put_low()
    }

    /// Another generation: what stands behind the last common place is not its log's, and nothing is committed yet.
    pub fn part_behind(&mut self, common: Position) -> Vec<Write> {
        (self.receipt, self.ahead, self.kept_up_to) = (None, None, 0);
        self.had = self.had.min(common.pos);
        let (mut writes, _) = self.cut(common.pos);
        if self.low.is_none_or(|(low, _)| low > common.pos) {
            writes.extend(self.begin(common.pos + 1, common.chain));
        }
        self.recent = (common.pos > 0).then_some(common).into_iter().collect();
        writes
    }

    fn put_low(&self) -> Vec<Write> {
        let low = self.low.filter(|_| self.entries.role == LogRole::Cache);
        low.map(|low| put_meta(self.entries, Meta::Low, &low)).into_iter().collect()
    }

    /// Adds what follows the tip. What is not kept by somebody else is to be written.
    pub fn extend(&mut self, entries: &[StoredEntry], memory_max: usize) -> Vec<Write> {
        let mut writes = Vec::new();
        if let (true, Some(first)) = (self.is_empty(), entries.first()) {
            writes.extend(self.begin(first.entry.pos, Hash::ZERO));
        }
        self.recent.extend(entries.iter().map(StoredEntry::position));
        self.keep_provisional(entries);
        let committed = self.committed();
        while self.recent.len() > memory_max && self.recent.front().is_some_and(|position| position.pos < committed) {
            self.recent.pop_front();
        }
        writes.extend(self.put_entries(entries));
        writes
    }

    /// Adds what stands right before the first cached place, with the chain before it.
    pub fn extend_down(&mut self, entries: &[StoredEntry], before: Hash) -> Vec<Write> {
        let Some(first) = entries.first() else {
            return Vec::new();
        };
        self.low = Some((first.entry.pos, before));
        let mut writes = self.put_low();
        writes.extend(self.put_entries(entries));
        writes
    }

    fn put_entries(&self, entries: &[StoredEntry]) -> Option<Write> {
        let kept_here = self.keeper == Keeper::Replica && !entries.is_empty();
        kept_here.then(|| Write::Append { log: self.entries, entries: entries.to_vec() })
    }

    /// What is cached is below what the channel keeps, and nothing leads on from it: begins anew.
    pub fn forget(&mut self) -> Vec<Write> {
        self.had = self.had.max(self.tip().pos);
        self.low = None;
        self.recent.clear();
        self.provisional.clear();
        let kept_here = self.entries.role == LogRole::Cache;
        kept_here.then_some(Write::Cut { log: self.entries, from: 0 }).into_iter().collect()
    }

    /// Those of these entries that were never in this cache: who keeps more than another brings some of it again.
    pub fn never_had<'a>(&self, entries: &'a [StoredEntry]) -> &'a [StoredEntry] {
        let had = entries.partition_point(|stored| stored.entry.pos <= self.had);
        entries.get(had..).unwrap_or_default()
    }

    /// Whoever keeps the entries has none up to here any more.
    pub fn raise(&mut self, below: Position) {
        if self.low.is_some_and(|(low, _)| low <= below.pos) {
            self.low = Some((below.pos + 1, below.chain));
        }
    }

    /// Cuts behind a place that is not below the committed one; what stood there, in its order.
    pub fn cut(&mut self, pos: u64) -> (Vec<Write>, Vec<SignedEnvelope>) {
        let pos = pos.max(self.committed());
        let kept = self.provisional.iter().take_while(|(at, _)| *at <= pos).count();
        let cut = self.provisional.split_off(kept).into_iter().map(|(_, envelope)| envelope).collect();
        while self.recent.back().is_some_and(|position| position.pos > pos) {
            self.recent.pop_back();
        }
        if self.low.is_some_and(|(low, _)| low > pos + 1) || (pos == 0 && self.recent.is_empty()) {
            self.low = None;
        }
        let kept_here = self.keeper == Keeper::Replica;
        let write = kept_here.then_some(Write::Cut { log: self.entries, from: pos.max(self.kept_up_to) + 1 });
        (write.into_iter().collect(), cut)
    }

    /// A host in this process has everything, and keeps it: what was cached apart is not needed any more.
    pub fn join_host(&mut self) -> Vec<Write> {
        self.keeper = Keeper::Host;
        self.kept_up_to = 0;
        if self.entries.role == LogRole::Host {
            return Vec::new();
        }
        let cut = Write::Cut { log: self.entries, from: 1 };
        let low = delete_meta(self.entries, Meta::Low);
        self.entries.role = LogRole::Host;
        self.low = self.low.map(|_| (1, Hash::ZERO));
        alloc::vec![cut, low]
    }

    /// Looks at a receipt whose signature was checked. `checked` says whether the chain has to fit.
    pub fn watermark(&mut self, receipt: Signed<Receipt>, chain_must_fit: ChainCheck) -> Watermark {
        if let Some(own) = self.receipt.as_mut().filter(|own| receipt.at.pos <= own.at.pos) {
            if own.at == receipt.at && receipt.fence > own.fence {
                // The same place, in a newer generation.
                *own = receipt;
            }
            return Watermark::Waits;
        }
        if receipt.at.pos > self.tip().pos {
            if self.ahead.as_ref().is_none_or(|ahead| ahead.at.pos < receipt.at.pos) {
                self.ahead = Some(receipt);
            }
            return Watermark::Waits;
        }
        if chain_must_fit == ChainCheck::Required && self.chain_at(receipt.at.pos) != Some(receipt.at.chain) {
            return Watermark::OffChain;
        }
        let pos = receipt.at.pos;
        self.receipt = Some(receipt);
        while self.provisional.front().is_some_and(|(at, _)| *at <= pos) {
            self.provisional.pop_front();
        }
        Watermark::Moved(pos)
    }

    /// A receipt that has waited for the tip, once the tip is there.
    pub fn take_ahead(&mut self) -> Option<Signed<Receipt>> {
        let tip = self.tip().pos;
        self.ahead.take_if(|ahead| ahead.at.pos <= tip)
    }
}

/// Whether a receipt must name a place on the cached chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainCheck {
    /// It must.
    Required,
    /// The planted fault of `Rule::ReceiptOnChain`.
    Skipped,
}
