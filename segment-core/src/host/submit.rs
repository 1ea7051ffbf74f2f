//! Sequencing: envelopes come in, are judged, written, and only then acknowledged.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Fenced, Submit, Submitted};
use segment_proto::{AccountId, DeviceId, EnvelopeKind, Fence, Hash, Instant, MessageKey, Reason, SignedEnvelope};

use crate::host::{Host, HostTask, Rates};
use crate::outbox::Asker;
use crate::peer::context::{Context, LOCAL};
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rate::Gcra;
use crate::rules::Rule;
use crate::store::{Operation, StoreOperation, StoredEntry, Write};
use crate::sync::accept::Found;
use crate::sync::{Verdict, accept};

/// Answers that wait for a write. Policy: `slow_down`.
const WAITING_MAX: usize = 4_096;
/// Lookups of submits under way. Policy: `slow_down`.
const LOOKUPS_MAX: usize = 256;
/// How long an author waits when the tail is full.
const TAIL_FULL_RETRY_MS: u32 = 500;

/// Envelopes that are being judged.
#[derive(Debug)]
pub struct SubmitJob {
    asker: Asker,
    account: AccountId,
    device: DeviceId,
    envelopes: VecDeque<SignedEnvelope>,
    fates: Vec<Fate>,
    until: u64,
    /// For which epoch it was meant.
    fence: Fence,
    /// The last one that has to come again: what builds on it comes too early, whatever is on disk.
    held_back: Option<Hash>,
}

#[derive(Debug)]
struct Waiting {
    asker: Asker,
    until: u64,
    fates: Vec<Fate>,
}

/// What is on its way to the disk, and who waits for it.
#[derive(Debug, Default)]
pub struct Submits {
    unwritten: Vec<StoredEntry>,
    writing: bool,
    waiting: Vec<Waiting>,
    lookups: usize,
    /// Counts cuts, so that a write from before one is not taken for what stands there now.
    pub cuts: u64,
    rates: Rates,
}

impl Submits {
    /// The log was cut: what was under way stands no more.
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

impl Host {
    pub(super) fn on_submit(&mut self, from: Asker, submit: Submit, cx: &mut Context<'_>) {
        let Some(member) = self.members.get(from.link) else {
            return cx.out.fail(from, Reason::OutOfOrder, "subscribe first");
        };
        let (account, device) = (member.who.account, member.device);
        if self.is_expired(from.link, cx) {
            return cx.out.fail(from, Reason::BadCertificate, "expired");
        }
        if account == AccountId::NOBODY {
            return cx.out.fail(from, Reason::VisitorsMayOnlyRead, "");
        }
        let Some(fence) = self.tenure.owned() else {
            return cx.out.fail_with(from, &Failure::retry_after(Reason::NotNow, TAIL_FULL_RETRY_MS));
        };
        if submit.fence != fence {
            if let Some(record) = self.log.epoch() {
                cx.out.push(from.link, &Fenced { record: record.clone() });
            }
            return cx.out.fail(from, Reason::Fenced, "meant for another epoch");
        }
        let busy = self.submits.waiting.len() >= WAITING_MAX || self.submits.lookups >= LOOKUPS_MAX;
        if busy || submit.envelopes.len() > cx.limits.batch_entries_max {
            return cx.out.fail_with(from, &Failure::retry_after(Reason::SlowDown, TAIL_FULL_RETRY_MS));
        }
        if from.link != LOCAL && !submit.envelopes.is_empty() {
            let (channel, with) = (self.channel(), Source::Peer(device));
            cx.out.event(PeerEvent::Transferred { channel, with, transfer: Transfer::Live, first: 0, last: 0 });
        }
        let (envelopes, fates) = (submit.envelopes.into(), Vec::new());
        let job = SubmitJob { asker: from, account, device, envelopes, fates, until: 0, fence, held_back: None };
        self.run_submit(job, None, cx);
    }

    /// A lookup has ended; perhaps the epoch has too.
    pub(super) fn on_looked_up(&mut self, job: SubmitJob, found: Option<StoredEntry>, cx: &mut Context<'_>) {
        self.submits.lookups -= 1;
        if self.tenure.owned() != Some(job.fence) {
            return cx.out.fail_with(job.asker, &Failure::retry_after(Reason::NotNow, TAIL_FULL_RETRY_MS));
        }
        self.run_submit(job, Some(found), cx);
    }

    /// Judges what is left of a job; `found` answers what its first envelope asked for.
    fn run_submit(&mut self, mut job: SubmitJob, mut found: Found, cx: &mut Context<'_>) {
        while let Some(envelope) = job.envelopes.pop_front() {
            match self.judge(&job, &envelope, &found.take(), cx) {
                Ok((fate, until)) => {
                    let again = matches!(fate.code, FateCode::SlowDown | FateCode::Expected);
                    job.held_back = again.then(|| envelope.hash());
                    job.until = job.until.max(until);
                    job.fates.push(fate);
                }
                Err(lookup) => {
                    job.envelopes.push_front(envelope);
                    let find = StoreOperation::Find { log: self.log.id, lookup };
                    let task = self.task(HostTask::LookedUp(job));
                    self.submits.lookups += 1;
                    cx.out.perform(task, Operation::Store(find));
                    return self.flush(cx);
                }
            }
        }
        self.submits.waiting.push(Waiting { asker: job.asker, until: job.until, fates: job.fates });
        self.flush(cx);
        self.answer_waiting(cx);
    }

