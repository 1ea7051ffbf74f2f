//! A parent that gives signs of life and no frames: perhaps there are none, perhaps it keeps them back. Somebody else is
//! asked, while it stays; who has frames then, while it begins none, takes its place.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Node, TrackPlace};
use segment_proto::{DeviceId, Instant, LinkId};

use super::source::Trial;
use super::{BAN, Parents};
use crate::contract::{Deadline, earliest};
use crate::stream::StreamContext;

/// Without a frame for so long, or for so many of their intervals, somebody else is asked; then after twice that, and so on.
const HUNGRY_AFTER: Duration = Duration::from_secs(3);
const HUNGRY_INTERVALS: u32 = 10;
const DOUBLINGS_MAX: u32 = 4;
/// How long somebody is asked for a frame, and how long the parent has to begin one when another has one.
const TRIAL: Duration = Duration::from_secs(1);

/// How long there was no frame.
#[derive(Debug, Default)]
pub(super) struct Hunger {
    /// When one came last, or the parent.
    fed: Instant,
    trials: u32,
    /// Who was asked last.
    asked: Option<DeviceId>,
}

impl Hunger {
    /// Somebody serves from now on.
    pub(super) fn begin(&mut self, now: Instant) {
        self.fed = now;
    }
}

impl Parents {
    fn hungry_at(&self) -> Option<Instant> {
        let after = HUNGRY_AFTER.max(self.interval * HUNGRY_INTERVALS) * (1 << self.hunger.trials.min(DOUBLINGS_MAX));
        let is_served = self.active.is_some() && self.next.is_none();
        (is_served && self.plan.as_ref().is_some_and(|plan| !plan.backups.is_empty())).then(|| self.hunger.fed + after)
    }

    fn trial(&self) -> Option<Trial> {
        self.next.as_ref().and_then(|next| next.trial)
    }

    /// A frame has come on this link, whole.
    pub(crate) fn on_frame(&mut self, link: LinkId, now: Instant) {
        self.hunger.fed = now;
        match self.next.as_mut().filter(|next| next.link == link).and_then(|next| next.trial.as_mut()) {
            Some(trial) if trial.fed.is_none() => (trial.fed, trial.until) = (Some(now), now + TRIAL),
            Some(_) => {}
            None => self.hunger.trials = 0,
        }
    }

    /// What is due of this.
    pub(crate) fn on_hunger(&mut self, after: impl FnOnce() -> Vec<TrackPlace>, cx: &mut StreamContext<'_>) {
        let now = cx.now.mono;
        if let Some(trial) = self.trial().filter(|trial| trial.until <= now) {
            return self.judge(trial, cx);
        }
        if self.hungry_at().is_none_or(|at| at > now) {
            return;
        }
        self.hunger.trials += 1;
        self.hunger.fed = now;
        let Some((node, link)) = self.another(now) else { return };
        self.hunger.asked = Some(node.device);
        self.ask(node, link, after, cx);
        if let Some(next) = &mut self.next {
            next.trial = Some(Trial { until: now + TRIAL, fed: None });
        }
    }

    /// Somebody else than the parent, and not twice the same where there are two.
    fn another(&self, now: Instant) -> Option<(Node, LinkId)> {
        let plan = self.plan.as_ref()?;
        let is_free = |node: &&Node| self.paused.get(&node.device).is_none_or(|until| *until <= now);
        let others = plan.backups.iter().chain(&plan.parent).filter(|node| Some(node.device) != self.parent());
        let mut others: Vec<&Node> = others.filter(is_free).collect();
        others.sort_by_key(|node| Some(node.device) == self.hunger.asked);
        others.into_iter().find_map(|node| self.reach(node))
    }

    fn judge(&mut self, trial: Trial, cx: &mut StreamContext<'_>) {
        let began = self.active.as_ref().map(|active| active.began);
        match (trial.fed, began, self.parent()) {
            (Some(fed), Some(began), Some(parent)) if began < fed => {
                self.take_over(cx);
                self.pause(parent, BAN, cx.now.mono);
                self.say_lost(parent, cx);
            }
            _ => {
                if let Some(next) = self.next.take() {
                    self.let_go(next.link, cx);
                }
            }
        }
    }

    pub(super) fn hunger_deadline(&self) -> Option<Deadline> {
        let hungry = self.hungry_at().map(|at| Deadline::new(at, "a parent without frames"));
        let trial = self.trial().map(|trial| Deadline::new(trial.until, "somebody on trial"));
        earliest([hungry, trial])
    }
}
