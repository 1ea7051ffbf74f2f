//! What members show: whoever knows more of the channel than its host makes it stop, tracker or none.

use alloc::vec::Vec;

use segment_proto::messages::{Submit, Subscribe, Sync};
use segment_proto::{EpochOwner, EpochRecord, Evidence, Fence, Position, Receipt, Signed};

use super::rig::HostRig;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, channel, device, entries, epoch, identity, receipt};

fn shows(epoch: Option<Signed<EpochRecord>>, receipt: Option<Signed<Receipt>>) -> Evidence {
    Evidence { receipt, epoch }
}

/// Two messages, the first of them committed, and the tracker is away.
fn alone() -> HostRig {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(2));
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    rig.tracker_down();
    rig
}

fn subscribe(rig: &HostRig, n: u8, evidence: Evidence) -> Subscribe {
    Subscribe { evidence, ..rig.subscription(n) }
}

#[test]
fn who_shows_a_newer_epoch_stops_a_host_that_is_alone() {
    let mut rig = alone();
    let newer = epoch(3, EpochOwner::Tracker, rig.head);
    let evidence = shows(Some(newer.clone()), None);
    let said = rig.say(4, subscribe(&rig, 4, evidence.clone()));
    assert_eq!(said, ["hosting stopped", "user4 came", "4= subscribed 1/2 read+send+stream row 0.0"]);
    assert_eq!(rig.owns(), None);
    assert_eq!(rig.submit_in(2, Fence { generation: 1, epoch: 2 }, &[]), ["2= failure not_now 500"]);
    assert_eq!(rig.say(4, subscribe(&rig, 4, evidence)), ["4= subscribed 1/2 read+send+stream row 0.0"], "once");
    assert_eq!(rig.tracker_up(), ["99? host hello after 1"]);
    assert_eq!(rig.shown().epoch, Some(newer), "the tracker may have lost it");
}

#[test]
fn with_a_tracker_it_is_greeted_at_once_and_what_is_cut_is_told_first() {
    let mut rig = alone();
    rig.tracker_up();
    rig.answer(rig.adopt());
    assert_eq!(rig.owns(), Some(2), "resumed");
    rig.peer.seen();
    let newer = rig.next_epoch(EpochOwner::Tracker);
    let evidence = shows(Some(newer), None);
    let sync = Sync { channel: channel(), at: rig.head, generation: 1, evidence };
    assert_eq!(
        rig.say(2, sync),
        ["hosting stopped", "99? host hello after 1", "2= sync page 2..2 of 1/2", "(fetched 2..2)"]
    );
    assert_eq!(
        rig.answer(rig.adopt()),
        ["2+3! diverged behind 1", "write: cut host from 2, put resubmit 1, append host none, put epoch, put fence"]
    );
}

#[test]
fn a_receipt_that_is_not_on_the_chain_stops_it_and_is_the_trackers_to_see() {
    let elsewhere = entries(Position::START, 2, &Author::new(3).texts(4));
    for (pos, stops) in [(1, true), (2, true), (4, true)] {
        let mut rig = alone();
        let foreign = receipt(2, elsewhere[pos - 1].position());
        let mut submit = Submit::new(channel(), Fence { generation: 1, epoch: 2 }, Vec::new());
        submit.evidence = shows(None, Some(foreign));
        assert_eq!(rig.say(2, submit), ["hosting stopped", "2= failure host_away"]);
        assert_eq!(rig.owns().is_none(), stops, "at {pos}");
    }
}

#[test]
fn what_is_known_old_or_forged_stops_nobody() {
    let mut rig = alone();
    let own = rig.host.log.position_at(2).unwrap();
    let other = entries(Position::START, 2, &Author::new(3).texts(4))[3].position();
    let older = Receipt { channel: channel(), fence: Fence { generation: 0, epoch: 9 }, at: other };
    let forged = Receipt { fence: Fence { generation: 1, epoch: 9 }, ..older.clone() };
    let newer = epoch(9, EpochOwner::Tracker, own);
    for evidence in [
        shows(Some(epoch(2, EpochOwner::Host(device(1)), Position::START)), Some(receipt(2, rig.head))),
        shows(None, Some(receipt(2, own))),
        shows(None, Some(Signed::new(older, &identity(99)))),
        shows(None, Some(Signed::new(forged, &identity(2)))),
        shows(Some(Signed::new((*newer).clone(), &identity(2))), None),
    ] {
        rig.say(2, subscribe(&rig, 2, evidence));
        assert_eq!(rig.owns(), Some(2));
    }
    rig.peer.rules = Rules::without(Rule::ShownStops);
    rig.say(2, subscribe(&rig, 2, shows(Some(newer), None)));
    assert_eq!(rig.owns(), Some(2), "without the rule");
}

#[test]
fn a_second_process_of_the_same_disk_takes_the_epoch_and_the_first_one_stops() {
    let mut first = alone();
    let mut second = HostRig::of(first.record.clone());
    second.peer.tape.store = first.peer.tape.store.clone();
    (second.head, second.epochs, second.receipt) = (first.head, first.epochs.clone(), first.receipt.clone());
    second.restart();
    assert_eq!(second.owns(), None, "a start owns nothing, whatever is on its disk");
    second.take_office();
    assert_eq!((second.owns(), first.owns()), (Some(4), Some(2)));
    let grant = second.epochs.last().unwrap().clone();
    first.say(2, subscribe(&first, 2, shows(Some(grant.clone()), None)));
    assert_eq!(first.owns(), None, "its device is named, its process is not");
    first.tracker_up();
    first.next_epoch(EpochOwner::Tracker);
    first.next_epoch(EpochOwner::Host(device(1)));
    first.answer(first.adopt());
    first.all_done();
    assert_ne!(first.nonce(), second.nonce());
    let stolen = segment_proto::messages::Grant { nonce: second.nonce(), record: grant };
    first.answer(stolen);
    first.all_done();
    assert_eq!(first.owns(), None, "another's grant");
}
