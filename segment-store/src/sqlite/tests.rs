#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use segment_core::store::{Lookup, scan_all};
use segment_core::{LogId, LogRole, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Entry, Envelope, EnvelopeKind, Hash, Identity, MessageKey, Signed, UnixMillis,
};

use super::column::Number;
use super::schema::Schema;
use super::{BackupError, OpenError, Settings, SqliteStore, open};

fn put(key: &'static str) -> StoreOperation {
    StoreOperation::Write(vec![Write::Put { table: Table::Setting, key: key.into(), value: "v".into() }])
}

fn keys(store: &mut SqliteStore) -> Vec<String> {
    let mut keys = Vec::new();
    scan_all(store, Table::Setting, |record| keys.push(String::from_utf8(record.key.to_vec()).unwrap())).unwrap();
    keys
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// An open database of a store that nobody has open.
fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// A directory, and a path in it where no store is yet.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    (directory, path)
}

#[test]
fn what_is_written_is_there_after_a_restart() {
    let (_directory, path) = place();
    SqliteStore::open(&path).unwrap().perform(&[put("a"), put("b")]).unwrap();
    assert_eq!(keys(&mut SqliteStore::open(&path).unwrap()), ["a", "b"]);
}

#[test]
fn only_the_owner_may_read_it() {
    let (directory, _) = place();
    let deep = directory.path().join("x").join("y");
    let path = deep.join("store");
    let mut store = SqliteStore::open(&path).unwrap();
    store.perform(&[put("a")]).unwrap();
    assert_eq!([mode(&directory.path().join("x")), mode(&deep)], [0o700, 0o700]);
    assert_eq!([mode(&path), mode(&deep.join("store-wal"))], [0o600, 0o600]);
    drop(store);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    SqliteStore::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_store_in_use_is_not_opened_twice() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.perform(&[put("a")]).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::InUse { .. })));
    store.perform(&[put("b")]).unwrap();
    drop(store);
    assert_eq!(keys(&mut SqliteStore::open(&path).unwrap()), ["a", "b"]);
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    drop(SqliteStore::open(&path).unwrap());
    raw(&path).pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("install the newer Segment"));
    let version: u32 = raw(&path).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    raw(&path).execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::NotOurs { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, "a letter to somebody, long enough to be a header ".repeat(9)).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::NotOurs { .. })));
}

#[test]
fn a_path_that_cannot_be_is_said_to_be_so() {
    let (directory, path) = place();
    fs::write(&path, "").unwrap();
    let below_a_file = path.join("store");
    assert!(matches!(SqliteStore::open(below_a_file), Err(OpenError::Files { .. })));
    let is_a_directory = SqliteStore::open(directory.path()).unwrap_err();
    assert!(matches!(is_a_directory, OpenError::Database { .. }), "{is_a_directory}");
}

#[test]
fn an_empty_file_is_where_a_creation_was_interrupted() {
    let (_directory, path) = place();
    fs::write(&path, "").unwrap();
    SqliteStore::open(&path).unwrap().perform(&[put("a")]).unwrap();
}

#[test]
fn a_copy_is_whole_and_never_replaces_anything() {
    let (directory, path) = place();
    let copy = directory.path().join("copy");
    let mut store = SqliteStore::open(&path).unwrap();
    store.perform(&[put("a")]).unwrap();
    store.backup(&copy).unwrap();
    store.perform(&[put("b")]).unwrap();
    assert!(matches!(store.backup(&copy), Err(BackupError::Files { .. })));
    assert_eq!(mode(&copy), 0o600);
    assert_eq!(keys(&mut SqliteStore::open(&copy).unwrap()), ["a"]);
    assert_eq!(keys(&mut store), ["a", "b"]);
}

const NEXT: Schema = Schema {
    create: "CREATE TABLE never (made)",
    migrations: &["CREATE TABLE added (x); INSERT INTO added SELECT count(*) FROM records"],
};

