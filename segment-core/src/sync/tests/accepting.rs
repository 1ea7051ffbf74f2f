//! The accept rule as a table.

use alloc::vec::Vec;
use core::slice;

use segment_proto::limits::INCARNATION_MAX;
use segment_proto::{Hash, Reason, Rights, Row, SignedEnvelope, View};

use super::kit::{Author, allow, commit, kick, log_of};
use crate::rules::{Rule, Rules};
use crate::store::Lookup;
use crate::sync::accept::Found;
use crate::sync::{ChannelLog, Verdict, accept};

fn judge(log: &ChannelLog, envelope: &SignedEnvelope) -> Verdict {
    judge_with(log, envelope, &None, Rules::all())
}

fn judge_with(log: &ChannelLog, envelope: &SignedEnvelope, found: &Found, rules: Rules) -> Verdict {
    accept(log, envelope, &envelope.hash(), found, rules)
}

fn row_of(log: &ChannelLog, envelope: &SignedEnvelope) -> Row {
    log.fold().row(envelope.key.device, envelope.account)
}

#[test]
fn the_first_and_the_next_are_accepted() {
    let mut author = Author::new(2);
    let (first, second) = (author.text("1"), author.text("2"));
    let empty = log_of(View::Public, &[]);
    assert_eq!(judge(&empty, &first), Verdict::Accept);
    assert_eq!(judge(&log_of(View::Public, &[first]), &second), Verdict::Accept);
}

#[test]
fn a_new_incarnation_begins_at_one_on_the_row() {
    let mut author = Author::new(2);
    let log = log_of(View::Public, &author.texts(2));
    assert_eq!(judge(&log, &author.odd(2, 1, author.last)), Verdict::Accept);
    assert_eq!(judge(&log, &author.odd(7, 1, author.last)), Verdict::Accept);
}

/// Each that is accepted can be moved on, so none is met again from the other end.
#[test]
fn the_last_incarnations_are_not_begun_by_authors() {
    let mut author = Author::new(2);
    let log = log_of(View::Public, &author.texts(2));
    assert_eq!(judge(&log, &author.odd(INCARNATION_MAX, 1, author.last)), Verdict::Accept);
    for incarnation in [INCARNATION_MAX + 1, u32::MAX] {
        let beyond = author.odd(incarnation, 1, author.last);
        assert_eq!(judge(&log, &beyond), Verdict::Fork(row_of(&log, &beyond)));
    }
    // A log that whoever serves it has not judged.
    let last = author.odd(u32::MAX, u64::MAX, Hash::ZERO);
    let log = log_of(View::Public, &[last.clone(), Author::new(1).change(&kick(2))]);
    assert_eq!((row_of(&log, &last).incarnation, row_of(&log, &last).seq), (u32::MAX, 0));
    let log = log_of(View::Public, slice::from_ref(&last));
    assert_ne!(judge(&log, &author.odd(u32::MAX, 0, last.hash())), Verdict::Accept);
}

#[test]
fn what_is_in_the_log_keeps_its_place_whatever_its_author_may_do_now() {
    let (mut owner, mut author) = (Author::new(1), Author::new(2));
    let said = author.text("mine");
    let log = log_of(View::Public, &[said.clone(), owner.change(&kick(2))]);
    assert_eq!(judge(&log, &said), Verdict::Duplicate { pos: 1, epoch: 1 });
}

#[test]
fn another_envelope_with_a_known_key_is_a_fork() {
    let mut author = Author::new(2);
    let log = log_of(View::Public, &author.texts(2));
    let other = author.odd(1, 2, Hash::ZERO);
    assert_eq!(judge(&log, &other), Verdict::Fork(row_of(&log, &other)));
}

#[test]
fn what_can_never_follow_is_a_fork() {
    let mut author = Author::new(2);
    let said = author.texts(3);
    let log = log_of(View::Public, &said);
    let cases = [
        ("in the place of the next, on something else", author.odd(1, 4, Hash([5; 32]))),
        ("on nothing again", author.odd(2, 1, Hash::ZERO)),
        ("on the row, but not the next", author.odd(1, 6, author.last)),
        ("on the row, a new incarnation that does not begin at one", author.odd(2, 2, author.last)),
        ("on an older one of its author", author.odd(2, 1, said[0].hash())),
    ];
    for (case, envelope) in cases {
        assert_eq!(judge(&log, &envelope), Verdict::Fork(row_of(&log, &envelope)), "{case}");
    }
}

#[test]
fn what_builds_on_something_missing_is_expected_later() {
    let mut author = Author::new(2);
    let said = author.texts(4);
    let log = log_of(View::Public, &said[..2]);
    assert_eq!(judge(&log, &said[3]), Verdict::Expected(row_of(&log, &said[3])));
    let on_a_change_to_come = author.odd(2, 1, Hash([8; 32]));
    assert_eq!(judge(&log, &on_a_change_to_come), Verdict::Expected(row_of(&log, &said[3])));
}

#[test]
fn who_may_not_send_is_refused_by_the_entry_that_says_so() {
    let (mut owner, mut member) = (Author::new(1), Author::new(2));
    let log = log_of(View::Public, &[owner.text("hello"), owner.change(&kick(2))]);
    member.begin_anew(1, owner.last);
    assert_eq!(judge(&log, &member.text("?")), Verdict::Refused { reason: Reason::MayNotSend, pos: 2 });
}

