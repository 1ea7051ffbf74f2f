//! Writing while the right to sequence changes hands: at the copy, across epochs, and back at the host.

use segment_proto::messages::{Failure, FateCode, Fenced};
use segment_proto::{EpochOwner, EpochRecord, Evidence, Message, MessageKey, Reason, Signed};

use super::rig::{HOST_LINK, ReplicaRig, fate};
use crate::peer::events::Serving;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, HOST, device, identity};

/// A replica at the copy, level, whose message waits there; the host is there, or was until now.
fn at_the_copy() -> (ReplicaRig, MessageKey) {
    let mut rig = ReplicaRig::new();
    rig.write(&Author::new(3).texts(2));
    rig.committed = 2;
    rig.attach_to(HOST_LINK, Serving::Copy);
    rig.serve();
    rig.all_done();
    let key = rig.send("hello").unwrap();
    rig.peer.seen();
    assert_eq!(rig.all_done(), ["queued 1.1", "(submitted 0..0)", "1? submit 1.1 in 1.2"]);
    (rig, key)
}

fn fenced(rig: &ReplicaRig) -> Fenced {
    Fenced { record: rig.record() }
}

fn shown(rig: &ReplicaRig) -> Evidence {
    let subscribe = rig.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
        Message::Subscribe(subscribe) => Some(subscribe.evidence.clone()),
        _ => None,
    });
    subscribe.expect("nobody has subscribed")
}

