//! Own messages: from the disk to the sequencer to committed, and every way of going wrong.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::{Diverged, Failure, Fate, FateCode};
use segment_proto::pending::NoAnswer;
use segment_proto::{AccountId, EnvelopeKind, Hash, MessageKey, Reason, Rights, Row};

use super::rig::{ReplicaRig, fate};
use crate::peer::context::Answer;
use crate::replica::SendError;
use crate::rules::{Rule, Rules};
use crate::store::Table;
use crate::sync::tests::kit::{Author, channel, device, fence, kick};

/// A replica that is level, and a message of its own that is submitted.
fn sent() -> (ReplicaRig, MessageKey) {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(1));
    let key = rig.send("hello").unwrap();
    rig.peer.seen();
    rig.all_done();
    (rig, key)
}

/// Somebody else's message.
fn one_more(rig: &mut ReplicaRig) {
    rig.write(&[Author::new(1).text("another")]);
    rig.push(rig.entries(2, 2));
    rig.all_done();
}

fn row(incarnation: u32, seq: u64, hash: Hash) -> Row {
    Row { device: device(2), account: AccountId(2), incarnation, seq, hash }
}

#[test]
fn a_message_leaves_after_the_disk_has_it_and_is_let_go_when_it_is_committed() {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(1));
    let key = rig.send("hello").unwrap();
    assert_eq!(rig.peer.seen(), ["write: put outgoing 1, put author"]);
    assert_eq!(rig.done(), ["queued 1.1", "(submitted 0..0)", "1? submit 1.1 in 1.2"]);
    assert_eq!(rig.fates(&[fate(key, FateCode::Stored, 2)]), ["stored 1.1@2"]);
    rig.write(&rig.submitted());
    assert_eq!(rig.push(rig.entries(2, 2)), ["write: append cache 2..2", "(live 2..2)", "received 2..2"]);
    assert_eq!(
        rig.commit(2),
        ["write: put receipt", "committed up to 2", "write: delete outgoing 1", "committed 1.1@2"]
    );
    rig.all_done();
    rig.assert_idle();
    assert_eq!(rig.peer.tape.store.count(Table::Outgoing), 0);
}

#[test]
fn without_their_rules_it_leaves_too_early_and_is_forgotten_too_early() {
    let mut rig = ReplicaRig::level(&[]);
    rig.peer.rules = Rules::without(Rule::OutboxBeforeSubmit);
    rig.send("hello").unwrap();
    assert_eq!(rig.peer.seen()[3], "1? submit 1.1 in 1.2");
    let (mut rig, _) = sent();
    rig.peer.rules = Rules::without(Rule::OutboxUntilCommitted);
    rig.write(&rig.submitted());
    assert!(rig.push(rig.entries(2, 2)).contains(&"committed 1.1@2".into()));
}

#[test]
fn what_is_refused_before_it_is_written() {
    let mut rig = ReplicaRig::level(&[]);
    let long = Bytes::from(alloc::vec![b'a'; 8 * 1024 + 1]);
    let tried = rig.replica.send(EnvelopeKind::Text, long, &mut rig.peer.cx());
    assert_eq!(tried, Err(SendError::TooLong(8 * 1024)));
    rig.peer.limits.outbox_items_max = 1;
    rig.send("a").unwrap();
    assert_eq!(rig.send("b"), Err(SendError::OutboxFull(1)));
    let mut rig = ReplicaRig::new();
    rig.rights = Rights::READ;
    rig.attach();
    rig.serve();
    assert_eq!(rig.send("a"), Err(SendError::NotAllowed(Reason::MayNotSend)));
    let mut rig = ReplicaRig::new();
    rig.peer.login = None;
    assert_eq!(rig.send("a"), Err(SendError::NotAllowed(Reason::LoginRequired)));
    assert_eq!(rig.peer.seen(), [""; 0]);
}

#[test]
fn a_window_of_uncommitted_messages_is_under_way() {
    let mut rig = ReplicaRig::level(&[]);
    rig.peer.limits.uncommitted_per_author_max = 2;
    let keys: Vec<_> = (0..3).map(|_| rig.send("m").unwrap()).collect();
    rig.peer.seen();
    let lines = rig.all_done();
    let submits: Vec<_> = lines.iter().filter(|line| line.contains("submit ")).collect();
    assert_eq!(submits, ["1? submit 1.1 in 1.2", "1? submit 1.2 in 1.2"]);
    rig.fates(&[fate(keys[0], FateCode::Stored, 1)]);
    rig.fates(&[fate(keys[1], FateCode::Stored, 2)]);
    let mut two = Author::new(2);
    let said: Vec<_> = (0..2).map(|_| two.text("m")).collect();
    rig.write(&said);
    rig.push(rig.entries(1, 2));
    assert!(rig.commit(1).contains(&"1? submit 1.3 in 1.2".into()));
}