#[test]
fn who_never_could_send_is_refused_by_the_first_settings() {
    let log = log_of(View::Members, &[]);
    let refused = Verdict::Refused { reason: Reason::MayNotSend, pos: 0 };
    assert_eq!(judge(&log, &Author::new(2).text("?")), refused);
    assert_eq!(judge(&log, &Author::new(1).text("mine")), Verdict::Accept);
}

#[test]
fn only_the_owner_changes_rights() {
    let log = log_of(View::Public, &[]);
    let change = allow(3, Rights::NONE);
    assert_eq!(judge(&log, &Author::new(1).change(&change)), Verdict::Accept);
    let refused = Verdict::Refused { reason: Reason::OwnerOnly, pos: 0 };
    assert_eq!(judge(&log, &Author::new(2).change(&change)), refused);
}

#[test]
fn a_device_writes_for_one_account_for_ever() {
    let mut author = Author::new(2);
    let log = log_of(View::Public, &author.texts(1));
    author.account = 3;
    assert_eq!(judge(&log, &author.text("?")), Verdict::Refused { reason: Reason::NotTheAuthor, pos: 0 });
}

/// A log whose first entries are on disk only, and an author whose last message is among them.
fn log_with_old_entries() -> (ChannelLog, Vec<SignedEnvelope>, Author) {
    let (mut author, mut other) = (Author::new(2), Author::new(3));
    let said = author.texts(2);
    let mut log = log_of(View::Public, &[]).with_memory(1);
    let all: Vec<_> = said.iter().cloned().chain(other.texts(3)).collect();
    for stored in super::kit::entries(segment_proto::Position::START, 1, &all) {
        log.append_stored(stored, Rules::all());
    }
    commit(&mut log, 5);
    log.append_stored(super::kit::entries(log.head(), 1, &[other.text("last")]).remove(0), Rules::all());
    commit(&mut log, 6);
    (log, said, author)
}

#[test]
fn what_may_be_on_disk_only_is_looked_up_by_its_key() {
    let (log, said, author) = log_with_old_entries();
    let key = said[1].key;
    let lookup = Lookup::Key { device: key.device, incarnation: 1, seq: 2 };
    assert_eq!(judge(&log, &said[1]), Verdict::Unknown(lookup));
    let stored = super::kit::entries(segment_proto::Position::START, 1, &said).remove(1);
    let found = Some(Some(stored));
    assert_eq!(judge_with(&log, &said[1], &found, Rules::all()), Verdict::Duplicate { pos: 2, epoch: 1 });
    let fork = Verdict::Fork(row_of(&log, &said[1]));
    assert_eq!(judge_with(&log, &author.odd(1, 2, Hash([1; 32])), &found, Rules::all()), fork);
    assert_eq!(judge_with(&log, &said[1], &Some(None), Rules::all()), fork);
}

#[test]
fn what_an_envelope_builds_on_is_looked_up_by_its_hash() {
    let (log, said, author) = log_with_old_entries();
    let late = author.odd(1, 9, said[0].hash());
    assert_eq!(judge(&log, &late), Verdict::Unknown(Lookup::Hash(said[0].hash())));
    let stored = super::kit::entries(segment_proto::Position::START, 1, &said).remove(0);
    assert_eq!(judge_with(&log, &late, &Some(Some(stored)), Rules::all()), Verdict::Fork(row_of(&log, &late)));
    assert_eq!(judge_with(&log, &late, &Some(None), Rules::all()), Verdict::Expected(row_of(&log, &late)));
}

#[test]
fn each_rule_that_is_taken_away_lets_its_fault_in() {
    let (mut owner, mut author) = (Author::new(1), Author::new(2));
    let said = author.text("once");
    let log = log_of(View::Public, &[said.clone(), owner.change(&kick(3))]);
    let mut kicked = Author::new(3);
    kicked.begin_anew(1, owner.last);
    let cases = [
        (Rule::Dedupe, author.text("twice")),
        (Rule::AuthorChain, Author::new(4).odd(1, 9, Hash([3; 32]))),
        (Rule::SendRight, kicked.text("still here")),
        (Rule::OwnerChangesAccess, Author::new(5).change(&kick(1))),
    ];
    for (rule, envelope) in &cases[1..] {
        assert_ne!(judge(&log, envelope), Verdict::Accept, "{rule:?}");
        assert_eq!(judge_with(&log, envelope, &None, Rules::without(*rule)), Verdict::Accept, "{rule:?}");
    }
    // Without the first rule a repeat is not known again; that it is not doubled is the second rule's.
    assert_eq!(judge(&log, &said), Verdict::Duplicate { pos: 1, epoch: 1 });
    assert_ne!(judge_with(&log, &said, &None, Rules::without(Rule::Dedupe)), judge(&log, &said));
    assert_eq!(judge(&log, &cases[0].1), Verdict::Accept);
}

#[test]
fn what_was_signed_before_a_kick_is_a_fork_after_it() {
    let (mut owner, mut author) = (Author::new(1), Author::new(2));
    let said = author.texts(3);
    let log = log_of(View::Public, &[said[0].clone(), owner.change(&kick(2)), owner.change(&allow(2, Rights::ALL))]);
    let row = row_of(&log, &said[1]);
    assert_eq!((row.incarnation, row.seq, row.hash), (3, 0, owner.last));
    assert_eq!(judge(&log, &said[1]), Verdict::Fork(row));
    assert_eq!(judge(&log, &said[2]), Verdict::Fork(row));
    author.begin_anew(3, owner.last);
    assert_eq!(judge(&log, &author.text("back")), Verdict::Accept);
}
