//! What is refused for good is so on disk before its author is told, and until then.

use segment_proto::messages::{Fate, FateCode};
use segment_proto::{MessageKey, Reason};

use super::rig::{ReplicaRig, fate};
use crate::replica::SendError;
use crate::rules::{Rule, Rules};
use crate::store::{StoreOperation, Table};
use crate::sync::tests::kit::Author;

/// One message that is submitted; what is refused of it is not on disk yet.
fn refused(rules: Rules) -> (ReplicaRig, MessageKey) {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(1));
    rig.peer.rules = rules;
    let key = rig.send("hello").unwrap();
    rig.peer.seen();
    rig.all_done();
    let bad = Fate { reason: Some(Reason::BadEnvelope), ..fate(key, FateCode::Refused, 0) };
    let written = if rules == Rules::all() { ", put refused 1" } else { "" };
    assert_eq!(rig.fates(&[bad])[0], alloc::format!("write: delete outgoing 1{written}"));
    (rig, key)
}

/// What the author was told is taken off the disk.
fn told(rig: &mut ReplicaRig, key: MessageKey) {
    let delete = rig.replica.on_told(key).unwrap();
    rig.peer.tape.store.run(&StoreOperation::Write(alloc::vec![delete]));
}

#[test]
fn its_author_is_told_once_it_is_on_disk_and_then_it_is_forgotten() {
    let (mut rig, key) = refused(Rules::all());
    assert_eq!(rig.done(), ["refused 1.1 bad_envelope"]);
    assert_eq!((rig.stages().len(), rig.peer.tape.store.count(Table::Refused)), (0, 1));
    told(&mut rig, key);
    assert_eq!(rig.peer.tape.store.count(Table::Refused), 0);
    assert_eq!(rig.replica.on_told(key), None, "once");
}

#[test]
fn whenever_the_process_is_killed_the_next_one_tells() {
    let (mut before, _) = refused(Rules::all());
    before.restart();
    assert_eq!(before.stages(), ["1.1 Queued"], "it goes again, and is refused again");
    assert_eq!(before.timeout(0), [""; 0]);

    let (mut between, key) = refused(Rules::all());
    between.done();
    between.restart();
    assert_eq!(between.stages().len(), 0, "it does not go again");
    assert_eq!(between.timeout(0), ["refused 1.1 bad_envelope"]);
    assert_eq!(between.replica.poll_timeout(), None, "once for each process");
    told(&mut between, key);
    between.restart();
    assert_eq!(between.timeout(0), [""; 0]);
    assert_eq!(between.replica.poll_timeout(), None);
}

#[test]
fn without_its_rule_nobody_tells_after_a_crash() {
    let (mut rig, _) = refused(Rules::without(Rule::RefusedUntilTold));
    rig.done();
    rig.restart();
    assert_eq!((rig.stages().len(), rig.timeout(0).len()), (0, 0));
}

#[test]
fn what_is_not_told_yet_counts_with_what_waits_and_keeps_its_number() {
    let (mut rig, _) = refused(Rules::all());
    rig.done();
    rig.restart();
    rig.peer.limits.outbox_items_max = 1;
    assert_eq!(rig.send("no room"), Err(SendError::OutboxFull(1)));
    rig.peer.limits.outbox_items_max = 2;
    rig.send("room").unwrap();
    assert_eq!(rig.peer.seen(), ["write: put outgoing 2, put author"]);
}