#[test]
fn what_was_under_way_on_a_lost_link_goes_again_the_same() {
    let (mut rig, key) = sent();
    let first = rig.submitted();
    rig.replica.detach(&mut rig.peer.cx());
    for purpose in rig.peer.fail_link(1) {
        let crate::peer::context::Purpose::Replica(_, request) = purpose else { panic!("not the replica's") };
        rig.replica.on_answer(request, Answer::Nothing(NoAnswer::LinkLost), &mut rig.peer.cx());
    }
    assert_eq!((rig.peer.seen(), rig.replica.poll_timeout()), (Vec::new(), None));
    rig.attach();
    assert_eq!(rig.answer(rig.subscribed())[1..], ["1? submit 1.1 in 1.2"]);
    assert_eq!(rig.submitted(), first);
    rig.fates(&[fate(key, FateCode::Stored, 2)]);
    assert_eq!(rig.stages(), ["1.1 Stored"]);
}

#[test]
fn a_restart_sends_what_is_on_disk_and_finds_what_was_placed() {
    let (mut rig, _) = sent();
    let said = rig.submitted();
    rig.restart();
    assert_eq!(rig.stages(), ["1.1 Queued"]);
    rig.write(&said);
    rig.attach();
    rig.answer(rig.subscribed());
    rig.answer(rig.sync_page(2, 2));
    rig.all_done();
    rig.restart();
    assert_eq!(rig.stages(), ["1.1 Stored"]);
    rig.committed = 2;
    rig.attach();
    assert!(rig.serve().contains(&"committed 1.1@2".into()));
    rig.all_done();
    rig.assert_idle();
    assert_eq!(rig.send("next").unwrap().seq, 2);
}

#[test]
fn a_crash_between_the_receipt_and_the_outbox_leaves_nothing_behind() {
    let (mut rig, key) = sent();
    rig.fates(&[fate(key, FateCode::Stored, 2)]);
    rig.write(&rig.submitted());
    rig.push(rig.entries(2, 2));
    rig.commit(2);
    rig.done();
    rig.done();
    rig.restart();
    assert_eq!((rig.replica.committed(), rig.stages().len()), (2, 1));
    rig.attach();
    assert!(rig.serve().contains(&"committed 1.1@2".into()));
}

#[test]
fn a_lost_cache_looks_for_what_was_sent_from_the_beginning() {
    let (mut rig, _) = sent();
    let said = rig.submitted();
    let log = crate::store::LogId { channel: channel(), role: crate::store::LogRole::Cache };
    rig.peer.tape.store.logs.remove(&log);
    rig.restart();
    rig.write(&said);
    rig.attach();
    assert_eq!(rig.answer(rig.subscribed())[1..], ["1? sync after 0"]);
    assert!(rig.answer(rig.sync_page(1, 2)).contains(&"stored 1.1@2".into()));
}

#[test]
fn what_only_its_sequencer_saw_goes_again_when_that_cut_it() {
    let (mut rig, key) = sent();
    rig.fates(&[fate(key, FateCode::Stored, 2)]);
    rig.epoch = 4;
    let diverged = Diverged { channel: channel(), fence: fence(2), at: rig.at(1) };
    assert_eq!(rig.push(diverged), [""; 0]);
    assert_eq!(rig.push(rig.marks()), ["(submitted 0..0)", "1? submit 1.1 in 1.4"]);
    // It lagged, and was not told: the place is another's.
    let (mut rig, key) = sent();
    rig.fates(&[fate(key, FateCode::Stored, 2)]);
    rig.write(&Author::new(4).texts(1));
    assert!(rig.push(rig.entries(2, 2)).contains(&"1? submit 1.1 in 1.2".into()));
    // The place is another's here already: the answer is late.
    let (mut rig, key) = sent();
    rig.write(&Author::new(4).texts(1));
    rig.push(rig.entries(2, 2));
    assert_eq!(rig.fates(&[fate(key, FateCode::Stored, 2)]), [""; 0]);
    assert_eq!(rig.timeout(500), ["(submitted 0..0)", "1? submit 1.1 in 1.2"]);
}

