//! Hello first and once, and a login before everything else.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{ChannelId, Fence, LinkId, Message, ProtocolVersion, Reason, RequestId};

use crate::contract::{Direction, Input, Machine};
use crate::rules::{Rule, Rules};
use crate::tracker::bench::{Bench, START, Seen, TRACKER, guest, hello, login, register, status};
use crate::tracker::events::TrackerEvent;

const CHANNEL: ChannelId = ChannelId(uuid::Uuid::from_bytes([9; 16]));

fn with_protocol(major: u16, minor: u16) -> Hello {
    Hello { protocol: ProtocolVersion { major, minor }, ..hello() }
}

#[test]
fn hello_is_answered_with_what_both_speak_and_where_the_greeter_was_seen() {
    let mut bench = Bench::new();
    let link = bench.connect(1);
    let welcome = Welcome {
        protocol: ProtocolVersion::CURRENT,
        wall: START.wall,
        seen_at: "10.0.0.1:4000".parse().unwrap(),
        software: "bench".to_string(),
    };
    assert_eq!(bench.ask(link, hello()), [Seen::Answer(link, welcome.into())]);
    bench.close();
}

#[test]
fn a_newer_minor_is_understood() {
    let mut bench = Bench::new();
    let link = bench.connect(1);
    let Message::Welcome(welcome) = bench.answer(link, with_protocol(1, 99)) else { panic!() };
    assert_eq!(welcome.protocol, ProtocolVersion::CURRENT);
    bench.close();
}

#[test]
fn another_major_is_refused_and_hung_up() {
    for major in [0, 2] {
        let mut bench = Bench::new();
        let link = bench.connect(1);
        let seen = bench.ask(link, with_protocol(major, 0));
        let [Seen::Answer(_, Message::Failure(failure)), rest @ ..] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(failure.reason, Reason::ProtocolMismatch);
        assert!(failure.detail.contains("must be updated"), "{failure:?}");
        let peer = segment_proto::DeviceId([1; 32]);
        assert_eq!(
            rest,
            [
                Seen::Event(TrackerEvent::Refused { link, reason: Reason::ProtocolMismatch }),
                Seen::Hangup(link, Reason::ProtocolMismatch),
                Seen::Event(TrackerEvent::LinkLost { link, peer }),
            ]
        );
        bench.close();
    }
}

#[test]
fn nothing_comes_before_hello_and_hello_comes_once() {
    let mut bench = Bench::new();
    let link = bench.connect(1);
    assert_eq!(bench.reason(link, Ping {}), Reason::OutOfOrder);
    assert_eq!(bench.reason(link, login("alice", "password")), Reason::OutOfOrder);
    assert_eq!(bench.reason(link, ReadTail { channel: CHANNEL, count: 1 }), Reason::OutOfOrder);
    bench.hello(link);
    assert_eq!(bench.reason(link, hello()), Reason::OutOfOrder);
    let alice = bench.log_in(link, 1, register("alice", "password"));
    assert_eq!(bench.reason(alice.link, hello()), Reason::OutOfOrder);
    bench.close();
}

fn for_users() -> Vec<Message> {
    let device = segment_proto::DeviceId([5; 32]);
    alloc::vec![
        Logout {}.into(),
        Announce { port: 1, advertise: None }.into(),
        status(Presence::Online).into(),
        RenewCertificate {}.into(),
        ListUsers { after: None }.into(),
        crate::tracker::bench::create("general").into(),
        ListChannels { filter: ChannelFilter::All, after: "".to_string() }.into(),
        FindChannel { name: "general".to_string() }.into(),
        JoinChannel { name: "general".to_string() }.into(),
        LeaveChannel { channel: CHANNEL }.into(),
        ListMembers { channel: CHANNEL, after: segment_proto::AccountId::NOBODY }.into(),
        FindDevices { devices: alloc::vec![device] }.into(),
        FindUser { name: "alice".to_string() }.into(),
        Unsubscribe { channel: CHANNEL }.into(),
        Submit::new(CHANNEL, Fence::default(), Vec::new()).into(),
        ReadTail { channel: CHANNEL, count: 1 }.into(),
        ReadRange { channel: CHANNEL, from: 1, to: 2 }.into(),
        Replicate { channel: CHANNEL, fence: Fence::default(), before: segment_proto::Hash::ZERO, entries: Vec::new() }
            .into(),
    ]
}

#[test]
fn a_login_comes_before_everything_else() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    for message in for_users() {
        let name = message.name();
        assert_eq!(bench.reason(link, message), Reason::LoginRequired, "{name}");
    }
    assert_eq!(bench.ask(link, Ping {}), [Seen::Answer(link, Pong { wall: START.wall }.into())]);
    bench.close();
}

#[test]
fn what_is_no_request_is_not_answered_as_one() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let channel = bench.create(&alice, "general").record.channel;
    let no_requests: [Message; 4] = [
        Done {}.into(),
        Pong { wall: START.wall }.into(),
        Goodbye { reason: Reason::ShuttingDown }.into(),
        segment_proto::messages::Delivered { channel, pos: 0 }.into(),
    ];
    for message in no_requests {
        let name = message.name();
        assert_eq!(bench.reason(alice.link, message), Reason::UnsupportedKind, "{name}");
    }
    bench.close();
}

