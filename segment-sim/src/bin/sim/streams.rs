//! Worlds of streams, one after another.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use segment_sim::plant::Plant;
use segment_sim::streams::{Outcome, Plan, Topic, World, live, live_printing};
use segment_sim::trace::Printing;

use crate::progress::Progress;

/// Findings that are shown of one world.
const FINDINGS_SHOWN: usize = 5;
/// Copies that the streamer of a large audience sends.
const COPIES: u32 = 8;
/// Hops to the last of ten thousand viewers.
const HOPS_MAX: u32 = 6;

/// What is to be lived.
pub struct Run {
    /// What the worlds are about.
    pub topic: Topic,
    /// The first seed.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// In so many threads.
    pub threads: usize,
    /// A rule may be missing.
    pub plant: Plant,
    /// Each is lived twice.
    pub twice: bool,
    /// Whether everything is printed that is said.
    pub printing: Printing,
    /// Stop after so many failures.
    pub failures_max: usize,
}

#[derive(Default)]
struct Tally {
    total: Outcome,
    lived: u64,
    failed: Vec<(u64, String)>,
}

/// Lives so many worlds.
pub fn run(run: &Run) -> ExitCode {
    let (next, tally, progress) = (AtomicU64::new(0), Mutex::new(Tally::default()), Progress::new(run.count));
    let began = Instant::now();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= run.count || tally.lock().is_ok_and(|tally| tally.failed.len() >= run.failures_max) {
                return;
            }
            let seed = run.first.wrapping_add(index);
            let outcome = live_printing(seed, run.topic, run.plant.rules(), run.printing);
            let is_same = !run.twice || live(seed, run.topic, run.plant.rules()) == outcome;
            let why = if is_same { findings(&outcome) } else { "the same seed lived differently\n".into() };
            progress.one_more(!why.is_empty());
            if let Ok(mut tally) = tally.lock() {
                tally.add(seed, &outcome, why);
            }
        }
    };
    thread::scope(|scope| (0..run.threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    progress.end();
    tally.into_inner().map_or(ExitCode::FAILURE, |tally| tally.report(run, began))
}

fn findings(outcome: &Outcome) -> String {
    outcome.findings.iter().take(FINDINGS_SHOWN).map(|finding| format!("  {finding}\n")).collect()
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: &Outcome, why: String) {
        let total = &mut self.total;
        self.lived += 1;
        total.shown += outcome.shown;
        total.faults += outcome.faults;
        total.steps += outcome.steps;
        total.repairs += outcome.repairs;
        total.slowest_repair_us = total.slowest_repair_us.max(outcome.slowest_repair_us);
        if !why.is_empty() {
            self.failed.push((seed, why));
        }
    }

    fn report(mut self, run: &Run, began: Instant) -> ExitCode {
        self.failed.sort();
        let (topic, planted) = (run.topic.name(), run.plant.name());
        let with = if run.plant == Plant::Nothing { String::new() } else { format!(" --plant {planted}") };
        for (seed, why) in &self.failed {
            println!("seed {seed} broke:\n{why}  {:?}", Plan::draw(*seed, run.topic));
            println!("  replay: cargo run -p segment-sim --bin sim -- --seed {seed} --focus {topic}{with}");
        }
        let (lived, mean) = (self.lived, |sum: u64| sum / self.lived.max(1));
        let Outcome { shown, faults, steps, repairs, slowest_repair_us, .. } = self.total;
        println!(
            "{lived} worlds about {topic}: {} frames shown and {} faults suffered on average, {repairs} repairs, the slowest after {} ms, {steps} steps, {:.1} s; {} failed",
            mean(shown),
            mean(faults),
            slowest_repair_us / 1_000,
            began.elapsed().as_secs_f64(),
            self.failed.len(),
        );
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// One stream to so many viewers, all of whom agree to pass it on.
pub fn audience(seed: u64, viewers: usize) -> ExitCode {
    let plan = Plan {
        direct: COPIES,
        frame_bytes: 500,
        come_within_ms: 3_000,
        storm: 4,
        calm: 2,
        ..Plan::calm(seed, viewers)
    };
    let began = Instant::now();
    let outcome = World::new(plan, segment_core::Rules::all()).live();
    print!("{}", findings(&outcome));
    let Outcome { shown, steps, copies, height, .. } = outcome;
    println!(
        "{viewers} viewers: {shown} frames shown, {copies} copies from the streamer, {height} hops to the last, {steps} steps, {:.1} s",
        began.elapsed().as_secs_f64(),
    );
    let is_good = outcome.findings.is_empty() && copies <= COPIES as usize && height <= HOPS_MAX;
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
