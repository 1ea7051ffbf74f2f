//! The end of a world: nothing goes wrong any more, and everything must come to rest.

use core::time::Duration;

use segment_proto::Instant;

use super::{Outcome, World};
use crate::checkers::findings::{Finding, Findings};
use crate::checkers::{Check, TRACKER, rest};

/// How long a healed world has until everything must be at rest.
pub(super) const CONVERGENCE: Duration = Duration::from_secs(700);
/// Within which every node has its answer.
const ANSWERS: Duration = Duration::from_secs(3);
/// How often it is looked at: never in step with anything.
pub(super) const LOOK: Duration = Duration::from_millis(237);

impl World {
    /// The whole life of a world: a storm, then peace, then everything must be at rest.
    #[must_use]
    pub fn live(mut self) -> Outcome {
        self.run_for(self.shape.storm);
        self.come_to_rest()
    }

    /// Nothing goes wrong any more, and everything must come to rest.
    pub(crate) fn come_to_rest(&mut self) -> Outcome {
        self.heal();
        self.close_twin();
        self.verify_all();
        let end = self.now() + CONVERGENCE;
        let mut unmet = self.look();
        while !unmet.is_empty() && self.now() < end && self.checkers.findings.all().is_empty() {
            self.run_for(LOOK);
            unmet = self.look();
        }
        unmet = if unmet.is_empty() { self.look_at_presence() } else { self.look_everywhere() };
        let mut findings = self.checkers.findings.all().to_vec();
        if findings.is_empty() {
            findings = unmet;
        }
        self.outcome(findings)
    }

    /// Asks at every node who is there, and compares.
    fn look_at_presence(&mut self) -> Vec<Finding> {
        self.checkers.seen.clear();
        for node in self.peers() {
            self.command(node, |peer, now| peer.list_users(None, now));
        }
        self.run_for(ANSWERS);
        let mut findings = Findings::default();
        rest::check_presence(&self.fleet, &self.present(), &self.checkers, &mut findings);
        findings.all().to_vec()
    }

    /// What is not at rest. Logs are read only when nothing else shows it: every quarter of a second
    /// of a world's convergence would cost as much as its storm.
    #[must_use]
    pub fn look(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        rest::check_surface(&self.fleet, &self.present(), &self.checkers, &mut findings);
        if findings.all().is_empty() {
            rest::check_contents(&self.fleet, &self.present(), &self.checkers, &mut findings);
        }
        findings.all().to_vec()
    }

    /// All that is not at rest.
    fn look_everywhere(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        rest::check_surface(&self.fleet, &self.present(), &self.checkers, &mut findings);
        rest::check_contents(&self.fleet, &self.present(), &self.checkers, &mut findings);
        findings.all().to_vec()
    }

    fn outcome(&self, mut findings: Vec<Finding>) -> Outcome {
        let refused = self.fleet.network.refused_frames;
        if refused > 0 && self.shape.liar.is_none() {
            let detail = format!("{refused} frames were refused");
            findings.push(Finding { check: Check::NothingSuspicious, at: self.now(), node: TRACKER, detail });
        }
        Outcome {
            findings,
            committed: self.checkers.ledger.len(),
            faults: self.faults,
            steps: self.fleet.trace.steps(),
            trace: self.fleet.trace.hash(),
            lasted: self.now().since(Instant(0)),
        }
    }
}
