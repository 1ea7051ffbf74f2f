//! `/verify`: this peer's log of a channel is proven from its bytes, what does not hold is fetched
//! from another copy, and the copies at tracker and host are gone through against the same receipt.
//!
//! One thing at a time: subscribe at each copy, go through the own log, close its gaps, go through
//! each copy, unsubscribe, report. A copy that does not answer is left out, and the report says so.

mod steps;

use alloc::vec::Vec;

use segment_proto::messages::EntryPage;
use segment_proto::{ChannelId, Entry, Hash, LinkId, Message, Position, Receipt, Signed};

use crate::peer::events::Source;
use crate::store::{LogId, Operation, StoreOperation};
use crate::sync::verify::{Audit, BadPlace, Fault, Gap};

/// Longest run of bad places that is fetched anew. Policy: a longer one is reported, and left to
/// adopting or joining again.
const GAP_ENTRIES_MAX: u64 = 4_096;

/// What a verification has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The channel.
    pub channel: ChannelId,
    /// The first place of this peer's log, or of what it has cached.
    pub from: u64,
    /// Up to where everything was gone through: the last committed place.
    pub to: u64,
    /// This peer's last place.
    pub mine: Position,
    /// Entries whose bytes, link and signature were computed again.
    pub entries: u64,
    /// Places of this peer's log that did not hold.
    pub bad: Vec<BadPlace>,
    /// How many of them were put right from another copy.
    pub healed: u64,
    /// The other copies that could be asked.
    pub copies: Vec<CopyReport>,
}

impl Verified {
    /// Whether everything holds now.
    #[must_use]
    pub fn holds(&self) -> bool {
        let whole = |copy: &CopyReport| copy.bad.len() as u64 == copy.healed && copy.checked_to >= self.to;
        self.bad.len() as u64 == self.healed && self.copies.iter().all(whole)
    }
}

/// What was found in another copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// Whose.
    pub at: Source,
    /// Its last place.
    pub head: Position,
    /// Its highest receipt.
    pub committed: u64,
    /// Up to where it was gone through.
    pub checked_to: u64,
    /// Places that did not hold.
    pub bad: Vec<BadPlace>,
    /// How many of them were put right from this peer's log.
    pub healed: u64,
}

/// A copy that is asked.
#[derive(Debug)]
struct Copy {
    link: LinkId,
    /// It was subscribed to only for this.
    for_this: bool,
    report: Option<CopyReport>,
    /// The next place to go through, and the chain before it; none where nothing more is asked.
    walk: Option<(u64, Hash)>,
    asked: bool,
    brought: Brought,
}

/// What the copy was given for the place where it is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    Nothing,
    /// The entry of this place: enough where the next one is whole.
    One(u64),
    /// That and a page of what follows.
    Page(u64),
}

/// A gap that is being closed.
#[derive(Debug)]
struct Mend {
    gap: Gap,
    copy: usize,
    entries: Vec<Entry>,
}

/// A verification under way.
#[derive(Debug)]
pub(super) struct Verifying {
    log: LogId,
    receipt: Option<Signed<Receipt>>,
    from: u64,
    before: Hash,
    mine: Position,
    audit: Audit,
    ended: bool,
    mends: Vec<Mend>,
    healed: u64,
    copies: Vec<Copy>,
}

/// What an operation of a verification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyTask {
    /// A page of the own log.
    Audit,
    /// What stands behind a gap.
    Behind,
    /// A gap was closed with so many entries.
    Closed(u64),
    /// Own entries, for the copy that lacks them.
    Bring(usize),
}

/// What a request of a verification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRequest {
    /// The head of a copy.
    Head(usize),
    /// Entries for a gap.
    Fetch,
    /// A page of a copy.
    Walk(usize),
    /// Entries that were brought to a copy.
    Bring(usize),
}

