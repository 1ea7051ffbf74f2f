//! The link to the tracker: greeted, kept, lost, dialled again.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::{Done, Failure, Goodbye, Pong, UserPage, Welcome};
use segment_proto::{DeviceId, Limits, LinkId, ProtocolVersion, Reason, RequestId};

use super::bench::{Bench, LINK, TRACKER, address, lines, message, request_timeout, tracker_at};
use crate::contract::{DialFailure, Endpoint, Input, Machine};
use crate::peer::{CommandError, TrackerState};

#[test]
fn the_first_message_is_hello_and_the_welcome_ends_the_command() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    assert_eq!(bench.out(), ["dial 1 at 22236"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Connecting);
    bench.link_up(LINK, TRACKER);
    let (out, hello) = bench.asked(LINK, "Hello");
    assert_eq!(out, ["LinkUp", "to 1: ask Hello"]);
    let welcome =
        Welcome { protocol: ProtocolVersion::CURRENT, wall: now.wall, seen_at: address(1), software: String::new() };
    bench.receive(LINK, Role::Response, hello, welcome);
    assert_eq!(bench.out(), ["write", "TrackerConnected", "replied Done"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Connected);
    assert_eq!(bench.peer.tracker_key(), Some(TRACKER));
}

#[test]
fn a_tracker_that_is_not_there_is_dialled_again_after_doubling_waits_with_jitter() {
    let mut bench = Bench::new();
    let limits = Limits::default();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    assert_eq!(bench.out(), ["dial 1 at 22236"]);
    let mut step = limits.reconnect_first;
    let mut waits = Vec::new();
    for attempt in 1..=12_u64 {
        bench.input(Input::DialFailed { link: LinkId(attempt), reason: DialFailure::Unreachable });
        let reply: &[&str] = if attempt == 1 { &["replied LinkLost"] } else { &[] };
        assert_eq!(bench.out(), [&["DialFailed", "TrackerLost"], reply].concat());
        let TrackerState::Waiting(until) = bench.peer.tracker_state() else { panic!("not waiting") };
        let wait = until.since(bench.now().mono);
        assert!(step / 2 <= wait && wait <= step, "attempt {attempt}: {wait:?} for a step of {step:?}");
        waits.push(wait.as_micros() * 1_000 / step.as_micros());
        bench.wait(wait - Duration::from_micros(1));
        assert_eq!(bench.out(), [] as [&str; 0], "dialled too early");
        bench.wait(Duration::from_micros(1));
        assert_eq!(bench.out(), [alloc::format!("dial {} at 22236", attempt + 1)]);
        step = (step * 2).min(limits.reconnect_max);
    }
    assert_eq!(step, limits.reconnect_max);
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 6, "jitter that is always the same: {waits:?}");
}

#[test]
fn only_a_link_that_was_good_for_a_while_starts_the_waits_over() {
    let mut bench = Bench::connected();
    let limits = Limits::default();
    let wait_after = |bench: &mut Bench, link: u64, up_for: Duration| {
        bench.wait(up_for);
        bench.input(Input::LinkDown { link: LinkId(link) });
        let TrackerState::Waiting(until) = bench.peer.tracker_state() else { panic!("not waiting") };
        let wait = until.since(bench.now().mono);
        bench.wait(wait);
        bench.out();
        bench.welcome(LinkId(link + 1), TRACKER);
        wait
    };
    let short = Duration::from_secs(1);
    wait_after(&mut bench, 1, short);
    wait_after(&mut bench, 2, short);
    wait_after(&mut bench, 3, short);
    assert!(wait_after(&mut bench, 4, short) >= limits.reconnect_first * 4);
    // Pinged meanwhile: the silence is not what ends it.
    let half = limits.stable_link / 2;
    bench.wait(half);
    bench.push(LinkId(5), Pong { wall: bench.now().wall });
    assert!(wait_after(&mut bench, 5, half) <= limits.reconnect_first);
}

#[test]
fn a_hello_that_nobody_answers_is_given_up_and_tried_again() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    bench.link_up(LINK, TRACKER);
    bench.out();
    bench.wait(Limits::default().request_timeout);
    let out = bench.out();
    assert_eq!(out, ["replied TimedOut", "hang up 1: not_now", "LinkLost", "TrackerLost"]);
    assert!(matches!(bench.peer.tracker_state(), TrackerState::Waiting(_)));
    bench.input(Input::LinkDown { link: LINK });
    assert_eq!(bench.out(), [] as [&str; 0], "lost twice");
}

