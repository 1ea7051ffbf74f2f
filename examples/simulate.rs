//! Worlds of a tracker, peers and faults, lived in virtual time: nothing may break in them, and what is broken on
//! purpose must be found.
//!
//! ```text
//! cargo run -p segment-examples --bin simulate
//! cargo run -p segment-examples --bin simulate -- 4711    the world of this seed
//! ```

use std::env;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use segment_core::rules::Rule;
use segment_sim::plant::Plant;
use segment_sim::run::{live, replay};
use segment_sim::trace::Printing;
use segment_sim::world::Outcome;

/// Worlds that are lived when no seed is given.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// A planted fault must be found in as many.
const PLANTED_SEEDS_MAX: u64 = 50;

fn main() -> Result<()> {
    if let Some(seed) = env::args().nth(1) {
        return honest(seed.parse().context("a seed is a number")?);
    }
    SEEDS.into_iter().try_for_each(honest)?;
    same_seed_same_trace(*SEEDS.start())?;
    planted(Plant::Without(Rule::StoreBeforeStored))
}

/// Whatever goes wrong in this world, no promise is broken.
fn honest(seed: u64) -> Result<()> {
    let began = Instant::now();
    let outcome = live(seed, Plant::Nothing, Printing::Silent);
    let Outcome { committed, faults, steps, lasted, .. } = &outcome;
    let took = began.elapsed();
    println!("seed {seed}: {committed} messages, {faults} faults, {steps} steps; {lasted:.0?} in {took:.2?}");
    outcome.findings.iter().for_each(|finding| println!("  {finding}"));
    ensure!(outcome.findings.is_empty(), "a promise was broken; replay: {}", replay(seed, Plant::Nothing));
    Ok(())
}

fn same_seed_same_trace(seed: u64) -> Result<()> {
    let [first, second] = [(); 2].map(|()| live(seed, Plant::Nothing, Printing::Silent).trace);
    println!("seed {seed} twice: the traces are {first:016x} and {second:016x}");
    ensure!(first == second, "the same seed gave another trace");
    Ok(())
}

/// A rule of the protocol is removed: the checkers see it.
fn planted(plant: Plant) -> Result<()> {
    let lived = (1..=PLANTED_SEEDS_MAX).map(|seed| (seed, live(seed, plant, Printing::Silent)));
    let found = lived.into_iter().find_map(|(seed, outcome)| Some((seed, outcome.findings.into_iter().next()?)));
    let (seed, finding) = found.context("nobody noticed")?;
    println!("{}: found with seed {seed}: {finding}", plant.name());
    Ok(())
}
