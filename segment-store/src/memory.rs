//! A store that forgets everything when it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use segment_core::store::{Lookup, Record, fitting};
use segment_core::{Fatal, LogId, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use segment_proto::{DeviceId, Hash};

/// Keeps everything in memory: for tests, examples and simulations. A clone is a copy of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    logs: BTreeMap<LogId, Log>,
    records: BTreeMap<(Table, Bytes), Bytes>,
}

impl Store for MemoryStore {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        Ok(batch.iter().map(|operation| self.perform_one(operation)).collect())
    }
}

impl MemoryStore {
    fn perform_one(&mut self, operation: &StoreOperation) -> StoreOutcome {
        match operation {
            StoreOperation::Write(writes) => {
                writes.iter().for_each(|write| self.write(write));
                StoreOutcome::Written
            }
            StoreOperation::Read { log, from, to, entries_max, bytes_max } => {
                self.logs.get(log).map_or(StoreOutcome::Entries { before: Hash::ZERO, entries: Vec::new() }, |log| {
                    StoreOutcome::Entries {
                        before: log.chain_before(*from),
                        entries: log.read(*from, *to, *entries_max, *bytes_max),
                    }
                })
            }
            StoreOperation::ReadAuthor { log, device, from, to, entries_max, bytes_max } => {
                let found = self.logs.get(log).into_iter().flat_map(|log| log.of_author(*device, *from, *to));
                StoreOutcome::Entries { before: Hash::ZERO, entries: fitting(found, *entries_max, *bytes_max) }
            }
            StoreOperation::Find { log, lookup } => {
                StoreOutcome::Found(self.logs.get(log).and_then(|log| log.find(lookup)).cloned())
            }
            StoreOperation::Load { log } => StoreOutcome::Log {
                records: self.records_of(log),
                last: self.logs.get(log).and_then(Log::last).cloned(),
            },
            StoreOperation::Scan { table, after, limit } => StoreOutcome::Records(self.scan(*table, after, *limit)),
        }
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Append { log, entries } => {
                let log = self.logs.entry(*log).or_default();
                entries.iter().for_each(|entry| log.insert(entry.clone()));
            }
            Write::Cut { log, from } => {
                if let Some(log) = self.logs.get_mut(log) {
                    log.cut(*from);
                }
            }
            Write::Trim { log, below } => {
                if let Some(log) = self.logs.get_mut(log) {
                    log.trim(*below);
                }
            }
            Write::Move { from, to } => self.move_entries(from, to),
            Write::Erase { log } => self.erase(log),
            Write::Put { table, key, value } => {
                self.records.insert((*table, key.clone()), value.clone());
            }
            Write::Delete { table, key } => {
                self.records.remove(&(*table, key.clone()));
            }
        }
    }

    fn move_entries(&mut self, from: &LogId, to: &LogId) {
        let Some(moved) = self.logs.remove(from) else {
            return;
        };
        let log = self.logs.entry(*to).or_default();
        moved.entries.into_values().for_each(|entry| log.insert(entry));
    }

    fn erase(&mut self, log: &LogId) {
        self.logs.remove(log);
        for record in self.records_of(log) {
            self.records.remove(&(record.table, record.key));
        }
    }

    fn records_of(&self, log: &LogId) -> Vec<Record> {
        let prefix = log.prefix();
        Table::OF_LOGS
            .iter()
            .flat_map(|table| self.records.range((*table, Bytes::copy_from_slice(&prefix))..).take_while(of(*table)))
            .filter(|((_, key), _)| key.starts_with(&prefix))
            .map(record)
            .collect()
    }

    fn scan(&self, table: Table, after: &Bytes, limit: usize) -> Vec<Record> {
        let start = Bound::Excluded((table, after.clone()));
        self.records.range((start, Bound::Unbounded)).take_while(of(table)).take(limit).map(record).collect()
    }
}

type Item<'a> = (&'a (Table, Bytes), &'a Bytes);

fn of(wanted: Table) -> impl Fn(&Item<'_>) -> bool {
    move |((table, _), _)| *table == wanted
}

fn record(((table, key), value): Item<'_>) -> Record {
    Record { table: *table, key: key.clone(), value: value.clone() }
}

type Key = (DeviceId, u32, u64);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Log {
    entries: BTreeMap<u64, StoredEntry>,
    by_key: BTreeSet<(Key, u64)>,
    by_hash: BTreeSet<(Hash, u64)>,
}

impl Log {
    fn insert(&mut self, entry: StoredEntry) {
        let pos = entry.entry.pos;
        self.remove(pos);
        self.by_key.insert((key(&entry), pos));
        self.by_hash.insert((entry.hash, pos));
        self.entries.insert(pos, entry);
    }

    fn remove(&mut self, pos: u64) {
        let Some(old) = self.entries.remove(&pos) else {
            return;
        };
        self.by_key.remove(&(key(&old), pos));
        self.by_hash.remove(&(old.hash, pos));
    }

    fn cut(&mut self, from: u64) {
        let cut: Vec<u64> = self.entries.range(from..).map(|(pos, _)| *pos).collect();
        cut.into_iter().for_each(|pos| self.remove(pos));
    }

    fn trim(&mut self, below: u64) {
        let trimmed: Vec<u64> = self.entries.range(..below).map(|(pos, _)| *pos).collect();
        trimmed.into_iter().for_each(|pos| self.remove(pos));
    }

    fn last(&self) -> Option<&StoredEntry> {
        self.entries.last_key_value().map(|(_, entry)| entry)
    }

    fn chain_before(&self, from: u64) -> Hash {
        from.checked_sub(1).and_then(|before| self.entries.get(&before)).map_or(Hash::ZERO, |entry| entry.chain)
    }

    fn read(&self, from: u64, to: u64, entries_max: usize, bytes_max: usize) -> Vec<StoredEntry> {
        if from > to {
            return Vec::new();
        }
        let dense = self.entries.range(from..=to).zip(from..=to).take_while(|((pos, _), wanted)| **pos == *wanted);
        fitting(dense.map(|((_, entry), _)| entry), entries_max, bytes_max)
    }

    fn of_author(&self, device: DeviceId, from: u64, to: u64) -> impl Iterator<Item = &StoredEntry> {
        let places = (from <= to).then(|| self.entries.range(from..=to));
        let entries = places.into_iter().flatten().map(|(_, entry)| entry);
        entries.filter(move |entry| entry.entry.envelope.key.device == device)
    }

    fn find(&self, lookup: &Lookup) -> Option<&StoredEntry> {
        let pos = match lookup {
            Lookup::Key { device, incarnation, seq } => {
                let key = (*device, *incarnation, *seq);
                self.by_key.range((key, 0)..=(key, u64::MAX)).next_back().map(|(_, pos)| *pos)
            }
            Lookup::Hash(hash) => self.by_hash.range((*hash, 0)..=(*hash, u64::MAX)).next_back().map(|(_, pos)| *pos),
        };
        self.entries.get(&pos?)
    }
}

fn key(stored: &StoredEntry) -> Key {
    let key = &stored.entry.envelope.key;
    (key.device, key.incarnation, key.seq)
}