#[test]
fn a_tracker_of_another_major_version_is_not_dialled_again() {
    let theirs = ProtocolVersion { major: 2, minor: 0 };
    let welcome = |bench: &Bench| Welcome {
        protocol: theirs,
        wall: bench.now().wall,
        seen_at: address(1),
        software: String::new(),
    };
    for refused in [true, false] {
        let mut bench = Bench::new();
        let now = bench.now();
        bench.peer.connect(tracker_at(22_236), now).unwrap();
        bench.link_up(LINK, TRACKER);
        if refused {
            bench.answer(LINK, "Hello", Failure::new(Reason::ProtocolMismatch, "1.0 here"));
        } else {
            let welcome = welcome(&bench);
            bench.answer(LINK, "Hello", welcome);
        }
        let expected = ["replied protocol_mismatch", "hang up 1: protocol_mismatch", "LinkLost", "TrackerLost"];
        assert_eq!(bench.out(), expected);
        assert_eq!(bench.peer.tracker_state(), TrackerState::Idle);
        bench.assert_idle();
    }
}

#[test]
fn a_newer_minor_version_is_understood() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    bench.link_up(LINK, TRACKER);
    let protocol = ProtocolVersion { minor: 9, ..ProtocolVersion::CURRENT };
    bench.answer(LINK, "Hello", Welcome { protocol, wall: now.wall, seen_at: address(1), software: String::new() });
    assert_eq!(bench.peer.tracker_state(), TrackerState::Connected);
}

#[test]
fn a_tracker_with_another_key_is_refused_and_not_tried_again() {
    let mut bench = Bench::connected();
    bench.wait(Duration::from_secs(1));
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.out();
    bench.link_up(LinkId(2), DeviceId([66; 32]));
    assert_eq!(bench.out(), ["hang up 2: bad_signature", "DialFailed", "TrackerLost"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Idle);
    bench.assert_idle();
}

#[test]
fn a_profile_knows_its_tracker_across_a_restart() {
    let mut bench = Bench::connected().restarted();
    assert_eq!(bench.peer.tracker_key(), Some(TRACKER));
    let now = bench.now();
    let other = Endpoint { address: address(22_236), key: Some(DeviceId([66; 32])) };
    let refused = bench.peer.connect(other, now);
    assert_eq!(refused, Err(CommandError::OtherTracker { known: TRACKER, given: DeviceId([66; 32]) }));
    bench.assert_idle();
}

#[test]
fn requests_end_exactly_once_by_answer_time_out_or_lost_link() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    let answered = bench.peer.list_users(None, now).unwrap();
    bench.answer(LINK, "ListUsers", UserPage { rows: Vec::new(), more: false });
    assert_eq!(bench.out(), ["replied Users"]);

    bench.peer.list_users(None, now).unwrap();
    let (_, late) = bench.asked(LINK, "ListUsers");
    bench.wait(request_timeout());
    assert!(bench.out().contains(&String::from("replied TimedOut")));
    let before = bench.peer.stray_answers();
    bench.receive(LINK, Role::Response, late, UserPage { rows: Vec::new(), more: false });
    bench.receive(LINK, Role::Response, answered, UserPage { rows: Vec::new(), more: false });
    bench.receive(LINK, Role::Response, RequestId::NONE, Done {});
    assert_eq!(bench.peer.stray_answers(), before + 3);
    assert_eq!(bench.out(), [] as [&str; 0]);

    let now = bench.now();
    bench.peer.list_users(None, now).unwrap();
    bench.peer.find_user("ada", now).unwrap();
    bench.out();
    bench.input(Input::LinkDown { link: LINK });
    let out = bench.out();
    assert_eq!(out.iter().filter(|line| *line == "replied LinkLost").count(), 2);
    assert_eq!(bench.peer.pending(), 0);
}

#[test]
fn a_link_is_pinged_and_given_up_when_it_is_silent() {
    let mut bench = Bench::connected();
    let limits = Limits::default();
    bench.wait(limits.ping);
    assert_eq!(bench.out(), ["to 1: ask Ping"]);
    bench.wait(limits.ping * 2 - Duration::from_micros(1));
    assert_eq!(bench.out(), ["to 1: ask Ping"]);
    bench.wait(Duration::from_micros(1));
    assert_eq!(bench.out(), ["hang up 1: not_now", "LinkLost", "TrackerLost"]);
}

