//! Sequencing: envelopes come in, are judged, written, and only then acknowledged.
//!
//! The same for whoever owns the epoch. What is its own (who may come, what a write holds, where
//! answers go) stays with the owner: it is handed steps, and does them.

mod judge;
mod outside;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Submit};
use segment_proto::{
    AccountId, DeviceId, DeviceRecord, Fence, Hash, Identity, Instant, Limits, MessageKey, Now, Reason, Signed,
    SignedEnvelope,
};

use crate::outbox::Asker;
use crate::rate::Gcra;
use crate::rules::{Rule, Rules};
use crate::store::{Lookup, StoredEntry};
use crate::sync::accept::Found;
use crate::sync::log::ChannelLog;
use outside::Outside;

/// Answers that wait for a write. Policy: `slow_down`.
const WAITING_MAX: usize = 4_096;
/// Lookups of submits under way. Policy: `slow_down`.
const LOOKUPS_MAX: usize = 256;
/// Devices whose rates are remembered. Policy: `slow_down` for others, until one owes nothing.
const RATES_MAX: usize = 16_384;
/// How long an author waits when the sequencer has too much to do, or is just changing.
pub const BUSY_RETRY_MS: u32 = 500;

/// What a sequencer judges by, besides its log.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The limits.
    pub limits: &'a Limits,
    /// The rules.
    pub rules: Rules,
    /// The time.
    pub now: Now,
    /// The own key, which checks what others have signed.
    pub identity: &'a Identity,
    /// The tracker's key, where it is known.
    pub tracker: Option<DeviceId>,
}

/// Whose session brings envelopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitter {
    /// The account.
    pub account: AccountId,
    /// The device that TLS has proven.
    pub device: DeviceId,
}

/// Envelopes that are being judged.
#[derive(Debug)]
pub struct SubmitJob {
    /// Who awaits the fates.
    pub asker: Asker,
    /// For which epoch it was meant.
    pub fence: Fence,
    by: Submitter,
    /// Whose devices the others are whose envelopes are carried, as the tracker has signed it.
    authors: Vec<(DeviceId, AccountId)>,
    envelopes: VecDeque<SignedEnvelope>,
    fates: Vec<Fate>,
    until: u64,
    /// Of each author the last one that has to come again: what builds on it comes too early, whatever is on disk.
    held_back: BTreeMap<DeviceId, Hash>,
    /// Something in it has to come again later, and with it whatever stands behind that: it may answer it.
    slowed: Option<SlowedBy>,
}

/// Why something has to come again, and when.
#[derive(Clone, Copy, Debug)]
struct SlowedBy {
    reason: Option<Reason>,
    retry_after_ms: u32,
}

impl SlowedBy {
    fn fate(self, key: MessageKey) -> Fate {
        let Self { reason, retry_after_ms } = self;
        Fate { reason, retry_after_ms, ..Fate::new(key, FateCode::SlowDown) }
    }
}

impl SubmitJob {
    /// A job. Its fence is the sequencer's own.
    #[must_use]
    pub fn new(asker: Asker, by: Submitter, submit: Submit, terms: Terms<'_>) -> Self {
        let (envelopes, fates) = (submit.envelopes.into(), Vec::new());
        let authors = submit.authors.iter().filter(|record| is_by_tracker(record, terms));
        let authors = authors.map(|record| (record.device, record.who.account)).collect();
        let (until, held_back, slowed) = (0, BTreeMap::new(), None);
        Self { asker, fence: submit.fence, by, authors, envelopes, fates, until, held_back, slowed }
    }

    /// Whose device this is: the submitter's own, else as the tracker says.
    fn account_of(&self, device: DeviceId) -> Option<AccountId> {
        if device == self.by.device {
            return Some(self.by.account);
        }
        self.authors.iter().find(|(of, _)| *of == device).map(|(_, account)| *account)
    }

    fn judged(&mut self, envelope: &SignedEnvelope, fate: Fate, until: u64) {
        if is_held_back(&fate) {
            self.held_back.insert(envelope.key.device, envelope.hash());
        } else {
            self.held_back.remove(&envelope.key.device);
        }
        if fate.code == FateCode::SlowDown {
            self.slowed = Some(SlowedBy { reason: fate.reason, retry_after_ms: fate.retry_after_ms });
        }
        self.until = self.until.max(until);
        self.fates.push(fate);
    }
}

/// Whether it has to come again.
fn is_held_back(fate: &Fate) -> bool {
    matches!(fate.code, FateCode::SlowDown | FateCode::Expected)
}

fn is_by_tracker(record: &Signed<DeviceRecord>, terms: Terms<'_>) -> bool {
    terms.tracker.is_some_and(|key| record.is_signed_by(&key, &terms.identity.verifier()))
}

/// Whether a submit is meant for the epoch in which it would be sequenced.
#[must_use]
pub fn is_meant_for(submit: Fence, own: Fence, rules: Rules) -> bool {
    submit == own || !rules.has(Rule::SubmitFence)
}

