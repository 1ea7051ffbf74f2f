//! Runs random lists of operations against the machines for a time, and shrinks the first that breaks something.
//!
//! `cargo run --release -p segment-sim --bin fuzz-machines -- --seconds 60`

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use segment_sim::dice::Dice;
use segment_sim::fuzzing::machines;

/// Longest list, in bytes.
const LIST_BYTES_MAX: u64 = 1_000;

/// Random lists of operations for a tracker and two peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The first list; the next has the next number.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Runs this list instead.
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Where a list that breaks something is written.
    #[arg(long, default_value = "broken.machine_operations")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.replay {
        match fs::read(path) {
            Ok(bytes) => machines(&bytes),
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
        return ExitCode::SUCCESS;
    }
    let (began, time) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let mut seed = arguments.seed;
    while began.elapsed() < time {
        let bytes = list(seed);
        if let Some(why) = broken(&bytes) {
            let small = shrunk(bytes);
            println!("list {seed} breaks something: {why}");
            println!("shrunk to {} bytes, in {}", small.len(), arguments.out.display());
            if let Err(error) = fs::write(&arguments.out, small) {
                eprintln!("{}: {error}", arguments.out.display());
            }
            return ExitCode::FAILURE;
        }
        seed += 1;
    }
    println!("{} lists in {:.0} s, nothing broken", seed - arguments.seed, began.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn list(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let length = dice.between(1, LIST_BYTES_MAX);
    (0..length).map(|_| u8::try_from(dice.between(0, 255)).unwrap_or(0)).collect()
}

/// Why a list breaks something, if it does.
fn broken(bytes: &[u8]) -> Option<String> {
    set_hook(Box::new(|_| {}));
    let ended = catch_unwind(AssertUnwindSafe(|| machines(bytes)));
    let _ = std::panic::take_hook();
    let why = ended.err()?;
    let text = why.downcast_ref::<String>().cloned();
    Some(text.or_else(|| why.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
}

/// Leaves out what is not needed to break something.
fn shrunk(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut part = bytes.len() / 2;
    while part > 0 {
        let mut at = 0;
        while at + part <= bytes.len() {
            let mut fewer = bytes.clone();
            fewer.drain(at..at + part);
            if broken(&fewer).is_some() {
                bytes = fewer;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    bytes
}
