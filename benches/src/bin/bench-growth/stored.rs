//! A channel with few stored messages and with many, on SQLite at both sides.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use segment_benches::driven::{self, Work};
use segment_benches::machine::thread_cpu;
use segment_proto::ChannelId;
use segment_store::{Held, SearchIndex, SearchQuery, Settings, SqliteStore, Syncing};
use tempfile::TempDir;

use crate::table::{Growth, Table};
use crate::town::{HOST, Town, limits};

/// Each figure is the mean of so many.
const TIMES: u64 = 200;
/// Messages that are submitted together while the channel is filled.
const BATCH: u64 = 128;
/// Messages that are shown at once.
const SHOWN: usize = 50;
/// Places that are added to an index in one transaction.
const PAGE: u64 = 4_096;

/// One table.
pub fn measure(sizes: &[u64]) -> Result<Table> {
    let mut table = Table::new("messages in one channel");
    for size in sizes {
        table.at(*size);
        let disk = TempDir::new()?;
        let channel = filled(*size, disk.path(), &mut table)?;
        started(disk.path(), &mut table)?;
        searched(*size, channel, &mut table)?;
    }
    Ok(table)
}

/// What is measured is processor time: the disk is not waited for.
fn open(path: &Path) -> Result<SqliteStore> {
    Ok(SqliteStore::open_with(path, Settings { syncing: Syncing::Off, ..Settings::default() })?)
}

fn paths(disk: &Path) -> [PathBuf; 2] {
    ["tracker.sqlite", "host.sqlite"].map(|name| disk.join(name))
}

fn filled(size: u64, disk: &Path, table: &mut Table) -> Result<ChannelId> {
    let [at_tracker, at_host] = paths(disk);
    let mut town = Town::new(Box::new(open(&at_tracker)?), Box::new(open(&at_host)?))?;
    town.create(0)?;
    let channel = town.a_channel()?;
    let mut author = town.member(1, channel)?;
    let empty = bytes_of(&at_tracker)? + bytes_of(&at_host)?;
    for first in (0..size).step_by(usize::try_from(BATCH)?) {
        town.say_many(&mut author, BATCH.min(size - first))?;
    }
    let full = [bytes_of(&at_tracker)?, bytes_of(&at_host)?];
    table.add("bytes on disk for each, host and tracker together", Growth::Constant, {
        (full[0] + full[1]).saturating_sub(empty) as f64 / size as f64
    });
    let before = town.spent();
    (0..TIMES).try_for_each(|_| town.say(&mut author))?;
    let after = town.spent();
    add("the next message at the host", &before.host, &after.host, table);
    add("the next message at the tracker", &before.tracker, &after.tracker, table);
    for (what, before) in [("the newest 50 messages", None), ("50 messages from the middle", Some(size / 2))] {
        let work = town.host.work;
        for _ in 0..TIMES {
            town.host.call(|peer, now| peer.history(channel, before, SHOWN, now))?;
            town.run()?;
        }
        add(what, &work, &town.host.work, table);
    }
    Ok(channel)
}

/// Of a database and its write-ahead log.
fn bytes_of(path: &Path) -> Result<u64> {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    Ok(fs::metadata(path)?.len() + fs::metadata(log).map_or(0, |log| log.len()))
}

/// Processor time of the machine and of its store.
fn add(what: &str, before: &Work, after: &Work, table: &mut Table) {
    let each = |spent: std::time::Duration| spent.as_secs_f64() * 1e6 / TIMES as f64;
    table.add(&format!("{what}, us"), Growth::Constant, each(after.machine - before.machine));
    table.add(&format!("{what}, SQLite, us"), Growth::Logarithm, each(after.store - before.store));
}

fn started(disk: &Path, table: &mut Table) -> Result<()> {
    let [at_tracker, at_host] = paths(disk);
    let before = thread_cpu();
    let tracker = driven::tracker(Box::new(open(&at_tracker)?), limits(), 8)?;
    let between = thread_cpu();
    let host = driven::peer(Box::new(open(&at_host)?), HOST, limits())?;
    let after = thread_cpu();
    table.add("the tracker starts, us", Growth::Constant, (between - before).as_secs_f64() * 1e6);
    table.add("the host starts, us", Growth::Constant, (after - between).as_secs_f64() * 1e6);
    drop((tracker, host));
    Ok(())
}

/// An index of words over as many texts.
fn searched(size: u64, channel: ChannelId, table: &mut Table) -> Result<()> {
    let disk = TempDir::new()?;
    let mut index = SearchIndex::open(&disk.path().join("search.sqlite"))?;
    let held = Held { first: 1, last: size, settled: size, generation: 0 };
    let began = thread_cpu();
    for page in index.missing(channel, held)?.pages(PAGE) {
        let texts: Vec<(u64, String)> = page.clone().map(|pos| (pos, format!("message w{pos}x of somebody"))).collect();
        index.add(channel, held, &page, &texts)?;
    }
    table.add(
        "a message is added to the index, us",
        Growth::Logarithm,
        (thread_cpu() - began).as_secs_f64() * 1e6 / size as f64,
    );
    let wanted = size / 3 + 1;
    for (what, typed, hits) in [
        ("a word that stands once is found", format!("w{wanted}x"), 1),
        ("a whole word that stands everywhere, the newest 50", "\"message\"".to_owned(), SHOWN),
        ("the beginning of a word that stands everywhere, the newest 50", "messag".to_owned(), SHOWN),
    ] {
        let query = SearchQuery::new(&typed).context("something to look for")?;
        let began = thread_cpu();
        for _ in 0..TIMES / 20 {
            let found = index.find(channel, &query, SHOWN)?;
            ensure!(found.len() == hits, "{} hits of {typed}", found.len());
        }
        table.add(
            &format!("{what}, us"),
            Growth::Logarithm,
            (thread_cpu() - began).as_secs_f64() * 1e6 / (TIMES / 20) as f64,
        );
    }
    Ok(())
}
