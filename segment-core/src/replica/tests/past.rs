//! Showing older messages: from the cache, from whoever serves, and what is left when nobody does.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::messages::Failure;
use segment_proto::{Reason, RequestId};

use super::rig::ReplicaRig;
use crate::sync::tests::kit::Author;

/// Twenty messages, of which the last five are cached.
fn rig() -> ReplicaRig {
    let mut rig = ReplicaRig::new();
    rig.write(&Author::new(3).texts(20));
    rig.committed = 20;
    rig.attach();
    rig.answer(rig.subscribed());
    rig.answer(rig.tail(16));
    rig.all_done();
    rig
}

fn ask(rig: &mut ReplicaRig, before: Option<u64>, count: usize) -> Vec<String> {
    rig.replica.history(RequestId::from_random([3; 16]), before, count, &mut rig.peer.cx());
    rig.peer.seen()
}

/// The places that were shown, and whether there are older ones.
fn shown(lines: &[String]) -> (Vec<u64>, bool) {
    let last = lines.last().expect("no answer");
    let places = last.split("pos: ").skip(1).filter_map(|rest| rest.split(',').next()?.parse().ok()).collect();
    (places, last.contains("more: true"))
}

#[test]
fn the_newest_come_from_the_cache() {
    let mut rig = rig();
    assert_eq!(ask(&mut rig, None, 3), ["read: cache 18..20"]);
    assert_eq!(shown(&rig.done()), ((18..=20).collect(), true));
    rig.assert_idle();
}

#[test]
fn older_ones_are_fetched_kept_and_not_fetched_again() {
    let mut rig = rig();
    assert_eq!(ask(&mut rig, Some(18), 6), ["1? read 12..15"]);
    let lines = rig.answer(rig.page(12, 15));
    assert_eq!(lines, ["write: put low, append cache 12..15", "(fetched 12..15)", "read: cache 16..17"]);
    rig.done();
    assert_eq!(shown(&rig.done()), ((12..=17).collect(), true));
    assert_eq!(ask(&mut rig, Some(18), 6), ["read: cache 12..17"]);
    assert_eq!(shown(&rig.done()).0.len(), 6);
    rig.restart();
    assert_eq!(ask(&mut rig, None, 9), ["read: cache 12..20"]);
}

#[test]
fn a_short_page_is_followed_by_the_next() {
    let mut rig = rig();
    assert_eq!(ask(&mut rig, Some(16), 100), ["1? read 1..15"]);
    assert_eq!(rig.answer(rig.page(1, 9)), ["1? read 10..15"]);
    let lines = rig.answer(rig.page(10, 15));
    assert_eq!(shown(&lines), ((1..=15).collect(), false));
}

#[test]
fn what_does_not_come_is_not_shown() {
    let mut rig = rig();
    ask(&mut rig, Some(18), 6);
    assert_eq!(rig.answer(Failure::new(Reason::SlowDown, "")), ["read: cache 16..17"]);
    assert_eq!(shown(&rig.done()), (alloc::vec![16, 17], true));
    rig.replica.detach(&mut rig.peer.cx());
    assert_eq!(ask(&mut rig, Some(18), 6), ["read: cache 16..17"]);
    assert_eq!(shown(&rig.done()).0, [16, 17]);
    assert_eq!(shown(&ask(&mut rig, Some(16), 6)).0, [0_u64; 0]);
    rig.assert_idle();
}

#[test]
fn a_page_with_a_hole_or_of_another_chain_is_not_kept() {
    let mut rig = rig();
    ask(&mut rig, Some(16), 4);
    let mut holed = rig.page(12, 15);
    holed.entries.remove(1);
    assert_eq!(shown(&rig.answer(holed)).0, [0_u64; 0]);
    ask(&mut rig, Some(16), 4);
    let mut other = rig.page(12, 15);
    other.before = rig.at(3).chain;
    let lines = rig.answer(other);
    assert_eq!(lines[0], "(fetched 12..15)", "nothing was written");
}

#[test]
fn an_empty_channel_and_full_hands_are_answered_too() {
    let mut rig = ReplicaRig::level(&[]);
    let lines = ask(&mut rig, None, 10);
    assert_eq!(shown(&lines), (Vec::new(), false));
    let mut rig = self::rig();
    rig.peer.pending = segment_proto::Pending::new(0);
    assert_eq!(ask(&mut rig, Some(18), 6), ["read: cache 16..17"]);
}

#[test]
fn what_was_read_before_a_place_was_committed_is_not_called_committed() {
    let mut rig = rig();
    let mut four = Author::new(4);
    rig.write(&four.texts(2));
    rig.push(rig.entries(21, 22));
    rig.all_done();
    assert_eq!(ask(&mut rig, None, 3), ["read: cache 20..22"]);
    rig.committed = 22;
    rig.push(rig.marks());
    let line = rig.done().pop().unwrap();
    assert_eq!(line.matches("stage: Committed").count(), 1, "{line}");
    assert_eq!(line.matches("stage: Stored").count(), 2, "{line}");
}
