//! When a parent is silent, and when it is told what was taken.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::limits::StreamLimits;

use super::source::{Left, Source};
use super::{PAUSE, Parents, TAKEN_AFTER};
use crate::contract::{Deadline, earliest};
use crate::rules::Rule;
use crate::stream::StreamContext;
use crate::stream::fanout::silence;

impl Parents {
    fn threshold(&self, limits: &StreamLimits) -> Duration {
        silence(self.interval, limits).max(self.usual_gap * 2)
    }

    /// Leaves who is silent, and says what was taken.
    pub(crate) fn handle_timeout(&mut self, cx: &mut StreamContext<'_>) {
        let (stream, now) = (self.stream, cx.now.mono);
        for source in [&mut self.active, &mut self.next].into_iter().flatten() {
            if let Some(tally) = self.tallies.get_mut(&source.link).filter(|tally| tally.unsaid() > 0)
                && source.said_at + TAKEN_AFTER <= now
            {
                source.say_taken(stream, tally, cx);
            }
        }
        self.patient_until.take_if(|until| *until <= now);
        self.paused.retain(|_, until| *until > now);
        if self.objects_at.is_some_and(|at| at <= now) {
            self.object(cx);
        }
        if !cx.rules.has(Rule::SilenceRepairs) {
            return [&mut self.active, &mut self.next].into_iter().flatten().for_each(|source| source.heard = now);
        }
        let threshold = self.threshold(cx.limits);
        let silent = |source: &&Source| source.heard + threshold <= now;
        let left = |source: &Source| Left { device: source.device, link: source.link, heard: source.heard };
        let silent: Vec<Left> = [&self.active, &self.next].into_iter().flatten().filter(silent).map(left).collect();
        for left in silent {
            // It may only have been slow: nothing more is to come from it.
            self.let_go(left.link, cx);
            self.lose(left.device, PAUSE, cx);
            self.left = Some(left);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self, limits: &StreamLimits) -> Option<Deadline> {
        let threshold = self.threshold(limits);
        let sources = || [&self.active, &self.next].into_iter().flatten();
        let silence = sources().map(|source| source.heard + threshold).min();
        let is_unsaid = |source: &&Source| self.tallies.get(&source.link).is_some_and(|tally| tally.unsaid() > 0);
        let taken = sources().filter(is_unsaid).map(|source| source.said_at + TAKEN_AFTER).min();
        let waiting = self.plan.is_some() && self.active.is_none() && self.next.is_none();
        let pause = self.paused.values().min().copied().filter(|_| waiting);
        let patience = self.patient_until.filter(|_| waiting);
        earliest([
            silence.map(|at| Deadline::new(at, "a silent parent")),
            taken.map(|at| Deadline::new(at, "what was taken")),
            pause.map(|at| Deadline::new(at, "a parent that failed")),
            self.objects_at.map(|at| Deadline::new(at, "a plan that names somebody who was left")),
            patience.map(|at| Deadline::new(at, "patience with a parent")),
            self.hunger_deadline(),
        ])
    }
}
