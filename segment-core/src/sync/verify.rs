//! Proving a stored log: every hash, every link of the chain and every signature is computed again
//! from the entries themselves, and nothing that the store says about them is believed.
//!
//! An entry fits where its own bytes, behind the chain that is stored before it, lead to the chain
//! that is stored with it. So one flipped bit makes one entry unfit (in a stored chain: two), and
//! what lies between two that fit can be taken from any other copy: what is brought must lead from
//! the chain before the gap to the entry behind it, and only the right entries do.

use alloc::vec::Vec;

use segment_proto::{Entry, Hash, Verifier};

use crate::store::StoredEntry;

/// Bad places that a report names. Policy: what is found behind these is counted, not named.
pub const BAD_PLACES_MAX: usize = 256;

/// What is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is stored there.
    Missing,
    /// It is not what was written there.
    Damaged,
    /// It fits the chain, but its author has not signed it.
    Signature,
    /// Another copy has something else there.
    Differs,
}

/// A place that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPlace {
    /// The place.
    pub pos: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Places next to one another that do not hold, and the chain before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first place.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The chain before the first.
    pub before: Hash,
}

/// Whether an entry is what was written behind `before`.
#[must_use]
pub fn fits(stored: &StoredEntry, before: &Hash) -> bool {
    let hash = stored.entry.envelope.hash();
    hash == stored.hash && stored.entry.chain_with(before, &hash) == stored.chain
}

/// As many entries from the front as are dense and fit, behind `before`.
#[must_use]
pub fn sound(before: Hash, entries: Vec<StoredEntry>) -> Vec<StoredEntry> {
    let mut chain = before;
    let mut holds = |stored: &StoredEntry| {
        let holds = fits(stored, &chain);
        chain = stored.chain;
        holds
    };
    entries.into_iter().take_while(|stored| holds(stored)).collect()
}

/// These entries with their hashes, if they close a gap: they lead from the chain before it to what
/// stands behind it, or to the chain that a receipt names for its end.
#[must_use]
pub fn close(
    gap: &Gap,
    entries: Vec<Entry>,
    behind: Option<&StoredEntry>,
    end: Option<Hash>,
) -> Option<Vec<StoredEntry>> {
    let dense = entries.iter().map(|entry| entry.pos).eq(gap.from..=gap.to);
    let mut chain = gap.before;
    let mut closed = Vec::with_capacity(entries.len());
    for entry in entries {
        let stored = StoredEntry::new(entry, &chain);
        chain = stored.chain;
        closed.push(stored);
    }
    let leads_on = behind.is_some_and(|behind| behind.entry.pos == gap.to + 1 && fits(behind, &chain));
    (dense && (leads_on || end == Some(chain))).then_some(closed)
}

/// A log that is being gone through, page by page.
#[derive(Clone, Debug)]
pub struct Audit {
    next: u64,
    to: u64,
    /// The chain before `next`; none behind a place that is missing.
    before: Option<Hash>,
    /// Entries whose bytes, link and signature were checked.
    pub entries: u64,
    /// The places that do not hold, in order.
    pub bad: Vec<BadPlace>,
    /// The same, as runs.
    pub gaps: Vec<Gap>,
}

impl Audit {
    /// From the place behind `before` to `to`.
    #[must_use]
    pub const fn new(from: u64, to: u64, before: Hash) -> Self {
        Self { next: from, to, before: Some(before), entries: 0, bad: Vec::new(), gaps: Vec::new() }
    }

    /// The places still to be gone through.
    #[must_use]
    pub fn rest(&self) -> Option<(u64, u64)> {
        (self.next <= self.to && self.bad.len() < BAD_PLACES_MAX).then_some((self.next, self.to))
    }

    /// The last place that was gone through.
    #[must_use]
    pub const fn done_to(&self) -> u64 {
        self.next - 1
    }

    /// The chain at that place, where it is known.
    #[must_use]
    pub const fn chain(&self) -> Option<Hash> {
        self.before
    }

    /// A page of what the store has from the next place on. An empty one: there is nothing at that place.
    pub fn take(&mut self, entries: &[StoredEntry], verifier: &Verifier) {
        if entries.is_empty() {
            return self.miss(Fault::Missing);
        }
        let to = self.to;
        for stored in entries.iter().filter(|stored| stored.entry.pos <= to) {
            self.take_one(stored, verifier);
        }
    }

    /// The store cannot read what is at the next place, or nothing is there.
    pub fn miss(&mut self, fault: Fault) {
        self.note(fault);
        self.before = None;
        self.next += 1;
    }

    fn take_one(&mut self, stored: &StoredEntry, verifier: &Verifier) {
        let holds = match self.before {
            Some(before) => fits(stored, &before),
            None => stored.entry.envelope.hash() == stored.hash,
        };
        let envelope = &stored.entry.envelope;
        if !holds || stored.entry.pos != self.next {
            self.note(Fault::Damaged);
        } else if !envelope.is_signed_by(&envelope.key.device, verifier) {
            self.bad.push(BadPlace { pos: self.next, fault: Fault::Signature });
        }
        self.entries += 1;
        self.before = Some(stored.chain);
        self.next += 1;
    }

    fn note(&mut self, fault: Fault) {
        let pos = self.next;
        self.bad.push(BadPlace { pos, fault });
        match self.gaps.last_mut().filter(|gap| gap.to + 1 == pos) {
            Some(gap) => gap.to = pos,
            // Behind a good place: its chain is the last that was seen.
            None => self.gaps.push(Gap { from: pos, to: pos, before: self.before.unwrap_or(Hash::ZERO) }),
        }
    }

    /// Everything was gone through: the last chain has to be this one.
    pub fn end(&mut self, chain: Hash) {
        let in_gap = self.gaps.last().is_some_and(|gap| gap.to == self.to);
        if self.next > self.to && self.before != Some(chain) && !in_gap {
            self.bad.push(BadPlace { pos: self.to, fault: Fault::Differs });
        }
    }
}
