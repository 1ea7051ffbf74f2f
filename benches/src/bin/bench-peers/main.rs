//! Segment beside what a user would pick instead, and beside the limit: one run, one machine, one table.
//!
//! `scripts/bench-peers` gets the others, builds all of it and runs it.

mod goals;
mod outcome;
mod plot;
mod report;
mod room;
mod rows;
mod server;
mod system;
mod systems;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use segment_benches::machine;
use segment_net::raise_open_files;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::report::Results;
use crate::rows::{Row, Task};
use crate::server::Server;
use crate::system::System;

/// Fan-out, requests, streams, idle links and what they are made of: each system in turn, each round after the other.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds; the tables say the middle one, the least and the most.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each system is driven in each row of each round.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Idle links.
    #[arg(long, default_value_t = 10_000)]
    links: usize,
    /// Only these rows, or all that begin so: `fan-out-128-10`, `fan-out-128`, `requests`.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    only: Vec<String>,
    /// Only these systems.
    #[arg(long, value_delimiter = ',', value_name = "SYSTEM")]
    systems: Vec<System>,
    /// One short round with few idle links, to see whether all of it works.
    #[arg(long)]
    quick: bool,
    /// Where the raw rounds go, as lines of JSON.
    #[arg(long, default_value = "target/bench-peers.jsonl")]
    json: PathBuf,
    /// Where the tables go.
    #[arg(long, default_value = "target/bench-peers.md")]
    markdown: PathBuf,
    /// Where the plot goes: docs/peers.svg, if nothing was left out, or target/peers.svg.
    #[arg(long)]
    plot: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// A server of ours.
    #[command(hide = true)]
    Serve { system: System, row: String, dir: PathBuf },
    /// The clients.
    #[command(hide = true)]
    Load { task: String },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Children inherit it.
    let _ = raise_open_files();
    match &arguments.part {
        Some(Part::Serve { system, row, dir }) => systems::serve(*system, &serde_json::from_str(row)?, dir).await,
        Some(Part::Load { task }) => {
            let task: Task = serde_json::from_str(task)?;
            let outcome = LocalSet::new().run_until(task.run()).await?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        None => {
            let plan = arguments.plan();
            let mut terminated = signal(SignalKind::terminate())?;
            tokio::select! {
                compared = compare(&plan) => compared,
                _ = tokio::signal::ctrl_c() => bail!("interrupted; the servers are ended"),
                _ = terminated.recv() => bail!("terminated; the servers are ended"),
            }
        }
    }
}

/// What is to be done.
struct Plan<'a> {
    arguments: &'a Arguments,
    rounds: usize,
    seconds: f64,
    rows: Vec<Row>,
}

impl Arguments {
    fn plan(&self) -> Plan<'_> {
        let (rounds, seconds, links) = if self.quick { (1, 0.2, 200) } else { (self.rounds, self.seconds, self.links) };
        let is_wanted = |row: &Row| self.only.is_empty() || self.only.iter().any(|name| row.is_called(name));
        Plan { arguments: self, rounds, seconds, rows: Row::all(links).into_iter().filter(is_wanted).collect() }
    }
}

impl Plan<'_> {
    fn plot(&self) -> PathBuf {
        let Arguments { only, systems, quick, plot, .. } = self.arguments;
        let is_whole = only.is_empty() && systems.is_empty() && !quick;
        let usual = if is_whole { "docs/peers.svg" } else { "target/peers.svg" };
        plot.clone().unwrap_or_else(|| usual.into())
    }

    fn systems(&self, row: Row) -> impl Iterator<Item = System> {
        let asked_for = &self.arguments.systems;
        row.systems().iter().copied().filter(move |system| asked_for.is_empty() || asked_for.contains(system))
    }

    /// What has to be known of the tables.
    fn head(&self, load_before: &str) -> String {
        let versions = [
            version("nats-server", "--version"),
            version("target/peers/bin/nats-server", "--version"),
            version("redis-server", "--version"),
            version("mosquitto", "-h"),
        ];
        format!(
            "{} rounds of {} s each. Before: {load_before}; after: {}.\n{}.\n",
            self.rounds,
            self.seconds,
            machine::describe(),
            versions.join("; ")
        )
    }
}

/// The first line that a program says of itself.
fn version(program: &str, word: &str) -> String {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let said = Command::new(program).arg(word).env("PATH", path).stdin(Stdio::null()).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.lines().next().map_or_else(|| format!("{program}: missing"), |line| line.trim().to_owned())
}

async fn compare(plan: &Plan<'_>) -> Result<()> {
    let (before, mut results) = (machine::describe(), Results::default());
    for round in 0..plan.rounds {
        for row in &plan.rows {
            eprintln!("round {} of {}: {row}", round + 1, plan.rounds);
            for system in plan.systems(*row) {
                results.add(*row, system, round, measure(system, *row, plan.seconds).await);
            }
        }
    }
    let page = results.markdown(&plan.head(&before), &plan.rows);
    println!("{page}");
    report::write(&plan.arguments.markdown, &page)?;
    results.save(&plan.arguments.json)?;
    plot::draw(&results, &plan.rows, &plan.plot())
}

async fn measure(system: System, row: Row, seconds: f64) -> Result<outcome::Outcome> {
    if !row.has_server() {
        let files = server::disk()?;
        let (place, dir) = (String::new(), files.path().display().to_string());
        return server::drive(&Task { system, row, place, server: None, seconds, dir }).await;
    }
    let server = Server::start(system, &row).await?;
    let outcome = server.drive(system, row, seconds).await;
    server.end().await?;
    outcome
}
