//! The log in memory: places, cuts, what is derived.

use alloc::vec::Vec;

use segment_proto::limits::EPOCHS_MAX;
use segment_proto::{AccountId, EpochOwner, Position, Rights, View};

use super::kit::{Author, commit, device, entries, epoch, kick, log_id, log_of, receipt};
use crate::rules::Rules;
use crate::sync::ChannelLog;

#[test]
fn sequencing_gives_dense_places_and_one_chain() {
    let mut author = Author::new(2);
    let said = author.texts(3);
    let mut log = log_of(View::Public, &[]);
    for envelope in &said {
        log.sequence(envelope.clone(), 4, super::kit::now().wall, Rules::all());
    }
    let expected = entries(Position::START, 4, &said);
    assert_eq!(log.head(), expected[2].position());
    assert_eq!((log.durable(), log.committed(), log.provisional()), (0, 0, 3));
    let (before, slice) = log.slice(1, 3).unwrap();
    assert_eq!((before, slice), (Position::START.chain, expected.iter().collect()));
    for stored in &expected {
        assert_eq!(log.position_at(stored.entry.pos), Some(stored.position()));
    }
    assert_eq!(log.position_at(4), None);
    assert_eq!(log.position_at(0), Some(Position::START));
    assert!(log.slice(2, 4).is_none());
}

#[test]
fn durable_never_passes_the_head_nor_goes_back() {
    let mut log = log_of(View::Public, &Author::new(2).texts(3));
    log.set_durable(9);
    assert_eq!(log.durable(), 3);
    log.set_durable(1);
    assert_eq!((log.durable(), log.durable_position()), (3, log.head()));
}

#[test]
fn a_cut_restores_rows_and_rights_and_gives_back_what_it_voids() {
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    let said = [two.text("a"), two.text("b"), owner.change(&kick(2)), owner.text("c")];
    let mut log = log_of(View::Public, &said);
    commit(&mut log, 1);
    let untouched = log_of(View::Public, &said[..2]);
    assert_eq!(log.cut(2, Rules::all()), said[2..].to_vec());
    assert_eq!(log.fold(), untouched.fold());
    assert_eq!((log.head(), log.durable()), (untouched.head(), 2));
    assert_eq!(log.fold().access().rights(AccountId(2)), Rights::ALL);
}

#[test]
fn a_cut_never_goes_below_what_is_committed() {
    let mut log = log_of(View::Public, &Author::new(2).texts(4));
    commit(&mut log, 3);
    assert_eq!(log.cut(1, Rules::all()).len(), 1);
    assert_eq!((log.head().pos, log.committed()), (3, 3));
    assert_eq!(log.fold(), log.base());
}

#[test]
fn a_commit_moves_the_base_and_says_what_changed() {
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    let mut log = log_of(View::Public, &[two.text("a"), owner.change(&kick(2)), owner.text("b")]);
    let at = |log: &ChannelLog, pos| receipt(1, log.position_at(pos).unwrap());
    let (second, first) = (at(&log, 2), at(&log, 1));
    assert_eq!(log.commit(second, Rules::all()).len(), 2);
    assert_eq!(log.base().access().rights(AccountId(2)), Rights::NONE);
    assert_eq!(log.commit(first, Rules::all()), []);
    assert_eq!((log.committed(), log.provisional()), (2, 1));
}

#[test]
fn only_committed_entries_leave_the_memory() {
    let mut author = Author::new(2);
    let mut log = log_of(View::Public, &[]).with_memory(2);
    for stored in entries(Position::START, 1, &author.texts(6)) {
        log.append_stored(stored, Rules::all());
    }
    assert!(log.is_whole_in_memory());
    commit(&mut log, 3);
    assert!(!log.is_whole_in_memory());
    assert!(log.slice(4, 6).is_some());
    assert!(log.slice(3, 6).is_none());
    assert_eq!(log.position_at(3), log.receipt().map(|receipt| receipt.at));
}

#[test]
fn a_restored_log_goes_on_where_it_was() {
    let mut author = Author::new(2);
    let said = author.texts(4);
    let mut whole = log_of(View::Public, &said);
    commit(&mut whole, 2);
    let at = whole.position_at(2).unwrap();
    let mut log = ChannelLog::restored(log_id(), whole.base().clone(), at, whole.receipt().cloned(), Vec::new());
    assert_eq!((log.head(), log.durable_position()), (at, at));
    for stored in entries(at, 1, &said[2..]) {
        log.append_stored(stored, Rules::all());
    }
    assert_eq!((log.head(), log.fold()), (whole.head(), whole.fold()));
    assert_eq!(log.slice(3, 4).unwrap().0, at.chain);
}

#[test]
fn the_newest_epochs_are_kept_as_many_as_one_message_carries() {
    let mut log = log_of(View::Public, &[]);
    for number in 1..=100 {
        log.push_epoch(epoch(number, EpochOwner::Host(device(1)), Position::START));
    }
    log.push_epoch(epoch(50, EpochOwner::Tracker, Position::START));
    assert_eq!(log.epochs().len(), EPOCHS_MAX);
    assert_eq!(log.fence().epoch, 100);
    assert_eq!(log.epoch().unwrap().owner, EpochOwner::Host(device(1)));
}
