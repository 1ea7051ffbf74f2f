//! A store for the tests of this crate: what a machine writes, in maps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bytes::Bytes;
use segment_proto::{DeviceId, Hash};

use crate::store::{Fatal, LogId, Record, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write, fitting};

/// Everything that was written; its clone is the disk as it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestStore {
    /// All records.
    pub tables: BTreeMap<(Table, Bytes), Bytes>,
    /// All logs.
    pub logs: BTreeMap<LogId, BTreeMap<u64, StoredEntry>>,
}

impl TestStore {
    /// Performs one operation.
    pub fn run(&mut self, operation: &StoreOperation) -> StoreOutcome {
        match operation {
            StoreOperation::Write(writes) => {
                writes.iter().for_each(|write| self.write(write));
                StoreOutcome::Written
            }
            StoreOperation::Read { log, from, to, entries_max, bytes_max } => {
                self.read(*log, *from, *to, *entries_max, *bytes_max)
            }
            StoreOperation::ReadAuthor { log, device, from, to, entries_max, bytes_max } => {
                self.read_author(*log, *device, *from..=*to, *entries_max, *bytes_max)
            }
            StoreOperation::Find { log, lookup } => {
                let entries = self.logs.get(log).into_iter().flat_map(BTreeMap::values);
                StoreOutcome::Found(entries.into_iter().find(|stored| lookup.is_of(stored)).cloned())
            }
            StoreOperation::Load { log } => {
                let is_of_log =
                    |table: &Table, key: &Bytes| Table::OF_LOGS.contains(table) && key.starts_with(&log.prefix());
                let records = self.records(|table, key| is_of_log(&table, key)).collect();
                let last = self.logs.get(log).and_then(|entries| entries.values().next_back()).cloned();
                StoreOutcome::Log { records, last }
            }
            StoreOperation::Scan { table, after, limit } => {
                StoreOutcome::Records(self.records(|of, key| of == *table && key > after).take(*limit).collect())
            }
        }
    }

    /// The records of a table.
    pub fn count(&self, table: Table) -> usize {
        self.tables.keys().filter(|(of, _)| *of == table).count()
    }

    fn records(&self, is_wanted: impl Fn(Table, &Bytes) -> bool) -> impl Iterator<Item = Record> {
        self.tables.iter().filter(move |((table, key), _)| is_wanted(*table, key)).map(|((table, key), value)| Record {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        })
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Append { log, entries } => {
                let stored = self.logs.entry(*log).or_default();
                entries.iter().for_each(|entry| drop(stored.insert(entry.entry.pos, entry.clone())));
            }
            Write::Cut { log, from } => drop(self.logs.entry(*log).or_default().split_off(from)),
            Write::Trim { log, below } => {
                let stored = self.logs.entry(*log).or_default();
                *stored = stored.split_off(below);
            }
            Write::Move { from, to } => {
                let moved = self.logs.remove(from).unwrap_or_default();
                self.logs.entry(*to).or_default().extend(moved);
            }
            Write::Erase { log } => {
                self.logs.remove(log);
                self.tables
                    .retain(|(table, key), _| !(Table::OF_LOGS.contains(table) && key.starts_with(&log.prefix())));
            }
            Write::Put { table, key, value } => drop(self.tables.insert((*table, key.clone()), value.clone())),
            Write::Delete { table, key } => drop(self.tables.remove(&(*table, key.clone()))),
        }
    }

    fn read(&self, log: LogId, from: u64, to: u64, entries_max: usize, bytes_max: usize) -> StoreOutcome {
        let empty = BTreeMap::new();
        let stored = self.logs.get(&log).unwrap_or(&empty);
        let before = from.checked_sub(1).and_then(|pos| stored.get(&pos)).map_or(Hash::ZERO, |entry| entry.chain);
        let mut entries: Vec<StoredEntry> = Vec::new();
        let mut bytes = 0;
        for (pos, entry) in stored.range(from..=to.max(from)).take(entries_max) {
            bytes += entry.entry.wire_bytes();
            if *pos != from + entries.len() as u64 || *pos > to || (bytes > bytes_max && !entries.is_empty()) {
                break;
            }
            entries.push(entry.clone());
        }
        StoreOutcome::Entries { before, entries }
    }

    fn read_author(
        &self,
        log: LogId,
        device: DeviceId,
        places: RangeInclusive<u64>,
        entries_max: usize,
        bytes_max: usize,
    ) -> StoreOutcome {
        let of_author =
            |stored: &&StoredEntry| places.contains(&stored.entry.pos) && stored.entry.envelope.key.device == device;
        let entries = self.logs.get(&log).into_iter().flat_map(BTreeMap::values).filter(of_author);
        StoreOutcome::Entries { before: Hash::ZERO, entries: fitting(entries, entries_max, bytes_max) }
    }
}

impl Store for TestStore {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        Ok(batch.iter().map(|operation| self.run(operation)).collect())
    }
}