#[test]
fn fates_that_say_later_are_heeded() {
    for (code, after, wait) in [(FateCode::SlowDown, 700, 700), (FateCode::Expected, 0, 1_000)] {
        let (mut rig, key) = sent();
        let fate = Fate { retry_after_ms: after, ..Fate::new(key, code) };
        assert_eq!(rig.fates(&[fate]), [""; 0]);
        assert_eq!(rig.timeout(wait - 1), [""; 0], "{code}");
        assert_eq!(rig.timeout(1), ["(submitted 0..0)", "1? submit 1.1 in 1.2"], "{code}");
    }
    let (mut rig, _) = sent();
    assert_eq!(rig.fates(&[]), [""; 0], "no fate at all");
    assert_eq!(rig.timeout(500).len(), 2);
}

#[test]
fn where_the_tail_is_full_a_commit_makes_room() {
    let full = |key| Fate { retry_after_ms: 700, reason: Some(Reason::TailFull), ..Fate::new(key, FateCode::SlowDown) };
    let (mut rig, key) = sent();
    rig.fates(&[full(key)]);
    one_more(&mut rig);
    let lines = rig.commit(2);
    assert!(lines.ends_with(&["(submitted 0..0)".into(), "1? submit 1.1 in 1.2".into()]), "{lines:?}");
    rig.fates(&[full(key)]);
    assert_eq!(rig.timeout(699), [""; 0], "nothing was committed");
    assert_eq!(rig.timeout(1), ["(submitted 0..0)", "1? submit 1.1 in 1.2"]);
}

#[test]
fn a_commit_makes_no_room_for_who_was_too_quick() {
    let slow = |key| Fate { retry_after_ms: 700, reason: Some(Reason::SlowDown), ..Fate::new(key, FateCode::SlowDown) };
    let (mut rig, key) = sent();
    rig.fates(&[slow(key)]);
    one_more(&mut rig);
    let lines = rig.commit(2);
    assert!(!lines.iter().any(|line| line.contains("submit")), "{lines:?}");
    assert_eq!(rig.timeout(700), ["(submitted 0..0)", "1? submit 1.1 in 1.2"]);
}

#[test]
fn a_submit_that_fails_goes_again() {
    let cases = [
        Failure::retry_after(Reason::NotNow, 600),
        Failure::new(Reason::SlowDown, ""),
        Failure::new(Reason::HostAway, ""),
        Failure::new(Reason::TailFull, ""),
    ];
    for failure in cases {
        let (mut rig, _) = sent();
        let wait = u64::from(failure.retry_after_ms).max(500);
        assert_eq!(rig.answer(failure), [""; 0]);
        assert_eq!(rig.timeout(wait - 1), [""; 0]);
        assert_eq!(rig.timeout(1).len(), 2);
    }
    for reason in [Reason::OutOfOrder, Reason::BadCertificate] {
        let (mut rig, _) = sent();
        assert_eq!(rig.answer(Failure::new(reason, "")), [""; 0]);
        assert!(rig.timeout(1_000).contains(&"1? Subscribe".into()), "{reason}");
    }
    let (mut rig, _) = sent();
    assert_eq!(rig.answer(segment_proto::messages::Done {}), [""; 0], "an answer to something else");
    assert_eq!(rig.timeout(500).len(), 2);
}

#[test]
fn a_refusal_is_final_once_the_entry_that_refuses_is_committed() {
    let (mut rig, key) = sent();
    let refused = |pos| Fate { reason: Some(Reason::MayNotSend), ..fate(key, FateCode::Refused, pos) };
    assert_eq!(rig.fates(&[refused(2)]), [""; 0]);
    assert_eq!(rig.stages(), ["1.1 Queued"]);
    rig.write(&[Author::new(1).change(&kick(2))]);
    rig.push(rig.entries(2, 2));
    rig.answer(rig.subscribed());
    rig.commit(2);
    rig.answer(rig.subscribed());
    rig.timeout(500);
    let lines = rig.fates(&[refused(2)]);
    assert_eq!(lines[0], "write: delete outgoing 1, put author, put refused 1");
    assert_eq!(rig.stages().len(), 0);
    assert!(rig.all_done().contains(&"refused 1.1 may_not_send".into()));
}

#[test]
fn what_builds_on_a_refused_message_is_signed_again_without_it() {
    let mut rig = ReplicaRig::level(&[]);
    let keys: Vec<_> = (0..3).map(|_| rig.send("m").unwrap()).collect();
    rig.peer.seen();
    rig.done();
    rig.done();
    rig.write(&rig.submitted());
    rig.fates(&[fate(keys[0], FateCode::Stored, 1)]);
    let bad = Fate { reason: Some(Reason::BadEnvelope), ..fate(keys[1], FateCode::Refused, 0) };
    let lines = rig.fates(&[bad]);
    assert_eq!(lines, ["write: delete outgoing 2, put refused 2", "1? read own from 1"]);
    rig.log.truncate(1);
    let lines = rig.answer(rig.own(1));
    assert_eq!(lines, ["write: put outgoing 3, put author", "1.3 is 2.1"]);
    let lines = rig.all_done();
    assert_eq!(lines, ["refused 1.2 bad_envelope", "queued 2.1", "(submitted 0..0)", "1? submit 2.1 in 1.2"]);
    assert_eq!(rig.stages(), ["1.1 Stored", "2.1 Queued"]);
}

