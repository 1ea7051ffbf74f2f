//! Cause before effect: what was shown and is cut goes to the next sequencer before anything own.

use alloc::vec::Vec;

use segment_proto::messages::{Failure, Fate, FateCode, Submit};
use segment_proto::{DeviceRecord, EpochOwner, Message, MessageKey, Reason, Signed, SignedEnvelope};

use super::rig::{ReplicaRig, fate};
use crate::rules::{Rule, Rules};
use crate::store::Table;
use crate::sync::tests::kit::{Author, TRACKER, device, identity, now, who};

/// Two committed entries of 3, and behind them one of 4, one own and one of 5 that were shown and then cut.
fn cut() -> (ReplicaRig, Vec<SignedEnvelope>) {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(2));
    for n in [4, 5] {
        let record = DeviceRecord { device: device(n), who: who(u64::from(n)), since: now().wall, revoked: None };
        rig.peer.cx().learn_author(Signed::new(record, &identity(TRACKER)));
    }
    rig.send("own").unwrap();
    rig.peer.seen();
    rig.all_done();
    let own = rig.submitted();
    let tail = [Author::new(4).texts(1), own.clone(), Author::new(5).texts(1)].concat();
    rig.fates(&[fate(own[0].key, FateCode::Stored, 4)]);
    rig.write(&tail);
    rig.push(rig.entries(3, 5));
    rig.all_done();
    (rig, tail)
}

fn fenced(rig: &ReplicaRig) -> segment_proto::messages::Fenced {
    segment_proto::messages::Fenced { record: rig.record() }
}

fn last_submit(rig: &ReplicaRig) -> Submit {
    let submit = rig.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
        Message::Submit(submit) => Some(submit.clone()),
        _ => None,
    });
    submit.expect("nothing was submitted")
}

fn keys(envelopes: &[SignedEnvelope]) -> Vec<MessageKey> {
    envelopes.iter().map(|envelope| envelope.key).collect()
}

#[test]
fn what_was_cut_goes_in_its_order_before_what_is_own() {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    let lines = rig.push(fenced(&rig));
    assert_eq!(
        lines,
        [
            "write: put epoch",
            "write: cut cache from 3, put resubmit 0, put resubmit 1, put resubmit 2",
            "cut behind 2",
            "(submitted 0..0)",
            "1? submit 1.1 1.1 1.1 in 1.3"
        ],
        "an own message waits for it: it goes at once"
    );
    let submit = last_submit(&rig);
    assert_eq!(submit.envelopes, tail, "in the order of the log, the own one between the others");
    let of: Vec<_> = submit.authors.iter().map(|record| record.device).collect();
    assert_eq!(of, [device(4), device(5)]);
    let answered = keys(&tail).into_iter().zip(3..).map(|(key, pos)| fate(key, FateCode::Committed, pos));
    let lines = rig.fates(&answered.collect::<Vec<Fate>>());
    assert_eq!(lines, ["(submitted 0..0)", "1? submit 1.1 in 1.3"], "now the own ones");
    rig.write(&tail);
    rig.push(rig.entries(3, 5));
    let lines = rig.commit(5);
    assert!(lines.contains(&"write: delete resubmit 0, delete resubmit 1, delete resubmit 2".into()), "{lines:?}");
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
    assert_eq!(rig.replica.poll_timeout(), None);
}

#[test]
fn an_epoch_of_which_only_entries_are_known_is_asked_about_before_anything_own_goes() {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.write(&Author::new(6).texts(1));
    let lines = rig.push(rig.entries(3, 3));
    assert!(lines.contains(&"cut behind 2".into()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("? submit")), "what it answers is not there: {lines:?}");
    let lines = [rig.answer(rig.sync_page(3, 3)), rig.answer(rig.sync_page(3, 3))].concat();
    assert!(lines.contains(&"1? submit 1.1 1.1 1.1 in 1.3".into()), "{lines:?}");
    assert_eq!(last_submit(&rig).envelopes, tail);
}

#[test]
fn without_its_rule_the_answer_goes_alone() {
    let (mut rig, _) = cut();
    rig.peer.rules = Rules::without(Rule::CarryDisplayed);
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    assert_eq!(last_submit(&rig).envelopes.len(), 1);
}

#[test]
fn who_has_nothing_to_say_waits_whether_others_bring_it() {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(2));
    let said = Author::new(4).texts(2);
    rig.write(&said);
    rig.push(rig.entries(3, 4));
    rig.next_epoch(EpochOwner::Tracker, 2);
    let lines = rig.push(fenced(&rig));
    assert_eq!(lines.len(), 3, "{lines:?}");
    let at = rig.replica.poll_timeout().unwrap().at;
    assert!(at <= rig.peer.now.mono + core::time::Duration::from_secs(5));
    rig.write(&said[..1]);
    rig.push(rig.entries(3, 3));
    assert_eq!(rig.timeout(5_000), ["(submitted 0..0)", "1? submit 1.2 in 1.3"], "one of them has come");
    rig.write(&said[1..]);
    rig.push(rig.entries(4, 4));
    rig.commit(4);
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 0);
}