    fn judge(
        &mut self,
        job: &SubmitJob,
        envelope: &SignedEnvelope,
        found: &Found,
        cx: &mut Context<'_>,
    ) -> Result<(Fate, u64), crate::store::Lookup> {
        let key = envelope.key;
        if let Some(reason) = self.static_fault(job, envelope, cx) {
            return Ok((refused(key, reason, 0), 0));
        }
        if job.held_back == Some(envelope.prev) {
            let row = self.log.fold().row(job.device, job.account);
            return Ok((Fate { row: Some(row), ..Fate::new(key, FateCode::Expected) }, self.log.head().pos));
        }
        let hash = envelope.hash();
        let fate = match accept(&self.log, envelope, &hash, found, cx.rules) {
            Verdict::Accept => return Ok(self.take_in(envelope, cx)),
            Verdict::Duplicate { pos, epoch } => {
                return Ok((Fate { pos, epoch, ..Fate::new(key, FateCode::Stored) }, pos));
            }
            Verdict::Refused { reason, pos } => refused(key, reason, pos),
            Verdict::Fork(row) => Fate { row: Some(row), ..Fate::new(key, FateCode::Fork) },
            Verdict::Expected(row) => Fate { row: Some(row), ..Fate::new(key, FateCode::Expected) },
            Verdict::Unknown(lookup) => return Err(lookup),
        };
        // What an answer shows must be on disk: the row, or the entry that refuses.
        Ok((fate, self.log.head().pos))
    }

    fn static_fault(&self, job: &SubmitJob, envelope: &SignedEnvelope, cx: &Context<'_>) -> Option<Reason> {
        if envelope.key.channel != self.channel() {
            return Some(Reason::BadEnvelope);
        }
        if envelope.key.device != job.device || envelope.account != job.account {
            return Some(Reason::NotTheAuthor);
        }
        let readable = match envelope.kind {
            EnvelopeKind::Text => envelope.text().is_some(),
            EnvelopeKind::Access => envelope.access().is_some(),
            EnvelopeKind::Unknown(_) => true,
        };
        (!readable || !envelope.fits(cx.limits)).then_some(Reason::BadEnvelope)
    }

    fn take_in(&mut self, envelope: &SignedEnvelope, cx: &mut Context<'_>) -> (Fate, u64) {
        let key = envelope.key;
        if self.log.provisional() >= cx.limits.tail_entries_max {
            return (slow_down(key, Reason::TailFull, TAIL_FULL_RETRY_MS), 0);
        }
        let rate = self
            .submits
            .rates
            .entry(key.device)
            .or_insert_with(|| Gcra::new(cx.limits.messages_per_second, cx.limits.messages_burst));
        if let Err(wait) = rate.check(cx.now.mono) {
            let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            return (slow_down(key, Reason::SlowDown, millis), 0);
        }
        let stored = self.sequence(envelope.clone(), cx);
        let fate = Fate { pos: stored.entry.pos, epoch: stored.entry.epoch, ..Fate::new(key, FateCode::Stored) };
        (fate, stored.entry.pos)
    }

    /// Gives an envelope the next place; it is written with the next flush.
    pub(super) fn sequence(&mut self, envelope: SignedEnvelope, cx: &mut Context<'_>) -> StoredEntry {
        let epoch = self.tenure.owned().map_or(0, |fence| fence.epoch);
        let stored = self.log.sequence(envelope, epoch, cx.now.wall, cx.rules);
        self.submits.unwritten.push(stored.clone());
        stored
    }

    /// Writes what is unwritten, one transaction at a time: what comes meanwhile goes with the next.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        if self.submits.writing || self.submits.unwritten.is_empty() {
            return;
        }
        self.submits.writing = true;
        let entries = core::mem::take(&mut self.submits.unwritten);
        let task = self.task(HostTask::Stored { last: self.log.head().pos, cuts: self.submits.cuts });
        cx.out.write(task, alloc::vec![Write::Append { log: self.log.id, entries }]);
        if !cx.rules.has(Rule::StoreBeforeReplicate) {
            self.replicate(cx);
        }
    }

    pub(super) fn on_stored(&mut self, last: u64, cuts: u64, cx: &mut Context<'_>) {
        if cuts != self.submits.cuts {
            return;
        }
        self.submits.writing = false;
        let from = self.log.durable() + 1;
        self.log.set_durable(last);
        self.flush(cx);
        self.answer_waiting(cx);
        self.fan_out(from, last, cx);
        self.replicate(cx);
    }

    fn answer_waiting(&mut self, cx: &mut Context<'_>) {
        let durable = if cx.rules.has(Rule::StoreBeforeStored) { self.log.durable() } else { u64::MAX };
        let committed = self.log.committed();
        let (channel, fence) = (self.channel(), self.tenure.owned().unwrap_or_default());
        let ready = self.submits.waiting.extract_if(.., |waiting| waiting.until <= durable);
        for Waiting { asker, mut fates, .. } in ready {
            for fate in fates.iter_mut().filter(|fate| fate.code == FateCode::Stored && fate.pos <= committed) {
                fate.code = FateCode::Committed;
            }
            cx.out.answer(asker, &Submitted { channel, fence, fates });
        }
    }
}

fn refused(key: MessageKey, reason: Reason, pos: u64) -> Fate {
    Fate { reason: Some(reason), pos, ..Fate::new(key, FateCode::Refused) }
}

fn slow_down(key: MessageKey, reason: Reason, retry_after_ms: u32) -> Fate {
    Fate { reason: Some(reason), retry_after_ms, ..Fate::new(key, FateCode::SlowDown) }
}