#[test]
fn a_message_from_before_a_kick_is_refused_only_when_its_sequencer_does_not_have_it() {
    let (mut rig, key) = sent();
    rig.row = Some(row(2, 0, Hash([5; 32])));
    rig.replica.detach(&mut rig.peer.cx());
    rig.peer.fail_link(1);
    rig.attach();
    let lines = rig.answer(rig.subscribed());
    assert_eq!(lines, ["(submitted 0..0)", "1? submit 1.1 in 1.2"], "it may stand in the log");
    let fork = Fate { row: rig.row, ..Fate::new(key, FateCode::Fork) };
    assert_eq!(rig.fates(&[fork]), [""; 0]);
    assert!(rig.timeout(1_000).contains(&"1? Subscribe".into()));
    let lines = rig.answer(rig.subscribed());
    assert_eq!(lines, ["1? read own from 1"], "what it says may stand there under another name");
    assert_eq!(rig.fates(&[Fate { row: rig.row, ..Fate::new(key, FateCode::Fork) }]), [""; 0]);
    let lines = rig.answer(rig.own(1));
    assert_eq!(lines, ["write: delete outgoing 1, put refused 1", "write: put author"]);
    assert_eq!(rig.done(), ["refused 1.1 may_not_send"]);
    let next = rig.send("after").unwrap();
    assert_eq!((next.incarnation, next.seq), (3, 1));
}

#[test]
fn a_committed_change_of_rights_is_built_on() {
    let mut owner = Author::new(1);
    let mut rig = ReplicaRig::level(&[]);
    rig.row = Some(row(0, 0, Hash::ZERO));
    rig.write(&[owner.change(&kick(3)), owner.text("b")]);
    assert!(rig.push(rig.entries(1, 2)).contains(&"1? Subscribe".into()));
    assert_eq!(rig.answer(rig.subscribed()), [""; 0]);
    rig.row = Some(row(1, 0, owner.last));
    assert_eq!(rig.commit(1)[2..], ["1? Subscribe"]);
    assert_eq!(rig.answer(rig.subscribed()), ["write: put author"]);
    rig.send("now").unwrap();
    rig.peer.seen();
    rig.all_done();
    assert_eq!(rig.submitted()[0].prev, owner.last);
    assert!(!rig.commit(2).contains(&"1? Subscribe".into()), "once");
}

#[test]
fn a_row_from_before_the_own_commit_is_not_built_on() {
    let (mut rig, key) = sent();
    rig.fates(&[fate(key, FateCode::Stored, 2)]);
    let said = rig.submitted();
    rig.write(&said);
    rig.push(rig.entries(2, 2));
    rig.commit(2);
    rig.all_done();
    rig.replica.detach(&mut rig.peer.cx());
    rig.send("dropped").unwrap();
    assert_eq!(rig.replica.drop_outgoing(None, &mut rig.peer.cx()).len(), 1);
    rig.attach();
    (rig.committed, rig.row) = (1, Some(row(0, 0, Hash::ZERO)));
    rig.serve();
    rig.send("next").unwrap();
    rig.peer.seen();
    rig.all_done();
    assert_eq!(rig.submitted()[0].prev, said[0].hash());
}

#[test]
fn only_what_was_never_sent_can_be_dropped() {
    let (mut rig, key) = sent();
    assert_eq!(rig.replica.drop_outgoing(Some(key), &mut rig.peer.cx()).len(), 0);
    rig.replica.detach(&mut rig.peer.cx());
    assert_eq!(rig.replica.drop_outgoing(None, &mut rig.peer.cx()).len(), 0, "nobody knows what became of it");
    let (second, _) = (rig.send("b").unwrap(), rig.send("c").unwrap());
    rig.peer.seen();
    assert_eq!(rig.replica.drop_outgoing(Some(second), &mut rig.peer.cx()).len(), 2);
    assert_eq!(rig.peer.seen(), ["write: delete outgoing 2, delete outgoing 3, put author"]);
    assert_eq!(rig.all_done(), [""; 0], "their writes end for nobody");
    assert_eq!(rig.stages(), ["1.1 Queued"]);
    let next = rig.send("d").unwrap();
    assert_eq!((next.incarnation, next.seq), (2, 1));
}
