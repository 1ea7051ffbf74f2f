//! One suite for every store: each case runs on memory and on SQLite, and random operations have to
//! give the same outcomes on both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod random;

use segment_core::{Store, StoreOperation, StoreOutcome, StoredEntry, Write, store::Record};

/// Performs one operation alone.
fn one(store: &mut dyn Store, operation: StoreOperation) -> StoreOutcome {
    let mut outcomes = store.perform(&[operation]).unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn write(store: &mut dyn Store, writes: Vec<Write>) {
    assert_eq!(one(store, StoreOperation::Write(writes)), StoreOutcome::Written);
}

fn entries(outcome: StoreOutcome) -> Vec<StoredEntry> {
    match outcome {
        StoreOutcome::Entries { entries, .. } => entries,
        other => panic!("not entries: {other:?}"),
    }
}

fn records(outcome: StoreOutcome) -> Vec<Record> {
    match outcome {
        StoreOutcome::Records(records) => records,
        other => panic!("not records: {other:?}"),
    }
}

macro_rules! suite {
    ($($case:ident)*) => {
        mod memory {
            $(#[test] fn $case() { super::cases::$case(&mut segment_store::MemoryStore::default()); })*
        }
        mod sqlite {
            $(#[test] fn $case() {
                let directory = tempfile::tempdir().unwrap();
                let mut store = segment_store::SqliteStore::open(directory.path().join("store")).unwrap();
                super::cases::$case(&mut store);
            })*
        }
    };
}

suite! {
    outcomes_are_in_the_order_of_the_operations
    an_empty_batch_does_nothing
    reads_see_the_writes_before_them_in_the_batch
    an_entry_comes_back_exactly
    a_read_stops_at_the_first_hole
    a_read_stops_at_its_limits
    a_read_of_nothing_is_empty
    a_read_knows_the_chain_before_it
    an_append_replaces_what_stood_there
    a_cut_takes_everything_from_a_place_on
    a_trim_takes_everything_below_a_place
    moved_entries_stand_in_the_other_log
    a_move_into_an_empty_log_is_searched_like_any_other
    an_author_is_read_alone
    an_author_is_read_in_pages
    an_entry_is_found_by_key_and_by_hash
    an_entry_is_found_by_hash_far_back
    an_entry_is_found_among_thousands_that_change
    logs_do_not_mix
    a_load_gives_the_records_and_the_last_entry
    an_erased_log_leaves_nothing_and_touches_nothing_else
    a_scan_goes_through_a_table_in_pages
    the_largest_numbers_keep_their_order
    a_deleted_record_is_gone
    a_transaction_of_everything_at_once
}
