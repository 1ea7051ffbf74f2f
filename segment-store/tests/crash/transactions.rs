//! Numbered transactions, each of which leaves something in every table, and how to tell that
//! a store holds exactly the first so many of them.

use std::path::Path;

use bytes::Bytes;
use segment_core::store::{Record, load_log};
use segment_core::{LogId, LogRole, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use segment_proto::Hash;
use segment_store::{Settings, SqliteStore, Syncing};

use crate::support;

const ENTRIES: u64 = 3;

fn log() -> LogId {
    support::log(1, LogRole::Host)
}

fn entries(number: u64) -> impl Iterator<Item = StoredEntry> {
    let first = (number - 1) * ENTRIES + 1;
    (first..first + ENTRIES).map(|pos| {
        let bytes = if pos % 17 == 0 { 6_000 } else { pos as usize * 37 % 500 };
        support::entry(pos, (pos % 5) as u8, pos, vec![pos as u8; bytes], &Hash::ZERO)
    })
}

fn key(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// The transaction with this number, from 1.
pub fn transaction(number: u64) -> StoreOperation {
    let passing = |number| log().key(&key(number));
    StoreOperation::Write(vec![
        Write::Append { log: log(), entries: entries(number).collect() },
        Write::Put { table: Table::Setting, key: key(number), value: key(number) },
        Write::Put { table: Table::LogMeta, key: log().key(b"last"), value: key(number) },
        Write::Delete { table: Table::Outgoing, key: passing(number - 1) },
        Write::Put { table: Table::Outgoing, key: passing(number), value: key(number) },
    ])
}

/// How many transactions a store holds, by what it says of itself.
pub fn last(store: &mut dyn Store) -> u64 {
    let (records, _) = load_log(store, log()).unwrap();
    let last = records.iter().find(|record| record.table == Table::LogMeta);
    last.map_or(0, |record| u64::from_be_bytes(record.value.as_ref().try_into().unwrap()))
}

/// Checks that the store holds the first transactions whole, all that were acknowledged among them, and
/// nothing else. Gives their number.
pub fn verify(store: &mut dyn Store, acknowledged: u64) -> Result<u64, String> {
    let last = last(store);
    if last < acknowledged {
        return Err(format!("{acknowledged} transactions were acknowledged, {last} are there"));
    }
    let read =
        StoreOperation::Read { log: log(), from: 1, to: u64::MAX, entries_max: usize::MAX, bytes_max: usize::MAX };
    let scan = StoreOperation::Scan { table: Table::Setting, after: Bytes::new(), limit: usize::MAX };
    let found = store.perform(&[read, scan, StoreOperation::Load { log: log() }]).map_err(|fatal| fatal.to_string())?;
    let all: Vec<_> = (1..=last).flat_map(entries).collect();
    let record = |table, key, number: u64| Record { table, key, value: self::key(number) };
    let settings = (1..=last).map(|number| record(Table::Setting, key(number), number)).collect();
    let of_log = match last {
        0 => vec![],
        last => {
            vec![record(Table::LogMeta, log().key(b"last"), last), record(Table::Outgoing, log().key(&key(last)), last)]
        }
    };
    let last_entry = all.last().cloned();
    let expected = [
        StoreOutcome::Entries { before: Hash::ZERO, entries: all },
        StoreOutcome::Records(settings),
        StoreOutcome::Log { records: of_log, last: last_entry },
    ];
    match found == expected {
        true => Ok(last),
        false => Err(format!("transaction {last} or one before it is there in part only")),
    }
}

/// [`verify`] on a file that nobody has open. What it reads needs no syncing.
pub fn verify_file(path: &Path, acknowledged: u64) -> Result<u64, String> {
    let settings = Settings { syncing: Syncing::Off, ..Settings::default() };
    let mut store = SqliteStore::open_with(path, settings).map_err(|error| error.to_string())?;
    verify(&mut store, acknowledged)
}
