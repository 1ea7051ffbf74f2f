//! What every store has to do.

use bytes::Bytes;
use segment_core::store::{Lookup, Record, load_log, scan_all};
use segment_core::{LogId, LogRole, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write};
use segment_proto::{DeviceId, Hash};

use crate::support::{entry, log};
use crate::{entries, one, records, write};

const ALL: usize = usize::MAX;

fn host() -> LogId {
    log(1, LogRole::Host)
}

/// A chain of entries at these places, by three authors in turn.
fn chain(places: impl IntoIterator<Item = u64>) -> Vec<StoredEntry> {
    let mut before = Hash::ZERO;
    places
        .into_iter()
        .map(|pos| {
            let next = entry(pos, (pos % 3) as u8, pos, format!("text {pos}").into_bytes(), &before);
            before = next.chain;
            next
        })
        .collect()
}

fn append(log: LogId, entries: &[StoredEntry]) -> Write {
    Write::Append { log, entries: entries.to_vec() }
}

fn read(from: u64, to: u64) -> StoreOperation {
    StoreOperation::Read { log: host(), from, to, entries_max: ALL, bytes_max: ALL }
}

fn put(table: Table, key: impl Into<Bytes>, value: &'static str) -> Write {
    Write::Put { table, key: key.into(), value: value.into() }
}

fn record(table: Table, key: impl Into<Bytes>, value: &'static str) -> Record {
    Record { table, key: key.into(), value: value.into() }
}

fn find(log: LogId, lookup: Lookup) -> StoreOperation {
    StoreOperation::Find { log, lookup }
}

fn by_key(stored: &StoredEntry) -> Lookup {
    let key = &stored.entry.envelope.key;
    Lookup::Key { device: key.device, incarnation: key.incarnation, seq: key.seq }
}

pub fn outcomes_are_in_the_order_of_the_operations(store: &mut dyn Store) {
    let outcomes = store
        .perform(&[
            StoreOperation::Scan { table: Table::Account, after: Bytes::new(), limit: 1 },
            StoreOperation::Write(vec![put(Table::Account, "a", "1")]),
            find(host(), Lookup::Hash(Hash::ZERO)),
            StoreOperation::Load { log: host() },
            read(1, 9),
        ])
        .unwrap();
    let expected = [
        StoreOutcome::Records(vec![]),
        StoreOutcome::Written,
        StoreOutcome::Found(None),
        StoreOutcome::Log { records: vec![], last: None },
        StoreOutcome::Entries { before: Hash::ZERO, entries: vec![] },
    ];
    assert_eq!(outcomes, expected);
}

pub fn an_empty_batch_does_nothing(store: &mut dyn Store) {
    assert_eq!(store.perform(&[]).unwrap(), []);
    write(store, vec![]);
}

pub fn reads_see_the_writes_before_them_in_the_batch(store: &mut dyn Store) {
    let stored = chain(1..=2);
    let outcomes = store
        .perform(&[
            StoreOperation::Write(vec![append(host(), &stored[..1])]),
            read(1, 9),
            StoreOperation::Write(vec![append(host(), &stored[1..])]),
            read(1, 9),
        ])
        .unwrap();
    assert_eq!(entries(outcomes[1].clone()), stored[..1]);
    assert_eq!(entries(outcomes[3].clone()), stored);
}

pub fn an_entry_comes_back_exactly(store: &mut dyn Store) {
    for (pos, body) in [(1, vec![]), (2, vec![0xff; 8 * 1024]), (3, "wörds".into())] {
        let stored = entry(pos, 9, pos, body, &Hash([5; 32]));
        write(store, vec![append(host(), std::slice::from_ref(&stored))]);
        let back = entries(one(store, read(pos, pos)));
        assert_eq!(back, std::slice::from_ref(&stored));
        assert_eq!(back[0].entry.envelope.bytes(), stored.entry.envelope.bytes());
        assert_eq!(back[0].entry.envelope.hash(), stored.hash);
    }
}

