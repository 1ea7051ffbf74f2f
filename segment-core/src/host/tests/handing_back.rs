//! A restart: asking, taking over, cutting, being granted; and everything that can come in between.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Adopt, Failure, Grant};
use segment_proto::pending::NoAnswer;
use segment_proto::{EpochOwner, Nonce, Position, Reason};

use super::rig::HostRig;
use crate::peer::context::Answer;
use crate::rules::{Rule, Rules};
use crate::store::Table;
use crate::sync::tests::kit::{Author, device, entries, epoch, kick, receipt};

/// Three messages: one committed, two not; then the process died.
fn crashed() -> (HostRig, Author) {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(3));
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    rig.restart();
    (rig, two)
}

fn stored(rig: &HostRig) -> (u64, u64, usize) {
    let report = rig.host.report();
    (report.stored, report.committed, report.resubmit)
}

#[test]
fn a_start_owns_nothing_and_keeps_what_was_on_disk() {
    let (mut rig, _) = crashed();
    assert_eq!((rig.owns(), stored(&rig)), (None, (3, 1, 0)));
    assert_eq!(rig.subscribe(2)[1], "2= subscribed 1/3 read+send+stream row 1.1");
}

#[test]
fn a_cut_tail_is_sequenced_again_in_one_transaction_each() {
    let (mut rig, _) = crashed();
    rig.subscribe(2);
    assert_eq!(rig.tracker_up(), ["99? host hello after 1"]);
    rig.next_epoch(EpochOwner::Tracker);
    assert_eq!(
        rig.answer(rig.adopt()),
        [
            "2! diverged behind 1",
            "write: cut host from 2, put resubmit 1, put resubmit 2, append host none, put epoch, put fence"
        ]
    );
    assert_eq!(stored(&rig), (1, 1, 2));
    assert_eq!(rig.done(), ["99? adopted 1"]);
    let grant = rig.grant();
    assert_eq!(rig.answer(grant), ["write: put epoch, put fence"]);
    assert_eq!(rig.owns(), None, "not before it is on disk");
    assert_eq!(rig.done(), ["hosting 1.4", "2! watermarks 1/1", "write: append host 2..3"]);
    assert_eq!(rig.done(), ["2! entries 2..3", "99! replicate 2..3", "(replicated 2..3)"]);
    assert_eq!(
        rig.commit(3),
        ["write: put row, put receipt, delete resubmit 1, delete resubmit 2", "2! watermarks 3/3"]
    );
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
    rig.assert_idle();
}

#[test]
fn a_crash_at_any_point_loses_and_doubles_nothing() {
    for steps in 0..8 {
        let (mut rig, two) = crashed();
        let mut done = 0;
        let mut step = |rig: &mut HostRig, act: &mut dyn FnMut(&mut HostRig)| {
            if done < steps {
                act(rig);
                done += 1;
            }
        };
        step(&mut rig, &mut |rig| drop(rig.tracker_up()));
        rig.next_epoch(EpochOwner::Tracker);
        let hello = |rig: &mut HostRig| drop(rig.answer(rig.adopt()));
        step(&mut rig, &mut |rig| hello(rig));
        step(&mut rig, &mut |rig| drop(rig.done()));
        step(&mut rig, &mut |rig| {
            let grant = rig.grant();
            rig.answer(grant);
        });
        step(&mut rig, &mut |rig| drop(rig.done()));
        step(&mut rig, &mut |rig| drop(rig.done()));
        step(&mut rig, &mut |rig| drop(rig.commit(3)));
        rig.restart();
        rig.take_office();
        let last = rig.host.log.head().pos;
        rig.commit(last);
        rig.all_done();
        assert_eq!((last, stored(&rig)), (3, (3, 3, 0)), "after {steps} steps");
        let row = rig.host.log.base().row(device(2), segment_proto::AccountId(2));
        assert_eq!((row.seq, row.hash), (3, two.last), "after {steps} steps");
    }
}

#[test]
fn what_the_tracker_has_already_is_neither_cut_nor_queued() {
    let (mut rig, _) = crashed();
    rig.committed(3);
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    assert_eq!(
        rig.answer(rig.adopt()),
        ["write: cut host from 4, append host none, put row, put receipt, put epoch, put fence"]
    );
    assert_eq!(stored(&rig), (3, 3, 0));
}

/// The host's disk is older than what it has sent up: entries 2 and 3 are at the tracker only.
fn behind() -> (HostRig, Vec<segment_proto::Entry>) {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    let said = two.texts(3);
    rig.submit(2, &said[..1]);
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    rig.restart();
    let more = entries(rig.head, 2, &said[1..]);
    rig.head = more[1].position();
    rig.receipt = Some(receipt(2, rig.head));
    (rig, more.into_iter().map(|stored| stored.entry).collect())
}

