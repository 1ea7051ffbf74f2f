//! A host without the epoch brings what it has cut to whoever has it.

use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use segment_proto::messages::{Failure, Fate, FateCode, Fenced, Submitted};
use segment_proto::{EpochOwner, Fence, MessageKey, Reason, SignedEnvelope};

use super::rig::HostRig;
use crate::peer::context::Answer;
use crate::rules::{Rule, Rules};
use crate::store::Table;
use crate::sync::tests::kit::{Author, channel, device, entries, epoch, receipt};

/// Three messages, the first of them committed; the tracker is there.
fn with_tail() -> (HostRig, Vec<SignedEnvelope>) {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    let said = two.texts(3);
    rig.submit(2, &said);
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    (rig, said)
}

fn fates(fence: Fence, fates: &[(&SignedEnvelope, FateCode, u64)]) -> Submitted {
    let fate = |(envelope, code, pos): &(&SignedEnvelope, FateCode, u64)| {
        let reason = (*code == FateCode::Refused).then_some(Reason::MayNotSend);
        Fate { pos: *pos, reason, ..Fate::new(key(envelope), *code) }
    };
    Submitted { channel: channel(), fence, fates: fates.iter().map(fate).collect() }
}

fn key(envelope: &SignedEnvelope) -> MessageKey {
    envelope.key
}

fn retire(rig: &mut HostRig) -> Vec<String> {
    let writes = rig.host.retire(&mut rig.peer.cx());
    let task = crate::peer::context::PeerTask::Nothing;
    rig.peer.cx().out.write(task, writes);
    rig.peer.seen()
}

/// The tracker says that it sequences now.
fn fenced(rig: &mut HostRig) -> Fence {
    let record = rig.next_epoch(EpochOwner::Tracker);
    let fence = record.fence;
    rig.push(Fenced { record });
    fence
}

#[test]
fn a_retired_host_tells_everybody_cuts_and_brings_what_it_cut_in_order() {
    let (mut rig, said) = with_tail();
    assert_eq!(
        retire(&mut rig),
        [
            "hosting stopped",
            "2+3! diverged behind 1",
            "user2 went",
            "user3 went",
            "99? submit 1.2 1.3 in 1.2",
            "write: cut host from 2, put resubmit 1, put resubmit 2"
        ]
    );
    rig.done();
    let fence = fenced(&mut rig);
    assert_eq!(rig.answer(Failure::new(Reason::Fenced, "")), ["99? submit 1.2 1.3 in 1.3"], "at once");
    let answer = fates(fence, &[(&said[1], FateCode::Committed, 2), (&said[2], FateCode::Committed, 3)]);
    assert_eq!(rig.answer(answer), ["write: delete resubmit 1", "write: delete resubmit 2"]);
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
    rig.assert_idle();
}