#[test]
fn a_migration_keeps_everything_and_a_copy_of_before() {
    let (directory, path) = place();
    SqliteStore::open(&path).unwrap().perform(&[put("a"), put("b")]).unwrap();
    let connection = open::open(&path, Settings::default(), &NEXT).unwrap();
    let added: u32 = connection.query_row("SELECT x FROM added", [], |row| row.get(0)).unwrap();
    assert_eq!(added, 2);
    drop(connection);
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::Newer { found: 2, known: 1, .. })));
    let copy = directory.path().join("store.schema-1.1.backup");
    assert_eq!(keys(&mut SqliteStore::open(copy).unwrap()), ["a", "b"]);
}

#[test]
fn a_failed_migration_changes_nothing() {
    let (directory, path) = place();
    SqliteStore::open(&path).unwrap().perform(&[put("a")]).unwrap();
    let broken = Schema { create: "", migrations: &["CREATE TABLE added (x); DROP TABLE records; no SQL"] };
    for attempt in 1..=2 {
        assert!(matches!(open::open(&path, Settings::default(), &broken), Err(OpenError::Database { .. })));
        assert!(directory.path().join(format!("store.schema-1.{attempt}.backup")).exists());
    }
    assert_eq!(keys(&mut SqliteStore::open(&path).unwrap()), ["a"]);
}

#[test]
fn after_a_failure_the_store_is_stopped_for_good() {
    let (directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    store.perform(&[put("a")]).unwrap();
    // A disk that is full: no page can be added.
    store.connection.as_ref().unwrap().pragma_update(None, "max_page_count", 1).unwrap();
    let large = Write::Put { table: Table::Setting, key: "large".into(), value: vec![7; 1 << 16].into() };
    let first = store.perform(&[put("b"), StoreOperation::Write(vec![large])]).unwrap_err();
    assert!(first.0.contains("full"), "{first}");
    assert_eq!(store.perform(&[put("c")]).unwrap_err(), first);
    assert_eq!(store.perform(&[]).unwrap_err(), first);
    assert!(matches!(store.backup(directory.path().join("copy")), Err(BackupError::Stopped(_))));
    assert_eq!(keys(&mut SqliteStore::open(&path).unwrap()), ["a"], "the batch is absent as a whole");
}

#[test]
fn a_damaged_entry_stops_the_store() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    let log = segment_core::LogId {
        channel: segment_proto::ChannelId::from_random([1; 16]),
        role: segment_core::LogRole::Host,
    };
    let insert = "INSERT INTO entries VALUES (?1, 1, 1, 1, 1, zeroblob(32), zeroblob(32), zeroblob(64), x'ff')";
    store.connection.as_ref().unwrap().execute(insert, [log.prefix()]).unwrap();
    let error = store.perform(&[StoreOperation::Load { log }]).unwrap_err();
    assert!(error.0.contains("cannot be read"), "{error}");
    assert!(store.perform(&[put("a")]).is_err());
}

/// Bits that a disk has lost in one entry of three.
fn damaged(path: &Path, damage: &str) -> (SqliteStore, LogId, Vec<StoredEntry>) {
    let mut store = SqliteStore::open(path).unwrap();
    let log = LogId { channel: ChannelId::from_random([1; 16]), role: LogRole::Host };
    let mut before = Hash::ZERO;
    let entries: Vec<StoredEntry> = (1..=3)
        .map(|pos| {
            let key = MessageKey { channel: log.channel, device: DeviceId([7; 32]), incarnation: 1, seq: pos };
            let (account, prev, sent) = (AccountId(7), Hash::ZERO, UnixMillis(pos));
            let (kind, body) = (EnvelopeKind::Text, "words".into());
            let envelope = Envelope { key, account, prev, sent, kind, body };
            let envelope = Signed::new(envelope, &Identity::simulated(key.device));
            let stored = StoredEntry::new(Entry { pos, epoch: 1, sequenced: UnixMillis(1), envelope }, &before);
            before = stored.chain;
            stored
        })
        .collect();
    store.perform(&[StoreOperation::Write(vec![Write::Append { log, entries: entries.clone() }])]).unwrap();
    store.connection.as_ref().unwrap().execute(damage, []).unwrap();
    (store, log, entries)
}

