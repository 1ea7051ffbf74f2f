//! Runs simulated worlds and says which of them broke a promise.

mod invisible;
mod planted;
mod progress;
mod report;
mod streams;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use segment_sim::plant::Plant;
use segment_sim::run::{Failure, Totals, live_scenario};
use segment_sim::scenario::{Focus, Scenario};
use segment_sim::streams::Topic;
use segment_sim::trace::Printing;

use self::progress::Progress;

/// Simulate many machines, links and disks in virtual time, and check what must hold after every step.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Arguments {
    /// Live the world of one seed.
    #[arg(long, conflicts_with_all = ["first_seed", "seeds"])]
    seed: Option<u64>,
    /// Live the scenario in a file, as it was printed for a failure or written by hand.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["first_seed", "seeds", "seed"])]
    replay: Option<PathBuf>,
    /// The first of many seeds.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Print every input and output; for one seed or a replay.
    #[arg(long)]
    trace: bool,
    /// Plant a fault, by its name; `list` shows all.
    #[arg(long, value_name = "NAME")]
    plant: Option<String>,
    /// What the worlds are about: anything, takeover, rights, restored, gone, malice, moves, disaster, retention, twins, flips; or, in
    /// worlds of their own: streams, streams-slow, streams-lies, streams-crashes, streams-rights.
    #[arg(long, value_name = "FOCUS", default_value = "anything")]
    focus: String,
    /// Remove a rule of the protocol: short for `--plant without-RULE`.
    #[arg(long, value_name = "RULE", conflicts_with = "plant")]
    without: Option<String>,
    /// Compare worlds with somebody invisible to the same ones without them.
    #[arg(long, conflicts_with_all = ["replay", "twice", "trace"])]
    invisible: bool,
    /// Plant every fault of a table, and say who finds it within how many seeds.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "segment-sim/planted.txt", conflicts_with_all = ["plant", "without", "replay", "seed", "twice", "trace", "invisible"])]
    planted: Option<PathBuf>,
    /// Show one stream to so many viewers who all pass it on.
    #[arg(long, value_name = "VIEWERS", conflicts_with_all = ["plant", "without", "replay", "planted", "twice", "trace", "invisible"])]
    audience: Option<usize>,
    /// Live each world twice and compare the traces.
    #[arg(long)]
    twice: bool,
    /// Print the first failure as a small scenario, found by living at most so many worlds; 0: print none.
    #[arg(long, default_value_t = 600, value_name = "WORLDS")]
    shrink: u32,
    /// Stop after so many failures.
    #[arg(long, default_value_t = 10)]
    failures_max: usize,
    /// Threads; each world lives in one.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let without = arguments.without.as_ref().map(|rule| format!("without-{rule}"));
    let plant = match arguments.plant.as_ref().or(without.as_ref()).map(String::as_str) {
        None => Plant::Nothing,
        Some("list") => {
            Plant::all().iter().for_each(|(name, _)| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        Some(name) => match Plant::named(name) {
            Some(plant) => plant,
            None => return fails(&format!("no fault is called {name}; --plant list shows all")),
        },
    };
    if let Some(viewers) = arguments.audience {
        return streams::audience(arguments.seed.unwrap_or(arguments.first_seed), viewers);
    }
    if let Some(topic) = Topic::named(&arguments.focus) {
        return streams::run(&stream_run(&arguments, topic, plant));
    }
    let Some(focus) = Focus::named(&arguments.focus) else {
        return fails(&format!("worlds are not about {}", arguments.focus));
    };
    if let Some(table) = &arguments.planted {
        return planted::run(table, arguments.threads);
    }
    match &arguments.replay {
        _ if arguments.invisible => invisible::run(arguments.first_seed, arguments.seeds, arguments.threads, plant),
        Some(path) => replay(path, &arguments),
        None => live_seeds(&arguments, focus, plant),
    }
}

fn stream_run(arguments: &Arguments, topic: Topic, plant: Plant) -> streams::Run {
    let (first, count) = arguments.seed.map_or((arguments.first_seed, arguments.seeds), |seed| (seed, 1));
    let (twice, failures_max) = (arguments.twice, arguments.failures_max);
    let printing = printing(arguments);
    streams::Run { printing, topic, first, count, threads: threads(arguments, count), plant, twice, failures_max }
}

fn fails(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

fn printing(arguments: &Arguments) -> Printing {
    if arguments.trace { Printing::Lines } else { Printing::Silent }
}

fn replay(path: &Path, arguments: &Arguments) -> ExitCode {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return fails(&format!("{}: {error}", path.display())),
    };
    match text.parse::<Scenario>() {
        Ok(scenario) => report::scenario(&live_scenario(&scenario, printing(arguments))),
        Err(error) => fails(&format!("{}: {error}", path.display())),
    }
}

fn live_seeds(arguments: &Arguments, focus: Focus, plant: Plant) -> ExitCode {
    let (first, count) = arguments.seed.map_or((arguments.first_seed, arguments.seeds), |seed| (seed, 1));
    let began = Instant::now();
    let (totals, failures) = run(arguments, first, count, |seed| Scenario::draw(seed, focus, plant));
    failures.iter().for_each(|failure| report::failure(failure, focus, plant));
    if let Some(failure) = failures.first().filter(|_| arguments.shrink > 0) {
        report::shrunk(failure, &Scenario::draw(failure.seed, focus, plant), arguments.shrink);
    }
    report::totals(totals, failures.len(), began.elapsed(), threads(arguments, count));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn threads(arguments: &Arguments, count: u64) -> usize {
    if count == 1 { 1 } else { arguments.threads.max(1) }
}

fn run(arguments: &Arguments, first: u64, count: u64, draw: impl Fn(u64) -> Scenario + Sync) -> (Totals, Vec<Failure>) {
    let next = AtomicU64::new(0);
    let progress = Progress::new(count);
    let work = || {
        let (mut totals, mut failures) = (Totals::default(), Vec::new());
        while failures.len() < arguments.failures_max {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            let seed = first.wrapping_add(index);
            let outcome = live_scenario(&draw(seed), printing(arguments));
            totals.add(&outcome);
            let same = !arguments.twice || live_scenario(&draw(seed), Printing::Silent).trace == outcome.trace;
            let fails = !outcome.findings.is_empty() || !same;
            progress.one_more(fails);
            if fails {
                failures.push(Failure { seed, outcome });
            }
        }
        (totals, failures)
    };
    let mut results = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads(arguments, count)).map(|_| scope.spawn(work)).collect();
        results = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
    });
    progress.end();
    let mut failures: Vec<Failure> = results.iter().flat_map(|(_, failures)| failures.iter().cloned()).collect();
    failures.sort_by_key(|failure| failure.seed);
    (results.iter().map(|(totals, _)| *totals).fold(Totals::default(), Totals::with), failures)
}
