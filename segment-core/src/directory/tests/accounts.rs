//! Registering.

use alloc::string::ToString;
use core::time::Duration;

use segment_proto::messages::*;
use segment_proto::{AccountId, Message, Reason, Secret};

use crate::store::{Operation, StoreOperation, Table};
use crate::tracker::bench::{Bench, PASSWORD, START, Seen, TRACKER, login, register};
use crate::tracker::events::TrackerEvent;

#[test]
fn a_registration_is_hashed_then_written_and_only_then_answered() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    bench.hold();
    assert_eq!(bench.ask(link, register("Alice", PASSWORD)), []);
    assert_eq!(bench.release(), [], "hashed");
    assert_eq!(bench.store.count(Table::Account), 0);
    assert_eq!(bench.waiting(), 1);
    let seen = bench.release();
    let [Seen::Answer(to, Message::LoggedIn(answer)), Seen::Event(TrackerEvent::LoggedIn { who, session })] =
        seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    assert_eq!((*to, who, *session), (link, &answer.who, answer.session));
    assert_eq!((who.account, who.name.as_str()), (AccountId(1), "alice"));
    assert_eq!([Table::Account, Table::Device, Table::Session].map(|table| bench.store.count(table)), [1, 1, 1]);
    bench.held = None;
    bench.close();
}

#[test]
fn what_a_login_gives_is_signed_and_names_the_proven_device() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let verifier = bench.config.identity.verifier();
    let certificate = &alice.login.certificate;
    assert!(certificate.is_signed_by(&TRACKER, &verifier));
    assert_eq!((&certificate.who, certificate.device), (&alice.who, alice.device));
    assert_eq!((certificate.session, certificate.issued), (alice.session, START.wall));
    assert_eq!(certificate.expires, START.wall.plus(Duration::from_secs(24 * 3_600)));
    let device = alice.login.device.as_ref().unwrap();
    assert!(device.is_signed_by(&TRACKER, &verifier));
    assert_eq!((&device.who, device.device), (&alice.who, alice.device));
    assert_eq!((device.since, device.revoked), (START.wall, None));
    bench.close();
}

#[test]
fn neither_password_nor_token_is_on_disk() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let secrets = [alice.token.0.as_slice(), PASSWORD.as_bytes()];
    for ((table, _), value) in &bench.store.tables {
        // The bench's own hash shows the password on purpose.
        let hidden = if *table == Table::Account { &secrets[..1] } else { &secrets[..] };
        assert!(hidden.iter().all(|secret| !value.windows(secret.len()).any(|bytes| bytes == *secret)), "{table:?}");
    }
    bench.close();
}

#[test]
fn salts_differ() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    bench.register(2, "bob");
    let salts = bench.performed.iter().filter_map(|operation| match operation {
        Operation::HashPassword { salt, .. } => Some(*salt),
        _ => None,
    });
    let salts: alloc::collections::BTreeSet<_> = salts.collect();
    assert_eq!(salts.len(), 2);
    bench.close();
}

#[test]
fn bad_registrations_are_refused_and_cost_no_hash() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let before = bench.performed.len();
    let link = bench.greet(2);
    let long = "x".repeat(257);
    let cases = [
        (register("", PASSWORD), Reason::BadName),
        (register("a b", PASSWORD), Reason::BadName),
        (register("bob\n/quit", PASSWORD), Reason::BadName),
        (register(&"n".repeat(65), PASSWORD), Reason::BadName),
        (register("~bob", PASSWORD), Reason::BadName),
        (register("bob", "seven77"), Reason::BadPassword),
        (register("bob", ""), Reason::BadPassword),
        (register("bob", &long), Reason::BadPassword),
        (register("alice", PASSWORD), Reason::NameTaken),
        (register("ALICE", PASSWORD), Reason::NameTaken),
        (register("a1ice", PASSWORD), Reason::NameTaken),
        (Register { auth_method: AuthMethod::Unknown(9), ..register("bob", PASSWORD) }, Reason::UnsupportedAuth),
        (Register { presence: Presence::Offline, ..register("bob", PASSWORD) }, Reason::Malformed),
        (Register { presence: Presence::Unknown(9), ..register("bob", PASSWORD) }, Reason::Malformed),
    ];
    for (message, reason) in cases {
        let shown = alloc::format!("{message:?}");
        assert_eq!(bench.reason(link, message), reason, "{shown}");
    }
    assert_eq!(bench.performed.len(), before);
    bench.log_in(link, 2, register("bob", &"x".repeat(256)));
    bench.close();
}

#[test]
fn of_two_registrations_of_one_name_one_wins() {
    let mut bench = Bench::new();
    let (first, second) = (bench.greet(1), bench.greet(2));
    bench.hold();
    assert_eq!(bench.ask(first, register("alice", PASSWORD)), []);
    assert_eq!(bench.reason(second, register("Alice", PASSWORD)), Reason::NameTaken);
    bench.release();
    assert_eq!(bench.reason(second, register("alice", PASSWORD)), Reason::NameTaken);
    assert!(matches!(bench.release()[0], Seen::Answer(to, Message::LoggedIn(_)) if to == first));
    assert_eq!(bench.store.count(Table::Account), 1);
    bench.held = None;
    bench.close();
}

#[test]
fn one_device_registers_one_account() {
    let mut bench = Bench::new();
    let (first, second) = (bench.greet(1), bench.connect_from(1, "10.0.0.1:4001"));
    bench.hello(second);
    bench.hold();
    assert_eq!(bench.ask(first, register("alice", PASSWORD)), []);
    assert_eq!(bench.ask(second, register("bob", PASSWORD)), []);
    assert_eq!((bench.release(), bench.waiting()), (alloc::vec![], 2), "alice is being written");
    let seen = bench.release();
    assert!(matches!(&seen[0], Seen::Answer(to, Message::Failure(f)) if *to == second && f.reason == Reason::NotNow));
    bench.release();
    bench.held = None;
    assert_eq!(bench.store.count(Table::Account), 1);
    let bob = bench.greet(2);
    bench.log_in(bob, 2, register("bob", PASSWORD));
    bench.close();
}