#[test]
fn what_the_tracker_takes_is_settled_when_the_own_chain_shows_it() {
    let (mut rig, key) = at_the_copy();
    assert_eq!(rig.fates(&[fate(key, FateCode::Committed, 3)]), ["stored 1.1@3"]);
    rig.write(&rig.submitted());
    assert_eq!(rig.commit(3), ["1? sync after 2"], "the receipt alone settles nothing");
    assert_eq!(
        rig.answer(rig.sync_page(3, 3)),
        [
            "write: append cache 3..3",
            "write: put receipt",
            "committed up to 3",
            "(fetched 3..3)",
            "received 3..3",
            "write: delete outgoing 1",
            "committed 1.1@3"
        ]
    );
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn when_the_tracker_takes_over_what_waits_goes_again_at_once_and_once() {
    let (mut rig, key) = at_the_copy();
    let first = rig.submitted();
    rig.next_epoch(EpochOwner::Tracker, 2);
    assert_eq!(rig.push(fenced(&rig)), ["write: put epoch", "(submitted 0..0)", "1? submit 1.1 in 1.3"]);
    assert_eq!(rig.submitted(), first);
    assert_eq!(rig.answer(Failure::new(Reason::Fenced, "")), [""; 0], "it has gone again already");
    assert_eq!(rig.push(fenced(&rig)), [""; 0]);
    assert_eq!(rig.replica.poll_timeout(), None, "nothing is waited for");
    assert_eq!(rig.fates(&[fate(key, FateCode::Committed, 3)]), ["stored 1.1@3"]);
}

#[test]
fn what_was_said_in_an_epoch_that_is_over_counts_no_more() {
    let (mut rig, key) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.epoch = 2;
    assert_eq!(rig.fates(&[fate(key, FateCode::Stored, 3)]), [""; 0]);
    assert_eq!(rig.stages(), ["1.1 Queued"]);
}

#[test]
fn a_newer_epoch_that_was_not_pushed_is_asked_for() {
    let (mut rig, _) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    assert_eq!(rig.answer(Failure::new(Reason::Fenced, "")), ["1? Subscribe"]);
    let lines = rig.answer(rig.subscribed());
    assert_eq!(lines, ["write: put epoch", "(submitted 0..0)", "1? submit 1.1 in 1.3"]);
    assert_eq!(rig.answer(Failure::new(Reason::Fenced, "")), ["1? Subscribe"]);
    assert_eq!(rig.answer(rig.subscribed()), [""; 0], "nothing new: it waits");
    assert_eq!(rig.peer.epochs, [(2, 0), (3, 2)], "each is told once");
    assert_eq!(rig.timeout(500), ["(submitted 0..0)", "1? submit 1.1 in 1.3"]);
}

#[test]
fn a_record_that_the_tracker_has_not_signed_changes_nothing() {
    let (mut rig, _) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    let content: EpochRecord = (*rig.record()).clone();
    let forged = Fenced { record: Signed::new(content, &identity(3)) };
    assert_eq!(rig.push(forged), [""; 0]);
}

#[test]
fn the_newest_epoch_outlives_the_process_and_a_host_behind_it_gets_nothing() {
    let (mut rig, _) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.all_done();
    let newest = rig.record();
    rig.restart();
    (rig.epoch, rig.owner) = (2, EpochOwner::Host(device(HOST)));
    rig.write(&Author::new(4).texts(1));
    assert_eq!(rig.attach(), ["1? Subscribe"]);
    assert_eq!(shown(&rig), Evidence { receipt: rig.receipt(), epoch: Some(newest) });
    assert_eq!(rig.answer(rig.subscribed()), [""; 0], "nothing is asked of it, nothing is cut");
    assert_eq!(rig.push(rig.marks()), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"], "shown again");
    rig.answer(rig.subscribed());
    assert_eq!(rig.push(rig.entries(3, 3)), [""; 0], "nor is anything taken of it");
    rig.epoch = 3;
    rig.next_epoch(EpochOwner::Host(device(HOST)), 2);
    assert_eq!(rig.push(rig.marks()), ["1? Subscribe"], "it has the channel again");
    let lines = rig.answer(rig.subscribed());
    assert_eq!(lines, ["write: put epoch", "rights read+send+stream", "(submitted 0..0)", "1? submit 1.1 in 1.4"]);
}

#[test]
fn without_its_rule_it_writes_where_nothing_can_come_of_it() {
    let (mut rig, _) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.peer.rules = Rules::without(Rule::NewestEpoch);
    (rig.epoch, rig.owner) = (2, EpochOwner::Host(device(HOST)));
    rig.attach_to(5, Serving::Host(device(HOST)));
    rig.peer.fail_link(1);
    assert_eq!(rig.answer(rig.subscribed()), ["(submitted 0..0)", "5? submit 1.1 in 1.2"]);
}

#[test]
fn behind_the_base_of_a_newer_epoch_the_tail_is_void() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(3));
    rig.push(rig.entries(3, 5));
    rig.next_epoch(EpochOwner::Tracker, 3);
    assert_eq!(
        rig.push(fenced(&rig)),
        ["write: put epoch", "write: cut cache from 4, put resubmit 0, put resubmit 1", "cut behind 3"],
        "the tracker has one more than was known to be committed"
    );
    // A base on another branch: all that is not committed here is fetched anew.
    let mut rig = ReplicaRig::level(&Author::new(3).texts(2));
    let mut three = Author::new(3);
    three.texts(2);
    rig.write(&three.texts(3));
    rig.push(rig.entries(3, 5));
    rig.log.truncate(2);
    rig.write(&Author::new(4).texts(1));
    rig.next_epoch(EpochOwner::Tracker, 3);
    assert_eq!(rig.push(fenced(&rig))[2..], ["cut behind 2"]);
}

#[test]
fn the_host_that_is_back_gets_what_the_copy_had_not_taken_in_its_order() {
    let (mut rig, first) = at_the_copy();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.answer(Failure::new(Reason::Fenced, ""));
    rig.send("b").unwrap();
    rig.send("c").unwrap();
    rig.peer.seen();
    let lines = rig.all_done();
    assert!(lines.contains(&"1? submit 1.2 in 1.3".into()), "{lines:?}");
    let said = rig.submitted();
    assert_eq!(said.len(), 1);
    // The tracker has taken the first, and its answers to the others are lost with the link.
    assert_eq!(rig.fates(&[fate(first, FateCode::Committed, 3)]), ["stored 1.1@3"]);
    rig.next_epoch(EpochOwner::Host(device(HOST)), 2);
    rig.attach_to(5, Serving::Host(device(HOST)));
    rig.peer.fail_link(1);
    let lines = rig.answer(rig.subscribed());
    assert_eq!(lines, ["write: put epoch", "(submitted 0..0)", "5? submit 1.1 1.2 1.3 in 1.4"]);
}
