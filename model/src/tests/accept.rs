//! The accept rule, answer by answer.

use crate::accept::{Answer, Refusal, View};
use crate::envelope::{A, Content, Envelope, OWNER, Signer};
use crate::log::Log;
use crate::rules::{Rule, Rules};

fn log(envelopes: &[Envelope]) -> Log {
    let mut log = Log::default();
    envelopes.iter().for_each(|envelope| log.append(1, *envelope));
    log
}

fn judge(log: &Log, forgotten: usize, envelope: &Envelope, without: &[Rule]) -> Answer {
    View { log, stored: log.len(), committed: log.len(), forgotten }.judge(envelope, Rules::without(without))
}

fn three() -> [Envelope; 3] {
    let mut signer = Signer::default();
    [1, 2, 3].map(|n| signer.sign(A, Content::Text(n)))
}

#[test]
fn the_next_is_accepted_and_a_repeat_gets_its_old_place() {
    let [first, second, third] = three();
    let log = log(&[first]);
    assert_eq!(judge(&log, 0, &second, &[]), Answer::Accepted);
    assert_eq!(judge(&log, 0, &first, &[]), Answer::Known(0));
    assert_eq!(judge(&log, 0, &third, &[]), Answer::Expected);
}

#[test]
fn another_in_the_same_place_is_a_fork_for_ever() {
    let [first, second, _] = three();
    let other = Envelope { content: Content::Text(3), ..first };
    assert_eq!(judge(&log(&[first]), 0, &other, &[]), Answer::Fork);
    let behind_other = Envelope { prev: other.hash(), ..second };
    assert_eq!(judge(&log(&[first]), 0, &behind_other, &[]), Answer::Fork);
    assert_eq!(judge(&log(&[first]), 0, &behind_other, &[Rule::AuthorChain]), Answer::Accepted);
}

#[test]
fn a_new_incarnation_stands_on_the_row() {
    let [first, second, _] = three();
    let again = Envelope { incarnation: 2, seq: 1, ..second };
    assert_eq!(judge(&log(&[first]), 0, &again, &[]), Answer::Accepted);
    let from_nothing = Envelope { prev: 0, ..again };
    assert_eq!(judge(&log(&[first]), 0, &from_nothing, &[]), Answer::Fork);
}

#[test]
fn a_kick_moves_the_row_and_refuses_what_stands_on_it() {
    let [first, second, _] = three();
    let kick = Signer::default().sign(OWNER, Content::Kick);
    let log = log(&[first, kick]);
    assert_eq!(judge(&log, 0, &second, &[]), Answer::Fork, "it was signed before the kick");
    let after = Envelope { incarnation: 2, seq: 1, prev: kick.hash(), ..second };
    assert_eq!(judge(&log, 0, &after, &[]), Answer::Refused(Refusal::Access(1)));
    assert_eq!(judge(&log, 0, &after, &[Rule::SendRight]), Answer::Accepted);
    assert_eq!(judge(&log, 0, &first, &[]), Answer::Known(0), "whatever the rights are now");
}

#[test]
fn below_the_retained_log_nothing_is_acknowledged() {
    let [first, second, third] = three();
    let log = log(&[first, second]);
    assert_eq!(judge(&log, 2, &first, &[]), Answer::Forgotten);
    assert_eq!(judge(&log, 2, &third, &[]), Answer::Accepted);
    assert_eq!(judge(&log, 2, &first, &[Rule::Forgotten]), Answer::Known(0));
    assert_eq!(judge(&log, 2, &first, &[Rule::RowsKept]), Answer::Accepted);
}

#[test]
fn what_is_too_big_is_refused_at_once() {
    let big = Signer::default().sign(A, Content::TooBig);
    assert_eq!(judge(&Log::default(), 0, &big, &[]), Answer::Refused(Refusal::TooBig));
}