#[test]
fn a_link_that_answers_stays() {
    let mut bench = Bench::connected();
    for _ in 0..10 {
        bench.wait(Limits::default().ping);
        let wall = bench.now().wall;
        assert_eq!(bench.answer(LINK, "Ping", Pong { wall }), ["to 1: ask Ping"]);
    }
    assert_eq!(bench.out(), [] as [&str; 0]);
    assert_eq!(bench.peer.pending(), 0);
}

#[test]
fn a_ping_says_how_long_it_took() {
    let mut bench = Bench::connected();
    let now = bench.now();
    let id = bench.peer.ping(now).unwrap();
    bench.wait(Duration::from_millis(3));
    let wall = bench.now().wall;
    bench.answer(LINK, "Ping", Pong { wall });
    let reply = Ok(crate::peer::events::Reply::Pong(Duration::from_millis(3)));
    assert_eq!(bench.events(), [crate::peer::events::PeerEvent::Replied { id, reply }]);
}

#[test]
fn who_was_replaced_does_not_come_back_by_itself() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.push(LINK, Goodbye { reason: Reason::Replaced });
    assert_eq!(bench.out(), ["Replaced", "hang up 1: replaced", "LinkLost", "TrackerLost"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Idle);
    bench.assert_idle();
}

#[test]
fn a_tracker_that_says_goodbye_is_dialled_again() {
    let mut bench = Bench::connected();
    bench.push(LINK, Goodbye { reason: Reason::ShuttingDown });
    assert_eq!(bench.out(), ["hang up 1: shutting_down", "LinkLost", "TrackerLost"]);
    bench.wait(Limits::default().reconnect_first);
    assert_eq!(bench.out(), ["dial 2 at 22236"]);
}

#[test]
fn connecting_to_the_same_tracker_again_changes_nothing() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    assert_eq!(bench.out(), ["replied Done"]);
}

#[test]
fn another_address_is_dialled_after_a_goodbye_to_the_old_one() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.connect(tracker_at(1_111), now).unwrap();
    let expected = lines("to 1: push Goodbye\nhang up 1: shutting_down\nLinkLost\nTrackerLost\ndial 2 at 1111");
    assert_eq!(bench.out(), expected);
}

#[test]
fn a_dial_that_is_not_wanted_any_more_is_hung_up_when_it_comes_up() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.peer.connect(tracker_at(22_236), now).unwrap();
    bench.out();
    bench.peer.disconnect(now);
    assert_eq!(bench.out(), ["replied LinkLost"]);
    bench.link_up(LINK, TRACKER);
    assert_eq!(bench.out(), ["hang up 1: not_now"]);
    bench.assert_idle();
}

#[test]
fn shutting_down_says_goodbye_and_leaves_nothing() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.list_users(None, now).unwrap();
    bench.out();
    bench.peer.shutdown(now);
    let outputs = bench.take();
    let segment_proto::Message::Goodbye(goodbye) = message(&outputs, "Goodbye") else { panic!("no goodbye") };
    assert_eq!(goodbye.reason, Reason::ShuttingDown);
    let out: Vec<String> = outputs.iter().map(super::bench::brief).collect();
    let expected = lines("to 1: push Goodbye\nhang up 1: shutting_down\nreplied LinkLost\nLinkLost\nTrackerLost");
    assert_eq!(out, expected);
    assert_eq!(bench.peer.connect(tracker_at(1), now), Err(CommandError::ShutDown));
    bench.assert_idle();
}

#[test]
fn what_comes_in_on_unknown_links_is_ignored() {
    let mut bench = Bench::connected();
    bench.push(LinkId(77), Goodbye { reason: Reason::Replaced });
    bench.input(Input::LinkDown { link: LinkId(77) });
    bench.input(Input::DialFailed { link: LinkId(77), reason: DialFailure::Unreachable });
    bench.input(Input::Writable { link: LinkId(77), room: 0 });
    assert_eq!(bench.out(), [] as [&str; 0]);
    let now = bench.now();
    bench.peer.handle_timeout(now);
    assert_eq!(bench.out(), [] as [&str; 0], "a spurious time-out did something");
}
