//! A tracker that has lost something: the host brings it; or takes a generation that has not got it.

use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Lost, Reseeded};
use segment_proto::{EpochOwner, EpochRecord, Fence, Position, Receipt, Signed};

use super::rig::HostRig;
use crate::host::Host;
use crate::store::{LogId, LogRole, StoreOperation, StoreOutcome, StoredEntry, Table};
use crate::sync::tests::kit::{Author, HOST, TRACKER, channel, device, entries, identity, kick};

/// Four messages, three of them committed.
fn with_four() -> (HostRig, Author) {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(4));
    rig.all_done();
    rig.commit(3);
    rig.all_done();
    (rig, two)
}

fn lost(rig: &HostRig, head: Position) -> Lost {
    Lost { channel: channel(), generation: 2, epochs: rig.epochs.clone(), head }
}

fn generation_two(epoch: u32, base: Position) -> Signed<EpochRecord> {
    let fence = Fence { generation: 2, epoch };
    Signed::new(EpochRecord { channel: channel(), fence, owner: EpochOwner::Tracker, base }, &identity(TRACKER))
}

fn receipt_two(epoch: u32, at: Position) -> Signed<Receipt> {
    Signed::new(Receipt { channel: channel(), fence: Fence { generation: 2, epoch }, at }, &identity(TRACKER))
}

/// The tracker's log is of generation 2, and has five entries of which none is known here.
fn another_log(rig: &mut HostRig) -> Vec<StoredEntry> {
    let theirs = entries(Position::START, 5, &Author::new(9).texts(5));
    rig.epochs = alloc::vec![rig.epochs[0].clone(), generation_two(5, Position::START)];
    rig.head = theirs[4].position();
    rig.receipt = Some(receipt_two(5, rig.head));
    theirs
}

