//! What an own message builds on is missing at its sequencer: it is brought, and signed over only if nobody has it.

use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Subscribed};
use segment_proto::{AccountId, Hash, LinkId, MessageKey, Reason, Row, SignedEnvelope};

use super::rig::{ReplicaRig, fate};
use crate::peer::events::Serving;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, allow, device};

fn row(incarnation: u32, seq: u64, hash: Hash) -> Row {
    Row { device: device(2), account: AccountId(2), incarnation, seq, hash }
}

fn expected(key: MessageKey, row: Row) -> Fate {
    Fate { row: Some(row), ..Fate::new(key, FateCode::Expected) }
}

/// Two own messages are committed and settled; a third is on its way to a log that has the first only.
fn behind() -> (ReplicaRig, MessageKey) {
    let mut rig = ReplicaRig::level(&[]);
    for (text, pos) in [("a", 1), ("b", 2)] {
        let key = rig.send(text).unwrap();
        rig.peer.seen();
        rig.all_done();
        rig.fates(&[fate(key, FateCode::Stored, pos)]);
        rig.write(&rig.submitted());
        rig.push(rig.entries(pos, pos));
        rig.commit(pos);
        rig.all_done();
    }
    let key = rig.send("c").unwrap();
    rig.peer.seen();
    rig.all_done();
    (rig, key)
}

#[test]
fn own_committed_messages_are_brought_from_the_cache() {
    let (mut rig, key) = behind();
    let first = rig.log[0].hash;
    assert_eq!(rig.fates(&[expected(key, row(1, 1, first))]), ["find: hash"]);
    assert_eq!(rig.all_done(), ["read own: cache 2..2", "1? submit 1.2 in 1.2"]);
    let missing = fate(rig.log[1].entry.envelope.key, FateCode::Stored, 2);
    assert_eq!(rig.fates(&[missing]), ["(submitted 0..0)", "1? submit 1.3 in 1.2"], "and then the next at once");
    let (mut rig, key) = behind();
    assert_eq!(rig.fates(&[expected(key, row(0, 0, Hash::ZERO))]), ["read own: cache 1..2"], "all of it is missing");
    assert_eq!(rig.all_done(), ["1? submit 1.1 1.2 in 1.2"]);
}

#[test]
fn the_access_entry_on_which_it_was_signed_is_brought_where_that_is_missing() {
    let mut owner = Author::new(1);
    let change = owner.change(&allow(2, segment_proto::Rights::ALL));
    let mut rig = ReplicaRig::level(core::slice::from_ref(&change));
    rig.row = Some(row(1, 0, change.hash()));
    rig.attach();
    rig.peer.fail_link(0);
    rig.answer(rig.subscribed());
    rig.all_done();
    let key = rig.send("on it").unwrap();
    rig.peer.seen();
    rig.all_done();
    assert_eq!(rig.submitted()[0].prev, change.hash());
    assert_eq!(rig.fates(&[expected(key, row(0, 0, Hash::ZERO))]), ["read own: cache 1..1"]);
    assert_eq!(rig.all_done(), ["find: hash", "1? submit 1.1 in 1.2"]);
    assert_eq!(rig.submitted(), [change]);
}

#[test]
fn what_builds_on_what_waits_itself_only_waits() {
    let mut rig = ReplicaRig::level(&[]);
    let keys = [rig.send("a").unwrap(), rig.send("b").unwrap()];
    rig.peer.seen();
    rig.done();
    rig.done();
    rig.answer(Failure::new(Reason::NotNow, ""));
    let slow = Fate { retry_after_ms: 300, ..Fate::new(keys[0], FateCode::SlowDown) };
    assert_eq!(rig.fates(&[slow, expected(keys[1], row(0, 0, Hash::ZERO))]), [""; 0]);
    assert_eq!(rig.timeout(300), ["(submitted 0..0)", "1? submit 1.1 1.2 in 1.2"]);
}

#[test]
fn a_gap_that_nobody_can_close_is_signed_over_after_a_while() {
    let (mut rig, key) = behind();
    let unknown = row(1, 9, Hash([7; 32]));
    for _ in 0..30 {
        rig.fates(&[expected(key, unknown)]);
        rig.all_done();
        rig.timeout(1_000);
    }
    assert_eq!(rig.fates(&[expected(key, unknown)]), ["1? read own from 1"], "perhaps it stands there already");
    let lines = rig.answer(rig.own(2));
    assert_eq!(lines[1], "1.3 is 2.1");
    rig.all_done();
    assert_eq!(rig.submitted()[0].prev, unknown.hash);
    let (mut rig, key) = behind();
    rig.peer.rules = Rules::without(Rule::BringFirst);
    assert_eq!(rig.fates(&[expected(key, unknown)]), ["1? read own from 1"], "without its rule: at once");
}

/// Two entries of 4 were shown by a host, which is gone: the tracker's copy does not have them.
fn shown_by_a_host_that_is_gone() -> (ReplicaRig, Vec<SignedEnvelope>) {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(2));
    rig.commit(2);
    let said = Author::new(4).texts(2);
    rig.write(&said);
    rig.push(rig.entries(3, 4));
    rig.all_done();
    rig.attach_to(5, Serving::Copy);
    let subscribed = Subscribed { head: rig.at(2), ..rig.subscribed() };
    assert_eq!(rig.answer(subscribed), [""; 0]);
    (rig, said)
}

#[test]
fn what_a_host_has_shown_is_brought_to_the_tracker_if_that_host_stays_away() {
    let (mut rig, said) = shown_by_a_host_that_is_gone();
    assert_eq!(rig.timeout(9_999), [""; 0]);
    assert_eq!(rig.timeout(5_001), ["5? submit 1.1 in 1.2"]);
    assert_eq!(rig.submitted(), said[..1], "nothing of the reader's own");
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.timeout(15_000), ["5? submit 1.1 in 1.2"], "again, until it is there");
}

#[test]
fn what_the_host_that_is_back_has_committed_is_not_brought() {
    let (mut rig, _) = shown_by_a_host_that_is_gone();
    rig.committed = 4;
    let marks = rig.marks();
    rig.replica.on_message(LinkId(5), marks.into(), &mut rig.peer.cx());
    rig.all_done();
    assert!(!rig.timeout(15_000).iter().any(|line| line.contains("submit")));
    assert_eq!(rig.replica.poll_timeout(), None);
}

#[test]
fn what_the_tracker_has_handed_to_a_host_is_brought_again_if_that_goes() {
    let mut rig = ReplicaRig::new();
    rig.write(&Author::new(3).texts(2));
    rig.committed = 2;
    rig.attach_to(5, Serving::Copy);
    rig.serve();
    let key = rig.send("own").unwrap();
    rig.all_done();
    assert_eq!(rig.fates(&[fate(key, FateCode::Stored, 3)]), ["stored 1.1@3"]);
    assert_eq!(rig.timeout(9_999), [""; 0]);
    assert_eq!(rig.timeout(5_001), ["5? submit 1.1 in 1.2"]);
}
