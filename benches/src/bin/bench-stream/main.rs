//! Measures live streams over loopback, beside length and picture over plain TCP.
//!
//! `cargo run --release -p segment-benches --bin bench-stream`

mod carried;
mod crowd;
mod device;
mod hops;
mod log;
mod picture;
mod plain;
mod process;
mod source;
mod stage;
mod talk;
mod throttled;
mod watch;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand, ValueEnum};
use segment_benches::machine;

use crate::device::Tempo;
use crate::process::Role;

/// Live streams over loopback: every streamer, relay and crowd of viewers is a process of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these of them.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Seconds of each measurement; of the throttled one and its memory, ten minutes are worth the while.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Joins that are measured.
    #[arg(long, default_value_t = 100)]
    joins: u64,
    /// Viewers of one streamer, for what a core carries.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 500, 1_000])]
    crowds: Vec<u16>,
    /// Relays that are killed, one after the other.
    #[arg(long, default_value_t = 3)]
    kills: usize,
    /// Relays that are frozen with their links open, so that only their silence tells.
    #[arg(long, default_value_t = 2)]
    freezes: usize,
    /// What the narrow link carries beside which people talk, in kilobits a second.
    #[arg(long, default_value_t = 10_000)]
    talk_kbps: u32,
    /// Counts instead of times: limits of time are widened, as for a busy machine, and whatever is lost is an error.
    #[arg(long)]
    patient: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// From capture to sight, over one hop and over two.
    Delay,
    /// From the wish to watch to the first picture.
    Join,
    /// What a core of a streamer carries.
    Crowd,
    /// Messages beside a stream that fills the link.
    Chat,
    /// Ten viewers, five of them on links that carry a tenth.
    Throttled,
    /// Fifty viewers, five of them direct; relays are killed.
    Relays,
}

#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Part { role: String },
}

/// How long, how often, how strict.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seconds: u64,
    joins: u64,
    kills: usize,
    freezes: usize,
    tempo: Tempo,
}

impl Plan {
    /// Where counts are what is asked for, nothing may be lost.
    fn insist(&self, holds: impl FnOnce() -> bool, what: &str) -> Result<()> {
        ensure!(self.tempo == Tempo::Usual || holds(), "{what}");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Part { role }) => serde_json::from_str::<Role>(role)?.play().await,
        None => measure(&arguments).await,
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let tempo = if arguments.patient { Tempo::Patient } else { Tempo::Usual };
    let Arguments { seconds, joins, kills, freezes, .. } = *arguments;
    let plan = Plan { seconds, joins, kills, freezes, tempo };
    println!("{}", machine::describe());
    println!("loopback; TLS 1.3, frames signed and checked; the baseline: length and picture over plain TCP");
    let wanted = |measure| arguments.only.is_empty() || arguments.only.contains(&measure);
    if wanted(Measure::Delay) {
        hops::delay(&plan).await?;
    }
    if wanted(Measure::Join) {
        hops::join(&plan).await?;
    }
    if wanted(Measure::Crowd) {
        for viewers in &arguments.crowds {
            crowd::measure(*viewers, &plan).await?;
        }
    }
    if wanted(Measure::Chat) {
        talk::measure(arguments.talk_kbps, &plan).await?;
    }
    if wanted(Measure::Throttled) {
        throttled::measure(&plan).await?;
    }
    if wanted(Measure::Relays) {
        carried::measure(&plan).await?;
    }
    println!("load at the end: {}", machine::describe());
    Ok(())
}
