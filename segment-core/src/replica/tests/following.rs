//! Subscribing, catching up, taking what is new, being cut.

use segment_proto::messages::{Diverged, Failure, Removed, SyncPage};
use segment_proto::{AccountId, Position, Reason, Signed};

use super::rig::{HOST_LINK, ReplicaRig};
use crate::peer::context::Answer;
use crate::peer::events::Serving;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, channel, fence, identity, receipt};
use segment_proto::pending::NoAnswer;

#[test]
fn the_first_screen_comes_with_the_provisional_tail() {
    let mut rig = ReplicaRig::new();
    rig.write(&Author::new(3).texts(5));
    rig.committed = 4;
    assert_eq!(rig.attach(), ["1? Subscribe"]);
    assert_eq!(rig.answer(rig.subscribed())[1..], ["rights read+send+stream", "1? read tail 100"]);
    assert_eq!(
        rig.answer(rig.tail(3)),
        [
            "write: put low",
            "write: append cache 3..5",
            "write: put receipt",
            "committed up to 4",
            "(fetched 3..5)",
            "received 3..5"
        ]
    );
    rig.all_done();
    assert!(rig.replica.is_level());
    rig.assert_idle();
}

#[test]
fn what_is_new_is_kept_shown_and_then_committed() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    assert_eq!(rig.push(rig.entries(3, 4)), ["write: append cache 3..4", "(live 3..4)", "received 3..4"]);
    assert_eq!(rig.push(rig.entries(3, 4)), [""; 0], "the same again");
    assert_eq!(rig.commit(4), ["write: put receipt", "committed up to 4"]);
    assert_eq!(rig.push(rig.marks()), [""; 0]);
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn a_hole_is_fetched_in_pages() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(6));
    assert_eq!(rig.push(rig.entries(7, 8)), ["1? sync after 2"]);
    assert_eq!(rig.push(rig.entries(8, 8)), [""; 0], "it is being fetched");
    assert_eq!(rig.answer(rig.sync_page(3, 5))[3..], ["1? read 6..8"]);
    rig.answer(rig.page(6, 8));
    assert_eq!(rig.replica.head(), rig.head());
    rig.all_done();
    rig.assert_idle();
}

#[test]
fn a_receipt_waits_for_its_place_and_must_be_on_the_chain() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(1));
    rig.write(&three.texts(1));
    assert_eq!(rig.commit(2), ["1? sync after 1"]);
    let lines = rig.answer(rig.sync_page(2, 2));
    assert!(lines.contains(&"committed up to 2".into()), "{lines:?}");
    rig.write(&three.texts(1));
    rig.push(rig.entries(3, 3));
    let off = receipt(2, Position { chain: rig.at(1).chain, ..rig.at(3) });
    let marks = segment_proto::messages::Watermarks { receipt: Some(off), ..rig.marks() };
    assert_eq!(rig.push(marks.clone()), ["write: cut cache from 3, put resubmit 0", "cut behind 2", "1? sync after 2"]);
    let forged = Signed::new((*receipt(2, rig.at(3))).clone(), &identity(3));
    rig.answer(rig.sync_page(3, 3));
    let forged = segment_proto::messages::Watermarks { receipt: Some(forged), ..rig.marks() };
    assert_eq!(rig.push(forged), [""; 0]);
    rig.peer.rules = Rules::without(Rule::ReceiptOnChain);
    assert_eq!(rig.push(marks), ["write: put receipt", "committed up to 3", "write: delete resubmit 0"]);
}

#[test]
fn what_a_receipt_of_another_chain_cuts_was_shown_before() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(1));
    rig.write(&three.texts(1));
    let ahead = receipt(2, Position { chain: rig.at(1).chain, ..rig.at(2) });
    let marks = segment_proto::messages::Watermarks { receipt: Some(ahead), ..rig.marks() };
    assert_eq!(rig.push(marks), ["1? sync after 1"]);
    assert_eq!(
        rig.answer(rig.sync_page(2, 2))[..5],
        [
            "write: append cache 2..2",
            "(fetched 2..2)",
            "received 2..2",
            "write: cut cache from 2, put resubmit 0",
            "cut behind 1"
        ]
    );
}

#[test]
fn a_cut_is_followed_never_below_what_is_committed() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 4));
    let diverged = |at| Diverged { channel: channel(), fence: fence(2), at };
    assert_eq!(rig.push(diverged(rig.at(3))), ["write: cut cache from 4, put resubmit 0", "cut behind 3"]);
    assert_eq!(rig.push(diverged(rig.at(1))), ["write: cut cache from 3, put resubmit 1", "cut behind 2"]);
    assert_eq!(rig.push(diverged(rig.at(1))), [""; 0]);
    assert_eq!(rig.replica.head().pos, 2);
}