#[test]
fn what_is_cut_again_stays_before_what_answers_it() {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.write(&tail[..1]);
    rig.push(rig.entries(3, 3));
    rig.next_epoch(EpochOwner::Tracker, 2);
    let lines = rig.push(fenced(&rig));
    assert_eq!(
        lines,
        [
            "write: put epoch",
            "write: cut cache from 3",
            "cut behind 2",
            "(submitted 0..0)",
            "1? submit 1.1 1.1 1.1 in 1.4"
        ]
    );
    assert_eq!(last_submit(&rig).envelopes, tail);
}

#[test]
fn an_original_that_is_refused_lets_the_answer_go_alone() {
    for code in [FateCode::Refused, FateCode::Fork, FateCode::Forgotten] {
        let (mut rig, tail) = cut();
        rig.next_epoch(EpochOwner::Tracker, 2);
        rig.push(fenced(&rig));
        let fates: Vec<Fate> = keys(&tail).into_iter().map(|key| Fate::new(key, code)).collect();
        let lines = rig.fates(&fates);
        assert_eq!(lines.len(), 5, "{code}: {lines:?}");
        assert_eq!(lines[4], "1? submit 1.1 in 1.3");
        assert_eq!(last_submit(&rig).envelopes[0].key.device, device(2));
    }
}

#[test]
fn what_does_not_come_through_goes_again_and_own_messages_wait() {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    let slow = Fate { retry_after_ms: 700, ..Fate::new(tail[2].key, FateCode::SlowDown) };
    let fates = [fate(tail[0].key, FateCode::Stored, 3), fate(tail[1].key, FateCode::Stored, 4), slow];
    assert_eq!(rig.fates(&fates), [""; 0]);
    assert_eq!(rig.timeout(699), [""; 0]);
    assert_eq!(rig.timeout(1), ["(submitted 0..0)", "1? submit 1.1 in 1.3"]);
    assert_eq!(rig.answer(Failure::retry_after(Reason::NotNow, 600)), [""; 0]);
    assert_eq!(rig.timeout(600), ["(submitted 0..0)", "1? submit 1.1 in 1.3"]);
    rig.answer(Failure::new(Reason::NotNow, ""));
    rig.next_epoch(EpochOwner::Tracker, 2);
    assert_eq!(rig.push(fenced(&rig))[2], "1? submit 1.1 1.1 1.1 in 1.4", "another sequencer: all of it");
}

#[test]
fn it_is_carried_after_a_restart_too() {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    rig.all_done();
    rig.restart();
    rig.attach();
    rig.answer(rig.subscribed());
    assert_eq!(last_submit(&rig).envelopes, tail);
}

/// Three messages of 4, 2 and 5 are carried, and their sequencer has nothing of what these build on.
fn too_early(which: usize) -> (ReplicaRig, Vec<SignedEnvelope>) {
    let (mut rig, tail) = cut();
    rig.next_epoch(EpochOwner::Tracker, 2);
    rig.push(fenced(&rig));
    let answer = |(index, key): (usize, MessageKey)| match index == which {
        true => Fate::new(key, FateCode::Expected),
        false => fate(key, FateCode::Committed, 2),
    };
    let fates: Vec<Fate> = keys(&tail).into_iter().enumerate().map(answer).collect();
    let lines = rig.fates(&fates);
    assert!(lines[0].starts_with("write: delete resubmit"), "{lines:?}");
    (rig, tail)
}

#[test]
fn what_another_wrote_too_early_is_tried_again_and_keeps_nobody_waiting() {
    let (mut rig, tail) = too_early(2);
    assert_eq!(last_submit(&rig).envelopes, tail[1..2], "the own message goes");
    rig.fates(&[fate(tail[1].key, FateCode::Stored, 3)]);
    for wait in [500, 1_000, 2_000, 4_000, 8_000] {
        assert_eq!(rig.timeout(wait - 1), [""; 0]);
        rig.timeout(1);
        assert_eq!(last_submit(&rig).envelopes, tail[2..], "after {wait} ms");
        rig.fates(&[Fate::new(tail[2].key, FateCode::Expected)]);
    }
    assert_eq!(rig.timeout(60_000), [""; 0], "then it waits for another sequencer");
    rig.all_done();
    assert_eq!(rig.peer.tape.store.count(Table::Resubmit), 1);
}

#[test]
fn what_was_written_behind_an_own_message_that_comes_too_early_waits_for_it() {
    let (mut rig, tail) = too_early(1);
    rig.send("behind").unwrap();
    rig.all_done();
    for wait in [500, 1_000, 2_000] {
        assert_eq!(rig.timeout(wait - 1), [""; 0]);
        rig.timeout(1);
        assert_eq!(last_submit(&rig).envelopes, tail[1..2], "after {wait} ms");
        rig.fates(&[Fate::new(tail[1].key, FateCode::Expected)]);
    }
    rig.timeout(4_000);
    let lines = rig.fates(&[fate(tail[1].key, FateCode::Committed, 2)]);
    assert!(lines.contains(&"1? submit 1.1 1.2 in 1.3".into()), "{lines:?}");
}
