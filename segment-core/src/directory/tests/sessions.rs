//! Resuming, renewing, announcing, leaving.

use core::time::Duration;

use segment_proto::messages::*;
use segment_proto::{Message, Reason, SessionId, Token};

use crate::contract::Machine;
use crate::store::Table;
use crate::tracker::bench::{Bench, START, Seen, announce, login, resume};
use crate::tracker::events::{SessionEnd, TrackerEvent};

#[test]
fn a_token_resumes_the_session_without_a_hash_and_without_a_write() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.cut(alice.link);
    let (link, before) = (bench.greet(1), bench.performed.len());
    let seen = bench.ask(link, resume(&alice, Presence::Online));
    let expected = alice.login.clone();
    assert_eq!(
        seen,
        [
            Seen::Answer(link, expected.into()),
            Seen::Event(TrackerEvent::LoggedIn { who: alice.who.clone(), session: alice.session }),
        ]
    );
    assert_eq!(bench.performed.len(), before);
    bench.close();
}

#[test]
fn a_token_is_good_for_its_session_on_its_device_only() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let bob = bench.register(2, "bob");
    bench.cut(alice.link);
    let stolen = bench.greet(3);
    assert_eq!(bench.reason(stolen, resume(&alice, Presence::Online)), Reason::SessionExpired);
    let own = bench.greet(1);
    let wrong = [
        resume(&bob, Presence::Online),
        ResumeSession { token: Token([0; 32]), ..resume(&alice, Presence::Online) },
        ResumeSession { token: bob.token, ..resume(&alice, Presence::Online) },
        ResumeSession { session: SessionId::from_random([1; 16]), ..resume(&alice, Presence::Online) },
    ];
    for message in wrong {
        assert_eq!(bench.reason(own, message), Reason::SessionExpired);
    }
    assert_eq!(bench.reason(own, resume(&alice, Presence::Offline)), Reason::Malformed);
    bench.log_in(own, 1, resume(&alice, Presence::Online));
    bench.close();
}

#[test]
fn a_token_lives_as_long_as_it_is_used() {
    let day = Duration::from_secs(24 * 3_600);
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.cut(alice.link);
    for _ in 0..3 {
        bench.wait(day * 20);
        let before = bench.performed.len();
        let again = bench.resume(1, &alice);
        assert_eq!(bench.performed.len(), before + 1, "its use is written down");
        bench.cut(again.link);
    }
    bench.wait(day * 30 + Duration::from_millis(1));
    let link = bench.greet(1);
    assert_eq!(bench.reason(link, resume(&alice, Presence::Online)), Reason::SessionExpired);
    bench.close();
}

#[test]
fn a_newer_login_makes_the_older_token_worthless() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let again = bench.login(1, "alice");
    bench.cut(again.link);
    let link = bench.greet(1);
    assert_eq!(bench.reason(link, resume(&alice, Presence::Online)), Reason::SessionExpired);
    bench.log_in(link, 1, resume(&again, Presence::Online));
    bench.close();
}

#[test]
fn resuming_on_a_new_link_replaces_the_old_one() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let link = bench.greet(1);
    let seen = bench.ask(link, resume(&alice, Presence::Online));
    assert!(seen.contains(&Seen::Push(alloc::vec![alice.link], Goodbye { reason: Reason::Replaced }.into())));
    assert!(seen.contains(&Seen::Hangup(alice.link, Reason::Replaced)));
    assert!(matches!(bench.answer(link, ListUsers { after: None }), Message::UserPage(page) if page.rows.len() == 1));
    bench.close();
}

#[test]
fn a_silent_session_ends_after_its_lease_and_can_be_resumed() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let alice = bench.register(1, "alice");
    bench.wait(Duration::from_secs(15));
    bench.ask(bob.link, Ping {});
    let (who, session) = (alice.who.clone(), alice.session);
    assert_eq!(
        bench.wait(Duration::from_secs(15)),
        [
            Seen::Event(TrackerEvent::SessionEnded { who: who.clone(), session, end: SessionEnd::LeaseExpired }),
            Seen::Push(alloc::vec![bob.link], UserGone { session, who }.into()),
            Seen::Hangup(alice.link, Reason::SessionExpired),
            Seen::Event(TrackerEvent::LinkLost { link: alice.link, peer: alice.device }),
        ]
    );
    bench.resume(1, &alice);
    bench.close();
}

#[test]
fn anything_that_is_heard_keeps_the_lease() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    for _ in 0..10 {
        bench.wait(Duration::from_secs(20));
        assert_eq!(bench.push(alice.link, Goodbye { reason: Reason::NotNow }), []);
    }
    assert!(matches!(bench.answer(alice.link, Ping {}), Message::Pong(_)));
    bench.close();
}

