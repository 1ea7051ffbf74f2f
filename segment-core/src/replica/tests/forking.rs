//! Forks: what stands in the log under another name is found, and only what is missing is signed again.

use alloc::vec::Vec;

use segment_proto::messages::{Fate, FateCode, OwnEntries};
use segment_proto::{AccountId, Entry, Fence, Hash, MessageKey, Row, SignedEnvelope};

use super::rig::{ReplicaRig, fate};
use crate::peer::context::Answer;
use crate::replica::outbox::Outbox;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, device, kick};
use segment_proto::pending::NoAnswer;

fn row_of(envelope: &SignedEnvelope) -> Row {
    let key = envelope.key;
    let (incarnation, seq, hash) = (key.incarnation, key.seq, envelope.hash());
    Row { device: device(2), account: AccountId(2), incarnation, seq, hash }
}

fn fork(key: MessageKey, row: Row) -> Fate {
    Fate { row: Some(row), ..Fate::new(key, FateCode::Fork) }
}

/// Messages that were sent, with what was submitted of them.
fn sent(rig: &mut ReplicaRig, texts: &[&str]) -> (Vec<MessageKey>, Vec<SignedEnvelope>) {
    let keys = texts.iter().map(|text| rig.send(text).unwrap()).collect();
    rig.peer.seen();
    rig.peer.tape.messages.clear();
    rig.all_done();
    let submits = rig.peer.tape.messages.iter().filter_map(|(_, message)| match message {
        segment_proto::Message::Submit(submit) => Some(submit.envelopes.clone()),
        _ => None,
    });
    (keys, submits.flatten().collect())
}

/// Two messages are on a disk that is put back later; meanwhile they were committed and settled.
fn restored() -> (ReplicaRig, Vec<SignedEnvelope>, Vec<MessageKey>) {
    let mut rig = ReplicaRig::level(&[]);
    let backup = rig.peer.tape.store.clone();
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    assert_eq!(said.len(), 2);
    rig.peer.tape.store = backup;
    rig.restart();
    rig.write(&said);
    (rig, said, keys)
}

#[test]
fn an_author_with_an_older_disk_signs_what_is_new_on_what_the_log_has() {
    let (mut rig, said, _) = restored();
    let (keys, _) = sent(&mut rig, &["c"]);
    assert_eq!((keys[0].incarnation, keys[0].seq), (1, 1), "the disk does not know better");
    rig.attach();
    rig.serve();
    let lines = rig.fates(&[fork(keys[0], row_of(&said[1]))]);
    assert_eq!(lines, ["1? read own from 1"]);
    assert_eq!(rig.answer(rig.own(2)), ["write: put outgoing 1, put author", "1.1 is 2.1"]);
    assert_eq!(rig.all_done(), ["queued 2.1", "(submitted 0..0)", "1? submit 2.1 in 1.2"]);
    let again = rig.submitted();
    assert_eq!((again[0].prev, again[0].text()), (said[1].hash(), Some("c")));
    assert_eq!(rig.stages(), ["2.1 Queued"]);
    rig.restart();
    assert_eq!(rig.stages(), ["2.1 Queued"], "the disk has it under its new name");
    assert_eq!(rig.send("d").unwrap().incarnation, 2);
}

/// "a" and "b" are on a disk that is put back, after "b" was signed again, as 2.1, and stored; 1.2 is a fork now.
fn said_under_another_name() -> ReplicaRig {
    let mut rig = ReplicaRig::level(&[]);
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    let backup = rig.peer.tape.store.clone();
    rig.write(&said[..1]);
    rig.fates(&[fate(keys[0], FateCode::Stored, 1)]);
    rig.fates(&[fork(keys[1], Row { seq: 7, ..row_of(&said[0]) })]);
    rig.answer(rig.own(1));
    rig.all_done();
    let again = rig.submitted();
    assert_eq!((again[0].key.incarnation, again[0].text()), (2, Some("b")));
    rig.write(&again);
    rig.peer.tape.store = backup;
    rig.restart();
    assert_eq!(rig.stages(), ["1.1 Queued", "1.2 Queued"]);
    rig.attach();
    rig.serve();
    rig.all_done();
    assert_eq!(rig.stages(), ["1.1 Stored", "1.2 Queued"], "its own entry is seen, the other is not its own yet");
    assert_eq!(rig.fates(&[fork(keys[1], row_of(&again[0]))]), ["1? read own from 1"]);
    rig
}

