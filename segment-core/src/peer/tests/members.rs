//! Links that others open: greeted first, answered always, never trusted.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::{
    FindDevices, Goodbye, Greeter, Hello, HostHello, ListUsers, Ping, Pong, ReadTail, Revoked, Subscribe, Unsubscribe,
};
use segment_proto::{
    Certificate, DeviceId, Evidence, Fence, Limits, LinkId, Message, Nonce, Position, ProtocolVersion, Reason,
    RequestId, SessionId,
};

use super::bench::{
    Bench, DEVICE, HOST, INBOUND, MEMBER, certificate, channel, device_record, lines, message, row, who,
};
use crate::contract::{Input, Machine};

fn hello() -> Hello {
    Hello { protocol: ProtocolVersion::CURRENT, greeter: Greeter::Member, software: String::new() }
}

impl Bench {
    fn ask(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.receive(INBOUND, Role::Request, RequestId::from_random([9; 16]), message);
        self.out()
    }

    fn greeted() -> Self {
        let mut bench = Bench::logged_in(vec![row(1, DEVICE, Some(1)), row(2, HOST, None)]);
        bench.link_up(INBOUND, MEMBER);
        bench.ask(hello());
        bench.out();
        bench
    }
}

fn subscribe(number: u8) -> Subscribe {
    let ben = who(3, "ben");
    Subscribe {
        channel: channel(number),
        certificate: Some(certificate(ben.clone(), MEMBER)),
        device: Some(device_record(ben, MEMBER)),
        evidence: Evidence::default(),
    }
}

#[test]
fn hello_comes_first_and_once() {
    let mut bench = Bench::new();
    bench.link_up(INBOUND, MEMBER);
    assert_eq!(bench.out(), ["LinkUp"]);
    let to = INBOUND.0;
    assert_eq!(bench.ask(Ping {}), [alloc::format!("to {to}: answer out_of_order")]);
    assert_eq!(bench.ask(hello()), [alloc::format!("to {to}: answer Welcome")]);
    assert_eq!(bench.ask(hello()), [alloc::format!("to {to}: answer out_of_order")]);
    assert_eq!(bench.ask(Ping {}), [alloc::format!("to {to}: answer Pong")]);
}

#[test]
fn another_major_version_is_told_and_hung_up() {
    let mut bench = Bench::new();
    bench.link_up(INBOUND, MEMBER);
    bench.out();
    let to = INBOUND.0;
    let old = Hello { protocol: ProtocolVersion { major: 0, minor: 9 }, ..hello() };
    let expected =
        lines(&alloc::format!("to {to}: answer protocol_mismatch\nhang up {to}: protocol_mismatch\nLinkLost"));
    assert_eq!(bench.ask(old), expected);
    bench.assert_idle();
}

#[test]
fn who_does_not_greet_is_hung_up_however_much_they_talk() {
    let mut bench = Bench::new();
    bench.link_up(INBOUND, MEMBER);
    let step = Duration::from_secs(1);
    for _ in 0..9 {
        bench.wait(step);
        bench.push(INBOUND, Pong { wall: bench.now().wall });
    }
    bench.out();
    bench.wait(step);
    assert_eq!(bench.out(), [alloc::format!("hang up {}: not_now", INBOUND.0), "LinkLost".into()]);
    bench.assert_idle();
}

#[test]
fn who_is_silent_is_hung_up() {
    let mut bench = Bench::new();
    bench.link_up(INBOUND, MEMBER);
    bench.ask(hello());
    bench.wait(Limits::default().ping * 3 - Duration::from_micros(1));
    assert_eq!(bench.out(), [] as [&str; 0]);
    bench.wait(Duration::from_micros(1));
    assert_eq!(bench.out(), [alloc::format!("hang up {}: not_now", INBOUND.0), "LinkLost".into()]);
}

/// Pings every ten seconds, for as long as a stranger may stay.
fn ping_for_long(bench: &mut Bench) {
    for _ in 1..Limits::default().login_wait.as_secs() / 10 {
        bench.wait(Duration::from_secs(10));
        bench.receive(INBOUND, Role::Request, RequestId::from_random([9; 16]), Ping {});
    }
    bench.out();
    bench.wait(Duration::from_secs(10));
}

#[test]
fn who_is_never_admitted_is_hung_up_however_much_they_ping() {
    let mut bench = Bench::greeted();
    ping_for_long(&mut bench);
    let out = bench.out();
    assert!(out.contains(&alloc::format!("hang up {}: not_now", INBOUND.0)), "{out:?}");

    let mut bench = Bench::greeted();
    bench.ask(subscribe(1));
    ping_for_long(&mut bench);
    let out = bench.out();
    assert!(!out.iter().any(|line| line.starts_with(&alloc::format!("hang up {}", INBOUND.0))), "{out:?}");
}

#[test]
fn everything_that_is_asked_is_answered_with_the_right_reason() {
    let mut bench = Bench::greeted();
    let nonce = Nonce([0; 16]);
    let start = Position::START;
    let host_hello = HostHello {
        channel: channel(1),
        nonce,
        max_fence: Fence::default(),
        tip: start,
        resubmit: 0,
        evidence: Evidence::default(),
        after: start,
    };
    let nobody = Subscribe { certificate: None, ..subscribe(1) };
    let anothers = Subscribe { certificate: Some(certificate(who(3, "ben"), HOST)), ..subscribe(1) };
    let too_many = FindDevices { devices: vec![DEVICE; Limits::default().page_rows_max + 1] };
    let cases: Vec<(Message, &str)> = vec![
        (subscribe(9).into(), "no_such_channel"),
        (subscribe(2).into(), "not_host"),
        (nobody.into(), "bad_certificate"),
        (anothers.into(), "bad_certificate"),
        (ReadTail { channel: channel(1), count: 1 }.into(), "out_of_order"),
        (ListUsers { after: None }.into(), "unsupported_kind"),
        (host_hello.into(), "unsupported_kind"),
        (FindDevices { devices: vec![DEVICE] }.into(), "bad_certificate"),
        (too_many.into(), "too_large"),
    ];
    for (request, reason) in cases {
        let name = request.name();
        assert_eq!(bench.ask(request), [alloc::format!("to {}: answer {reason}", INBOUND.0)], "{name}");
    }
}