#[test]
fn an_entry_that_cannot_be_made_out_is_an_outcome_and_no_end() {
    for damage in [
        "UPDATE entries SET envelope = x'ff' WHERE pos = 2",
        "UPDATE entries SET signature = x'00' WHERE pos = 2",
        "UPDATE entries SET epoch = -1 WHERE pos = 2",
        "UPDATE entries SET chain = 'text' WHERE pos = 2",
    ] {
        let (_directory, path) = place();
        let (mut store, log, entries) = damaged(&path, damage);
        let read = |from| StoreOperation::Read { log, from, to: 3, entries_max: 9, bytes_max: usize::MAX };
        let device = DeviceId([7; 32]);
        let own = StoreOperation::ReadAuthor { log, device, from: 1, to: 3, entries_max: 9, bytes_max: usize::MAX };
        let find = StoreOperation::Find { log, lookup: Lookup::Key { device, incarnation: 1, seq: 2 } };
        let outcomes = store.perform(&[read(1), read(2), own, find, StoreOperation::Load { log }]).unwrap();
        let first = StoreOutcome::Entries { before: Hash::ZERO, entries: entries[..1].to_vec() };
        assert_eq!(outcomes[0], first, "{damage}: what is before it is given");
        assert_eq!(outcomes[1], StoreOutcome::Damaged { pos: 2 }, "{damage}");
        let whole_envelope = !damage.contains("envelope");
        assert_eq!(outcomes[2] == StoreOutcome::Damaged { pos: 2 }, whole_envelope, "{damage}");
        assert_eq!(outcomes[3], StoreOutcome::Found(None), "{damage}");
        assert_eq!(outcomes[4], StoreOutcome::Log { records: vec![], last: Some(entries[2].clone()) });
        let right = Write::Append { log, entries: entries[1..2].to_vec() };
        store.perform(&[StoreOperation::Write(vec![right])]).unwrap();
        assert_eq!(
            store.perform(&[read(1)]).unwrap(),
            [StoreOutcome::Entries { before: Hash::ZERO, entries }],
            "{damage}: the right entry takes its place"
        );
    }
}

#[test]
fn a_damaged_file_is_named_with_what_to_do() {
    let (_directory, path) = place();
    let mut store = SqliteStore::open(&path).unwrap();
    let large = Write::Put { table: Table::Setting, key: "large".into(), value: vec![7; 1 << 18].into() };
    store.perform(&[StoreOperation::Write(vec![large])]).unwrap();
    store.check().unwrap();
    drop(store);
    // What is in the log goes into the file.
    drop(SqliteStore::open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    let count = bytes.len();
    bytes[4_096..count].chunks_mut(4_096).for_each(|page| page[..64].fill(0x5a));
    fs::write(&path, &bytes).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    let error = store.check().unwrap_err().0;
    assert!(error.contains(path.to_str().unwrap()) && error.contains("segment-tracker restore"), "{error}");
    assert_eq!(store.perform(&[put("a")]).unwrap_err().0, error, "it is stopped");
    let mut store = SqliteStore::open(&path).unwrap();
    let scan = StoreOperation::Scan { table: Table::Setting, after: bytes::Bytes::new(), limit: 9 };
    let error = store.perform(&[scan]).unwrap_err().0;
    assert!(error.contains("malformed") && error.contains("the file is damaged"), "{error}");
}

#[test]
fn the_write_ahead_log_stays_short() {
    let (directory, path) = place();
    let settings = Settings { checkpoint_pages: 8, ..Settings::default() };
    let mut store = SqliteStore::open_with(&path, settings).unwrap();
    for _ in 0..100 {
        assert_eq!(store.perform(&[put("a"), put("b")]).unwrap(), [StoreOutcome::Written, StoreOutcome::Written]);
    }
    let bytes = fs::metadata(directory.path().join("store-wal")).unwrap().len();
    assert!(bytes < 16 * 4_200, "{bytes}");
}

#[test]
fn numbers_sort_as_they_should() {
    let numbers = [0, 1, 255, 256, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX];
    let connection = Connection::open_in_memory().unwrap();
    connection.execute("CREATE TABLE t (n)", []).unwrap();
    for number in numbers.iter().rev() {
        connection.execute("INSERT INTO t VALUES (?1)", [Number(*number)]).unwrap();
    }
    let mut sorted = connection.prepare("SELECT n FROM t ORDER BY n").unwrap();
    let sorted: Vec<u64> =
        sorted.query_map([], |row| Ok(row.get::<_, Number>(0)?.0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(sorted, numbers);
}
