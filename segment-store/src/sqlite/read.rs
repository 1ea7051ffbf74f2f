//! What is read.

use std::ops::RangeInclusive;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use segment_core::store::Record;
use segment_core::{LogId, StoreOutcome, StoredEntry, Table};
use segment_proto::{DeviceId, Hash};

use super::column::{self, Number, entry_columns};

const READ: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM entries WHERE log = ?1 AND pos BETWEEN ?2 AND ?3 ORDER BY pos LIMIT ?4"
);
/// An envelope holds its author's 32 bytes as they are: what does not hold them need not be decoded.
const OF_AUTHOR: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM entries WHERE log = ?1 AND pos BETWEEN ?2 AND ?3 AND instr(envelope, ?4) > 0 ORDER BY pos"
);
const LAST: &str = concat!("SELECT ", entry_columns!(), " FROM entries WHERE log = ?1 ORDER BY pos DESC LIMIT 1");
const AT: &str = concat!("SELECT ", entry_columns!(), " FROM entries WHERE log = ?1 AND pos = ?2");
const CHAIN: &str = "SELECT chain FROM entries WHERE log = ?1 AND pos = ?2";
const LAST_PLACE: &str = "SELECT max(pos) FROM entries WHERE log = ?1";
const FIRST_PLACE: &str = "SELECT min(pos) FROM entries WHERE log = ?1";
const RECORDS_OF_LOG: &str = "SELECT key, value FROM records WHERE tab = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";
const SCAN: &str = "SELECT key, value FROM records WHERE tab = ?1 AND key > ?2 ORDER BY key LIMIT ?3";

/// What a read has given: entries, up to the first that cannot be made out.
#[derive(Debug, Default)]
pub(super) struct Page {
    entries: Vec<StoredEntry>,
    bytes: usize,
    damaged: Option<u64>,
}

impl Page {
    /// Whether it is full, or ends here; else the entry is in it.
    fn ends_before(&mut self, found: StoredEntry, entries_max: usize, bytes_max: usize) -> bool {
        self.bytes += found.entry.wire_bytes();
        let full = self.entries.len() >= entries_max || (self.bytes > bytes_max && !self.entries.is_empty());
        if !full {
            self.entries.push(found);
        }
        full
    }

    /// An author's entries are all given, or none: what is left out would be taken for never written.
    pub fn into_outcome(self, before: Hash) -> StoreOutcome {
        match self.damaged {
            Some(pos) => StoreOutcome::Damaged { pos },
            None => StoreOutcome::Entries { before, entries: self.entries },
        }
    }
}

pub(super) fn read(
    connection: &Connection,
    log: &LogId,
    range: RangeInclusive<u64>,
    entries_max: usize,
    bytes_max: usize,
) -> Result<Page> {
    let (from, to) = (Number(*range.start()), Number(*range.end()));
    let mut statement = connection.prepare_cached(READ)?;
    let mut rows = statement.query(params![log.prefix(), from, to, limit(entries_max)])?;
    let mut page = Page::default();
    for wanted in range {
        let Some(row) = rows.next()? else {
            break;
        };
        let Some(found) = column::readable(row)? else {
            page.damaged = page.entries.is_empty().then_some(wanted);
            break;
        };
        if found.entry.pos != wanted || page.ends_before(found, entries_max, bytes_max) {
            break;
        }
    }
    Ok(page)
}

pub(super) fn of_author(
    connection: &Connection,
    log: &LogId,
    device: &DeviceId,
    range: RangeInclusive<u64>,
    entries_max: usize,
    bytes_max: usize,
) -> Result<Page> {
    let (from, to) = (Number(*range.start()), Number(*range.end()));
    let mut statement = connection.prepare_cached(OF_AUTHOR)?;
    let mut rows = statement.query(params![log.prefix(), from, to, device.0])?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        let Some(found) = column::readable(row)? else {
            page.damaged = Some(row.get::<_, Number>(0)?.0);
            break;
        };
        let is_theirs = found.entry.envelope.key.device == *device;
        if is_theirs && page.ends_before(found, entries_max, bytes_max) {
            break;
        }
    }
    Ok(page)
}

pub(super) fn chain_before(connection: &Connection, log: &LogId, from: u64) -> Result<Hash> {
    let Some(before) = from.checked_sub(1) else {
        return Ok(Hash::ZERO);
    };
    let mut statement = connection.prepare_cached(CHAIN)?;
    let chain = statement.query_row(params![log.prefix(), Number(before)], |row| row.get(0)).optional()?;
    Ok(chain.map_or(Hash::ZERO, Hash))
}

pub(super) fn last(connection: &Connection, log: &LogId) -> Result<Option<StoredEntry>> {
    connection.prepare_cached(LAST)?.query_row([log.prefix()], column::entry).optional()
}

pub(super) fn last_place(connection: &Connection, log: &LogId) -> Result<Option<u64>> {
    let place: Option<Number> = connection.prepare_cached(LAST_PLACE)?.query_row([log.prefix()], |row| row.get(0))?;
    Ok(place.map(|Number(pos)| pos))
}

pub(super) fn first_place(connection: &Connection, log: &LogId) -> Result<Option<u64>> {
    let place: Option<Number> = connection.prepare_cached(FIRST_PLACE)?.query_row([log.prefix()], |row| row.get(0))?;
    Ok(place.map(|Number(pos)| pos))
}

pub(super) fn at(connection: &Connection, log: &LogId, pos: u64) -> Result<Option<StoredEntry>> {
    let place = params![log.prefix(), Number(pos)];
    Ok(connection.prepare_cached(AT)?.query_row(place, column::readable).optional()?.flatten())
}

pub(super) fn records_of(connection: &Connection, log: &LogId) -> Result<Vec<Record>> {
    let (from, to) = key_range(log);
    let mut statement = connection.prepare_cached(RECORDS_OF_LOG)?;
    let mut records = Vec::new();
    for table in Table::OF_LOGS {
        let mut rows = statement.query(params![*table as u8, from, to])?;
        while let Some(row) = rows.next()? {
            records.push(record(*table, row)?);
        }
    }
    Ok(records)
}

/// The keys that begin with a log's prefix: from the first on, below the second.
pub(super) fn key_range(log: &LogId) -> ([u8; 17], [u8; 17]) {
    let from = log.prefix();
    let mut to = from;
    // The last byte is a role, and roles are few.
    to[16] += 1;
    (from, to)
}

pub(super) fn scan(connection: &Connection, table: Table, after: &Bytes, records_max: usize) -> Result<Vec<Record>> {
    let mut statement = connection.prepare_cached(SCAN)?;
    let rows =
        statement.query_map(params![table as u8, after.as_ref(), limit(records_max)], |row| record(table, row))?;
    rows.collect()
}

fn record(table: Table, row: &Row<'_>) -> Result<Record> {
    let key = Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?);
    let value = Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?);
    Ok(Record { table, key, value })
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
