//! Logging in with a password.

use core::time::Duration;

use segment_proto::messages::*;
use segment_proto::{Message, Reason};

use crate::store::{Operation, Table};
use crate::tracker::bench::{Bench, PASSWORD, Seen, login, register};
use crate::tracker::events::{SessionEnd, TrackerEvent};

#[test]
fn a_login_is_verified_written_and_then_answered() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.cut(alice.link);
    let link = bench.greet(1);
    bench.hold();
    assert_eq!(bench.ask(link, login("ALICE", PASSWORD)), []);
    assert_eq!(bench.release(), []);
    let seen = bench.release();
    let [Seen::Answer(to, Message::LoggedIn(answer)), Seen::Event(TrackerEvent::LoggedIn { .. })] = seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    assert_eq!((*to, &answer.who), (link, &alice.who));
    assert_eq!(answer.device, alice.login.device, "written once");
    assert!(answer.session != alice.session && answer.token != alice.token);
    bench.held = None;
    bench.close();
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_and_cost_the_same() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let link = bench.greet(2);
    let mut answers = alloc::vec::Vec::new();
    for name in ["alice", "nobody", "a1ice"] {
        bench.hold();
        assert_eq!(bench.ask(link, login(name, "wrong password")), []);
        assert_eq!(bench.waiting(), 1, "one hash");
        answers.push(bench.release());
        bench.held = None;
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let failure = Failure::new(Reason::WrongCredentials, "");
    let refused = TrackerEvent::Refused { link, reason: Reason::WrongCredentials };
    assert_eq!(answers[0], [Seen::Answer(link, failure.into()), Seen::Event(refused)]);
    let costs = bench.performed.iter().filter(|o| !matches!(o, Operation::Store(_))).count();
    assert_eq!(costs, 1 + 3);
    bench.close();
}

#[test]
fn bad_logins_are_refused() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let link = bench.greet(2);
    let cases = [
        (login("", PASSWORD), Reason::BadName),
        (login("al ice", PASSWORD), Reason::BadName),
        (login("alice", &"x".repeat(257)), Reason::BadPassword),
        (login("alice", ""), Reason::WrongCredentials),
        (Login { auth_method: AuthMethod::Unknown(2), ..login("alice", PASSWORD) }, Reason::UnsupportedAuth),
        (Login { presence: Presence::Offline, ..login("alice", PASSWORD) }, Reason::Malformed),
    ];
    for (message, reason) in cases {
        let shown = alloc::format!("{message:?}");
        assert_eq!(bench.reason(link, message), reason, "{shown}");
    }
    bench.log_in(link, 2, login("alice", PASSWORD));
    bench.close();
}

#[test]
fn guessing_is_slowed_down_more_and_more() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let link = bench.greet(2);
    for _ in 0..5 {
        assert_eq!(bench.reason(link, login("alice", "wrong password")), Reason::WrongCredentials);
    }
    let before = bench.performed.len();
    for wait in [1_000, 2_000, 4_000, 8_000] {
        assert_eq!(bench.refused(link, login("alice", PASSWORD)), (Reason::SlowDown, wait));
        bench.wait(Duration::from_millis(u64::from(wait)));
        assert_eq!(bench.reason(link, login("alice", "wrong password")), Reason::WrongCredentials);
    }
    assert_eq!(bench.performed.len(), before + 4, "nothing is hashed while it waits");
    bench.close();
}

#[test]
fn guessing_slows_down_neither_another_address_nor_another_name() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    bench.register(2, "bob");
    let link = bench.greet(3);
    for _ in 0..5 {
        bench.reason(link, login("alice", "wrong password"));
    }
    assert_eq!(bench.reason(link, login("alice", PASSWORD)), Reason::SlowDown);
    bench.login(4, "alice");
    bench.log_in(link, 3, login("bob", PASSWORD));
    bench.close();
}

#[test]
fn trying_many_passwords_at_once_gains_nothing() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    bench.hold();
    let mut reasons = alloc::vec::Vec::new();
    for device in 10..20 {
        bench.held = None;
        let link = bench.connect_from(device, "10.0.0.9:4000");
        bench.hello(link);
        bench.hold();
        reasons.push(bench.ask(link, login("alice", "wrong password")).is_empty());
    }
    assert_eq!(reasons.iter().filter(|begun| **begun).count(), 5);
}

#[test]
fn success_forgets_failures() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let link = bench.greet(2);
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(bench.reason(link, login("alice", "wrong password")), Reason::WrongCredentials);
        }
        bench.log_in(link, 2, login("alice", PASSWORD));
        bench.answer(link, Logout {});
    }
    bench.close();
}

#[test]
fn failures_are_forgotten_after_their_window() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    for _ in 0..5 {
        let link = bench.greet(2);
        bench.reason(link, login("alice", "wrong password"));
        bench.cut(link);
    }
    bench.wait(Duration::from_secs(15 * 60));
    let link = bench.greet(2);
    for _ in 0..5 {
        assert_eq!(bench.reason(link, login("alice", "wrong password")), Reason::WrongCredentials);
    }
    assert_eq!(bench.refused(link, login("alice", PASSWORD)), (Reason::SlowDown, 1_000));
    bench.close();
}