#[test]
fn a_spurious_timeout_does_nothing() {
    let mut bench = Bench::new();
    bench.register(1, "alice");
    let due = bench.tracker.poll_timeout();
    bench.tracker.handle_timeout(bench.now);
    assert!(bench.tracker.poll_output().is_none());
    assert_eq!(bench.tracker.poll_timeout(), due);
    bench.close();
}

#[test]
fn a_lost_link_ends_presence_at_once_but_not_the_token() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let alice = bench.register(1, "alice");
    let (who, session) = (alice.who.clone(), alice.session);
    assert_eq!(
        bench.cut(alice.link),
        [
            Seen::Event(TrackerEvent::SessionEnded { who: who.clone(), session, end: SessionEnd::LinkLost }),
            Seen::Push(alloc::vec![bob.link], UserGone { session, who }.into()),
            Seen::Event(TrackerEvent::LinkLost { link: alice.link, peer: alice.device }),
        ]
    );
    bench.resume(1, &alice);
    bench.close();
}

#[test]
fn logging_out_forgets_the_token_on_disk_before_it_is_answered() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let alice = bench.register(1, "alice");
    bench.hold();
    let (who, session) = (alice.who.clone(), alice.session);
    assert_eq!(
        bench.ask(alice.link, Logout {}),
        [
            Seen::Event(TrackerEvent::SessionEnded { who: who.clone(), session, end: SessionEnd::LoggedOut }),
            Seen::Push(alloc::vec![bob.link], UserGone { session, who }.into()),
        ]
    );
    assert_eq!(bench.release(), [Seen::Answer(alice.link, Done {}.into())]);
    assert_eq!(bench.store.count(Table::Session), 1);
    bench.held = None;
    assert_eq!(bench.reason(alice.link, ListUsers { after: None }), Reason::LoginRequired);
    assert_eq!(bench.reason(alice.link, resume(&alice, Presence::Online)), Reason::SessionExpired);
    bench.log_in(alice.link, 1, login("alice", crate::tracker::bench::PASSWORD));
    bench.close();
}

#[test]
fn a_logout_does_not_forget_the_token_that_a_login_is_writing() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let link = bench.greet(1);
    bench.hold();
    bench.ask(link, login("alice", crate::tracker::bench::PASSWORD));
    bench.release();
    assert!(bench.ask(alice.link, Logout {}).contains(&Seen::Answer(alice.link, Done {}.into())));
    let Seen::Answer(_, Message::LoggedIn(new)) = bench.release()[0].clone() else { panic!() };
    bench.held = None;
    bench.restart();
    let link = bench.greet(1);
    bench.log_in(link, 1, ResumeSession { session: new.session, token: new.token, presence: Presence::Online });
    bench.close();
}

#[test]
fn a_certificate_is_renewed() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.wait(Duration::from_secs(5));
    let Message::CertificateRenewed(renewed) = bench.answer(alice.link, RenewCertificate {}) else { panic!() };
    let (old, new) = (&alice.login.certificate, renewed.certificate);
    assert!(new.is_signed_by(&crate::tracker::bench::TRACKER, &bench.config.identity.verifier()));
    assert_eq!((&new.who, new.device, new.session), (&old.who, old.device, old.session));
    assert_eq!(new.expires, old.expires.plus(Duration::from_secs(5)));
    bench.close();
}

#[test]
fn an_address_is_the_one_seen_with_the_port_announced() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let cases = [
        (announce(22_237), "10.0.0.1:22237", Some("10.0.0.1:22237")),
        (Announce { port: 5, advertise: Some("192.0.2.7".parse().unwrap()) }, "192.0.2.7:5", Some("192.0.2.7:5")),
        (announce(0), "10.0.0.1:0", None),
    ];
    for (message, answer, listed) in cases {
        let answer = Announced { address: answer.parse().unwrap() };
        assert_eq!(bench.ask(alice.link, message), [Seen::Answer(alice.link, answer.into())]);
        let Message::UserPage(page) = bench.answer(alice.link, ListUsers { after: None }) else { panic!() };
        assert_eq!(page.rows[0].address, listed.map(|address| address.parse().unwrap()));
    }
    for nowhere in ["0.0.0.0", "::", "224.0.0.1", "ff02::1"] {
        let message = Announce { port: 5, advertise: Some(nowhere.parse().unwrap()) };
        assert_eq!(bench.reason(alice.link, message), Reason::Malformed, "{nowhere}");
    }
    bench.close();
}

#[test]
fn same_seed_and_inputs_same_outputs() {
    let run = || {
        let mut bench = Bench::new();
        let alice = bench.register(1, "alice");
        let row = bench.create(&alice, "general");
        (alice.login.clone(), row, bench.performed)
    };
    assert_eq!(run(), run());
    assert_eq!(START.mono.0, 1_000_000);
}