pub fn a_read_stops_at_the_first_hole(store: &mut dyn Store) {
    let stored = chain([1, 2, 4]);
    write(store, vec![append(host(), &stored)]);
    assert_eq!(entries(one(store, read(1, 9))), stored[..2]);
    assert_eq!(entries(one(store, read(3, 9))), []);
    assert_eq!(entries(one(store, read(4, 9))), stored[2..]);
    assert_eq!(entries(one(store, read(0, 9))), []);
}

pub fn a_read_stops_at_its_limits(store: &mut dyn Store) {
    let stored = chain(1..=9);
    write(store, vec![append(host(), &stored)]);
    let limited = |entries_max, bytes_max| StoreOperation::Read { log: host(), from: 2, to: 8, entries_max, bytes_max };
    let size: usize = stored[1..=3].iter().map(|stored| stored.entry.wire_bytes()).sum();
    assert_eq!(entries(one(store, read(2, 8))), stored[1..=7]);
    assert_eq!(entries(one(store, limited(0, ALL))), []);
    assert_eq!(entries(one(store, limited(2, ALL))), stored[1..=2]);
    assert_eq!(entries(one(store, limited(ALL, size))), stored[1..=3]);
    assert_eq!(entries(one(store, limited(ALL, size - 1))), stored[1..=2]);
    assert_eq!(entries(one(store, limited(ALL, 0))), stored[1..=1], "at least one");
}

pub fn a_read_of_nothing_is_empty(store: &mut dyn Store) {
    assert_eq!(entries(one(store, read(1, 9))), []);
    write(store, vec![append(host(), &chain(1..=3))]);
    assert_eq!(entries(one(store, read(3, 2))), []);
    assert_eq!(entries(one(store, read(4, u64::MAX))), []);
}

pub fn a_read_knows_the_chain_before_it(store: &mut dyn Store) {
    let stored = chain([1, 2, 4]);
    write(store, vec![append(host(), &stored)]);
    let before = |store: &mut dyn Store, from| match one(store, read(from, 9)) {
        StoreOutcome::Entries { before, .. } => before,
        other => panic!("not entries: {other:?}"),
    };
    let expected = [(0, Hash::ZERO), (1, Hash::ZERO), (2, stored[0].chain), (3, stored[1].chain), (4, Hash::ZERO)];
    for (from, chain) in expected {
        assert_eq!(before(store, from), chain, "from {from}");
    }
    assert_eq!(before(store, 5), stored[2].chain, "also where nothing follows");
}

pub fn an_append_replaces_what_stood_there(store: &mut dyn Store) {
    let stored = chain(1..=3);
    write(store, vec![append(host(), &stored)]);
    let other = entry(2, 8, 77, b"instead".to_vec(), &stored[0].chain);
    write(store, vec![append(host(), std::slice::from_ref(&other))]);
    assert_eq!(entries(one(store, read(2, 2))), std::slice::from_ref(&other));
    assert_eq!(one(store, find(host(), by_key(&stored[1]))), StoreOutcome::Found(None));
    assert_eq!(one(store, find(host(), Lookup::Hash(stored[1].hash))), StoreOutcome::Found(None));
    assert_eq!(one(store, find(host(), by_key(&other))), StoreOutcome::Found(Some(other)));
}

pub fn a_cut_takes_everything_from_a_place_on(store: &mut dyn Store) {
    let stored = chain(1..=5);
    write(store, vec![append(host(), &stored), Write::Cut { log: host(), from: 4 }]);
    assert_eq!(entries(one(store, read(1, 9))), stored[..3]);
    assert_eq!(one(store, find(host(), Lookup::Hash(stored[3].hash))), StoreOutcome::Found(None));
    assert_eq!(load_log(store, host()).unwrap().1, Some(stored[2].clone()));
    write(store, vec![Write::Cut { log: host(), from: 9 }, Write::Cut { log: log(9, LogRole::Host), from: 0 }]);
    assert_eq!(entries(one(store, read(1, 9))), stored[..3]);
    write(store, vec![Write::Cut { log: host(), from: 0 }]);
    assert_eq!(load_log(store, host()).unwrap().1, None);
}

