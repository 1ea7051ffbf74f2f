//! Limits, and what happens at each.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::Submit;

use super::rig::HostRig;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::{Author, channel, fence};

fn answers(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| line.contains("= ")).collect()
}

#[test]
fn the_burst_is_taken_and_the_rest_comes_again() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.peer.limits.messages_burst = 2;
    let said = two.texts(5);
    rig.submit(2, &said);
    let slow = ["slow_down 100 slow_down"; 3].join(", ");
    assert_eq!(rig.done()[0], alloc::format!("2= submitted stored@1, stored@2, {slow}"));
    rig.peer.sleep(Duration::from_millis(100));
    rig.submit(2, &said[2..]);
    assert_eq!(rig.done()[0], "2= submitted stored@3, slow_down 100 slow_down, slow_down 100 slow_down");
}

#[test]
fn what_is_held_back_costs_no_lookup_on_disk() {
    let said = Author::new(2).texts(6);
    let mut rig = HostRig::restarted(&said[0]);
    rig.peer.limits.messages_burst = 1;
    assert_eq!(rig.submit(2, &said[1..]), ["(live 0..0)", "write: append host 2..2"]);
    let slow = ["slow_down 100 slow_down"; 4].join(", ");
    assert_eq!(rig.done()[0], alloc::format!("2= submitted stored@2, {slow}"));
}

#[test]
fn coming_again_fills_no_bucket() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.peer.limits.messages_burst = 1;
    let said = two.texts(2);
    rig.submit(2, &said[..1]);
    rig.all_done();
    rig.host.on_link_down(segment_proto::LinkId(2), &mut rig.peer.cx());
    rig.subscribe(2);
    rig.submit(2, &said[1..]);
    assert!(rig.host.report().stored == 1 && rig.peer.tape.is_idle());
    rig.peer.sleep(Duration::from_secs(1));
    rig.submit(2, &said[1..]);
    rig.all_done();
    assert_eq!(rig.host.report().stored, 2);
}

#[test]
fn a_full_tail_holds_the_rest_back_until_the_tracker_has_committed() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.peer.limits.tail_entries_max = 2;
    let said = two.texts(3);
    rig.submit(2, &said);
    assert_eq!(rig.done()[0], "2= submitted stored@1, stored@2, slow_down 500 tail_full");
    rig.commit(1);
    rig.all_done();
    rig.submit(2, &said[2..]);
    assert_eq!(rig.done()[0], "2= submitted stored@3");
}

#[test]
fn too_many_envelopes_answers_or_lookups_are_put_off() {
    let mut rig = HostRig::owning();
    rig.peer.limits.batch_entries_max = 1;
    let submit = |count| Submit::new(channel(), fence(2), Author::new(2).texts(count));
    assert_eq!(rig.say(2, submit(2)), ["2= failure slow_down 500"]);
    let mut first = rig.say(2, submit(1));
    for _ in 1..4_096 {
        first.extend(rig.say(2, submit(1)));
    }
    assert!(answers(&first).is_empty());
    assert_eq!(rig.say(2, submit(1)), ["2= failure slow_down 500"]);
    assert_eq!(answers(&rig.done()).len(), 4_096);

    let mut rig = HostRig::owning();
    rig.submit(2, &Author::new(2).texts(1));
    rig.all_done();
    rig.commit(1);
    rig.all_done();
    rig.restart();
    rig.take_office();
    rig.subscribe(2);
    let again = |rig: &mut HostRig| rig.submit(2, &Author::new(2).texts(1));
    for _ in 0..256 {
        assert_eq!(again(&mut rig), ["(live 0..0)", "find: 1.1"]);
    }
    assert_eq!(again(&mut rig), ["2= failure slow_down 500"]);
    rig.done();
    assert_eq!(again(&mut rig).len(), 2);
    assert_eq!(answers(&rig.all_done()).len(), 256);
    rig.assert_idle();
}

#[test]
fn a_full_channel_takes_nobody_more_but_those_who_are_in_it_again() {
    let mut rig = HostRig::owning();
    rig.peer.limits.members_per_channel_max = 2;
    assert_eq!(rig.subscribe(4), ["4= failure limit_reached"]);
    assert_eq!(rig.subscribe(3), ["3= subscribed 0/0 read+send+stream row 0.0"]);
}

#[test]
fn copies_go_up_a_window_at_a_time() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.peer.limits.send_queue_bytes_max = 2_000;
    rig.peer.limits.batch_entries_max = 3;
    for envelope in two.texts(9).chunks(3) {
        rig.submit(2, envelope);
        rig.all_done();
    }
    let sent = |rig: &HostRig| rig.host.replication.sent;
    let window = sent(&rig);
    assert!((3..9).contains(&window), "{window} of 9 are under way");
    rig.commit(window);
    rig.all_done();
    assert!(sent(&rig) > window);
}

#[test]
fn a_hundred_starts_leave_as_many_epochs_as_one_message_carries() {
    let mut rig = HostRig::new();
    for _ in 0..100 {
        rig.take_office();
        rig.restart();
    }
    assert_eq!(rig.peer.tape.store.count(crate::store::Table::Epoch), segment_proto::limits::EPOCHS_MAX);
    assert_eq!(rig.host.log.fence().epoch, 200);
}

#[test]
fn what_stands_behind_one_that_has_to_wait_is_not_taken_before_it() {
    let (mut rig, mut two, mut three) = (HostRig::owning(), Author::new(2), Author::new(3));
    let said = two.texts(1);
    rig.submit(2, &said);
    rig.submit(3, &three.texts(1));
    rig.all_done();
    rig.commit(2);
    rig.all_done();
    rig.restart();
    rig.take_office();
    rig.subscribe(2);
    rig.peer.limits.messages_burst = 1;
    let batch = [two.texts(2), said, three.texts(1)].concat();
    assert_eq!(rig.submit(2, &batch), ["(live 0..0)", "find: 1.1", "write: append host 3..3"]);
    // The disk is slow: by then there is room for one more, which answers the one that has to wait.
    rig.peer.sleep(Duration::from_secs(1));
    let lines = rig.all_done();
    let fates = "2= submitted stored@3, slow_down 100 slow_down, committed@1, slow_down 100 slow_down";
    assert_eq!(answers(&lines), [fates]);
}

/// 2 brings two of its own and one of 3's, which may answer them. There is room for the first, and for one more later.
fn brought_too_fast(rules: Rules) -> Vec<String> {
    let mut rig = HostRig::owning();
    rig.peer.rules = rules;
    rig.submit(3, &Author::new(3).texts(1));
    rig.all_done();
    rig.peer.limits.messages_burst = 1;
    let (said, answers) = (Author::new(2).texts(3), Author::new(3).texts(3));
    let batch = [&said[..2], &answers[..1], &said[2..], &answers[2..]].concat();
    rig.submit(2, &batch);
    answers_of(&mut rig)
}

fn answers_of(rig: &mut HostRig) -> Vec<String> {
    rig.all_done().into_iter().filter(|line| line.starts_with("2= ")).collect()
}

#[test]
fn what_builds_on_one_that_has_to_wait_waits_with_it() {
    let slow = "slow_down 100 slow_down";
    let expected = alloc::format!("2= submitted stored@2, {slow}, stored@1, {slow}, {slow}");
    assert_eq!(brought_too_fast(Rules::all()), [expected], "what is known already is said");
    let expected = alloc::format!("2= submitted stored@2, {slow}, stored@1, expected 1.1, expected 1.1");
    assert_eq!(brought_too_fast(Rules::without(Rule::SubmitInOrder)), [expected]);
}