#[test]
fn what_it_lacks_comes_in_pages_and_one_transaction() {
    let (mut rig, more) = behind();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let page = |rig: &HostRig, at: usize| Adopt { entries: more[at..=at].to_vec(), ..rig.adopt() };
    assert_eq!(rig.answer(page(&rig, 0)), ["write: erase staging, append staging 2..2", "99? host hello after 2"]);
    assert_eq!(
        rig.answer(page(&rig, 1)),
        [
            "(adopted 2..3)",
            "write: cut host from 2, append staging 3..3, move staging to host, put row, put receipt, put epoch, put fence"
        ]
    );
    assert_eq!(rig.done(), [""; 0]);
    assert_eq!(rig.done(), ["99? adopted 3"]);
}

#[test]
fn the_end_of_a_greeting_that_another_has_replaced_drops_nothing() {
    let (mut rig, more) = behind();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let page = |rig: &HostRig, at: usize| Adopt { entries: more[at..=at].to_vec(), ..rig.adopt() };
    rig.answer(page(&rig, 0));
    assert_eq!(rig.tracker_up(), ["99? host hello after 2"]);
    assert_eq!(rig.answer(Failure::new(Reason::Replaced, "")), [""; 0]);
    assert_eq!(rig.host.poll_timeout(), None, "the newer greeting has an answer of its own");
    assert_eq!(
        rig.answer(page(&rig, 1)),
        [
            "(adopted 2..3)",
            "write: cut host from 2, append staging 3..3, move staging to host, put row, put receipt, put epoch, put fence"
        ]
    );
}

#[test]
fn a_refusal_to_grant_what_was_asked_for_before_another_greeting_asks_for_nothing() {
    let (mut rig, _) = crashed();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    rig.all_done();
    assert_eq!(rig.tracker_up(), ["99? host hello after 1"]);
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    assert_eq!(rig.host.poll_timeout(), None);
}

#[test]
fn pages_that_do_not_fit_are_asked_for_again_from_the_start() {
    let (mut rig, more) = behind();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let suspicious = "suspicious: the tracker's log does not continue this host's receipt";
    assert_eq!(rig.answer(Adopt { entries: more[1..].to_vec(), ..rig.adopt() }), [suspicious]);
    assert_eq!(rig.timeout(), [""; 0]);
    rig.peer.sleep(Duration::from_millis(500));
    assert_eq!(rig.timeout(), ["99? host hello after 1"]);
    assert_eq!(rig.host.poll_timeout(), None);
    assert_eq!(rig.answer(rig.adopt()), [suspicious]);
}

#[test]
fn a_tracker_that_has_less_than_it_has_committed_cuts_nothing() {
    let (mut rig, _) = crashed();
    rig.commit(3);
    rig.all_done();
    rig.head = rig.host.log.position_at(2).unwrap_or(Position::START);
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let lines = rig.answer(rig.adopt());
    assert_eq!(lines, ["suspicious: the tracker's log does not continue this host's receipt"]);
    assert_eq!(stored(&rig), (3, 3, 0));
}

#[test]
fn voided_messages_that_the_tracker_has_elsewhere_leave_the_queue_at_once() {
    let (mut rig, _) = crashed();
    let voided: Vec<_> = (2..=3).map(|pos| rig.host.log.slice(pos, pos).unwrap().1[0].entry.envelope.clone()).collect();
    let elsewhere = entries(rig.head, 3, &voided);
    rig.head = elsewhere[1].position();
    rig.receipt = Some(receipt(3, rig.head));
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let adopt = Adopt { entries: elsewhere.into_iter().map(|stored| stored.entry).collect(), ..rig.adopt() };
    rig.answer(adopt);
    rig.all_done();
    assert_eq!(stored(&rig), (3, 3, 0));
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
}

#[test]
fn a_lost_grant_is_asked_for_anew() {
    let (mut rig, _) = crashed();
    rig.tracker_up();
    let first = rig.nonce();
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    rig.all_done();
    rig.grant();
    rig.tracker_down();
    rig.tracker_up();
    assert_ne!(rig.nonce(), first, "or the tracker would take it for the owner");
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    assert_eq!(rig.done(), ["99? adopted 1"]);
}