#[test]
fn a_second_login_of_a_device_closes_the_first() {
    let mut bench = Bench::new();
    let watcher = bench.register(9, "watcher");
    let alice = bench.register(1, "alice");
    let link = bench.greet(1);
    let seen = bench.ask(link, login("alice", PASSWORD));
    let [
        Seen::Push(to, Message::Goodbye(goodbye)),
        Seen::Event(TrackerEvent::SessionEnded { session: ended, end: SessionEnd::Replaced, .. }),
        Seen::Push(told_of_going, Message::UserGone(gone)),
        Seen::Hangup(hung_up, Reason::Replaced),
        Seen::Answer(answered, Message::LoggedIn(answer)),
        Seen::Event(TrackerEvent::LoggedIn { .. }),
        Seen::Push(told_of_coming, Message::UserCame(came)),
        Seen::Event(TrackerEvent::LinkLost { .. }),
    ] = seen.as_slice()
    else {
        panic!("{seen:#?}")
    };
    assert_eq!((to.as_slice(), goodbye.reason), ([alice.link].as_slice(), Reason::Replaced));
    assert_eq!((*ended, gone.session), (alice.session, alice.session));
    assert_eq!((told_of_going, told_of_coming), (&alloc::vec![watcher.link], &alloc::vec![watcher.link]));
    assert_eq!((*hung_up, *answered), (alice.link, link));
    assert_eq!(came.row.session, answer.session);
    assert_eq!(bench.store.count(Table::Session), 2, "one for each device");
    assert_eq!(bench.ask(alice.link, Ping {}), [], "nobody listens there any more");
    bench.close();
}

#[test]
fn a_full_link_is_replaced_without_a_goodbye() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.writable(alice.link, 0);
    let link = bench.greet(1);
    let seen = bench.ask(link, login("alice", PASSWORD));
    assert!(!seen.iter().any(|seen| matches!(seen, Seen::Push(..))), "{seen:?}");
    assert!(seen.contains(&Seen::Hangup(alice.link, Reason::Replaced)));
    bench.close();
}

#[test]
fn sessions_of_an_account_are_limited() {
    let mut bench = Bench::with_limits(|limits| limits.sessions_per_account_max = 2);
    bench.register(1, "alice");
    let second = bench.login(2, "alice");
    let link = bench.greet(3);
    assert_eq!(bench.reason(link, login("alice", PASSWORD)), Reason::LimitReached);
    assert!(matches!(bench.answer(link, Ping {}), Message::Pong(_)));
    let again = bench.login(2, "alice");
    assert_ne!(again.session, second.session, "a device replaces its own");
    bench.cut(again.link);
    bench.log_in(link, 3, login("alice", PASSWORD));
    bench.close();
}

#[test]
fn sessions_of_a_tracker_are_limited() {
    let mut bench = Bench::with_limits(|limits| limits.sessions_max = 1);
    let alice = bench.register(1, "alice");
    let link = bench.greet(2);
    assert_eq!(bench.reason(link, register("bob", PASSWORD)), Reason::LimitReached);
    assert_eq!(bench.reason(link, login("alice", PASSWORD)), Reason::LimitReached);
    assert_eq!(bench.reason(link, crate::tracker::bench::guest("bob")), Reason::LimitReached);
    let again = bench.login(1, "alice");
    assert_ne!(again.session, alice.session);
    bench.close();
}

#[test]
fn the_device_longest_unused_makes_room_and_can_come_back() {
    let mut bench = Bench::with_limits(|limits| limits.devices_per_account_max = 2);
    let first = bench.register(1, "alice");
    bench.cut(first.link);
    bench.wait(Duration::from_secs(1));
    let second = bench.login(2, "alice");
    bench.cut(second.link);
    bench.wait(Duration::from_secs(1));
    let third = bench.login(3, "alice");
    let devices = FindDevices { devices: [1, 2, 3].map(|device| segment_proto::DeviceId([device; 32])).to_vec() };
    let Message::DevicePage(page) = bench.answer(third.link, devices) else { panic!() };
    let revoked: alloc::vec::Vec<bool> = page.records.iter().map(|record| record.revoked.is_some()).collect();
    assert_eq!(revoked, [true, false, false]);
    let link = bench.greet(1);
    assert_eq!(bench.reason(link, crate::tracker::bench::resume(&first, Presence::Online)), Reason::SessionExpired);
    let back = bench.log_in(link, 1, login("alice", PASSWORD));
    let record = back.login.device.unwrap();
    assert!(
        record.revoked.is_none() && record.since > first.login.device.unwrap().since,
        "news to who has the old one"
    );
    bench.resume(3, &third);
    bench.close();
}

#[test]
fn a_device_that_is_logged_in_or_hosts_makes_no_room() {
    let mut bench = Bench::with_limits(|limits| limits.devices_per_account_max = 2);
    let host = bench.register(1, "alice");
    bench.create(&host, "general");
    bench.cut(host.link);
    let live = bench.login(2, "alice");
    let link = bench.greet(3);
    assert_eq!(bench.reason(link, login("alice", PASSWORD)), Reason::LimitReached);
    bench.cut(live.link);
    bench.log_in(link, 3, login("alice", PASSWORD));
    bench.close();
}
