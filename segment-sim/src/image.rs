//! What is on a disk: the semantics of a [`Store`], in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use segment_core::store::{Lookup, Record, fitting};
use segment_core::{Fatal, LogId, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use segment_proto::{DeviceId, Hash, Signed};

/// The content of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    logs: BTreeMap<LogId, Log>,
    records: BTreeMap<(Table, Bytes), Bytes>,
}

/// The entries of one log; it may have holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    entries: BTreeMap<u64, StoredEntry>,
    by_key: BTreeMap<(DeviceId, u32, u64), u64>,
    by_hash: BTreeMap<Hash, u64>,
}

impl Log {
    /// The entry at a place.
    #[must_use]
    pub fn get(&self, pos: u64) -> Option<&StoredEntry> {
        self.entries.get(&pos)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first entry: those before it are gone.
    #[must_use]
    pub fn first(&self) -> Option<&StoredEntry> {
        self.entries.first_key_value().map(|(_, entry)| entry)
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<&StoredEntry> {
        self.entries.last_key_value().map(|(_, entry)| entry)
    }

    /// All entries in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &StoredEntry> {
        self.entries.values()
    }

    /// The entry that a lookup names.
    #[must_use]
    pub fn find(&self, lookup: &Lookup) -> Option<&StoredEntry> {
        let pos = match lookup {
            Lookup::Key { device, incarnation, seq } => self.by_key.get(&(*device, *incarnation, *seq)),
            Lookup::Hash(hash) => self.by_hash.get(hash),
        };
        self.get(*pos?)
    }

    /// The last bit of what was written at a place is another. Nothing else on the disk knows.
    fn flip(&mut self, pos: u64) -> bool {
        let Some(stored) = self.entries.get_mut(&pos) else { return false };
        let mut bytes = stored.entry.envelope.bytes().to_vec();
        bytes.last_mut().into_iter().for_each(|last| *last ^= 1);
        let signature = *stored.entry.envelope.signature();
        let Ok(flipped) = Signed::from_parts(bytes.into(), signature) else { return false };
        stored.entry.envelope = flipped;
        true
    }

    fn set(&mut self, stored: StoredEntry) {
        let pos = stored.entry.pos;
        self.remove(pos);
        self.by_key.insert(key_of(&stored), pos);
        self.by_hash.insert(stored.hash, pos);
        self.entries.insert(pos, stored);
    }

    fn remove(&mut self, pos: u64) {
        if let Some(old) = self.entries.remove(&pos) {
            self.by_key.remove(&key_of(&old));
            self.by_hash.remove(&old.hash);
        }
    }

    fn cut(&mut self, from: u64) {
        while self.last().is_some_and(|last| last.entry.pos >= from) {
            let last = self.entries.keys().next_back().copied().unwrap_or(from);
            self.remove(last);
        }
    }

    fn trim(&mut self, below: u64) {
        while self.entries.first_key_value().is_some_and(|(first, _)| *first < below) {
            let first = self.entries.keys().next().copied().unwrap_or(below);
            self.remove(first);
        }
    }

    fn of_author(&self, device: DeviceId, from: u64, to: u64) -> impl Iterator<Item = &StoredEntry> {
        let places = self.entries.range(from..=to.max(from)).map(|(_, stored)| stored);
        places.filter(move |stored| stored.entry.pos <= to && stored.entry.envelope.key.device == device)
    }

    fn read(&self, from: u64, to: u64, entries_max: usize, bytes_max: usize) -> StoreOutcome {
        let before = from.checked_sub(1).and_then(|pos| self.get(pos)).map_or(Hash::ZERO, |stored| stored.chain);
        let dense = (from..=to).map_while(|pos| self.get(pos));
        StoreOutcome::Entries { before, entries: fitting(dense, entries_max, bytes_max) }
    }
}

fn key_of(stored: &StoredEntry) -> (DeviceId, u32, u64) {
    let key = &stored.entry.envelope.key;
    (key.device, key.incarnation, key.seq)
}

impl Image {
    /// One log, if anything was ever written to it.
    #[must_use]
    pub fn log(&self, log: LogId) -> Option<&Log> {
        self.logs.get(&log)
    }

    /// Every log.
    pub fn logs(&self) -> impl Iterator<Item = (&LogId, &Log)> {
        self.logs.iter()
    }

    /// A bit of the entry at a place flips. Whether there is one that can still be read.
    pub fn flip(&mut self, log: LogId, pos: u64) -> bool {
        self.logs.get_mut(&log).is_some_and(|log| log.flip(pos))
    }

