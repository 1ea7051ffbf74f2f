//! Cause before effect: what was shown here and then cut is brought to whoever sequences now, before what this
//! author writes next. Envelopes prove themselves; anybody may carry them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{DeviceId, DeviceRecord, Evidence, Instant, Signed, SignedEnvelope};

use crate::peer::context::{Context, Unanswered};
use crate::peer::events::{PeerEvent, Transfer};
use crate::replica::cache::Keeper;
use crate::replica::carry::{Carried, Progress, TRY_AGAIN, When};
use crate::replica::outbox::{Item, Submission};
use crate::replica::{Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::{StoredEntry, Write};

/// Others may carry the same: who has nothing to say waits up to so long, to see whether they do.
const CARRY_WITHIN: Duration = Duration::from_secs(5);

impl Replica {
    /// Entries were cut here that somebody else has written: they are carried, and what stood between them.
    pub(super) fn carry(&mut self, cut: Vec<SignedEnvelope>, cx: &mut Context<'_>) -> Vec<Write> {
        let me = cx.identity.device();
        let others = cut.iter().any(|envelope| envelope.key.device != me);
        let may_submit = cx.login.is_some_and(|login| !login.who.is_visitor());
        let is_member = self.cache.keeper == Keeper::Replica;
        if !others || !may_submit || !is_member || !cx.rules.has(Rule::CarryDisplayed) {
            return Vec::new();
        }
        self.carry_within(cx);
        self.carry.take_in(self.own_log(), cut)
    }

    fn carry_within(&mut self, cx: &mut Context<'_>) {
        let micros = u64::try_from(CARRY_WITHIN.as_micros()).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(cx.random.below(micros));
        if self.carry.when == When::Now {
            self.carry.when = When::Patiently(cx.now.mono + wait);
        }
    }

    /// Somebody else sequences, or answers: what stood where it was brought may stand there no more.
    pub(super) fn carry_anew(&mut self, cx: &mut Context<'_>) {
        if self.carry.items.iter().all(Carried::is_home) {
            return;
        }
        let away = self.carry.items.iter_mut().filter(|item| !item.is_home());
        away.for_each(|item| item.progress = Progress::Waiting);
        self.carry.when = When::Now;
        self.carry_within(cx);
    }

    /// It is time to bring what is carried, to whoever is there.
    pub(super) fn carry_now(&mut self, cx: &mut Context<'_>) {
        let is_due = |at: Instant| cx.now.mono >= at;
        if self.carry.early_at.is_some_and(is_due) {
            self.carry.try_early();
        }
        if matches!(self.carry.when, When::Patiently(at) | When::Later(at) if is_due(at)) {
            self.carry.when = When::Now;
        }
        self.pump(cx);
    }

    /// Brings what is carried, if it is time: who has something to say waits for nobody.
    pub(super) fn pump_carry(&mut self, cx: &mut Context<'_>) {
        let may_go = match self.carry.when {
            When::Now => true,
            When::Patiently(_) => self.outbox.items.iter().any(Item::is_open),
            When::Later(_) => false,
        };
        let Some((link, fence)) = self.submits_to(cx).filter(|_| may_go && self.carry.is_ahead()) else {
            return;
        };
        self.carry.when = When::Now;
        if self.carry.is_stuck() {
            self.carry_no_more(|_| true, cx);
        }
        if !self.carry.has_waiting() {
            return self.read_aside(cx);
        }
        let Some((submission, envelopes)) = self.carry.take_batch(fence, cx.limits) else {
            return;
        };
        let (channel, with, transfer) = (self.channel(), self.source(), Transfer::Submitted);
        cx.out.event(PeerEvent::Transferred { channel, with, transfer, first: 0, last: 0 });
        let authors = authors_of(&envelopes, cx);
        let submit = Submit { channel, fence, envelopes, authors, evidence: Evidence::default() };
        if cx.request(link, &submit, self.purpose(Wanted::Carried(submission))).is_err() {
            self.carry.not_submitted(&submission);
            self.carry_at(TRY_AGAIN, cx);
        }
    }

    fn carry_at(&mut self, after: Duration, cx: &Context<'_>) {
        self.carry.when = When::Later(cx.now.mono + after);
    }

    pub(super) fn on_carried(&mut self, submission: &Submission, submitted: &Submitted, cx: &mut Context<'_>) {
        for fate in &submitted.fates {
            self.on_carried_fate(submission, fate, cx);
        }
        if self.carry.not_submitted(submission) && self.carry.when == When::Now {
            self.carry_at(TRY_AGAIN, cx);
        }
        self.carried_up_to(self.cache.committed(), cx);
        self.pump(cx);
    }

    pub(super) fn on_not_carried(&mut self, submission: &Submission, unanswered: &Unanswered, cx: &mut Context<'_>) {
        if !self.carry.not_submitted(submission) {
            return;
        }
        let wait = match unanswered {
            Unanswered::Refused(failure) => Duration::from_millis(u64::from(failure.retry_after_ms)),
            Unanswered::NoAnswer(_) => Duration::ZERO,
        };
        self.carry_at(wait.max(TRY_AGAIN), cx);
    }

    fn on_carried_fate(&mut self, submission: &Submission, fate: &Fate, cx: &mut Context<'_>) {
        let of_it = |item: &&mut Carried| {
            item.envelope.key == fate.key && item.progress == Progress::Submitted(submission.number)
        };
        let Some(item) = self.carry.items.iter_mut().find(of_it) else {
            return;
        };
        let (number, is_own) = (item.number, fate.key.device == cx.identity.device());
        match fate.code {
            FateCode::Stored | FateCode::Committed => item.progress = Progress::Placed(fate.pos),
            FateCode::SlowDown => {
                item.progress = Progress::Waiting;
                self.carry_at(Duration::from_millis(u64::from(fate.retry_after_ms.max(10))), cx);
            }
            FateCode::Expected if is_own => match item.wait_for_cause() {
                Some(wait) => {
                    // What is written next builds on it.
                    item.progress = Progress::Waiting;
                    self.carry_at(wait, cx);
                }
                None => self.carry_as_own(number, cx),
            },
            FateCode::Expected => {
                item.progress = Progress::Early;
                let at = item.wait_for_cause().map(|wait| cx.now.mono + wait);
                self.carry.early_at = self.carry.early_at.into_iter().chain(at).min();
            }
            FateCode::Fork if is_own => self.carry_as_own(number, cx),
            _ => self.carry_no_more(|item| item.number == number, cx),
        }
    }

    /// An own message cannot be accepted as it is. Perhaps it was settled in an older generation: what it says is
    /// looked for, and signed again.
    fn carry_as_own(&mut self, number: u64, cx: &mut Context<'_>) {
        if let Some(item) = self.carry.items.iter().find(|item| item.number == number) {
            let own = item.envelope.clone();
            self.take_back(own, cx);
        }
        self.carry_no_more(|item| item.number == number, cx);
    }

    /// It stands here again.
    pub(super) fn carried_home(&mut self, fresh: &[StoredEntry], cx: &mut Context<'_>) {
        for item in &mut self.carry.items {
            if let Some(stored) = fresh.iter().find(|stored| stored.hash == item.hash) {
                item.progress = Progress::Home(stored.entry.pos);
            }
        }
        self.carried_up_to(self.cache.committed(), cx);
    }

    /// It stands there for good.
    pub(super) fn carried_up_to(&mut self, committed: u64, cx: &mut Context<'_>) {
        let stands =
            |item: &Carried| matches!(item.progress, Progress::Placed(pos) | Progress::Home(pos) if pos <= committed);
        if self.carry.items.iter().any(stands) {
            self.carry_no_more(stands, cx);
            self.pump_carry(cx);
        }
    }

    fn carry_no_more(&mut self, which: impl FnMut(&Carried) -> bool, cx: &mut Context<'_>) {
        let writes = self.carry.remove(self.own_log(), which);
        if writes.is_empty() {
            return;
        }
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        if self.carry.items.is_empty() {
            self.carry.when = When::Now;
        }
    }
}

/// Whose devices others are who have written these.
pub(super) fn authors_of(envelopes: &[SignedEnvelope], cx: &Context<'_>) -> Vec<Signed<DeviceRecord>> {
    let devices: BTreeSet<DeviceId> = envelopes.iter().map(|envelope| envelope.key.device).collect();
    let others = devices.iter().filter(|device| **device != cx.identity.device());
    others.filter_map(|device| cx.authors.record(device).cloned()).collect()
}