#[test]
fn only_the_grant_of_this_hello_for_this_log_counts() {
    let ready = || {
        let (mut rig, _) = crashed();
        rig.tracker_up();
        rig.next_epoch(EpochOwner::Tracker);
        rig.answer(rig.adopt());
        rig.all_done();
        rig
    };
    let mut rig = ready();
    let grant = rig.grant();
    assert_eq!(rig.answer(Grant { nonce: Nonce([9; 16]), ..grant.clone() }), [""; 0]);
    assert_eq!(rig.owns(), None);
    let host = EpochOwner::Host(device(1));
    let stale = epoch(3, host, rig.head);
    let elsewhere = epoch(4, host, Position::START);
    let others = epoch(4, EpochOwner::Host(device(2)), rig.head);
    for record in [stale, elsewhere, others] {
        let mut rig = ready();
        assert_eq!(rig.answer(Grant { record, ..grant.clone() }), [""; 0]);
        rig.all_done();
        assert_eq!(rig.owns(), None);
        assert!(rig.host.poll_timeout().is_some(), "asks again");
    }
    let mut rig = ready();
    rig.peer.rules = Rules::without(Rule::GrantNonce);
    rig.answer(Grant { nonce: Nonce([9; 16]), ..grant });
    rig.all_done();
    assert_eq!(rig.owns(), Some(4));
}

#[test]
fn refusals_and_silence_are_met_by_asking_again() {
    let mut rig = HostRig::new();
    rig.tracker_up();
    assert_eq!(rig.answer(Failure::new(Reason::NotNow, "")), [""; 0]);
    rig.peer.sleep(Duration::from_millis(500));
    assert_eq!(rig.timeout(), ["99? host hello after 0"]);
    assert_eq!(rig.end(Answer::Nothing(NoAnswer::TimedOut)), [""; 0]);
    assert!(rig.host.poll_timeout().is_some());
    rig.tracker_down();
    assert_eq!(rig.host.poll_timeout(), None);
    rig.assert_idle();
}

#[test]
fn a_link_that_breaks_at_any_point_is_no_harm() {
    for steps in 0..5 {
        let (mut rig, _) = crashed();
        rig.tracker_up();
        rig.next_epoch(EpochOwner::Tracker);
        if steps > 0 {
            rig.answer(rig.adopt());
        }
        if steps > 1 {
            rig.done();
        }
        if steps > 2 {
            let grant = rig.grant();
            rig.answer(grant);
        }
        if steps > 3 {
            rig.done();
        }
        rig.tracker_down();
        if steps < 4 {
            rig.take_office();
        } else {
            rig.tracker_up();
            rig.answer(rig.adopt());
        }
        rig.all_done();
        let last = rig.host.log.head().pos;
        rig.commit(last);
        rig.all_done();
        assert_eq!(stored(&rig), (3, 3, 0), "after {steps} steps");
        rig.assert_idle();
    }
}

#[test]
fn who_waited_for_what_is_cut_is_told_to_come_again() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.submit(2, &two.texts(1));
    let record = rig.next_epoch(EpochOwner::Tracker);
    rig.push(segment_proto::messages::Fenced { record });
    assert_eq!(
        rig.answer(rig.adopt()),
        [
            "2+3! diverged behind 0",
            "2= failure not_now 200",
            "write: cut host from 1, put resubmit 1, append host none, put epoch, put fence"
        ]
    );
    assert_eq!(rig.done(), [""; 0], "the write of what was cut says nothing any more");
    assert_eq!(rig.done(), ["99? adopted 0"]);
}

#[test]
fn a_kick_keeps_what_stood_behind_it_out_also_after_another_start() {
    let (mut rig, mut owner, mut two) = (HostRig::owning(), Author::new(1), Author::new(2));
    rig.subscribe(1);
    let said = two.texts(2);
    rig.submit(2, &said[..1]);
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    rig.submit(2, &said[1..]);
    rig.all_done();
    // The tracker has a kick where this host has the second message.
    let elsewhere = entries(rig.head, 3, &[owner.change(&kick(2))]);
    rig.restart();
    rig.head = elsewhere[0].position();
    rig.receipt = Some(receipt(3, rig.head));
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    let adopt = Adopt { entries: elsewhere.into_iter().map(|stored| stored.entry).collect(), ..rig.adopt() };
    rig.answer(adopt);
    rig.all_done();
    assert_eq!(stored(&rig), (2, 2, 1));
    rig.restart();
    rig.take_office();
    assert_eq!(stored(&rig), (2, 2, 0), "looked up on disk, and settled");
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
}

#[test]
fn without_their_rules_a_cut_loses_messages_silently() {
    let (mut rig, _) = crashed();
    rig.subscribe(2);
    rig.peer.rules = Rules::without(Rule::CutResubmits);
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    assert_eq!(stored(&rig), (1, 1, 0));
    let (mut rig, _) = crashed();
    rig.subscribe(2);
    rig.peer.rules = Rules::without(Rule::SayDiverged);
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    assert!(!rig.answer(rig.adopt()).iter().any(|line| line.contains("diverged")));
    let (mut rig, _) = crashed();
    rig.peer.rules = Rules::without(Rule::FreshEpoch);
    rig.tracker_up();
    assert_eq!(rig.owns(), Some(2));
}