#[test]
fn who_lagged_when_the_host_cut_finds_out_by_the_marks() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 4));
    rig.log.truncate(2);
    assert_eq!(rig.push(rig.marks()), ["1? sync after 4"]);
    let lines = rig.answer(rig.parted());
    assert_eq!(lines[1..], ["cut behind 2", "1? sync after 2"]);
    assert_eq!(rig.answer(rig.sync_page(3, 2)), [""; 0]);
    rig.all_done();
    assert_eq!(rig.replica.head(), rig.head());
}

#[test]
fn another_branch_is_noticed_at_any_place_of_it() {
    let (mut three, mut four) = (Author::new(3), Author::new(4));
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(3));
    rig.push(rig.entries(3, 5));
    rig.log.truncate(2);
    rig.write(&four.texts(1));
    let lines = rig.push(rig.entries(3, 3));
    assert_eq!(lines[0], "write: cut cache from 3, put resubmit 0, put resubmit 1, put resubmit 2");
    assert_eq!(lines[1..], ["cut behind 2", "1? sync after 2"]);
    rig.answer(rig.sync_page(3, 3));
    assert_eq!(rig.replica.head(), rig.head());
}

#[test]
fn a_log_that_differs_below_a_committed_place_is_not_taken() {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(2));
    rig.log.clear();
    rig.write(&Author::new(4).texts(3));
    let suspicious = "suspicious: the log differs below a committed place";
    assert_eq!(rig.push(rig.entries(3, 3)), [suspicious]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    assert_eq!(rig.answer(rig.subscribed()), ["1? sync after 2"]);
    assert_eq!(rig.answer(rig.parted()), [suspicious]);
    assert_eq!(rig.replica.head().pos, 2);
}

#[test]
fn a_host_that_is_adopting_what_is_committed_here_is_waited_for() {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(4));
    let receipt = rig.sync_page(1, 4).receipt;
    assert!(receipt.as_ref().is_some_and(|receipt| receipt.at.pos == 4));
    rig.log.truncate(2);
    rig.committed = 2;
    rig.timeout(30_000);
    rig.attach();
    rig.answer(rig.subscribed());
    let short = SyncPage { receipt, ..rig.parted() };
    assert_eq!(rig.answer(short), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    assert_eq!(rig.replica.head().pos, 4);
}

#[test]
fn pages_that_lead_nowhere_are_not_asked_for_in_a_circle() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(4, 4));
    assert_eq!(rig.answer(rig.sync_page(3, 2)), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    let mut rig = ReplicaRig::new();
    rig.write(&three.texts(2));
    rig.attach();
    rig.answer(rig.subscribed());
    assert_eq!(rig.answer(rig.page(3, 2)), [""; 0]);
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
}

#[test]
fn a_page_is_for_what_was_asked_on_the_link_that_serves() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(4, 4));
    assert_eq!(rig.attach_to(5, Serving::Copy), ["5? Subscribe"]);
    assert_eq!(rig.answer(rig.sync_page(3, 4)), [""; 0], "the host's page, asked for before");
    assert_eq!(rig.push(rig.entries(3, 4)), [""; 0], "a push of the host");
    assert_eq!(rig.replica.head().pos, 2);
}

#[test]
fn a_copy_without_the_provisional_tail_cuts_nothing() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 4));
    let whole = rig.log.clone();
    rig.log.truncate(2);
    rig.attach_to(HOST_LINK, Serving::Copy);
    assert_eq!(rig.answer(rig.subscribed()), [""; 0]);
    assert_eq!(rig.push(rig.marks()), [""; 0]);
    assert_eq!(rig.replica.head(), whole[3].position());
    rig.attach();
    assert_eq!(
        rig.answer(rig.subscribed()),
        ["write: cut cache from 3, put resubmit 0, put resubmit 1", "cut behind 2"],
        "its host has cut it"
    );
}