#[test]
fn pushes_stray_responses_and_unknown_links_are_ignored() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    let stranger = LinkId(77);
    let id = RequestId::from_random([1; 16]);
    assert_eq!(bench.push(link, login("alice", "password")), []);
    assert_eq!(bench.push(link, Goodbye { reason: Reason::ShuttingDown }), []);
    assert_eq!(bench.push(link, ReadTail { channel: CHANNEL, count: 1 }), []);
    assert_eq!(bench.receive(link, Role::Response, id, Done {}.into()), []);
    assert_eq!(bench.receive(link, Role::Response, id, ReadTail { channel: CHANNEL, count: 1 }.into()), []);
    assert_eq!(bench.receive(link, Role::Request, RequestId::NONE, Ping {}.into()), []);
    assert_eq!(bench.ask(stranger, hello()), []);
    assert_eq!(bench.input(Input::Writable { link: stranger, room: 0 }), []);
    assert_eq!(bench.input(Input::LinkDown { link: stranger }), []);
    bench.close();
}

#[test]
fn a_link_comes_up_once() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    let again =
        Input::LinkUp { link, direction: Direction::Inbound, peer: TRACKER, address: "10.9.9.9:1".parse().unwrap() };
    assert_eq!(bench.input(again), []);
    assert_eq!(bench.reason(link, hello()), Reason::OutOfOrder);
    bench.close();
}

#[test]
fn a_link_on_which_nobody_logs_in_is_hung_up_after_a_lease() {
    let mut bench = Bench::new();
    let (silent, pinging) = (bench.connect(1), bench.greet(2));
    bench.wait(Duration::from_secs(20));
    bench.ask(pinging, Ping {});
    let peer = segment_proto::DeviceId([1; 32]);
    assert_eq!(
        bench.wait(Duration::from_secs(20)),
        [Seen::Hangup(silent, Reason::SessionExpired), Seen::Event(TrackerEvent::LinkLost { link: silent, peer })]
    );
    assert_eq!(bench.tracker.poll_timeout().unwrap().at, START.mono + Duration::from_secs(50));
    bench.close();
}

#[test]
fn who_talks_and_does_not_say_hello_is_hung_up_after_a_lease() {
    let mut bench = Bench::new();
    let link = bench.connect(1);
    for _ in 0..2 {
        bench.wait(Duration::from_secs(14));
        assert_eq!(bench.reason(link, Ping {}), Reason::OutOfOrder);
    }
    let seen = bench.wait(Duration::from_secs(2));
    assert_eq!(seen.first(), Some(&Seen::Hangup(link, Reason::SessionExpired)));
    bench.close();
}

/// Pings every ten seconds, for so long; what else is seen.
fn ping_for(bench: &mut Bench, link: LinkId, span: Duration) -> Vec<Seen> {
    let step = Duration::from_secs(10);
    let mut seen = Vec::new();
    for _ in 0..span.as_secs() / step.as_secs() {
        seen.extend(bench.wait(step));
        bench.ask(link, Ping {});
    }
    seen
}

#[test]
fn a_greeted_link_stays_so_long_as_it_takes_to_log_in() {
    let mut bench = Bench::new();
    let wait = segment_proto::Limits::default().login_wait;
    let (stranger, alice) = (bench.greet(1), bench.register(2, "alice"));
    for _ in 0..wait.as_secs() / 10 - 1 {
        assert_eq!(bench.wait(Duration::from_secs(10)), []);
        bench.ask(stranger, Ping {});
        bench.ask(alice.link, Ping {});
    }
    let seen = bench.wait(Duration::from_secs(10));
    assert_eq!(seen.first(), Some(&Seen::Hangup(stranger, Reason::SessionExpired)));
    assert_eq!(ping_for(&mut bench, alice.link, 2 * wait), []);

    bench.ask(alice.link, Logout {});
    assert_eq!(ping_for(&mut bench, alice.link, wait - Duration::from_secs(10)), []);
    let seen = bench.wait(Duration::from_secs(10));
    assert_eq!(seen.first(), Some(&Seen::Hangup(alice.link, Reason::SessionExpired)));
    bench.close();
}

#[test]
fn without_the_rule_of_leases_ghosts_stay() {
    let mut bench = Bench::with(segment_proto::Limits::default(), Rules::without(Rule::LeaseExpires));
    let ghost = bench.guest(1, "ghost");
    assert_eq!(bench.wait(Duration::from_secs(600)), []);
    assert!(matches!(bench.answer(ghost.link, Ping {}), Message::Pong(_)));
    bench.close();
}

#[test]
fn too_many_requests_at_once_are_slowed_down() {
    let mut bench = Bench::with_limits(|limits| limits.pending_per_link_max = 2);
    let alice = bench.register(1, "alice");
    bench.hold();
    for name in ["one", "two"] {
        assert_eq!(bench.ask(alice.link, crate::tracker::bench::create(name)), []);
    }
    assert_eq!(bench.refused(alice.link, Ping {}), (Reason::SlowDown, 500));
    assert!(matches!(bench.release()[..], [Seen::Event(_), Seen::Answer(_, Message::ChannelFound(_))]));
    assert!(matches!(bench.answer(alice.link, Ping {}), Message::Pong(_)));
    bench.release();
    bench.held = None;
    bench.close();
}

#[test]
fn a_login_on_a_link_that_has_one_is_refused() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    assert_eq!(bench.reason(alice.link, login("alice", "password")), Reason::NotNow);
    assert_eq!(bench.reason(alice.link, register("bob", "password")), Reason::NotNow);
    assert_eq!(bench.reason(alice.link, guest("bob")), Reason::NotNow);
    assert_eq!(bench.reason(alice.link, crate::tracker::bench::resume(&alice, Presence::Online)), Reason::NotNow);
    bench.hold();
    let link = bench.greet(2);
    assert_eq!(bench.ask(link, register("bob", "password")), []);
    assert_eq!(bench.reason(link, guest("bob")), Reason::NotNow);
    bench.release();
    bench.release();
    bench.held = None;
    bench.close();
}
