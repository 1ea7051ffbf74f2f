//! Makes a scenario that fails small: what is left is what it takes.

use core::time::Duration;

use segment_proto::Instant;

use crate::checkers::Check;
use crate::network::NodeId;
use crate::run::live_scenario;
use crate::scenario::{Happening, Scenario, What};
use crate::trace::Printing;

/// What a scenario was made into.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest one found that still breaks the same check.
    pub scenario: Scenario,
    /// Worlds that were lived for that.
    pub lived: u32,
}

/// Shrinks a scenario whose first finding is of this check, in so many worlds at most.
#[must_use]
pub fn shrink(scenario: &Scenario, check: Check, worlds_max: u32) -> Shrunk {
    let mut shrinking = Shrinking { best: scenario.clone(), check, lived: 0, worlds_max };
    loop {
        let before = shrinking.best.clone();
        shrinking.shorten();
        shrinking.leave_out_kinds();
        shrinking.leave_out_happenings();
        shrinking.leave_out_users();
        shrinking.simplify_shape();
        if shrinking.best == before || shrinking.is_spent() {
            return Shrunk { scenario: shrinking.best, lived: shrinking.lived };
        }
    }
}

struct Shrinking {
    best: Scenario,
    check: Check,
    lived: u32,
    worlds_max: u32,
}

impl Shrinking {
    fn is_spent(&self) -> bool {
        self.lived >= self.worlds_max
    }

    /// Takes a smaller scenario if it still fails in the same way.
    fn try_one(&mut self, candidate: Scenario) -> bool {
        if candidate == self.best || self.is_spent() {
            return false;
        }
        self.lived += 1;
        let outcome = live_scenario(&candidate, Printing::Silent);
        let fails = outcome.findings.first().is_some_and(|finding| finding.check == self.check);
        if fails {
            self.best = candidate;
        }
        fails
    }

    fn try_keeping(&mut self, keep: impl Fn(&Happening) -> bool) -> bool {
        let happenings = self.best.happenings.iter().filter(|one| keep(one)).copied().collect();
        self.try_one(Scenario { happenings, ..self.best.clone() })
    }

    /// Ends the storm earlier, by ever smaller parts.
    fn shorten(&mut self) {
        let mut part = self.best.shape.storm / 2;
        while part > Duration::from_millis(200) && !self.is_spent() {
            let mut candidate = self.best.clone();
            candidate.shape.storm = candidate.shape.storm.saturating_sub(part);
            let end = Instant(0) + candidate.shape.storm;
            candidate.happenings.retain(|one| one.at <= end);
            if !self.try_one(candidate) {
                part /= 2;
            }
        }
    }

    /// All happenings of a kind at once.
    fn leave_out_kinds(&mut self) {
        let mut kinds: Vec<What> = self.best.happenings.iter().map(|one| one.what).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            self.try_keeping(|one| one.what != kind);
        }
    }

    /// Runs of happenings, ever shorter, down to single ones.
    fn leave_out_happenings(&mut self) {
        let mut run = self.best.happenings.len() / 2;
        while run > 0 && !self.is_spent() {
            let mut from = 0;
            while from < self.best.happenings.len() && !self.is_spent() {
                let mut candidate = self.best.clone();
                let to = (from + run).min(candidate.happenings.len());
                candidate.happenings.drain(from..to);
                if !self.try_one(candidate) {
                    from += run;
                }
            }
            run /= 2;
        }
    }

    /// The last visitor, the last member, the last channel.
    fn leave_out_users(&mut self) {
        loop {
            let shape = &self.best.shape;
            let last_member = shape.hosts + shape.members;
            let mut smaller = Vec::new();
            if shape.visitors > 0 {
                smaller.push(self.without_user(last_member + shape.visitors, |shape| shape.visitors -= 1));
            }
            if shape.members > 0 {
                smaller.push(self.without_user(last_member, |shape| shape.members -= 1));
            }
            if shape.hosts > 1 {
                smaller.push(self.without_user(shape.hosts, |shape| shape.hosts -= 1));
            }
            if shape.channels > 1 {
                let mut candidate = self.best.clone();
                candidate.shape.channels -= 1;
                smaller.push(candidate);
            }
            if !smaller.into_iter().any(|candidate| self.try_one(candidate)) {
                return;
            }
        }
    }

    /// Without a node: what happens to it is left out, and those behind it move up.
    fn without_user(&self, node: u16, fewer: impl FnOnce(&mut crate::scenario::Shape)) -> Scenario {
        let mut candidate = self.best.clone();
        fewer(&mut candidate.shape);
        candidate.happenings.retain(|one| one.node.0 != node && one.with.is_none_or(|with| with.0 != node));
        let liar = candidate.shape.liar.filter(|liar| liar.0 != node);
        candidate.shape.liar = liar.map(|liar| if liar.0 > node { NodeId(liar.0 - 1) } else { liar });
        let places = candidate.happenings.iter_mut().flat_map(|one| [Some(&mut one.node), one.with.as_mut()]);
        places.flatten().filter(|place| place.0 > node).for_each(|place| place.0 -= 1);
        candidate
    }

    fn simplify_shape(&mut self) {
        let mut candidate = self.best.clone();
        candidate.shape.clock_skew = Duration::ZERO;
        candidate.shape.clock_drift_ppm = 0;
        self.try_one(candidate);
        let mut candidate = self.best.clone();
        candidate.shape.second_device_permille = 0;
        self.try_one(candidate);
        let mut candidate = self.best.clone();
        candidate.shape.send_queue_bytes_max = 256 * 1_024;
        self.try_one(candidate);
    }
}
