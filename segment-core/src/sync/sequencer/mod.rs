//! Sequencing: envelopes come in, are judged, written, and only then acknowledged.
//!
//! The same for whoever owns the epoch. What is its own (who may come, what a write holds, where
//! answers go) stays with the owner: it is handed steps, and does them.

mod judge;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Submit};
use segment_proto::{AccountId, DeviceId, Fence, Hash, Instant, Limits, Now, Reason, SignedEnvelope};

use crate::outbox::Asker;
use crate::rate::Gcra;
use crate::rules::Rules;
use crate::store::{Lookup, StoredEntry};
use crate::sync::accept::Found;
use crate::sync::log::ChannelLog;

/// Answers that wait for a write. Policy: `slow_down`.
const WAITING_MAX: usize = 4_096;
/// Lookups of submits under way. Policy: `slow_down`.
const LOOKUPS_MAX: usize = 256;
/// How long an author waits when the sequencer has too much to do, or is just changing.
pub const BUSY_RETRY_MS: u32 = 500;

/// What a sequencer judges by, besides its log.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The limits.
    pub limits: &'a Limits,
    /// The rules.
    pub rules: Rules,
    /// The time.
    pub now: Now,
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
    envelopes: VecDeque<SignedEnvelope>,
    fates: Vec<Fate>,
    until: u64,
    /// The last one that has to come again: what builds on it comes too early, whatever is on disk.
    held_back: Option<Hash>,
}

impl SubmitJob {
    /// A job. Its fence is the sequencer's own.
    #[must_use]
    pub fn new(asker: Asker, by: Submitter, submit: Submit) -> Self {
        let (envelopes, fates) = (submit.envelopes.into(), Vec::new());
        Self { asker, fence: submit.fence, by, envelopes, fates, until: 0, held_back: None }
    }

    fn judged(&mut self, envelope: &SignedEnvelope, fate: Fate, until: u64) {
        let again = matches!(fate.code, FateCode::SlowDown | FateCode::Expected);
        self.held_back = again.then(|| envelope.hash());
        self.until = self.until.max(until);
        self.fates.push(fate);
    }
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
                Ok((fate, until)) => job.judged(&envelope, fate, until),
                Err(lookup) => {
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

    /// What the next write holds. One transaction at a time: what comes meanwhile goes with the next.
    pub fn begin_write(&mut self) -> Option<Vec<StoredEntry>> {
        if self.writing || self.unwritten.is_empty() {
            return None;
        }
        self.writing = true;
        Some(core::mem::take(&mut self.unwritten))
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
