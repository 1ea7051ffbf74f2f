//! Many worlds, one after another, and what they add up to.

use segment_proto::Instant;

use crate::checkers::{Check, Finding, TRACKER};
use crate::plant::Plant;
use crate::scenario::{Focus, Scenario};
use crate::trace::Printing;
use crate::world::{Outcome, World};

/// Lives the world that a seed draws.
#[must_use]
pub fn live(seed: u64, plant: Plant, printing: Printing) -> Outcome {
    live_scenario(&Scenario::draw(seed, Focus::Anything, plant), printing)
}

/// Lives a scenario. A panic of a machine is a finding like any other.
#[must_use]
pub fn live_scenario(scenario: &Scenario, printing: Printing) -> Outcome {
    let outcome = std::panic::catch_unwind(|| World::new(scenario, printing).live());
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let detail = format!("a machine panicked: {}", text.unwrap_or_default());
        let finding = Finding { check: Check::Contract, at: Instant(0), node: TRACKER, detail };
        Outcome { findings: vec![finding], ..Outcome::default() }
    })
}

/// What many worlds add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Worlds.
    pub seeds: u64,
    /// Messages committed.
    pub committed: u64,
    /// Faults suffered.
    pub faults: u64,
    /// Inputs and outputs.
    pub steps: u64,
}

impl Totals {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.committed += outcome.committed;
        self.faults += outcome.faults;
        self.steps += outcome.steps;
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            seeds: self.seeds + other.seeds,
            committed: self.committed + other.committed,
            faults: self.faults + other.faults,
            steps: self.steps + other.steps,
        }
    }

    /// Messages committed in a world, on average.
    #[must_use]
    pub fn committed_mean(&self) -> u64 {
        self.committed / self.seeds.max(1)
    }

    /// Faults suffered by a world, on average.
    #[must_use]
    pub fn faults_mean(&self) -> u64 {
        self.faults / self.seeds.max(1)
    }
}

/// A world in which something must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// The command that lives a world once more, with every input and output printed.
#[must_use]
pub fn replay(seed: u64, plant: Plant) -> String {
    replay_focused(seed, Focus::Anything, plant)
}

/// As [`replay`], for a world that is about something in particular.
#[must_use]
pub fn replay_focused(seed: u64, focus: Focus, plant: Plant) -> String {
    let focused = if focus == Focus::Anything { String::new() } else { format!(" --focus {}", focus.name()) };
    let planted = if plant == Plant::Nothing { String::new() } else { format!(" --plant {}", plant.name()) };
    format!("cargo run -p segment-sim --bin sim -- --seed {seed} --trace{focused}{planted}")
}