impl Verifying {
    fn committed(&self) -> u64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.at.pos)
    }

    fn read(&self, from: u64, to: u64, entries_max: usize, bytes_max: usize) -> Operation {
        Operation::Store(StoreOperation::Read { log: self.log, from, to, entries_max, bytes_max })
    }

    /// The own log was gone through: what is to be closed, once.
    fn end_audit(&mut self) {
        self.ended = true;
        if let Some(receipt) = &self.receipt {
            self.audit.end(receipt.at.chain);
        }
        let short = |gap: &&Gap| gap.to - gap.from < GAP_ENTRIES_MAX;
        self.mends = self.audit.gaps.iter().rev().filter(short).map(|gap| Mend::new(*gap)).collect();
        for copy in &mut self.copies {
            copy.walk = copy.report.as_ref().map(|_| (self.from, self.before));
        }
    }

    fn fetched(&mut self, answer: Option<Message>) {
        let Some(mend) = self.mends.last_mut() else { return };
        let next = mend.gap.from + mend.entries.len() as u64;
        match answer {
            Some(Message::EntryPage(page)) if page.entries.first().is_some_and(|entry| entry.pos == next) => {
                let room = usize::try_from(mend.gap.to + 1 - next).unwrap_or(usize::MAX);
                mend.entries.extend(page.entries.into_iter().take(room));
            }
            _ => mend.try_next_copy(),
        }
    }

    fn report(self, channel: ChannelId) -> Verified {
        let (to, entries) = (self.audit.done_to(), self.audit.entries);
        let copies = self.copies.into_iter().filter_map(|copy| copy.report).collect();
        let Self { from, mine, healed, .. } = self;
        Verified { channel, from, to, mine, entries, bad: self.audit.bad, healed, copies }
    }
}

impl Mend {
    const fn new(gap: Gap) -> Self {
        Self { gap, copy: 0, entries: Vec::new() }
    }

    fn try_next_copy(&mut self) {
        self.copy += 1;
        self.entries.clear();
    }
}

impl Copy {
    const fn new(link: LinkId, for_this: bool) -> Self {
        Self { link, for_this, report: None, walk: None, asked: false, brought: Brought::Nothing }
    }

    fn note(&mut self, pos: u64, fault: Fault) {
        if let Some(report) = self.report.as_mut().filter(|report| report.bad.last().is_none_or(|bad| bad.pos != pos)) {
            report.bad.push(BadPlace { pos, fault });
        }
    }

    /// Up to where it is gone through: what this peer knows to be committed, and what the copy says is.
    fn walk_to(&self, known: u64) -> u64 {
        self.report.as_ref().map_or(known, |report| report.committed.max(known))
    }

    /// A page has come: it has to follow the chain so far, and to lead to the own receipt.
    fn take(&mut self, page: EntryPage, known: u64, end: Hash) {
        let to = self.walk_to(known);
        let Some((next, before)) = self.walk.take() else { return };
        let dense = page.entries.iter().zip(next..).all(|(entry, pos)| entry.pos == pos);
        if page.before != before || !dense || page.entries.is_empty() {
            return self.note(next, Fault::Differs);
        }
        let kept = page.entries.into_iter().take_while(|entry| entry.pos <= to);
        let (mut last, mut chain) = (next, before);
        for entry in kept {
            (last, chain) = (entry.pos, entry.chain(&chain));
            if last == known && chain != end {
                return self.note(next, Fault::Differs);
            }
        }
        if let (Some(report), Brought::One(pos) | Brought::Page(pos)) = (&mut self.report, self.brought) {
            report.healed += u64::from(pos == next);
            self.brought = Brought::Nothing;
        }
        if let Some(report) = &mut self.report {
            report.checked_to = last;
        }
        self.walk = (last < to).then_some((last + 1, chain));
    }

    /// It says that it is damaged where it was asked to go on.
    fn is_damaged(&mut self) {
        let Some((next, _)) = self.walk else { return };
        self.note(next, Fault::Damaged);
        self.brought = match self.brought {
            Brought::One(pos) if pos == next => Brought::Page(pos),
            Brought::Page(pos) if pos == next => return self.walk = None,
            _ => Brought::One(next),
        };
        // Only the tracker takes what others bring: the host heals its own log.
        if self.report.as_ref().is_some_and(|report| report.at != Source::Tracker) {
            self.walk = None;
        }
    }
}
