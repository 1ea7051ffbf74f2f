//! Runs simulated worlds and says which of them broke a promise.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;
use segment_sim::plant::Plant;
use segment_sim::run::{Failure, Totals, live_or_panic, replay};
use segment_sim::trace::Printing;

/// Simulate many machines, links and disks in virtual time, and check what must hold after every step.
#[derive(Debug, Parser)]
#[command(name = "sim", version)]
struct Arguments {
    /// Live the world of one seed.
    #[arg(long, conflicts_with_all = ["first_seed", "seeds"])]
    seed: Option<u64>,
    /// The first of many seeds.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// Print every input and output; for one seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plant a fault, by its name; `list` shows all.
    #[arg(long, value_name = "NAME")]
    plant: Option<String>,
    /// Live each world twice and compare the traces.
    #[arg(long)]
    twice: bool,
    /// Stop after so many failures.
    #[arg(long, default_value_t = 10)]
    failures_max: usize,
    /// Threads; each world lives in one.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plant = match arguments.plant.as_deref() {
        None => Plant::Nothing,
        Some("list") => {
            Plant::all().iter().for_each(|(name, _)| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        Some(name) => match Plant::named(name) {
            Some(plant) => plant,
            None => {
                eprintln!("no fault is called {name}; --plant list shows all");
                return ExitCode::from(2);
            }
        },
    };
    let (first, count) = arguments.seed.map_or((arguments.first_seed, arguments.seeds), |seed| (seed, 1));
    let printing = if arguments.trace { Printing::Lines } else { Printing::Silent };
    let (totals, failures) = run(&arguments, first, count, plant, printing);
    failures.iter().for_each(|failure| report(failure, plant));
    println!(
        "{} worlds: {} messages committed and {} faults suffered on average, {} steps; {} failed",
        totals.seeds,
        totals.committed_mean(),
        totals.faults_mean(),
        totals.steps,
        failures.len()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(arguments: &Arguments, first: u64, count: u64, plant: Plant, printing: Printing) -> (Totals, Vec<Failure>) {
    let next = AtomicU64::new(0);
    let work = || {
        let (mut totals, mut failures) = (Totals::default(), Vec::new());
        while failures.len() < arguments.failures_max {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            let seed = first.wrapping_add(index);
            let outcome = live_or_panic(seed, plant, printing);
            totals.add(&outcome);
            let same = !arguments.twice || live_or_panic(seed, plant, Printing::Silent).trace == outcome.trace;
            if !outcome.findings.is_empty() || !same {
                failures.push(Failure { seed, outcome });
            }
        }
        (totals, failures)
    };
    let threads = if count == 1 { 1 } else { arguments.threads.max(1) };
    let mut results = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        results = workers.into_iter().filter_map(|worker| worker.join().ok()).collect();
    });
    let mut failures: Vec<Failure> = results.iter().flat_map(|(_, failures)| failures.iter().cloned()).collect();
    failures.sort_by_key(|failure| failure.seed);
    (results.iter().map(|(totals, _)| *totals).fold(Totals::default(), Totals::with), failures)
}

fn report(failure: &Failure, plant: Plant) {
    println!("seed {} broke:", failure.seed);
    if failure.outcome.findings.is_empty() {
        println!("  the same seed gave another trace");
    }
    failure.outcome.findings.iter().take(5).for_each(|finding| println!("  {finding}"));
    println!("  replay: {}", replay(failure.seed, plant));
}