pub fn a_trim_takes_everything_below_a_place(store: &mut dyn Store) {
    let stored = chain(1..=3_000);
    write(store, vec![append(host(), &stored), put(Table::Row, host().key(b"a"), "stays")]);
    write(store, vec![Write::Trim { log: host(), below: 0 }, Write::Trim { log: log(9, LogRole::Host), below: 9 }]);
    assert_eq!(entries(one(store, read(1, 9))), stored[..9]);
    write(store, vec![Write::Trim { log: host(), below: 1_500 }]);
    assert_eq!(entries(one(store, read(1_499, 1_499))), []);
    assert_eq!(entries(one(store, read(1_500, 1_502))), stored[1_499..1_502]);
    for gone in stored[..1_499].iter().step_by(97) {
        assert_eq!(one(store, find(host(), by_key(gone))), StoreOutcome::Found(None));
    }
    for kept in stored[1_499..].iter().step_by(97) {
        assert_eq!(one(store, find(host(), by_key(kept))), StoreOutcome::Found(Some(kept.clone())));
    }
    let again = entry(1_030, 9, 1, b"again".to_vec(), &Hash::ZERO);
    write(store, vec![append(host(), std::slice::from_ref(&again))]);
    assert_eq!(one(store, find(host(), Lookup::Hash(again.hash))), StoreOutcome::Found(Some(again)));
    write(store, vec![Write::Trim { log: host(), below: u64::MAX }]);
    assert_eq!(load_log(store, host()).unwrap(), (vec![record(Table::Row, host().key(b"a"), "stays")], None));
}

pub fn moved_entries_stand_in_the_other_log(store: &mut dyn Store) {
    let (staging, stored) = (log(1, LogRole::Staging), chain(1..=4));
    let kept = entry(2, 8, 77, b"kept".to_vec(), &Hash::ZERO);
    let replaced = entry(3, 8, 78, b"replaced".to_vec(), &kept.chain);
    write(store, vec![append(host(), &[kept.clone(), replaced.clone()]), append(staging, &stored[2..])]);
    write(store, vec![put(Table::Row, host().key(b"a"), "1"), put(Table::LogMeta, staging.key(b"a"), "2")]);
    write(store, vec![Write::Move { from: staging, to: host() }]);
    assert_eq!(entries(one(store, read(2, 9))), [kept, stored[2].clone(), stored[3].clone()]);
    assert_eq!(one(store, find(host(), by_key(&replaced))), StoreOutcome::Found(None));
    assert_eq!(one(store, find(host(), by_key(&stored[3]))), StoreOutcome::Found(Some(stored[3].clone())));
    assert_eq!(load_log(store, staging).unwrap(), (vec![record(Table::LogMeta, staging.key(b"a"), "2")], None));
    let empty = log(7, LogRole::Staging);
    write(store, vec![Write::Move { from: empty, to: host() }, Write::Move { from: host(), to: host() }]);
    let (records, last) = load_log(store, host()).unwrap();
    assert_eq!((records, last), (vec![record(Table::Row, host().key(b"a"), "1")], Some(stored[3].clone())));
}

pub fn a_move_into_an_empty_log_is_searched_like_any_other(store: &mut dyn Store) {
    let (cache, stored) = (log(1, LogRole::Cache), chain(1..=2_600));
    // The places that the cache has already, and the first and last blocks, are those that could go wrong.
    write(store, vec![append(cache, &stored[..1_200]), append(host(), &stored[1_100..])]);
    write(store, vec![Write::Move { from: host(), to: cache }]);
    for expected in stored.iter().step_by(61) {
        assert_eq!(one(store, find(cache, Lookup::Hash(expected.hash))), StoreOutcome::Found(Some(expected.clone())));
        assert_eq!(one(store, find(host(), by_key(expected))), StoreOutcome::Found(None));
    }
}