fn on_disk(rig: &mut HostRig) -> Vec<StoredEntry> {
    let log = LogId { channel: channel(), role: LogRole::Host };
    let read = StoreOperation::Read { log, from: 1, to: 9, entries_max: 9, bytes_max: usize::MAX };
    match rig.peer.tape.store.run(&read) {
        StoreOutcome::Entries { entries, .. } => entries,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_stops_brings_what_is_lost_and_asks_for_an_epoch_of_the_new_generation() {
    let (mut rig, _) = with_four();
    rig.peer.limits.batch_entries_max = 1;
    let at = |rig: &HostRig, pos: u64| rig.host.log.position_at(pos).unwrap();
    let head = at(&rig, 1);
    assert_eq!(rig.push(lost(&rig, head)), ["hosting stopped", "read: host 2..3"]);
    assert_eq!(rig.done(), ["99? Reseed"]);
    let next = at(&rig, 2);
    assert_eq!(rig.answer(Reseeded { channel: channel(), next }), ["read: host 3..3"]);
    rig.done();
    let next = at(&rig, 3);
    assert_eq!(rig.answer(Reseeded { channel: channel(), next }), ["99? host hello after 3"]);
    rig.epochs.push(generation_two(4, rig.head));
    rig.receipt = Some(receipt_two(4, rig.head));
    rig.answer(rig.adopt());
    rig.all_done();
    let fence = Fence { generation: 2, epoch: 5 };
    let owner = EpochOwner::Host(device(1));
    let record = Signed::new(EpochRecord { channel: channel(), fence, owner, base: rig.head }, &identity(TRACKER));
    rig.answer(segment_proto::messages::Grant { nonce: rig.nonce(), record });
    rig.all_done();
    assert_eq!(rig.host.report().owns, Some(fence));
    assert_eq!((rig.host.report().stored, rig.host.report().resubmit), (4, 1), "the fourth again");
}

#[test]
fn what_is_being_brought_is_not_begun_again() {
    let (mut rig, _) = with_four();
    rig.peer.limits.batch_entries_max = 1;
    let (head, next) = (rig.host.log.position_at(1).unwrap(), rig.host.log.position_at(2).unwrap());
    rig.push(lost(&rig, head));
    assert_eq!(rig.push(lost(&rig, head)), [""; 0], "the first page is read");
    assert_eq!(rig.done(), ["99? Reseed"]);
    assert_eq!(rig.push(lost(&rig, head)), [""; 0], "it is on its way");
    assert_eq!(rig.answer(Reseeded { channel: channel(), next }), ["read: host 3..3"]);
}

#[test]
fn where_nothing_is_known_to_be_shared_it_begins_at_the_start() {
    let (mut rig, _) = with_four();
    let elsewhere = entries(Position::START, 9, &Author::new(9).texts(2))[1].position();
    let nothing = Lost { epochs: Vec::new(), ..lost(&rig, elsewhere) };
    assert_eq!(rig.push(nothing), ["hosting stopped", "read: host 1..3"]);
}

#[test]
fn a_generation_without_what_is_committed_here_is_taken_from_its_start() {
    let (mut rig, two) = with_four();
    rig.restart();
    let theirs = another_log(&mut rig);
    rig.tracker_up();
    assert_eq!(rig.answer(rig.adopt()), ["99? host hello after 0"]);
    let all = Adopt { entries: theirs.iter().map(|stored| stored.entry.clone()).collect(), ..rig.adopt() };
    assert_eq!(rig.answer(all), ["read: host 1..3"]);
    assert_eq!(
        rig.done(),
        [
            "write: put resubmit 1, put resubmit 2, put resubmit 3",
            "(adopted 1..5)",
            "write: cut host from 1, put resubmit 4, cut host from 1, append host 1..5, delete row, put row, \
             delete below, put rights, put receipt, delete epoch, delete epoch, put epoch, put epoch, put fence"
        ]
    );
    assert_eq!(rig.done(), [""; 0]);
    assert_eq!(rig.done(), ["99? adopted 5"]);
    let fence = Fence { generation: 2, epoch: 6 };
    let owner = EpochOwner::Host(device(1));
    let record = Signed::new(EpochRecord { channel: channel(), fence, owner, base: rig.head }, &identity(TRACKER));
    rig.epochs.push(record.clone());
    rig.answer(segment_proto::messages::Grant { nonce: rig.nonce(), record });
    rig.all_done();
    assert_eq!(rig.host.report().stored, 9);
    let row = rig.host.log.fold().row(device(2), segment_proto::AccountId(2));
    assert_eq!((row.seq, row.hash), (4, two.last), "none lost, none doubled, in order");
    let at = rig.host.log.head();
    rig.push(segment_proto::messages::Committed { receipt: receipt_two(6, at) });
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
    rig.restart();
    assert_eq!((rig.host.report().stored, rig.host.report().committed), (9, 9));
}

#[test]
fn who_was_kicked_by_what_waits_does_not_come_in_before_it() {
    let (mut rig, mut owner) = (HostRig::owning(), Author::new(1));
    rig.subscribe(1);
    rig.submit(1, &[owner.change(&kick(3)), owner.text("without three")]);
    rig.all_done();
    rig.commit(2);
    rig.all_done();
    rig.restart();
    let theirs = another_log(&mut rig);
    rig.tracker_up();
    rig.answer(rig.adopt());
    let all = Adopt { entries: theirs.iter().map(|stored| stored.entry.clone()).collect(), ..rig.adopt() };
    rig.answer(all);
    rig.all_done();
    assert_eq!((rig.host.report().owns, rig.host.report().resubmit), (None, 2));
    assert_eq!(rig.subscribe(3), ["3= failure members_only"]);
    assert!(rig.subscribe(2)[1].starts_with("2= subscribed 5/5"));
}

/// Comes back with a log that its reader has written on, in generation 1.
fn with_a_reader() -> HostRig {
    let (mut rig, _) = with_four();
    rig.commit(4);
    rig.all_done();
    rig.peer.restart(HOST);
    rig.host = Host::restore_committed(rig.record.clone(), &mut rig.peer.tape.store).unwrap();
    rig.host.learn_reader(Some(1));
    rig
}

#[test]
fn a_log_that_its_reader_reads_in_an_older_generation_stands_until_the_reader_has_gone_over() {
    let mut rig = with_a_reader();
    let before = on_disk(&mut rig);
    let theirs = another_log(&mut rig);
    rig.tracker_up();
    assert_eq!(rig.answer(rig.adopt()), [""; 0], "neither asked for nor written");
    rig.peer.sleep(core::time::Duration::from_millis(500));
    assert_eq!(rig.timeout(), ["99? host hello after 4"]);
    assert_eq!(on_disk(&mut rig), before);
    rig.host.learn_reader(None);
    rig.host.part(2, &mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["99? host hello after 0"], "what only the older one had is put aside");
    let all = Adopt { entries: theirs.iter().map(|stored| stored.entry.clone()).collect(), ..rig.adopt() };
    assert_eq!(rig.answer(all)[0], "(adopted 1..5)");
    rig.all_done();
    assert_eq!(on_disk(&mut rig), theirs);
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0, "the reader brings what was committed");
}

#[test]
fn a_reader_that_is_level_in_the_new_generation_is_not_waited_for() {
    let mut rig = with_a_reader();
    rig.host.learn_reader(Some(2));
    another_log(&mut rig);
    rig.tracker_up();
    assert_eq!(rig.answer(rig.adopt()), ["99? host hello after 0"]);
}
