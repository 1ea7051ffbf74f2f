//! Segment beside what a user would pick instead, and beside the limit: one run, one machine, one table.
//!
//! `apt-get install nats-server redis-server mosquitto; cargo run --release -p segment-benches --bin bench-peers`

mod load;
mod plot;
mod raw;
mod report;
mod segment;
mod servers;
mod wire;

use std::net::SocketAddr;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use segment_benches::machine;

use crate::load::Outcome;
use crate::raw::Cover;
use crate::report::{Row, Sample};
use crate::servers::{Server, System};

/// Fan-out and requests, each system in turn, each round after the other.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds; the table says the middle one, the least and the most.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Members of a fan-out.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
    members: Vec<usize>,
    /// Requests that are outstanding on one link.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 1_024])]
    outstanding: Vec<usize>,
    /// Bytes of a message.
    #[arg(long, default_value_t = 128)]
    bytes: usize,
    /// Deliveries of one round, and of requests a tenth as many; what is quicker makes more, what is slower fewer.
    #[arg(long, default_value_t = 2_000_000)]
    deliveries: usize,
    /// Only these systems, by their names in the table.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the raw rounds go, as lines of JSON.
    #[arg(long, default_value = "target/bench-peers.jsonl")]
    json: std::path::PathBuf,
    /// Where the plot goes.
    #[arg(long, default_value = "docs/peers.svg")]
    plot: std::path::PathBuf,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// A server of ours.
    #[command(hide = true)]
    Serve { system: String },
    /// The clients.
    #[command(hide = true)]
    Load { system: String, place: String, server: u32, row: String, bytes: usize, count: usize },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Serve { system }) => match System::find(system)? {
            System::Tcp => raw::serve(Cover::Tcp).await,
            System::Tls => raw::serve(Cover::Tls).await,
            System::Segment => segment::serve().await,
            other => bail!("{} is not ours", other.name()),
        },
        Some(Part::Load { system, place, server, row, bytes, count }) => {
            let outcome = drive(System::find(system)?, place, *server, &row.parse()?, *bytes, *count).await?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        None => compare(&arguments).await,
    }
}

async fn drive(system: System, place: &str, server: u32, row: &Row, bytes: usize, count: usize) -> Result<Outcome> {
    if system == System::Segment {
        let places = serde_json::from_str(place)?;
        return match *row {
            Row::FanOut(members) => segment::fan_out(&places, server, members, count / members, bytes).await,
            Row::Requests(outstanding) => segment::requests(&places, server, count, outstanding).await,
        };
    }
    let (cover, wire, address) = (system.cover(), system.wire(bytes), place.parse::<SocketAddr>()?);
    match *row {
        Row::FanOut(members) => {
            load::fan_out((cover, &wire), (address, server), (members, count / members, servers::WINDOW)).await
        }
        Row::Requests(outstanding) if system == System::Nats => {
            load::nats_requests((address, server), bytes, (count, outstanding)).await
        }
        Row::Requests(outstanding) => load::requests((cover, &wire), (address, server), (count, outstanding)).await,
    }
}

async fn compare(arguments: &Arguments) -> Result<()> {
    println!("{}", machine::describe());
    println!("loopback; servers on core 0, clients on core 1; single requests: both on core 0");
    let fan_outs = arguments.members.iter().map(|members| Row::FanOut(*members));
    let rows: Vec<Row> = fan_outs.chain(arguments.outstanding.iter().map(|count| Row::Requests(*count))).collect();
    let mut samples: Vec<Sample> = Vec::new();
    for round in 0..arguments.rounds {
        for row in &rows {
            for system in System::ALL.into_iter().filter(|system| arguments.wants(*system) && system.can(row)) {
                match measure(system, row, arguments).await {
                    Ok(outcome) => samples.push(Sample { system: system.name().into(), row: *row, round, outcome }),
                    Err(error) => println!("round {round}, {row}, {}: no result: {error:#}", system.name()),
                }
            }
        }
    }
    report::lines(&samples, &arguments.json)?;
    report::table(&samples, &rows);
    plot::draw(&samples, &rows, &arguments.plot)?;
    println!("load at the end: {}", machine::describe());
    Ok(())
}

impl Arguments {
    fn wants(&self, system: System) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == system.name())
    }
}

async fn measure(system: System, row: &Row, arguments: &Arguments) -> Result<Outcome> {
    let (client_core, count) = match row {
        Row::FanOut(members) => ("1", system.deliveries(arguments.deliveries, *members)),
        Row::Requests(1) => ("0", arguments.deliveries / 20),
        Row::Requests(_) => ("1", arguments.deliveries / 2),
    };
    let server = Server::start(system).await?;
    let outcome = server.load(client_core, row, arguments.bytes, count).await;
    server.end().await?;
    outcome
}