fn of_author(device: u8, from: u64, to: u64) -> StoreOperation {
    let device = DeviceId([device; 32]);
    StoreOperation::ReadAuthor { log: host(), device, from, to, entries_max: ALL, bytes_max: ALL }
}

pub fn an_author_is_read_alone(store: &mut dyn Store) {
    let mut stored = chain([1, 2, 3, 4, 5, 9, 12]);
    // An author who writes another's device into a text is not that device.
    stored[1] = entry(2, 2, 2, vec![0; 64], &stored[0].chain);
    write(store, vec![append(host(), &stored), append(log(1, LogRole::Cache), &chain(20..=30))]);
    let places = |outcome| entries(outcome).iter().map(|stored| stored.entry.pos).collect::<Vec<_>>();
    assert_eq!(places(one(store, of_author(0, 0, u64::MAX))), [3, 9, 12]);
    assert_eq!(places(one(store, of_author(0, 4, 11))), [9]);
    assert_eq!(places(one(store, of_author(0, 9, 9))), [9]);
    assert_eq!(places(one(store, of_author(1, 2, u64::MAX))), [4]);
    for nothing in [of_author(7, 0, u64::MAX), of_author(0, 9, 3), of_author(0, 13, u64::MAX)] {
        assert_eq!(one(store, nothing), StoreOutcome::Entries { before: Hash::ZERO, entries: vec![] });
    }
}

pub fn an_author_is_read_in_pages(store: &mut dyn Store) {
    let stored = chain(1..=30);
    let own: Vec<_> = stored.iter().filter(|stored| stored.entry.pos % 3 == 1).cloned().collect();
    write(store, vec![append(host(), &stored)]);
    let device = DeviceId([1; 32]);
    let page = |entries_max, bytes_max| StoreOperation::ReadAuthor {
        log: host(),
        device,
        from: 1,
        to: 30,
        entries_max,
        bytes_max,
    };
    let two = own[0].entry.wire_bytes() + own[1].entry.wire_bytes();
    assert_eq!(entries(one(store, page(ALL, ALL))), own);
    assert_eq!(entries(one(store, page(3, ALL))), own[..3]);
    assert_eq!(entries(one(store, page(0, ALL))), []);
    assert_eq!(entries(one(store, page(ALL, two))), own[..2]);
    assert_eq!(entries(one(store, page(ALL, two - 1))), own[..1]);
    assert_eq!(entries(one(store, page(ALL, 0))), own[..1], "at least one");
}

pub fn an_entry_is_found_by_key_and_by_hash(store: &mut dyn Store) {
    let stored = chain(1..=6);
    write(store, vec![append(host(), &stored)]);
    for expected in &stored {
        assert_eq!(one(store, find(host(), by_key(expected))), StoreOutcome::Found(Some(expected.clone())));
        assert_eq!(one(store, find(host(), Lookup::Hash(expected.hash))), StoreOutcome::Found(Some(expected.clone())));
    }
    let key = |device, incarnation, seq| Lookup::Key { device: DeviceId([device; 32]), incarnation, seq };
    for absent in [key(1, 1, 2), key(1, 2, 1), key(7, 1, 1), Lookup::Hash(Hash([1; 32]))] {
        assert_eq!(one(store, find(host(), absent)), StoreOutcome::Found(None));
    }
}

pub fn an_entry_is_found_by_hash_far_back(store: &mut dyn Store) {
    let stored = chain([1, 4_095, 4_096, 9_000, 1 << 40, u64::MAX]);
    write(store, vec![append(host(), &stored)]);
    for expected in stored {
        assert_eq!(one(store, find(host(), Lookup::Hash(expected.hash))), StoreOutcome::Found(Some(expected)));
    }
    assert_eq!(one(store, find(host(), Lookup::Hash(Hash::ZERO))), StoreOutcome::Found(None));
}

