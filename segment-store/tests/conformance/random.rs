//! Random operations: memory is the model, SQLite has to agree, also after it was opened again.

use bytes::Bytes;
use proptest::prelude::*;
use segment_core::store::Lookup;
use segment_core::{LogId, LogRole, Store, StoreOperation, StoredEntry, Table, Write};
use segment_proto::{DeviceId, Hash};
use segment_store::{MemoryStore, SqliteStore};

use crate::support;

const TABLES: [Table; 4] = [Table::Account, Table::Row, Table::LogMeta, Table::Resubmit];

#[derive(Clone, Debug)]
enum Step {
    Perform(Vec<StoreOperation>),
    Reopen,
}

fn log() -> impl Strategy<Value = LogId> {
    (1..3u8, prop_oneof![Just(LogRole::Host), Just(LogRole::Cache)]).prop_map(|(id, role)| support::log(id, role))
}

/// Places that touch, have holes, and lie on both sides of every border.
fn place() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..12u64, 1 => 4_090..4_100u64, 1 => (1 << 63) - 2..(1 << 63) + 2u64, 1 => u64::MAX - 1..=u64::MAX]
}

fn stored() -> impl Strategy<Value = StoredEntry> {
    let body = prop_oneof![9 => 0..64usize, 1 => 1_000..8_192usize];
    (place(), 0..3u8, place(), body)
        .prop_map(|(pos, device, seq, body)| support::entry(pos, device, seq, vec![7; body], &Hash([1; 32])))
}

fn key() -> impl Strategy<Value = Bytes> {
    let own = prop::collection::vec(prop_oneof![Just(0), Just(1), Just(255)], 1..3).prop_map(Bytes::from);
    let of_log = (log(), prop::collection::vec(any::<u8>(), 0..2)).prop_map(|(log, suffix)| log.key(&suffix));
    prop_oneof![own, of_log]
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(&TABLES[..])
}

fn write() -> impl Strategy<Value = Write> {
    let entries = prop::collection::vec(stored(), 0..6);
    prop_oneof![
        4 => (log(), entries).prop_map(|(log, entries)| Write::Append { log, entries }),
        1 => (log(), place()).prop_map(|(log, from)| Write::Cut { log, from }),
        1 => log().prop_map(|log| Write::Erase { log }),
        1 => (log(), place()).prop_map(|(log, below)| Write::Trim { log, below }),
        1 => (log(), log()).prop_map(|(from, to)| Write::Move { from, to }),
        4 => (table(), key(), any::<[u8; 2]>())
            .prop_map(|(table, key, value)| Write::Put { table, key, value: value.to_vec().into() }),
        2 => (table(), key()).prop_map(|(table, key)| Write::Delete { table, key }),
    ]
}

fn lookup() -> impl Strategy<Value = Lookup> {
    prop_oneof![
        (0..3u8, place()).prop_map(|(device, seq)| Lookup::Key { device: DeviceId([device; 32]), incarnation: 1, seq }),
        stored().prop_map(|stored| Lookup::Hash(stored.hash)),
    ]
}

fn operation() -> impl Strategy<Value = StoreOperation> {
    let bytes_max = prop_oneof![0..1_000usize, Just(usize::MAX)];
    let entries_max = prop_oneof![0..5usize, Just(usize::MAX)];
    prop_oneof![
        4 => prop::collection::vec(write(), 0..4).prop_map(StoreOperation::Write),
        3 => (log(), place(), place(), entries_max.clone(), bytes_max.clone()).prop_map(|(log, from, to, entries_max, bytes_max)| {
            StoreOperation::Read { log, from, to, entries_max, bytes_max }
        }),
        2 => (log(), 0..3u8, place(), place(), entries_max.clone(), bytes_max.clone()).prop_map(
            |(log, device, from, to, entries_max, bytes_max)| {
                let device = DeviceId([device; 32]);
                StoreOperation::ReadAuthor { log, device, from, to, entries_max, bytes_max }
            }
        ),
        2 => (log(), lookup()).prop_map(|(log, lookup)| StoreOperation::Find { log, lookup }),
        1 => log().prop_map(|log| StoreOperation::Load { log }),
        1 => (table(), key(), 0..5usize).prop_map(|(table, after, limit)| StoreOperation::Scan { table, after, limit }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![9 => prop::collection::vec(operation(), 0..5).prop_map(Step::Perform), 1 => Just(Step::Reopen)]
}

/// Everything there is.
fn everything() -> Vec<StoreOperation> {
    let logs = [1, 2].into_iter().flat_map(|id| [LogRole::Host, LogRole::Cache].map(|role| support::log(id, role)));
    let scans = TABLES.map(|table| StoreOperation::Scan { table, after: Bytes::new(), limit: usize::MAX });
    logs.map(|log| StoreOperation::Load { log }).chain(scans).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_sqlite_agree(steps in prop::collection::vec(step(), 1..24)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let mut memory = MemoryStore::default();
        let mut sqlite = Some(SqliteStore::open(&path).unwrap());
        for step in steps.into_iter().chain([Step::Reopen, Step::Perform(everything())]) {
            match step {
                Step::Reopen => {
                    drop(sqlite.take());
                    sqlite = Some(SqliteStore::open(&path).unwrap());
                }
                Step::Perform(batch) => {
                    let found = sqlite.as_mut().map(|store| store.perform(&batch).unwrap());
                    prop_assert_eq!(Some(memory.perform(&batch).unwrap()), found);
                }
            }
        }
    }
}
