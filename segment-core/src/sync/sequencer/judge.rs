//! What becomes of one envelope: the faults that need no log, the accept rule, the bounds.

use core::time::Duration;

use segment_proto::messages::{Fate, FateCode};
use segment_proto::{DeviceId, EnvelopeKind, MessageKey, Reason, SignedEnvelope};

use crate::rate::Gcra;
use crate::rules::Rule;
use crate::store::Lookup;
use crate::sync::accept::{Found, Verdict, accept};
use crate::sync::log::ChannelLog;
use crate::sync::sequencer::{BUSY_RETRY_MS, RATES_MAX, Sequencer, SubmitJob, Terms};

impl Sequencer {
    /// The fate, and up to where the disk must be before it is said.
    pub(super) fn judge(
        &mut self,
        log: &mut ChannelLog,
        job: &SubmitJob,
        envelope: &SignedEnvelope,
        found: &Found,
        terms: Terms<'_>,
    ) -> Result<(Fate, u64), Lookup> {
        let key = envelope.key;
        if let Some(reason) = static_fault(log, envelope, terms) {
            return Ok((refused(key, reason, 0), 0));
        }
        let author = log.fold().account_of(key.device).or_else(|| job.account_of(key.device));
        if author.is_some_and(|account| account != envelope.account) {
            return Ok((refused(key, Reason::NotTheAuthor, 0), 0));
        }
        let unknown = author.is_none() && terms.rules.has(Rule::CarriedAuthor);
        let verdict = match job.held_back.get(&key.device) {
            Some(last) if *last == envelope.prev => too_early(log, envelope),
            _ if unknown => too_early(log, envelope),
            _ => self.accept(log, envelope, found, terms),
        };
        let slowed = job.slowed.filter(|_| terms.rules.has(Rule::SubmitInOrder));
        if let (Some(slowed), Verdict::Accept | Verdict::Expected(_)) = (slowed, &verdict) {
            return Ok((slowed.fate(key), 0));
        }
        let fate = match verdict {
            Verdict::Accept => return Ok(self.take_in(log, job, envelope, terms)),
            Verdict::Duplicate { pos, epoch } => {
                return Ok((Fate { pos, epoch, ..Fate::new(key, FateCode::Stored) }, pos));
            }
            Verdict::Refused { reason, pos } => refused(key, reason, pos),
            Verdict::Forgotten => Fate::new(key, FateCode::Forgotten),
            Verdict::Fork(row) => Fate { row: Some(row), ..Fate::new(key, FateCode::Fork) },
            Verdict::Expected(row) => Fate { row: Some(row), ..Fate::new(key, FateCode::Expected) },
            Verdict::Unknown(lookup) => return Err(lookup),
        };
        // What an answer shows must be on disk: the row, or the entry that refuses.
        Ok((fate, log.head().pos))
    }

    /// The accept rule; what is known to be missing is not looked up.
    fn accept(&self, log: &ChannelLog, envelope: &SignedEnvelope, found: &Found, terms: Terms<'_>) -> Verdict {
        let verdict = accept(log, envelope, &envelope.hash(), found, terms.rules);
        if !matches!(verdict, Verdict::Unknown(Lookup::Hash(_))) {
            return verdict;
        }
        let row = log.fold().row(envelope.key.device, envelope.account);
        if self.outside.has_before(envelope, &row) { Verdict::Expected(row) } else { verdict }
    }

    fn take_in(
        &mut self,
        log: &mut ChannelLog,
        job: &SubmitJob,
        envelope: &SignedEnvelope,
        terms: Terms<'_>,
    ) -> (Fate, u64) {
        let key = envelope.key;
        if log.provisional() >= terms.limits.tail_entries_max {
            return (slow_down(key, Reason::TailFull, BUSY_RETRY_MS), 0);
        }
        if let Err(wait) = self.check_rate(job.by.device, terms) {
            let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            return (slow_down(key, Reason::SlowDown, millis), 0);
        }
        let stored = self.sequence(log, envelope.clone(), job.fence.epoch, terms);
        let fate = Fate { pos: stored.entry.pos, epoch: stored.entry.epoch, ..Fate::new(key, FateCode::Stored) };
        (fate, stored.entry.pos)
    }

    /// What counts is who brings, not who has written.
    fn check_rate(&mut self, device: DeviceId, terms: Terms<'_>) -> Result<(), Duration> {
        if self.rates.len() >= RATES_MAX {
            self.forget(terms.now.mono);
        }
        if self.rates.len() >= RATES_MAX && !self.rates.contains_key(&device) {
            return Err(Duration::from_secs(1));
        }
        let new_rate = || Gcra::new(terms.limits.messages_per_second, terms.limits.messages_burst);
        self.rates.entry(device).or_insert_with(new_rate).check(terms.now.mono)
    }
}

fn static_fault(log: &ChannelLog, envelope: &SignedEnvelope, terms: Terms<'_>) -> Option<Reason> {
    if envelope.key.channel != log.id.channel {
        return Some(Reason::BadEnvelope);
    }
    let readable = match envelope.kind {
        EnvelopeKind::Text => envelope.text().is_some(),
        EnvelopeKind::Access => envelope.access().is_some(),
        EnvelopeKind::Unknown(_) => true,
    };
    (!readable || !envelope.fits(terms.limits)).then_some(Reason::BadEnvelope)
}

fn too_early(log: &ChannelLog, envelope: &SignedEnvelope) -> Verdict {
    Verdict::Expected(log.fold().row(envelope.key.device, envelope.account))
}

fn refused(key: MessageKey, reason: Reason, pos: u64) -> Fate {
    Fate { reason: Some(reason), pos, ..Fate::new(key, FateCode::Refused) }
}

fn slow_down(key: MessageKey, reason: Reason, retry_after_ms: u32) -> Fate {
    Fate { reason: Some(reason), retry_after_ms, ..Fate::new(key, FateCode::SlowDown) }
}
