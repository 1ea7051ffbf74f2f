//! Measures how a channel goes on without its host, and how a reader catches up.
//!
//! `cargo run --release -p segment-benches --bin bench-sync`

mod away;
mod cold;
mod decode;
mod process;
mod restart;
mod stored;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use segment_benches::machine;
use segment_benches::party::RAISED;
use segment_core::Endpoint;
use segment_proto::DeviceId;

/// Takeover, handback, storing and catching up, over loopback with TLS and SQLite.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds of each way in which a host goes away.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// Rounds in which the host is frozen, so that only its silence tells: over two seconds each.
    #[arg(long, default_value_t = 10)]
    frozen: usize,
    /// Messages that the tracker takes in each absence, and hands over.
    #[arg(long, default_value_t = 20)]
    carried: usize,
    /// Messages that are sent one at a time, to see when they are stored and committed.
    #[arg(long, default_value_t = 1_000)]
    single: usize,
    /// Members that come back, one after the other.
    #[arg(long, default_value_t = 3)]
    fetches: u8,
    /// Messages that each of them fetches.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Who has written them.
    #[arg(long, default_value_t = 8)]
    authors: u8,
    /// Messages that are decoded and checked in memory.
    #[arg(long, default_value_t = 200_000)]
    decoded: usize,
    /// Only one of them: away, stored, cold, restart or decode.
    #[arg(long)]
    only: Option<String>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Further processes.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Host { tracker: SocketAddr, key: String, dir: PathBuf },
    #[command(hide = true)]
    Member { tracker: SocketAddr, key: String, dir: PathBuf, number: u8, head: u64 },
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let endpoint = |address, key: &str| -> Result<Endpoint> {
        Ok(Endpoint { address, key: Some(DeviceId::from_hex(key).context("not a key")?) })
    };
    match &arguments.part {
        Some(Part::Host { tracker, key, dir }) => process::host(endpoint(*tracker, key)?, dir).await,
        Some(Part::Member { tracker, key, dir, number, head }) => {
            cold::member(endpoint(*tracker, key)?, dir, *number, *head).await
        }
        None => measure(&arguments).await,
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
    println!("{}", machine::describe());
    println!("loopback; TLS 1.3, signed, SQLite with synchronous=FULL at everybody; {RAISED}");
    println!("tracker and author in one process, the host in another");
    let wanted = |name| arguments.only.as_deref().is_none_or(|only| only == name);
    if wanted("decode") {
        decode::measure(arguments.decoded)?;
    }
    if wanted("stored") {
        stored::measure(arguments.single).await?;
    }
    if wanted("away") {
        away::measure(&away::Plan { rounds: arguments.rounds, frozen: arguments.frozen, carried: arguments.carried })
            .await?;
    }
    if wanted("cold") {
        cold::measure(arguments.messages, arguments.authors, arguments.fetches).await?;
    }
    if wanted("restart") {
        restart::measure().await?;
    }
    println!("load at the end: {}", machine::describe());
    Ok(())
}