#[test]
fn what_is_stored_or_refused_by_what_may_be_cut_stays_until_the_committed_log_answers() {
    let (mut rig, said) = with_tail();
    retire(&mut rig);
    let elsewhere = Fence { generation: 1, epoch: 4 };
    rig.push(Fenced { record: epoch(4, EpochOwner::Host(device(2)), rig.head) });
    let stored = fates(elsewhere, &[(&said[1], FateCode::Stored, 2), (&said[2], FateCode::Refused, 3)]);
    assert_eq!(rig.answer(stored), [""; 0]);
    assert_eq!(rig.host.report().resubmit, 2);
    rig.peer.sleep(Duration::from_millis(500));
    assert_eq!(rig.timeout(), ["99? submit 1.2 1.3 in 1.4"]);
    rig.host.learn_committed(3);
    let committed = fates(elsewhere, &[(&said[1], FateCode::Committed, 2), (&said[2], FateCode::Refused, 3)]);
    assert_eq!(rig.answer(committed), ["write: delete resubmit 1", "write: delete resubmit 2"]);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn a_fork_is_final_once_what_stands_in_the_way_is_committed() {
    let (mut rig, said) = with_tail();
    retire(&mut rig);
    rig.all_done();
    let elsewhere = Fence { generation: 1, epoch: 4 };
    rig.push(Fenced { record: epoch(4, EpochOwner::Host(device(2)), rig.head) });
    let mut other = Author::new(2);
    other.texts(1);
    let in_the_way = entries(rig.head, 4, &[other.text("another")]);
    let row = rig.host.log.base().row(device(2), segment_proto::AccountId(2));
    let row = segment_proto::Row { seq: 2, hash: in_the_way[0].hash, ..row };
    let fork = || {
        let mut answer = fates(elsewhere, &[(&said[1], FateCode::Fork, 0)]);
        answer.fates[0].row = Some(row);
        answer
    };
    assert_eq!(rig.answer(fork()), ["find: hash"]);
    assert_eq!(rig.done(), [""; 0], "nobody here knows it");
    let log = rig.host.log.id;
    let append = crate::store::Write::Append { log, entries: in_the_way };
    rig.peer.tape.store.run(&crate::store::StoreOperation::Write(alloc::vec![append]));
    rig.host.learn_committed(2);
    rig.peer.sleep(Duration::from_millis(500));
    rig.timeout();
    rig.answer(fork());
    assert_eq!(rig.done(), ["write: delete resubmit 1", "write: delete resubmit 2"], "and what builds on it");
}

#[test]
fn another_device_that_hosts_is_brought_it_and_asked_for_again_later() {
    let (mut rig, said) = with_tail();
    rig.restart();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    rig.all_done();
    assert_eq!(
        rig.end(Answer::Message(Failure::retry_after(Reason::NotNow, 10_000).into())),
        ["99? submit 1.2 1.3 in 1.3"]
    );
    let fence = Fence { generation: 1, epoch: 3 };
    let answer = fates(fence, &[(&said[1], FateCode::Committed, 2), (&said[2], FateCode::SlowDown, 0)]);
    assert_eq!(rig.answer(answer), ["write: delete resubmit 1", "99? submit 1.3 in 1.3"]);
    rig.answer(fates(fence, &[(&said[2], FateCode::Committed, 3)]));
    rig.all_done();
    rig.peer.sleep(Duration::from_secs(10));
    assert_eq!(rig.timeout(), ["99? host hello after 1"], "the epoch is asked for when the pause is over");
    let taken = entries(rig.head, 3, &said[1..]);
    rig.head = taken[1].position();
    rig.receipt = Some(receipt(3, rig.head));
    let adopt = segment_proto::messages::Adopt {
        entries: taken.into_iter().map(|stored| stored.entry).collect(),
        ..rig.adopt()
    };
    rig.answer(adopt);
    rig.all_done();
    let grant = rig.grant();
    rig.answer(grant);
    rig.all_done();
    assert_eq!(rig.owns(), Some(4));
    rig.assert_idle();
}

#[test]
fn not_host_means_to_bring_it_too() {
    let (mut rig, _) = with_tail();
    rig.restart();
    rig.tracker_up();
    rig.next_epoch(EpochOwner::Tracker);
    rig.answer(rig.adopt());
    rig.all_done();
    rig.answer(Failure::new(Reason::NotNow, ""));
    assert_eq!(rig.end(Answer::Message(Failure::new(Reason::NotHost, "").into())), ["99? submit 1.2 1.3 in 1.3"]);
}

#[test]
fn without_a_tracker_nobody_is_asked_and_no_timer_rings() {
    let (mut rig, _) = with_tail();
    retire(&mut rig);
    rig.all_done();
    rig.tracker_down();
    rig.peer.sleep(Duration::from_secs(1));
    assert_eq!(rig.timeout(), [""; 0]);
    assert_eq!(rig.host.poll_timeout(), None);
    assert_eq!(rig.tracker_up(), ["99? submit 1.2 1.3 in 1.2"]);
}

#[test]
fn without_their_rules_what_was_cut_is_lost_or_waits_for_ever() {
    let (mut rig, _) = with_tail();
    rig.peer.rules = Rules::without(Rule::GuestDrains);
    retire(&mut rig);
    rig.all_done();
    assert_eq!((rig.host.report().resubmit, rig.host.poll_timeout()), (2, None));
    let (mut rig, _) = with_tail();
    rig.restart();
    rig.peer.rules = Rules::without(Rule::ResubmitUntilCommitted);
    rig.take_office();
    assert_eq!((rig.host.report().resubmit, rig.host.report().committed), (0, 1));
}

#[test]
fn a_host_that_comes_back_asks_for_what_it_has_missed() {
    let (mut rig, said) = with_tail();
    retire(&mut rig);
    rig.done();
    let fence = fenced(&mut rig);
    rig.answer(fates(fence, &[(&said[1], FateCode::Committed, 2), (&said[2], FateCode::Committed, 3)]));
    rig.all_done();
    // Meanwhile the reader in this process has written on.
    let (log, more) = (rig.host.log.id, entries(rig.head, 3, &said[1..]));
    let append = crate::store::Write::Append { log, entries: more };
    rig.peer.tape.store.run(&crate::store::StoreOperation::Write(alloc::vec![append]));
    rig.host.come_back(Some(segment_proto::LinkId(99)), &mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["99? host hello after 1"]);
    assert!(!rig.host.is_ready(1));
    let taken = entries(rig.head, 3, &said[1..]);
    rig.head = taken[1].position();
    rig.receipt = Some(receipt(3, rig.head));
    let adopt = segment_proto::messages::Adopt {
        entries: taken.into_iter().map(|stored| stored.entry).collect(),
        ..rig.adopt()
    };
    assert_eq!(
        rig.answer(adopt),
        ["(adopted 2..3)", "write: append host 2..3, put row, put receipt, put epoch, put fence"],
        "what the reader has is not cut"
    );
    rig.all_done();
    let grant = rig.grant();
    rig.answer(grant);
    rig.all_done();
    assert_eq!(rig.owns(), Some(4));
    assert!(rig.host.is_ready(3) && !rig.host.is_ready(4));
    rig.assert_idle();
}
