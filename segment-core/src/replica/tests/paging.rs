//! Pages that are asked for ahead: how many, which, and what becomes of those that do not fit.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::messages::{Failure, ReadTail};
use segment_proto::pending::NoAnswer;
use segment_proto::{LinkId, Reason};

use super::rig::{HOST_LINK, ReplicaRig};
use crate::peer::context::{Answer, Purpose};
use crate::replica::{ReplicaRequest, Wanted};
use crate::sync::tests::kit::{Author, channel};

/// Two are committed and here, so many follow; two to a page, and the first page is asked for.
fn behind(count: usize) -> (ReplicaRig, Author) {
    let mut three = Author::new(3);
    let mut rig = ReplicaRig::level(&three.texts(2));
    rig.peer.limits.batch_entries_max = 2;
    rig.write(&three.texts(count));
    let head = rig.head().pos;
    assert_eq!(rig.push(rig.entries(head, head)), ["1? sync after 2"]);
    (rig, three)
}

/// What is asked for next.
fn asked(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| line.contains('?')).collect()
}

#[test]
fn one_page_more_is_under_way_with_each_that_fits_up_to_the_limit() {
    let (mut rig, _) = behind(18);
    assert_eq!(asked(rig.answer(rig.sync_page(3, 4))), ["1? read 5..6"]);
    assert_eq!(asked(rig.answer(rig.page(5, 6))), ["1? read 7..8", "1? read 9..10"]);
    assert_eq!(asked(rig.answer(rig.page(7, 8))), ["1? read 11..12", "1? read 13..14"]);
    assert_eq!(asked(rig.answer(rig.page(9, 10))), ["1? read 15..16", "1? read 17..18"]);
    assert_eq!(asked(rig.answer(rig.page(11, 12))), ["1? read 19..20"], "up to the head");
    for from in [13, 15, 17, 19] {
        assert!(!rig.replica.is_level());
        assert_eq!(asked(rig.answer(rig.page(from, from + 1))), [""; 0]);
    }
    assert!(rig.replica.is_level());
    assert_eq!(rig.replica.head(), rig.head());
    rig.all_done();
    rig.assert_idle();
    rig.restart();
    assert_eq!(rig.replica.head(), rig.head(), "all of it is on disk");
}

#[test]
fn a_head_that_moves_meanwhile_is_followed() {
    let (mut rig, mut three) = behind(4);
    rig.answer(rig.sync_page(3, 4));
    rig.write(&three.texts(3));
    assert_eq!(asked(rig.answer(rig.page(5, 6))), ["1? read 7..8", "1? read 9..9"]);
    rig.answer(rig.page(7, 8));
    assert_eq!(asked(rig.answer(rig.page(9, 9))), [""; 0]);
    assert!(rig.replica.is_level());
}

#[test]
fn what_is_under_way_behind_a_page_that_holds_less_is_of_no_use_and_shorter_pages_are_asked_for() {
    let (mut rig, _) = behind(10);
    rig.answer(rig.sync_page(3, 4));
    rig.answer(rig.page(5, 6));
    assert_eq!(asked(rig.answer(rig.page(7, 7))), ["1? sync after 7"]);
    assert_eq!(rig.answer(rig.page(9, 10)), [""; 0]);
    assert_eq!(asked(rig.answer(rig.sync_page(8, 9))), ["1? read 10..10"]);
    rig.answer(rig.page(10, 10));
    rig.answer(rig.page(11, 11));
    rig.answer(rig.page(12, 12));
    assert_eq!(rig.replica.head(), rig.head());
    assert!(rig.replica.is_level());
}

#[test]
fn a_page_that_does_not_come_is_asked_for_again_once_the_others_are_here() {
    let (mut rig, _) = behind(8);
    rig.answer(rig.sync_page(3, 4));
    rig.answer(rig.page(5, 6));
    assert_eq!(rig.end(Answer::Nothing(NoAnswer::TimedOut)), [""; 0]);
    assert_eq!(asked(rig.answer(Failure::new(Reason::StorageFailed, ""))), ["1? sync after 6"]);
    rig.answer(rig.sync_page(7, 8));
    assert_eq!(asked(rig.answer(rig.page(9, 10))), [""; 0]);
    assert!(rig.replica.is_level());
}

#[test]
fn a_page_of_another_branch_is_dropped_and_the_next_answer_tells() {
    let (mut rig, mut three) = behind(6);
    rig.answer(rig.sync_page(3, 4));
    rig.answer(rig.page(5, 6));
    rig.log.truncate(4);
    rig.write(&Author::new(4).texts(1));
    rig.write(&three.texts(1));
    let other = segment_proto::messages::EntryPage { before: rig.at(5).chain, ..rig.page(6, 6) };
    assert_eq!(rig.answer(other), ["1? sync after 6"], "6 is here already, as another");
    let lines = rig.answer(rig.parted());
    assert_eq!(lines[1..], ["cut behind 2", "1? sync after 2"]);
    rig.answer(rig.sync_page(3, 6));
    assert_eq!(rig.replica.head(), rig.head());
}

#[test]
fn what_was_asked_for_before_a_sync_is_not_waited_for() {
    let (mut rig, _) = behind(8);
    rig.answer(rig.sync_page(3, 4));
    rig.replica.sync(&mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["1? sync after 4"]);
    assert_eq!(rig.answer(rig.page(5, 6)), [""; 0]);
    assert_eq!(asked(rig.answer(rig.sync_page(5, 6))), ["1? read 7..8"]);
}

#[test]
fn what_is_not_on_disk_yet_is_bounded() {
    let (mut rig, _) = behind(2 * 80);
    let mut lines = rig.answer(rig.sync_page(3, 4));
    let mut pages = 1;
    while !rig.peer.pending.is_empty() {
        let from = 3 + 2 * pages;
        lines = rig.answer(rig.page(from, from + 1));
        pages += 1;
    }
    assert_eq!((pages, asked(lines)), (64 + 3, Vec::new()), "those that were under way came, no more was asked for");
    assert!(!rig.replica.is_level());
    let mut lines = Vec::new();
    while lines.is_empty() {
        lines = asked(rig.done());
    }
    assert_eq!(lines.first().map(String::as_str), Some("1? read 137..138"));
    while let Some((_, asked)) = rig.peer.tape.messages.pop().filter(|_| !rig.peer.pending.is_empty()) {
        drop(asked);
        let from = rig.replica.head().pos + 1;
        rig.answer(rig.page(from, from + 1));
        rig.all_done();
    }
    assert_eq!(rig.replica.head(), rig.head());
}

#[test]
fn channels_of_one_link_share_what_may_be_under_way() {
    let (mut rig, _) = behind(8);
    for _ in 0..4 {
        let other = ReplicaRequest { attachment: 1, wanted: Wanted::Tail };
        let tail = ReadTail { channel: channel(), count: 1 };
        rig.peer.cx().request(LinkId(HOST_LINK), &tail, Purpose::Replica(channel(), other)).unwrap();
    }
    assert_eq!(asked(rig.peer.seen()).len(), 4);
    assert_eq!(asked(rig.answer(rig.sync_page(3, 4))), ["1? sync after 4"], "one at a time, as ever");
}