#[test]
fn a_device_of_another_account_is_refused_before_the_hash() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.register(2, "bob");
    bench.cut(alice.link);
    let (link, before) = (bench.greet(1), bench.performed.len());
    assert_eq!(bench.reason(link, register("carol", PASSWORD)), Reason::NotNow);
    assert_eq!(bench.reason(link, login("bob", PASSWORD)), Reason::NotNow);
    assert_eq!(bench.reason(link, login("nobody", PASSWORD)), Reason::NotNow);
    assert_eq!(bench.performed.len(), before);
    bench.log_in(link, 1, login("alice", PASSWORD));
    bench.close();
}

#[test]
fn a_link_lost_while_hashing_leaves_the_name_free() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    bench.hold();
    bench.ask(link, register("alice", PASSWORD));
    bench.cut(link);
    assert_eq!((bench.release(), bench.waiting()), (alloc::vec![], 0));
    bench.held = None;
    bench.register(2, "alice");
    bench.close();
}

#[test]
fn a_link_lost_while_writing_leaves_an_account_to_log_in_to() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    bench.hold();
    bench.ask(link, register("alice", PASSWORD));
    bench.release();
    bench.cut(link);
    assert_eq!(bench.release(), []);
    bench.held = None;
    let alice = bench.login(1, "alice");
    assert_eq!(alice.who.account, AccountId(1));
    bench.close();
}

#[test]
fn accounts_are_limited() {
    let mut bench = Bench::with_limits(|limits| limits.accounts_max = 1);
    bench.register(1, "alice");
    let link = bench.greet(2);
    assert_eq!(bench.reason(link, register("bob", PASSWORD)), Reason::LimitReached);
    bench.close();
}

#[test]
fn registrations_of_one_address_are_slowed_down_but_not_those_of_this_machine() {
    let mut bench = Bench::with_limits(|limits| limits.registrations_per_address_max = 2);
    for (device, name) in [(1, "one"), (2, "two")] {
        let link = bench.connect_from(device, "10.0.0.1:4000");
        bench.hello(link);
        bench.log_in(link, device, register(name, PASSWORD));
    }
    let link = bench.connect_from(3, "10.0.0.1:4000");
    bench.hello(link);
    assert_eq!(bench.refused(link, register("three", PASSWORD)), (Reason::SlowDown, 1_800_000));
    bench.wait(Duration::from_secs(20));
    bench.register(4, "three");
    for (device, name) in [(5, "five"), (6, "six"), (7, "seven")] {
        let link = bench.connect_from(device, if device == 6 { "[::1]:4000" } else { "127.0.0.1:4000" });
        bench.hello(link);
        bench.log_in(link, device, register(name, PASSWORD));
    }
    bench.close();
}

#[test]
fn hashes_under_way_are_limited() {
    let mut bench = Bench::with_limits(|limits| limits.password_hashes_max = 2);
    let links = [1, 2, 3].map(|device| bench.greet(device));
    bench.hold();
    assert_eq!(bench.ask(links[0], register("one", PASSWORD)), []);
    assert_eq!(bench.ask(links[1], login("nobody", PASSWORD)), []);
    assert_eq!(bench.refused(links[2], register("three", PASSWORD)), (Reason::SlowDown, 1_000));
    assert_eq!(bench.refused(links[2], login("three", PASSWORD)), (Reason::SlowDown, 1_000));
    bench.release();
    assert_eq!(bench.ask(links[2], register("three", PASSWORD)), []);
    while bench.waiting() > 0 {
        bench.release();
    }
    bench.held = None;
    bench.close();
}

#[test]
fn the_operations_of_a_registration_are_exactly_these() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let [Operation::HashPassword { secret, .. }, Operation::Store(StoreOperation::Write(writes))] =
        bench.performed.as_slice()
    else {
        panic!("{:?}", bench.performed)
    };
    assert_eq!(*secret, Secret(PASSWORD.to_string()));
    assert_eq!(writes.len(), 3, "account, device and session in one transaction");
    bench.close();
}

#[test]
fn an_account_that_was_lost_is_made_again_by_its_own_device_only() {
    let mut bench = Bench::new();
    let old = bench.store.clone();
    let alice = bench.register(1, "alice");
    let mut find = |link| match bench.answer(link, FindDevices { devices: alloc::vec![alice.device] }) {
        Message::DevicePage(page) => page.records[0].clone(),
        other => panic!("{other:?}"),
    };
    let device = find(alice.link);
    let again = |device| RegisterAgain {
        device,
        auth_method: AuthMethod::Password,
        secret: Secret(PASSWORD.to_string()),
        presence: Presence::Online,
    };
    let link = bench.greet(1);
    assert_eq!(bench.reason(link, again(device.clone())), Reason::NameTaken, "it is there");
    bench.store = old;
    bench.restart();
    let other = bench.greet(2);
    assert_eq!(bench.reason(other, again(device.clone())), Reason::BadCertificate);
    let link = bench.greet(1);
    let forged = segment_proto::Signed::new((*device).clone(), &segment_proto::Identity::simulated(alice.device));
    assert_eq!(bench.reason(link, again(forged)), Reason::BadCertificate);
    assert_eq!(bench.log_in(link, 1, again(device)).who, alice.who);
    bench.restart();
    assert_eq!(bench.login(1, "alice").who, alice.who);
    bench.close();
}