    /// The value of a record.
    #[must_use]
    pub fn record(&self, table: Table, key: &Bytes) -> Option<&Bytes> {
        self.records.get(&(table, key.clone()))
    }

    /// The records of a table whose key has a prefix.
    pub fn records<'a>(&'a self, table: Table, prefix: &'a [u8]) -> impl Iterator<Item = (&'a Bytes, &'a Bytes)> {
        self.records
            .range((table, Bytes::copy_from_slice(prefix))..)
            .take_while(move |((its, key), _)| *its == table && key.starts_with(prefix))
            .map(|((_, key), value)| (key, value))
    }

    /// Performs one operation.
    pub fn apply(&mut self, operation: &StoreOperation) -> StoreOutcome {
        match operation {
            StoreOperation::Write(writes) => {
                writes.iter().for_each(|write| self.write(write));
                StoreOutcome::Written
            }
            StoreOperation::Read { log, from, to, entries_max, bytes_max } => match self.logs.get(log) {
                Some(log) => log.read(*from, *to, *entries_max, *bytes_max),
                None => StoreOutcome::Entries { before: Hash::ZERO, entries: Vec::new() },
            },
            StoreOperation::ReadAuthor { log, device, from, to, entries_max, bytes_max } => {
                let found = self.logs.get(log).into_iter().flat_map(|log| log.of_author(*device, *from, *to));
                StoreOutcome::Entries { before: Hash::ZERO, entries: fitting(found, *entries_max, *bytes_max) }
            }
            StoreOperation::Find { log, lookup } => {
                StoreOutcome::Found(self.logs.get(log).and_then(|log| log.find(lookup)).cloned())
            }
            StoreOperation::Load { log } => self.load(*log),
            StoreOperation::Scan { table, after, limit } => self.scan(*table, after, *limit),
        }
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Append { log, entries } => {
                let log = self.logs.entry(*log).or_default();
                entries.iter().for_each(|stored| log.set(stored.clone()));
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
            Write::Move { from, to } => self.move_entries(*from, *to),
            Write::Erase { log } => self.erase(*log),
            Write::Put { table, key, value } => {
                self.records.insert((*table, key.clone()), value.clone());
            }
            Write::Delete { table, key } => {
                self.records.remove(&(*table, key.clone()));
            }
        }
    }

    fn move_entries(&mut self, from: LogId, to: LogId) {
        let Some(moved) = self.logs.remove(&from) else { return };
        let log = self.logs.entry(to).or_default();
        moved.entries.into_values().for_each(|stored| log.set(stored));
    }

    fn erase(&mut self, log: LogId) {
        self.logs.remove(&log);
        let prefix = log.prefix();
        self.records.retain(|(table, key), _| !(Table::OF_LOGS.contains(table) && key.starts_with(&prefix)));
    }

    fn load(&self, log: LogId) -> StoreOutcome {
        let prefix = log.prefix();
        let of_table = |table: &Table| {
            let table = *table;
            self.records(table, &prefix)
                .map(move |(key, value)| Record { table, key: key.clone(), value: value.clone() })
                .collect::<Vec<_>>()
        };
        let records = Table::OF_LOGS.iter().flat_map(of_table).collect();
        StoreOutcome::Log { records, last: self.logs.get(&log).and_then(Log::last).cloned() }
    }

    fn scan(&self, table: Table, after: &Bytes, limit: usize) -> StoreOutcome {
        let page = self
            .records
            .range((table, after.clone())..)
            .take_while(|((its, _), _)| *its == table)
            .filter(|((_, key), _)| key > after || after.is_empty())
            .take(limit)
            .map(|((_, key), value)| Record { table, key: key.clone(), value: value.clone() });
        StoreOutcome::Records(page.collect())
    }
}

/// An image is a store that never fails and is always synced; machines are restored from it.
impl Store for Image {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        Ok(batch.iter().map(|operation| self.apply(operation)).collect())
    }
}

/// The name of an operation in traces.
#[must_use]
pub fn name_of(operation: &StoreOperation) -> &'static str {
    match operation {
        StoreOperation::Write(_) => "write",
        StoreOperation::Read { .. } => "read",
        StoreOperation::ReadAuthor { .. } => "read_author",
        StoreOperation::Find { .. } => "find",
        StoreOperation::Load { .. } => "load",
        StoreOperation::Scan { .. } => "scan",
    }
}
