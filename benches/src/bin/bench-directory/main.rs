//! A tracker with a million users and a hundred thousand channels, under a mixed load.
//!
//! `cargo run --release -p segment-benches --bin bench-directory`

mod chance;
mod load;
mod report;
mod restored;
mod town;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use segment_benches::machine;
use segment_proto::Limits;
use segment_store::{Settings, SqliteStore, Syncing};
use tempfile::TempDir;

/// Fills the true machine of a tracker through its requests, on SQLite, and puts it under a mixed load.
///
/// One thread; no network and no TLS; passwords are not hashed and the disk is not waited for. Every answer is compared
/// with what it has to be.
#[derive(Debug, Parser)]
struct Arguments {
    /// Registered users.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Channels; ten of each owner.
    #[arg(long, default_value_t = 100_000)]
    channels: u64,
    /// Users that are here at the same time.
    #[arg(long, default_value_t = 10_000)]
    online: usize,
    /// Operations of the mixed load.
    #[arg(long, default_value_t = 200_000)]
    operations: u64,
    /// Of the generator: the same seed, the same load.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Further processes.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Restored { store: PathBuf },
}

/// What is raised: the number of sessions, where more are to be here than a tracker takes by itself.
fn limits(arguments: &Arguments) -> Limits {
    let usual = Limits::default();
    Limits { sessions_max: usual.sessions_max.max(arguments.online + 1_024), ..usual }
}

/// What is measured is processor time, so the disk is not waited for.
fn open(path: &Path) -> Result<SqliteStore> {
    Ok(SqliteStore::open_with(path, Settings { syncing: Syncing::Off, ..Settings::default() })?)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Restored { store }) => restored::say(store, limits(&arguments)),
        None => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let usual = Limits::default();
    ensure!(arguments.users <= usual.accounts_max as u64, "accounts_max is {}", usual.accounts_max);
    ensure!(arguments.channels <= usual.channels_max as u64, "channels_max is {}", usual.channels_max);
    println!("{}", machine::describe());
    println!(
        "the tracker's machine in one thread on SQLite (synchronous=OFF); simulated signatures, no password is hashed; \
         limits as they are but for sessions_max {}; seed {}",
        limits(arguments).sessions_max,
        arguments.seed
    );
    let (disk, began) = (TempDir::new()?, Instant::now());
    let path = disk.path().join("tracker.sqlite");
    let mut town = town::Town::new(Box::new(open(&path)?), limits(arguments), arguments.users)?;
    report::stage("registered", arguments.users, &mut town, |town| town.register_all())?;
    report::stage("channels made", arguments.channels, &mut town, |town| town.create_all(arguments.channels))?;
    report::stage("came online", arguments.online as u64, &mut town, |town| {
        town.come(arguments.online, arguments.seed)
    })?;
    let mut load = load::Load::new(arguments.seed);
    load.run(&mut town, arguments.operations)?;
    load.print(&town);
    println!(
        "resident (RssAnon) at the end of the load: {}",
        report::mebibytes(machine::resident(std::process::id())?)
    );
    println!("on disk: {}", report::mebibytes(std::fs::metadata(&path)?.len()));
    let expected = town.close()?;
    restored::start(&path, arguments.online, &expected)?;
    println!(
        "all of it took {:.0} s by the clock; load at the end: {}",
        began.elapsed().as_secs_f64(),
        machine::describe()
    );
    Ok(())
}
