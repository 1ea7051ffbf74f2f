//! What a run tells whoever started it.

use std::process::ExitCode;
use std::time::Duration;

use segment_sim::plant::Plant;
use segment_sim::run::{Failure, Totals, replay_focused};
use segment_sim::scenario::{Focus, Scenario};
use segment_sim::shrink::shrink;
use segment_sim::world::Outcome;

/// Findings that are shown of one world.
const FINDINGS_SHOWN: usize = 5;

/// A world that failed.
pub fn failure(failure: &Failure, focus: Focus, plant: Plant) {
    println!("seed {} broke:", failure.seed);
    findings(&failure.outcome);
    println!("  replay: {}", replay_focused(failure.seed, focus, plant));
}

fn findings(outcome: &Outcome) {
    if outcome.findings.is_empty() {
        println!("  the same seed gave another trace");
    }
    outcome.findings.iter().take(FINDINGS_SHOWN).for_each(|finding| println!("  {finding}"));
}

/// A replayed scenario.
pub fn scenario(outcome: &Outcome) -> ExitCode {
    println!("{} messages committed, {} faults, {} steps", outcome.committed, outcome.faults, outcome.steps);
    if outcome.findings.is_empty() {
        println!("nothing broke");
        return ExitCode::SUCCESS;
    }
    findings(outcome);
    ExitCode::FAILURE
}

/// A failure made small, to be kept in a file.
pub fn shrunk(failure: &Failure, scenario: &Scenario, worlds_max: u32) {
    let Some(finding) = failure.outcome.findings.first() else { return };
    let small = shrink(scenario, finding.check, worlds_max);
    println!("seed {} made small by {} worlds; `sim --replay FILE` lives it again:", failure.seed, small.lived);
    println!("# {finding}\n{}", small.scenario);
}

/// What all worlds add up to.
pub fn totals(totals: Totals, failed: usize, took: Duration, threads: usize) {
    let per_core = totals.steps as f64 / took.as_secs_f64() / threads as f64;
    println!(
        "{} worlds: {} messages committed and {} faults suffered on average, {} steps, {per_core:.0} a second and thread; {failed} failed",
        totals.seeds,
        totals.committed_mean(),
        totals.faults_mean(),
        totals.steps,
    );
}
