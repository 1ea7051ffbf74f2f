use std::collections::BTreeSet;

use bytes::Bytes;
use segment_core::{OpId, StoreOperation, StoreOutcome, Table, Write};

use crate::dice::Dice;
use crate::disk::{Disk, DiskProfile, Honesty};

fn put(number: u8) -> Write {
    Write::Put { table: Table::Setting, key: Bytes::copy_from_slice(&[number]), value: Bytes::from_static(b"x") }
}

fn keys(disk: &Disk) -> Vec<u8> {
    disk.durable().records(Table::Setting, &[]).map(|(key, _)| key[0]).collect()
}

fn disk(honesty: Honesty, seed: u64) -> Disk {
    Disk::new(DiskProfile { honesty, ..DiskProfile::default() }, Dice::new(seed))
}

#[test]
fn what_is_performed_is_durable() {
    let mut disk = disk(Honesty::Honest, 1);
    disk.submit(OpId(1), StoreOperation::Write(vec![put(1)]));
    assert!(disk.start().is_some());
    disk.submit(OpId(2), StoreOperation::Write(vec![put(2)]));
    assert!(disk.start().is_none(), "one batch at a time");
    assert_eq!(disk.finish().unwrap(), [(OpId(1), StoreOutcome::Written)]);
    assert_eq!(keys(&disk), [1]);
    disk.crash();
    assert_eq!(keys(&disk), [1]);
    assert!(disk.is_idle());
}

#[test]
fn a_crash_keeps_a_prefix_of_whole_transactions() {
    let mut seen = BTreeSet::new();
    for seed in 0..64 {
        let mut disk = disk(Honesty::Honest, seed);
        disk.submit(OpId(1), StoreOperation::Write(vec![put(1), put(2)]));
        disk.submit(OpId(2), StoreOperation::Write(vec![put(3), put(4)]));
        disk.start().unwrap();
        disk.crash();
        seen.insert(keys(&disk));
    }
    assert_eq!(seen, BTreeSet::from([vec![], vec![1, 2], vec![1, 2, 3, 4]]));
}

#[test]
fn a_torn_disk_leaves_half_a_transaction() {
    let halves = (0..64).filter(|seed| {
        let mut disk = disk(Honesty::TearsTransactions, *seed);
        disk.submit(OpId(1), StoreOperation::Write(vec![put(1), put(2)]));
        disk.start().unwrap();
        disk.crash();
        keys(&disk) == [1]
    });
    assert!(halves.count() > 0);
}

#[test]
fn a_disk_that_never_syncs_shows_what_a_crash_takes_away() {
    let mut disk = disk(Honesty::NeverSyncs, 1);
    disk.submit(OpId(1), StoreOperation::Write(vec![put(1)]));
    disk.start().unwrap();
    assert_eq!(disk.finish().unwrap().len(), 1);
    assert!(keys(&disk).is_empty());
    disk.crash();
    assert!(keys(&disk).is_empty());
}

#[test]
fn a_failed_sync_acknowledges_nothing() {
    let mut disk = disk(Honesty::Honest, 1);
    disk.set_failing(1_000);
    disk.submit(OpId(1), StoreOperation::Write(vec![put(1)]));
    disk.start().unwrap();
    assert!(disk.finish().is_err());
}