#[test]
fn refusals_and_silence_are_met_by_subscribing_again_or_leaving() {
    let mut rig = ReplicaRig::new();
    rig.attach();
    assert_eq!(rig.answer(Failure::new(Reason::BadCertificate, "")), [""; 0]);
    assert_eq!(rig.timeout(999), [""; 0]);
    assert_eq!(rig.timeout(1), ["1? Subscribe"]);
    rig.end(Answer::Nothing(NoAnswer::TimedOut));
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    assert_eq!(rig.answer(segment_proto::messages::Done {}), [""; 0], "an answer to something else");
    assert_eq!(rig.timeout(1_000), ["1? Subscribe"]);
    assert_eq!(rig.answer(Failure::new(Reason::MembersOnly, "")), ["removed members_only"]);
    assert_eq!(rig.replica.link(), None);
    rig.assert_idle();
}

#[test]
fn who_is_removed_is_served_no_more() {
    let mut rig = ReplicaRig::level(&Author::new(3).texts(1));
    let removed = Removed { channel: channel(), account: AccountId(2), reason: Reason::MembersOnly };
    assert_eq!(rig.push(removed), ["removed members_only"]);
    assert_eq!(rig.replica.rights(), segment_proto::Rights::NONE);
    assert_eq!(rig.push(rig.marks()), [""; 0]);
    rig.assert_idle();
}

#[test]
fn a_restart_goes_on_from_the_cache() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(3));
    rig.write(&three.texts(1));
    rig.push(rig.entries(4, 4));
    rig.all_done();
    rig.restart();
    assert_eq!((rig.replica.head(), rig.replica.committed()), (rig.head(), 3));
    rig.write(&three.texts(1));
    rig.attach();
    assert_eq!(rig.answer(rig.subscribed()), ["rights read+send+stream", "1? sync after 4"]);
}

#[test]
fn a_crash_before_the_first_entries_were_written_begins_anew() {
    let mut rig = ReplicaRig::new();
    rig.write(&Author::new(3).texts(5));
    rig.attach();
    rig.answer(rig.subscribed());
    rig.answer(rig.tail(3));
    rig.done();
    rig.restart();
    rig.attach();
    assert_eq!(rig.answer(rig.subscribed())[1], "1? read tail 100");
}

#[test]
fn a_cache_below_what_is_kept_begins_anew_where_the_channel_does_now() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(8));
    assert_eq!(rig.push(rig.entries(9, 9)), ["1? sync after 2"]);
    let gone = SyncPage { first: 7, entries: alloc::vec![], before: rig.at(6).chain, ..rig.sync_page(7, 6) };
    assert_eq!(rig.answer(gone), ["write: cut cache from 0", "older removed below 7", "1? read tail 100"]);
    rig.answer(rig.tail(7));
    assert_eq!(rig.replica.head(), rig.head());
    rig.all_done();
    rig.restart();
    assert_eq!((rig.replica.head().pos, rig.replica.kept().1), (10, 7));
}

#[test]
fn who_has_begun_anew_does_not_begin_again_for_an_answer_from_before() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(8));
    rig.push(rig.entries(9, 9));
    let gone = SyncPage { first: 7, entries: alloc::vec![], before: rig.at(6).chain, ..rig.sync_page(7, 6) };
    rig.answer(gone.clone());
    rig.replica.sync(&mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["1? sync after 0"]);
    rig.answer(rig.tail(7));
    rig.all_done();
    assert_eq!(rig.answer(gone), [""; 0]);
    assert!(rig.replica.is_level());
}

#[test]
fn what_is_not_committed_is_brought_once_more_by_who_begins_anew() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.write(&three.texts(2));
    rig.push(rig.entries(3, 4));
    rig.all_done();
    rig.write(&three.texts(6));
    rig.push(rig.entries(9, 9));
    let gone = SyncPage { first: 7, entries: alloc::vec![], before: rig.at(6).chain, ..rig.sync_page(7, 6) };
    let lines = rig.answer(gone);
    assert_eq!(lines[..2], ["write: cut cache from 3, put resubmit 0, put resubmit 1", "cut behind 2"]);
    assert_eq!(lines[2..], ["write: cut cache from 0", "older removed below 7", "1? read tail 100"]);
}

#[test]
fn what_was_here_before_it_began_anew_is_not_shown_again_by_who_keeps_more() {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(4));
    rig.write(&three.texts(6));
    rig.push(rig.entries(9, 9));
    let gone = SyncPage { first: 7, entries: alloc::vec![], before: rig.at(6).chain, ..rig.sync_page(7, 6) };
    rig.answer(gone);
    assert_eq!(
        rig.answer(rig.tail(3)),
        ["write: put low", "write: append cache 3..10", "(fetched 3..10)", "received 5..10"]
    );
    assert_eq!((rig.replica.head().pos, rig.replica.kept().1), (10, 3));
}