pub fn an_entry_is_found_among_thousands_that_change(store: &mut dyn Store) {
    let stored = chain(0..3_000);
    let found = |store: &mut dyn Store, lookup| match one(store, find(host(), lookup)) {
        StoreOutcome::Found(found) => found,
        other => panic!("not found: {other:?}"),
    };
    let check = |store: &mut dyn Store, present: &[StoredEntry], absent: &[StoredEntry]| {
        for expected in present.iter().step_by(97) {
            assert_eq!(found(store, by_key(expected)).as_ref(), Some(expected));
            assert_eq!(found(store, Lookup::Hash(expected.hash)).as_ref(), Some(expected));
        }
        for gone in absent.iter().step_by(97) {
            assert_eq!(found(store, by_key(gone)), None);
            assert_eq!(found(store, Lookup::Hash(gone.hash)), None);
        }
    };
    write(store, vec![append(host(), &stored)]);
    check(store, &stored, &[]);
    let other = entry(1_500, 9, 1, b"instead".to_vec(), &Hash::ZERO);
    write(store, vec![append(host(), std::slice::from_ref(&other))]);
    check(store, &[other], &stored[1_500..1_501]);
    check(store, &stored[1_501..], &[]);
    write(store, vec![Write::Cut { log: host(), from: 1_100 }]);
    check(store, &stored[..1_100], &stored[1_100..]);
    let again: Vec<_> = (1_100..2_500).map(|pos| entry(pos, 8, pos, vec![1], &Hash::ZERO)).collect();
    write(store, vec![append(host(), &again)]);
    check(store, &again, &stored[1_100..]);
    write(store, vec![Write::Erase { log: host() }]);
    check(store, &[], &again);
}

pub fn logs_do_not_mix(store: &mut dyn Store) {
    let stored = chain(1..=2);
    write(store, vec![append(host(), &stored[..1]), append(log(1, LogRole::Cache), &stored[1..])]);
    assert_eq!(load_log(store, host()).unwrap().1, Some(stored[0].clone()));
    assert_eq!(load_log(store, log(1, LogRole::Cache)).unwrap().1, Some(stored[1].clone()));
    assert_eq!(load_log(store, log(2, LogRole::Host)).unwrap().1, None);
    let elsewhere = find(log(1, LogRole::Cache), Lookup::Hash(stored[0].hash));
    assert_eq!(one(store, elsewhere), StoreOutcome::Found(None));
}

pub fn a_load_gives_the_records_and_the_last_entry(store: &mut dyn Store) {
    let stored = chain([3, 8]);
    let other = log(2, LogRole::Host);
    write(
        store,
        vec![
            append(host(), &stored),
            put(Table::LogMeta, host().key(b"head"), "m"),
            put(Table::Row, host().key(&[0xff, 0xff]), "r2"),
            put(Table::Row, host().key(b"a"), "r1"),
            put(Table::Row, host().key(b""), "r0"),
            put(Table::Row, other.key(b"a"), "other"),
            put(Table::Row, log(1, LogRole::Backup).key(b"a"), "other role"),
            put(Table::Setting, host().key(b"a"), "not of a log"),
        ],
    );
    let (records, last) = load_log(store, host()).unwrap();
    let expected = [
        record(Table::Row, host().key(b""), "r0"),
        record(Table::Row, host().key(b"a"), "r1"),
        record(Table::Row, host().key(&[0xff, 0xff]), "r2"),
        record(Table::LogMeta, host().key(b"head"), "m"),
    ];
    assert_eq!(records, expected);
    assert_eq!(last, Some(stored[1].clone()));
}