#[test]
fn what_stands_there_under_another_name_is_found_and_not_said_twice() {
    let mut rig = said_under_another_name();
    let lines = rig.answer(rig.own(2));
    assert_eq!(lines, ["write: put outgoing 2, put author", "1.2 is 2.1", "find: 2.1"]);
    rig.all_done();
    assert_eq!(rig.stages(), ["1.1 Stored", "2.1 Stored"]);
    let lines = rig.commit(2);
    assert_eq!(lines[2..], ["write: delete outgoing 1, delete outgoing 2", "committed 1.1@1", "committed 2.1@2"]);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn without_its_rule_what_stands_under_another_name_is_said_twice() {
    let mut rig = said_under_another_name();
    rig.peer.rules = Rules::without(Rule::ContentSearch);
    let lines = rig.answer(rig.own(2));
    assert_eq!(lines, ["write: put outgoing 2, put author", "1.2 is 3.1"]);
}

#[test]
fn texts_of_one_moment_are_told_apart() {
    let mut rig = ReplicaRig::level(&[]);
    let (_, said) = sent(&mut rig, &["a", "a"]);
    assert!(said[0].sent < said[1].sent);
}

#[test]
fn without_its_rule_a_key_is_used_twice() {
    let (mut rig, said, keys) = restored();
    rig.peer.rules = Rules::without(Rule::NewIncarnation);
    sent(&mut rig, &["c"]);
    rig.attach();
    rig.serve();
    rig.fates(&[fork(keys[0], row_of(&said[1]))]);
    rig.answer(rig.own(2));
    rig.all_done();
    rig.send("d").unwrap();
    rig.peer.seen();
    // A log that was cut meanwhile has nothing of it.
    rig.log.clear();
    let none = Row { incarnation: 0, seq: 0, hash: Hash::ZERO, ..row_of(&said[1]) };
    let first = rig.submitted()[0].key;
    rig.timeout(1_000);
    rig.fates(&[fork(first, none)]);
    let lines = rig.answer(rig.own(0));
    assert!(lines.contains(&"2.1 is 1.1".into()), "{lines:?}");
}

#[test]
fn a_long_log_is_searched_in_pages_and_a_search_ends_with_its_link() {
    let (mut rig, said, _) = restored();
    rig.write(&Author::new(3).texts(3));
    let (keys, _) = sent(&mut rig, &["c"]);
    rig.attach();
    rig.serve();
    rig.fates(&[fork(keys[0], row_of(&said[1]))]);
    assert_eq!(rig.answer(rig.own(1)), ["1? read own from 2"]);
    rig.send("d").unwrap();
    rig.peer.seen();
    assert_eq!(rig.all_done(), ["queued 1.2"], "nothing goes while it is searched");
    assert_eq!(rig.end(Answer::Nothing(NoAnswer::TimedOut)), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["(submitted 0..0)", "1? submit 1.1 1.2 in 1.2"], "the answer will be a fork again");
    rig.fates(&[fork(keys[0], row_of(&said[1]))]);
    rig.attach_to(5, crate::peer::events::Serving::Copy);
    assert_eq!(rig.replica.poll_timeout(), None);
}

#[test]
fn a_search_that_gets_no_further_ends_and_is_begun_again_with_the_next_fork() {
    let (mut rig, said, _) = restored();
    let (keys, _) = sent(&mut rig, &["c"]);
    rig.attach();
    rig.serve();
    let forked = [fork(keys[0], row_of(&said[1]))];
    assert_eq!(rig.fates(&forked), ["1? read own from 1"]);
    assert_eq!(rig.answer(rig.own(1)), ["1? read own from 2"]);
    assert_eq!(rig.answer(rig.own(1)), [""; 0], "whoever answers so would be asked for ever");
    assert_eq!(rig.timeout(1_000), ["(submitted 0..0)", "1? submit 1.1 in 1.2"]);
    assert_eq!(rig.fates(&forked), ["1? read own from 1"]);
}

#[test]
fn a_search_is_of_one_epoch() {
    let (mut rig, said, _) = restored();
    let (keys, _) = sent(&mut rig, &["c"]);
    rig.attach();
    rig.serve();
    let forked = [fork(keys[0], row_of(&said[1]))];
    rig.fates(&forked);
    assert_eq!(rig.answer(rig.own(1)), ["1? read own from 2"]);
    let cut = OwnEntries { fence: Fence::default(), ..rig.own(2) };
    assert_eq!(rig.answer(cut), [""; 0], "who owns no epoch any more is about to take over another's log");
    assert_eq!(rig.timeout(1_000), ["(submitted 0..0)", "1? submit 1.1 in 1.2"], "the answer will be a fork again");
}

#[test]
fn what_was_signed_before_an_access_entry_is_refused_and_what_stands_is_not() {
    let mut rig = ReplicaRig::level(&[]);
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    let mut owner = Author::new(1);
    rig.write(&[said[0].clone(), owner.change(&kick(2))]);
    let mut me = Author::new(2);
    me.begin_anew(2, owner.last);
    rig.write(&[me.text("after")]);
    let row = row_of(&rig.log[2].entry.envelope.clone());
    let fates = [fate(keys[0], FateCode::Stored, 1), fork(keys[1], row)];
    assert_eq!(rig.fates(&fates[..1]), ["stored 1.1@1"]);
    assert_eq!(rig.fates(&fates[1..]), ["1? read own from 1"]);
    assert_eq!(rig.answer(rig.own(3)), [""; 0], "the access entry is not committed");
    assert_eq!(rig.stages(), ["1.1 Stored", "1.2 Queued"]);
    rig.push(rig.entries(1, 3));
    rig.answer(rig.subscribed());
    rig.commit(3);
    rig.answer(rig.subscribed());
    rig.timeout(1_000);
    rig.all_done();
    rig.fates(&[fork(keys[1], row)]);
    let lines = rig.answer(rig.own(3));
    assert_eq!(lines, ["write: delete outgoing 2, put refused 2", "write: put author"]);
}

/// A message stands behind a kick that is committed, and before one that is not; what builds on it waits for the second.
#[test]
fn what_was_signed_behind_the_committed_access_entry_is_not_refused_by_it() {
    let mut rig = ReplicaRig::level(&[]);
    let mut owner = Author::new(1);
    rig.write(&[owner.change(&kick(2))]);
    let moved = |incarnation, hash| Row { device: device(2), account: AccountId(2), incarnation, seq: 0, hash };
    let first = moved(1, owner.last);
    rig.row = Some(first);
    rig.push(rig.entries(1, 1));
    rig.commit(1);
    rig.answer(rig.subscribed());
    rig.answer(rig.subscribed());
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    assert_eq!((keys[0].incarnation, said[0].prev), (1, first.hash));
    rig.write(&[said[0].clone(), owner.change(&kick(2))]);
    assert_eq!(rig.fates(&[fate(keys[0], FateCode::Stored, 2)]), ["stored 1.1@2"]);
    let second = fork(keys[1], moved(2, owner.last));
    rig.fates(core::slice::from_ref(&second));
    rig.timeout(1_000);
    assert_eq!(rig.answer(rig.subscribed()), ["1? read own from 1", "1? sync after 1"]);
    rig.fates(&[second]);
    assert_eq!(rig.answer(rig.own(3)), ["write: put outgoing 2, put author", "1.2 is 2.1"], "nothing is refused");
}

#[test]
fn an_older_access_entry_opens_nothing_that_a_newer_one_has_closed() {
    let mut rig = ReplicaRig::level(&[]);
    let mut me = Author::new(2);
    me.begin_anew(0, Hash::ZERO);
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    let mut owner = Author::new(1);
    // What was written first is of an incarnation that another access entry has ended, and so "a" does not build on it.
    rig.write(&[me.text("long ago"), said[0].clone(), owner.change(&kick(2))]);
    let row = Row { incarnation: 2, seq: 0, hash: owner.last, ..row_of(&said[0]) };
    // Whether the entry is committed is another rule's.
    rig.peer.rules = Rules::without(Rule::FinalRefusal);
    assert_eq!(rig.fates(&[fate(keys[0], FateCode::Stored, 2)]), ["stored 1.1@2"]);
    assert_eq!(rig.fates(&[fork(keys[1], row)]), ["1? read own from 1"]);
    let lines = rig.answer(rig.own(3));
    assert_eq!(lines, ["write: delete outgoing 2, put refused 2", "write: put author"]);
}

/// Another process of this device has written "theirs" in between, so that "b" was signed again on that; then comes a
/// kick, and "later" of the other process. The names that were closed do not reach up to "b"'s.
#[test]
fn what_was_signed_again_before_an_access_entry_is_refused_by_it() {
    let mut rig = ReplicaRig::level(&[]);
    let mut theirs = Author::new(2);
    theirs.begin_anew(1, Hash::ZERO);
    rig.write(&[theirs.text("theirs")]);
    let row = row_of(&rig.log[0].entry.envelope.clone());
    let (keys, _) = sent(&mut rig, &["b"]);
    rig.fates(&[fork(keys[0], row)]);
    rig.answer(rig.own(1));
    rig.all_done();
    let again = rig.submitted();
    assert_eq!(again[0].key.incarnation, 2);
    let mut owner = Author::new(1);
    rig.write(&[owner.change(&kick(2))]);
    theirs.begin_anew(3, owner.last);
    rig.write(&[theirs.text("later")]);
    rig.push(rig.entries(1, 3));
    rig.commit(3);
    rig.all_done();
    rig.peer.sleep(core::time::Duration::from_secs(1));
    let row = row_of(&rig.log[2].entry.envelope.clone());
    rig.fates(&[fork(again[0].key, row)]);
    let asked = rig.peer.tape.requests.len();
    (1..asked).for_each(|_| drop(rig.answer(rig.subscribed())));
    let lines = rig.answer(rig.own(3));
    assert_eq!(lines[0], "write: delete outgoing 1, put refused 1");
}

#[test]
fn what_two_processes_of_a_device_have_signed_in_turn_goes_on_from_one_place() {
    let (mut mine, mut theirs) = (Author::new(2), Author::new(2));
    let base = mine.text("base");
    theirs.begin_anew(2, base.hash());
    let first = theirs.text("first");
    mine.begin_anew(3, first.hash());
    let (answer, apart) = (mine.text("answer"), Author::new(2).odd(9, 1, Hash::ZERO));
    let second = theirs.text("second");
    let mut outbox = Outbox::default();
    for envelope in [&answer, &apart, &second, &first] {
        outbox.add(envelope.clone());
    }
    let entry = Entry { pos: 7, epoch: 1, sequenced: base.sent, envelope: base };
    outbox.find_base(&entry);
    let places = |outbox: &Outbox| outbox.items.iter().map(|item| item.builds_on).collect::<Vec<_>>();
    assert_eq!(places(&outbox), [None, None, None, Some(7)]);
    outbox.follow_bases();
    assert_eq!(places(&outbox), [Some(7), None, Some(7), Some(7)]);
}

#[test]
fn what_nobody_remembers_is_given_up_alone() {
    let mut rig = ReplicaRig::level(&[]);
    let (keys, said) = sent(&mut rig, &["a", "b"]);
    rig.write(&said[..1]);
    let lines = rig.fates(&[Fate::new(keys[0], FateCode::Forgotten)]);
    assert_eq!(lines, ["write: delete outgoing 1, put refused 1"], "what follows has a fate of its own");
    assert_eq!(rig.stages(), ["1.2 Queued"]);
    let row = row_of(&said[0]);
    rig.fates(&[fork(keys[1], row)]);
    assert_eq!(rig.answer(rig.own(1)), ["write: put outgoing 2, put author", "1.2 is 2.1"]);
}
