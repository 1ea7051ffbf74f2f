//! Measures how the cost of one thing grows with everything else: members, channels, stored messages, idle links.
//!
//! `cargo run --release -p segment-benches --bin bench-growth`

mod channels;
mod idle;
mod members;
mod stored;
mod table;
mod town;

use anyhow::{Result, ensure};
use clap::Parser;
use segment_benches::machine;

/// Tables of processor time, operations and frames at several sizes, each with the growth that is expected.
///
/// The machines are driven in one thread, by the clock of that thread: other work on the machine hardly matters.
#[derive(Debug, Parser)]
struct Arguments {
    /// Members of one channel.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000])]
    members: Vec<u64>,
    /// Channels of one tracker, all of them hosted by one peer.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 10_000])]
    channels: Vec<u64>,
    /// Messages in one channel.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    stored: Vec<u64>,
    /// Idle links.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 10_000])]
    idle: Vec<u64>,
    /// Only one of them: members, channels, stored, idle.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("{}", machine::describe());
    println!(
        "machines alone, in one thread: no network, no TLS, signatures and passwords not computed; processor time"
    );
    println!("{}\n", town::RAISED);
    let mut measured = 0;
    let mut wanted = |name| {
        let is_wanted = arguments.only.as_deref().is_none_or(|only| only == name);
        measured += usize::from(is_wanted);
        is_wanted
    };
    if wanted("members") {
        println!("{}", members::measure(&arguments.members)?);
    }
    if wanted("channels") {
        println!("{}", channels::measure(&arguments.channels)?);
    }
    if wanted("stored") {
        println!("{}", stored::measure(&arguments.stored)?);
    }
    if wanted("idle") {
        println!("{}", idle::measure(&arguments.idle)?);
    }
    ensure!(measured > 0, "--only members, channels, stored or idle");
    println!("load at the end: {}", machine::describe());
    Ok(())
}