#[derive(Debug)]
struct Waiting {
    asker: Asker,
    until: u64,
    fates: Vec<Fate>,
}

/// What is on its way to the disk, and who waits for it.
#[derive(Debug, Default)]
pub struct Sequencer {
    unwritten: Vec<StoredEntry>,
    writing: bool,
    waiting: Vec<Waiting>,
    lookups: usize,
    /// Counts cuts, so that a write from before one is not taken for what stands there now.
    pub cuts: u64,
    rates: BTreeMap<DeviceId, Gcra>,
    outside: Outside,
}

impl Sequencer {
    /// Why a submit is not even judged now.
    ///
    /// # Errors
    /// The failure to answer: nothing of it was taken.
    pub fn check_room(&self, submit: &Submit, limits: &Limits) -> Result<(), Failure> {
        let busy = self.waiting.len() >= WAITING_MAX || self.lookups >= LOOKUPS_MAX;
        if busy || submit.envelopes.len() > limits.batch_entries_max {
            return Err(Failure::retry_after(Reason::SlowDown, BUSY_RETRY_MS));
        }
        Ok(())
    }

    /// Judges what is left of a job; `found` answers what its first envelope asked for. Gives the job back
    /// where the next one needs an entry that is not in memory: look it up, say [`Self::looked_up`], run again.
    pub fn run(
        &mut self,
        log: &mut ChannelLog,
        mut job: SubmitJob,
        mut found: Found,
        terms: Terms<'_>,
    ) -> Option<(Lookup, SubmitJob)> {
        while let Some(envelope) = job.envelopes.pop_front() {
            match self.judge(log, &job, &envelope, &found.take(), terms) {
                Ok((fate, until)) => {
                    if is_held_back(&fate) {
                        self.outside.note(&envelope);
                    }
                    job.judged(&envelope, fate, until);
                }
                Err(lookup) => {
                    self.outside.note(&envelope);
                    job.envelopes.push_front(envelope);
                    self.lookups += 1;
                    return Some((lookup, job));
                }
            }
        }
        self.waiting.push(Waiting { asker: job.asker, until: job.until, fates: job.fates });
        None
    }

    /// A lookup has ended.
    pub fn looked_up(&mut self) {
        self.lookups -= 1;
    }

    /// Gives an envelope the next place; it is written with the next write.
    pub fn sequence(
        &mut self,
        log: &mut ChannelLog,
        envelope: SignedEnvelope,
        epoch: u32,
        terms: Terms<'_>,
    ) -> StoredEntry {
        let stored = log.sequence(envelope, epoch, terms.now.wall, terms.rules);
        self.unwritten.push(stored.clone());
        stored
    }

    /// Takes in an entry that another has sequenced; it is written with the next write.
    pub fn append(&mut self, log: &mut ChannelLog, stored: StoredEntry, rules: Rules) {
        log.append(stored.clone(), rules);
        self.unwritten.push(stored);
    }

    /// Entries that wait for the write before them.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// Takes back what is not handed to the store yet.
    pub fn drop_unwritten(&mut self, log: &mut ChannelLog, rules: Rules) {
        if let Some(first) = self.unwritten.first().map(|stored| stored.entry.pos) {
            self.unwritten.clear();
            log.cut(first - 1, rules);
        }
    }

    /// Whether nothing is being judged or written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unwritten.is_empty() && !self.writing && self.lookups == 0
    }

    /// What the next write holds. One transaction at a time: what comes meanwhile goes with the next.
    pub fn begin_write(&mut self) -> Option<Vec<StoredEntry>> {
        if self.writing || self.unwritten.is_empty() {
            return None;
        }
        self.writing = true;
        Some(core::mem::take(&mut self.unwritten))
    }

    /// Whether a write is under way.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.writing
    }

    /// The write is done.
    pub fn end_write(&mut self) {
        self.writing = false;
    }

    /// The fates that rest on nothing above `durable`. What is committed meanwhile is said to be.
    pub fn answers(&mut self, log: &ChannelLog, durable: u64) -> Vec<(Asker, Vec<Fate>)> {
        let committed = log.committed();
        let ready = self.waiting.extract_if(.., |waiting| waiting.until <= durable);
        let answer = |Waiting { asker, mut fates, .. }: Waiting| {
            for fate in fates.iter_mut().filter(|fate| fate.code == FateCode::Stored && fate.pos <= committed) {
                fate.code = FateCode::Committed;
            }
            (asker, fates)
        };
        ready.map(answer).collect()
    }

    /// The log was cut: what was under way stands no more. Returns who waits for nothing now.
    pub fn cut(&mut self) -> Vec<Asker> {
        self.cuts += 1;
        self.unwritten.clear();
        self.writing = false;
        self.waiting.drain(..).map(|waiting| waiting.asker).collect()
    }

    /// Somebody has left: forgets who owes nothing, so that nobody sends more by coming again.
    pub fn forget(&mut self, now: Instant) {
        self.rates.retain(|_, rate| !rate.is_full(now));
    }
}
