//! Pairs of worlds, one after another.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use segment_sim::paired::{Pair, compare};
use segment_sim::plant::Plant;

use crate::progress::Progress;

/// Differences that are shown.
const SHOWN_MAX: usize = 5;

#[derive(Default)]
struct Tally {
    same: u64,
    messages: usize,
    not_there: u64,
    different: Vec<String>,
}

/// Compares so many pairs.
pub fn run(first: u64, count: u64, threads: usize, plant: Plant) -> ExitCode {
    let (next, tally, progress) = (AtomicU64::new(0), Mutex::new(Tally::default()), Progress::new(count));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let seed = first.wrapping_add(index);
            let pair = compare(seed, plant);
            progress.one_more(matches!(pair, Pair::Differs(_)));
            if let Ok(mut tally) = tally.lock() {
                tally.add(seed, pair);
            }
        }
    };
    thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    progress.end();
    tally.into_inner().map_or(ExitCode::FAILURE, |tally| tally.report())
}

impl Tally {
    fn add(&mut self, seed: u64, pair: Pair) {
        match pair {
            Pair::Same(messages) => {
                self.same += 1;
                self.messages += messages;
            }
            Pair::NotThere => self.not_there += 1,
            Pair::Differs(difference) => self.different.push(format!("seed {seed}: {difference}")),
        }
    }

    fn report(&self) -> ExitCode {
        self.different.iter().take(SHOWN_MAX).for_each(|line| println!("{line}"));
        let Self { same, messages, not_there, different } = self;
        println!(
            "{same} pairs in which everybody else was told the same, {messages} messages in all; {} different; {not_there} in which nobody was there to leave",
            different.len()
        );
        if different.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
