//! Messages that are on the disk when it is said that they are: so many with one sync.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rusqlite::{Connection, params};
use segment_core::store::{Store, StoreOperation, StoredEntry, Write};
use segment_store::SqliteStore;

use super::Task;
use super::codec::Town;
use crate::outcome::{Outcome, Watch};
use crate::system::System;

pub fn run(task: &Task, at_once: usize) -> Result<Outcome> {
    match task.system {
        System::File => drive(task, at_once, bare_file(task)?),
        System::Sqlite => drive(task, at_once, sqlite(task)?),
        System::Segment => drive(task, at_once, whole_store(task)?),
        other => bail!("{other} keeps nothing"),
    }
}

type Append = Box<dyn FnMut(Vec<StoredEntry>) -> Result<()>>;

fn bare_file(task: &Task) -> Result<Append> {
    let mut file = File::create(task.file("file"))?;
    Ok(Box::new(move |entries| {
        let rows: Vec<Vec<u8>> = entries.iter().map(row).collect::<Result<_>>()?;
        file.write_all(&rows.concat())?;
        Ok(file.sync_data()?)
    }))
}

/// A table of places and bytes.
fn sqlite(task: &Task) -> Result<Append> {
    let mut connection = Connection::open(task.file("sqlite"))?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE entry (pos INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT", [])?;
    Ok(Box::new(move |entries| {
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO entry VALUES (?1, ?2)")?;
        for stored in &entries {
            insert.execute(params![stored.entry.pos.cast_signed(), row(stored)?])?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }))
}

/// As a host's driver hands batches to it.
fn whole_store(task: &Task) -> Result<Append> {
    let (mut store, log) = (SqliteStore::open(task.file("segment"))?, Town::simulated().log.id);
    Ok(Box::new(move |entries| {
        let append = |stored| StoreOperation::Write(vec![Write::Append { log, entries: vec![stored] }]);
        let batch: Vec<StoreOperation> = entries.into_iter().map(append).collect();
        ensure!(store.perform(&batch)?.len() == batch.len(), "not all of it was done");
        Ok(())
    }))
}

fn row(stored: &StoredEntry) -> Result<Vec<u8>> {
    Ok(postcard::to_allocvec(&(&stored.entry, stored.hash, stored.chain))?)
}

/// Only the time in which it is appended counts.
fn drive(task: &Task, at_once: usize, mut append: Append) -> Result<Outcome> {
    let (mut town, mut took, mut count) = (Town::simulated(), Duration::ZERO, 0);
    let mut cpu = 0.0;
    while took < task.time() {
        let entries = (0..at_once).map(|_| town.write()).collect();
        let watch = Watch::start(None)?;
        append(entries)?;
        took += watch.elapsed();
        cpu += watch.stop(at_once)?.client_cpu;
        count += at_once;
    }
    let wall = took.as_secs_f64();
    Ok(Outcome { rate: count as f64 / wall, wall, client_cpu: cpu, ..Outcome::default() })
}
