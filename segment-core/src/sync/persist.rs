//! How a log's records are written: one place for keys and encodings.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{DeviceId, EpochRecord, Fence, Receipt, Row, Signed};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{LogId, Record, Table, Write};
use crate::sync::fold::{Changed, Fold, RightsFold};
use crate::sync::log::ChannelLog;

/// Single values of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// The highest receipt.
    Receipt,
    /// The rights at the place that the rows stand for.
    Rights,
    /// The highest fence known.
    Fence,
    /// The nonce of the last grant.
    Nonce,
    /// Where a cache begins.
    Low,
    /// An author's counters.
    Author,
    /// The place up to which entries are gone.
    Below,
    /// What the tracker has signed of the snapshot.
    Snapshot,
    /// The newest epoch record that a replica knows.
    Epoch,
    /// What is left of the log that a replica has put aside.
    Aside,
}

impl Meta {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Receipt => b"receipt",
            Self::Rights => b"rights",
            Self::Fence => b"fence",
            Self::Nonce => b"nonce",
            Self::Low => b"low",
            Self::Author => b"author",
            Self::Below => b"below",
            Self::Snapshot => b"snapshot",
            Self::Epoch => b"epoch",
            Self::Aside => b"aside",
        }
    }
}

/// Encodes a value for a record.
pub fn encode<T: Serialize>(value: &T) -> Bytes {
    postcard::to_allocvec(value).unwrap_or_default().into()
}

/// Reads a record's value; `None` where it is damaged.
pub fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    postcard::from_bytes(value).ok()
}

/// Sets a single value.
pub fn put_meta<T: Serialize>(log: LogId, meta: Meta, value: &T) -> Write {
    Write::Put { table: Table::LogMeta, key: log.key(meta.name()), value: encode(value) }
}

/// Deletes a single value.
pub fn delete_meta(log: LogId, meta: Meta) -> Write {
    Write::Delete { table: Table::LogMeta, key: log.key(meta.name()) }
}

/// Sets a row.
pub fn put_row(log: LogId, row: &Row) -> Write {
    Write::Put { table: Table::Row, key: log.key(row.device.as_bytes()), value: encode(row) }
}

/// Deletes a row.
pub fn delete_row(log: LogId, device: DeviceId) -> Write {
    Write::Delete { table: Table::Row, key: log.key(device.as_bytes()) }
}

/// Adds an epoch record to a log, in place of the oldest where there are as many as are kept.
pub fn put_epoch(log: &ChannelLog, record: &Signed<EpochRecord>) -> Vec<Write> {
    let (table, key) = (Table::Epoch, epoch_key(log.id, record.fence));
    let put = Write::Put { table, key, value: encode(record) };
    let oldest = log.epoch_to_go().map(|fence| Write::Delete { table, key: epoch_key(log.id, fence) });
    core::iter::once(put).chain(oldest).collect()
}

/// Adds an epoch record to a log that is rewritten.
pub fn put_epoch_record(log: LogId, record: &Signed<EpochRecord>) -> Write {
    Write::Put { table: Table::Epoch, key: epoch_key(log, record.fence), value: encode(record) }
}

/// Deletes an epoch record.
pub fn delete_epoch(log: LogId, fence: Fence) -> Write {
    Write::Delete { table: Table::Epoch, key: epoch_key(log, fence) }
}

fn epoch_key(log: LogId, fence: Fence) -> Bytes {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&fence.generation.to_be_bytes());
    key[4..].copy_from_slice(&fence.epoch.to_be_bytes());
    log.key(&key)
}

/// What a fold has changed, as it is now.
pub fn put_changes(log: LogId, fold: &Fold, changed: &[Changed]) -> Vec<Write> {
    if changed.contains(&Changed::Rights) {
        let rights = put_meta(log, Meta::Rights, fold.rights());
        return core::iter::once(rights).chain(fold.rows().map(|row| put_row(log, row))).collect();
    }
    let rows = changed.iter().filter_map(|changed| match changed {
        Changed::Row(row) => Some((row.device, row)),
        Changed::Rights => None,
    });
    let newest: BTreeMap<_, _> = rows.collect();
    newest.into_values().map(|row| put_row(log, row)).collect()
}

/// The records of a log, sorted out.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rows.
    pub rows: Vec<Row>,
    /// The epochs, oldest first.
    pub epochs: Vec<Signed<EpochRecord>>,
    /// The highest receipt.
    pub receipt: Option<Signed<Receipt>>,
    /// The rights.
    pub rights: Option<RightsFold>,
    /// What is left: other tables, other values.
    pub others: Vec<Record>,
}

impl Loaded {
    /// Sorts the records of a log.
    #[must_use]
    pub fn new(records: Vec<Record>) -> Self {
        let mut loaded = Self::default();
        for record in records {
            loaded.take(record);
        }
        loaded
    }

    fn take(&mut self, record: Record) {
        let suffix = record.key.get(17..).unwrap_or_default();
        match record.table {
            Table::Row => self.rows.extend(decode::<Row>(&record.value)),
            Table::Epoch => self.epochs.extend(decode::<Signed<EpochRecord>>(&record.value)),
            Table::LogMeta if suffix == Meta::Receipt.name() => self.receipt = decode(&record.value),
            Table::LogMeta if suffix == Meta::Rights.name() => self.rights = decode(&record.value),
            _ => self.others.push(record),
        }
    }

    /// A single value.
    #[must_use]
    pub fn meta<T: DeserializeOwned>(&self, meta: Meta) -> Option<T> {
        let found = |record: &&Record| record.table == Table::LogMeta && record.key.get(17..) == Some(meta.name());
        self.others.iter().find(found).and_then(|record| decode(&record.value))
    }

    /// The values of a table, in the order of their keys.
    pub fn values<T: DeserializeOwned>(&self, table: Table) -> impl Iterator<Item = T> {
        self.others.iter().filter(move |record| record.table == table).filter_map(|record| decode(&record.value))
    }
}