#[test]
fn a_member_is_admitted_and_may_ask_for_the_names_of_authors() {
    let mut bench = Bench::greeted();
    let out = bench.ask(subscribe(1));
    assert!(out.contains(&alloc::format!("to {}: answer Subscribed", INBOUND.0)), "{out:?}");
    assert!(out.contains(&"MemberLink".into()), "{out:?}");
    let find = FindDevices { devices: vec![DEVICE, MEMBER, DeviceId([99; 32])] };
    bench.receive(INBOUND, Role::Request, RequestId::from_random([9; 16]), find);
    let Message::DevicePage(page) = message(&bench.take(), "DevicePage") else { panic!("no page") };
    let found: Vec<DeviceId> = page.records.iter().map(|record| record.device).collect();
    assert_eq!(found, [DEVICE, MEMBER], "whose device is not known is left out");
    assert_eq!(bench.peer.host_report(channel(1)).unwrap().members.len(), 2, "the owner and the member");
    let out = bench.ask(Unsubscribe { channel: channel(1) });
    assert_eq!(out, ["MemberLink".into(), alloc::format!("to {}: answer Done", INBOUND.0)]);
}

#[test]
fn a_revoked_session_is_removed_and_its_device_may_come_with_another() {
    let mut bench = Bench::greeted();
    bench.ask(subscribe(1));
    let session = super::bench::session_id();
    bench.push(super::bench::LINK, Revoked { session, device: MEMBER });
    let to = INBOUND.0;
    assert_eq!(bench.out(), [alloc::format!("to {to}: push Removed"), "MemberLink".into()]);
    assert_eq!(bench.ask(subscribe(1)), [alloc::format!("to {to}: answer bad_certificate")]);
    let fresh = SessionId::from_random([77; 16]);
    let certificate = Certificate { session: fresh, ..(*certificate(who(3, "ben"), MEMBER)).clone() };
    let again = Subscribe { certificate: Some(super::bench::sign(certificate)), ..subscribe(1) };
    assert!(bench.ask(again).contains(&alloc::format!("to {to}: answer Subscribed")));
}

#[test]
fn the_end_of_a_link_ends_the_membership_on_it() {
    let mut bench = Bench::greeted();
    bench.ask(subscribe(1));
    bench.input(Input::LinkDown { link: INBOUND });
    assert_eq!(bench.out(), ["LinkLost", "MemberLink"]);
    assert_eq!(bench.peer.host_report(channel(1)).unwrap().members.len(), 1);
}

#[test]
fn a_goodbye_ends_a_link() {
    let mut bench = Bench::greeted();
    bench.push(INBOUND, Goodbye { reason: Reason::ShuttingDown });
    assert_eq!(bench.out(), [alloc::format!("hang up {}: shutting_down", INBOUND.0), "LinkLost".into()]);
}

#[test]
fn a_host_whose_owner_has_logged_out_is_away() {
    let mut bench = Bench::greeted();
    let now = bench.now();
    bench.peer.logout(now).unwrap();
    bench.answer(super::bench::LINK, "Logout", segment_proto::messages::Done {});
    bench.out();
    bench.link_up(INBOUND, MEMBER);
    bench.ask(hello());
    let out = bench.ask(subscribe(1));
    assert_eq!(out, [alloc::format!("to {}: answer host_away", INBOUND.0)]);
}

#[test]
fn links_beyond_the_limit_are_not_taken() {
    let limits = Limits { links_max: 1, ..Limits::default() };
    let mut bench = Bench::with(crate::testing::TestStore::default(), limits);
    bench.link_up(INBOUND, MEMBER);
    bench.out();
    bench.link_up(LinkId(INBOUND.0 + 1), MEMBER);
    assert_eq!(bench.out(), [alloc::format!("hang up {}: limit_reached", INBOUND.0 + 1)]);
}

#[test]
fn what_comes_in_for_one_channel_costs_the_same_however_many_are_hosted() {
    let mut bench = Bench::logged_in((1..=100).map(|number| row(number, DEVICE, Some(1))).collect());
    bench.link_up(INBOUND, MEMBER);
    bench.ask(hello());
    let before = bench.peer.channels.looks();
    bench.ask(Ping {});
    assert_eq!(bench.peer.channels.looks(), before, "a ping is about no channel");
    bench.ask(subscribe(1));
    assert_eq!(bench.peer.channels.looks(), before + 1, "the one that it is about");
}

#[test]
fn what_comes_in_costs_the_same_however_many_links_there_are_also_after_one_is_lost() {
    let mut bench = Bench::greeted();
    for number in 1..=100 {
        bench.link_up(LinkId(INBOUND.0 + number), MEMBER);
    }
    bench.input(Input::LinkDown { link: LinkId(INBOUND.0 + 1) });
    let before = bench.peer.links.walks.get();
    for _ in 0..10 {
        bench.ask(Ping {});
        let _ = bench.peer.poll_timeout();
    }
    assert_eq!(bench.peer.links.walks.get(), before, "nobody looks at all links");
}