pub fn an_erased_log_leaves_nothing_and_touches_nothing_else(store: &mut dyn Store) {
    let other = log(1, LogRole::Cache);
    let both = [host(), other];
    for id in both {
        let mut writes = vec![append(id, &chain(1..=3))];
        writes.extend(Table::OF_LOGS.iter().map(|table| put(*table, id.key(b"k"), "v")));
        write(store, writes);
    }
    let kept = load_log(store, other).unwrap();
    write(store, vec![put(Table::Joined, host().key(b"k"), "stays"), Write::Erase { log: host() }]);
    assert_eq!(load_log(store, host()).unwrap(), (vec![], None));
    assert_eq!(load_log(store, other).unwrap(), kept);
    assert_eq!(kept.0.len(), Table::OF_LOGS.len());
    let scan = StoreOperation::Scan { table: Table::Joined, after: Bytes::new(), limit: 9 };
    assert_eq!(records(one(store, scan)).len(), 1);
}

pub fn a_scan_goes_through_a_table_in_pages(store: &mut dyn Store) {
    let keys = ["a", "ab", "b", "c", "\u{ff}"];
    write(store, keys.iter().rev().map(|key| put(Table::Channel, *key, "v")).collect());
    write(store, vec![put(Table::Session, "a", "before"), put(Table::Member, "a", "behind")]);
    let scan = |after: &'static str, limit| StoreOperation::Scan { table: Table::Channel, after: after.into(), limit };
    let mut page = |after, limit| -> Vec<Bytes> {
        records(one(store, scan(after, limit))).into_iter().map(|record| record.key).collect()
    };
    assert_eq!(page("", 2), ["a", "ab"]);
    assert_eq!(page("ab", 2), ["b", "c"]);
    assert_eq!(page("c", 2), ["\u{ff}"]);
    assert_eq!(page("aa", 1), ["ab"], "after a key that is not there");
    assert!(page("", 0).is_empty());
    assert_eq!(page("", ALL), keys);
    let mut seen = 0;
    scan_all(store, Table::Channel, |_| seen += 1).unwrap();
    assert_eq!(seen, keys.len());
}

pub fn the_largest_numbers_keep_their_order(store: &mut dyn Store) {
    let border = 1 << 63;
    let stored = chain([border - 2, border - 1, border, border + 1, u64::MAX]);
    write(store, vec![append(host(), &stored)]);
    assert_eq!(entries(one(store, read(border - 2, u64::MAX))), stored[..4]);
    assert_eq!(entries(one(store, read(u64::MAX, u64::MAX))), stored[4..]);
    assert_eq!(one(store, find(host(), by_key(&stored[4]))), StoreOutcome::Found(Some(stored[4].clone())));
    write(store, vec![Write::Cut { log: host(), from: border + 1 }]);
    assert_eq!(load_log(store, host()).unwrap().1, Some(stored[2].clone()));
}

pub fn a_deleted_record_is_gone(store: &mut dyn Store) {
    let delete = |key: &'static str| Write::Delete { table: Table::Setting, key: key.into() };
    write(store, vec![put(Table::Setting, "a", "1"), put(Table::Setting, "a", "2"), put(Table::Setting, "b", "3")]);
    write(store, vec![delete("a"), delete("never there")]);
    let scan = StoreOperation::Scan { table: Table::Setting, after: Bytes::new(), limit: 9 };
    assert_eq!(records(one(store, scan)), [record(Table::Setting, "b", "3")]);
}

pub fn a_transaction_of_everything_at_once(store: &mut dyn Store) {
    let stored = chain(1..=4);
    write(
        store,
        vec![
            append(host(), &stored),
            put(Table::Outgoing, host().key(b"1"), "x"),
            Write::Cut { log: host(), from: 3 },
            Write::Delete { table: Table::Outgoing, key: host().key(b"1") },
            append(host(), &stored[2..3]),
            put(Table::Resubmit, host().key(b"1"), "y"),
        ],
    );
    let (records, last) = load_log(store, host()).unwrap();
    assert_eq!(records, [record(Table::Resubmit, host().key(b"1"), "y")]);
    assert_eq!(last, Some(stored[2].clone()));
}
