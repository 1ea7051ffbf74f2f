//! Copies, receipts and refusals of the tracker.

use segment_proto::messages::{Committed, Fenced, ReplicateRefused};
use segment_proto::{EpochOwner, Hash, Position, Receipt, Signed};

use super::rig::HostRig;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, channel, fence, identity, receipt};

fn rig_with(count: usize) -> HostRig {
    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(count));
    rig.all_done();
    rig
}

#[test]
fn a_receipt_that_the_tracker_did_not_sign_moves_nothing() {
    let mut rig = rig_with(1);
    let at = rig.host.log.head();
    let forged = Signed::new(Receipt { channel: channel(), fence: fence(2), at }, &identity(2));
    assert_eq!(rig.push(Committed { receipt: forged }), ["suspicious: a receipt that the tracker did not sign"]);
    assert_eq!(rig.host.report().committed, 0);
}

#[test]
fn a_receipt_off_the_chain_or_beyond_the_head_ends_the_epoch() {
    for at in [Position { pos: 1, epoch: 2, chain: Hash([1; 32]) }, Position { pos: 9, epoch: 2, chain: Hash([1; 32]) }]
    {
        let mut rig = rig_with(1);
        let lines = rig.push(Committed { receipt: receipt(2, at) });
        assert_eq!(lines, ["hosting stopped", "99? host hello after 0"]);
        assert_eq!(rig.host.report().committed, 0);
    }
    let mut rig = rig_with(1);
    rig.peer.rules = Rules::without(Rule::ReceiptOnChain);
    rig.push(Committed { receipt: receipt(2, Position { pos: 1, epoch: 2, chain: Hash([1; 32]) }) });
    assert_eq!(rig.owns(), Some(2));
}

#[test]
fn an_old_receipt_says_nothing() {
    let mut rig = rig_with(2);
    let first = rig.committed(1);
    rig.commit(2);
    rig.all_done();
    assert_eq!(rig.push(first), [""; 0]);
}

#[test]
fn what_is_committed_is_told_with_what_is_being_written() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(2));
    rig.done();
    rig.submit(2, &two.texts(1));
    assert_eq!(rig.commit(2), ["write: put row, put receipt"]);
    let told = ["2= submitted stored@3", "2+3! entries 3..3", "99! replicate 3..3", "(replicated 3..3)"];
    assert_eq!(rig.done(), [&told[..], &["2+3! watermarks 2/3"]].concat());
    rig.all_done();
    assert_eq!(rig.commit(3), ["write: put row, put receipt", "2+3! watermarks 3/3"], "nothing is being written");
}

#[test]
fn refused_copies_go_again_from_the_trackers_head() {
    let mut rig = rig_with(3);
    let refused = |fence, head| ReplicateRefused { channel: channel(), fence, head };
    let first = rig.host.log.position_at(1).unwrap();
    assert_eq!(rig.push(refused(fence(2), first)), ["99! replicate 2..3", "(replicated 2..3)"]);
    assert_eq!(rig.push(refused(fence(1), first)), [""; 0], "of an older epoch");
    let elsewhere = Position { chain: Hash([2; 32]), ..first };
    assert_eq!(rig.push(refused(fence(2), elsewhere)), ["hosting stopped", "99? host hello after 0"]);
}

#[test]
fn a_newer_epoch_stops_it_at_once() {
    let mut rig = rig_with(1);
    let own = rig.epochs.last().unwrap().clone();
    assert_eq!(rig.push(Fenced { record: own }), [""; 0]);
    let newer = rig.next_epoch(EpochOwner::Tracker);
    let forged = Signed::new((*newer).clone(), &identity(2));
    assert_eq!(rig.push(Fenced { record: forged }), [""; 0]);
    assert_eq!(rig.push(Fenced { record: newer }), ["hosting stopped", "99? host hello after 0"]);
    assert_eq!(rig.submit(2, &Author::new(2).texts(1)), ["2= failure not_now 500"]);
}

#[test]
fn with_the_tracker_away_it_serves_on_and_copies_when_it_is_back() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    assert_eq!(rig.tracker_down(), [""; 0]);
    rig.submit(2, &two.texts(2));
    assert_eq!(rig.done(), ["2= submitted stored@1, stored@2", "2+3! entries 1..2"]);
    assert_eq!(rig.tracker_up(), ["99? host hello after 0"]);
    let nonce = rig.nonce();
    assert_eq!(rig.answer(rig.adopt()), ["99! replicate 1..2", "(replicated 1..2)"]);
    rig.tracker_down();
    rig.tracker_up();
    assert_eq!(rig.nonce(), nonce, "the epoch is that of this nonce");
    rig.answer(rig.adopt());
    rig.commit(2);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn a_resume_takes_the_receipt_that_was_missed() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(2));
    rig.all_done();
    rig.tracker_down();
    rig.committed(2);
    rig.tracker_up();
    assert_eq!(rig.answer(rig.adopt()), ["write: put row, put receipt", "2+3! watermarks 2/2"]);
    assert_eq!((rig.owns(), rig.host.report().committed), (Some(2), 2));
}

#[test]
fn an_epoch_that_went_on_elsewhere_is_not_resumed() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(2));
    rig.all_done();
    rig.tracker_down();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let before = rig.nonce();
    assert_eq!(rig.answer(rig.adopt()), ["hosting stopped", "99? host hello after 0"]);
    assert_ne!(rig.nonce(), before, "another attempt");
}
