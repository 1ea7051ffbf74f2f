//! What survives a restart of the tracker.

use alloc::string::ToString;

use bytes::Bytes;
use segment_proto::messages::*;
use segment_proto::{Message, Reason};

use crate::store::Table;
use crate::tracker::Tracker;
use crate::tracker::bench::{Bench, PASSWORD, create, find, join, login, register, resume};

#[test]
fn sessions_accounts_channels_and_members_survive_and_visitors_do_not() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let vera = bench.guest(3, "vera");
    let row = bench.create(&alice, "general");
    bench.join(&bob, "general");
    bench.restart();
    let alice = bench.resume(1, &alice);
    let Message::UserPage(page) = bench.answer(alice.link, ListUsers { after: None }) else { panic!() };
    assert_eq!(page.rows.len(), 1, "no ghosts");
    let bob = bench.resume(2, &bob);
    let Message::ChannelFound(found) = bench.answer(bob.link, find("general")) else { panic!() };
    assert_eq!(found.row, row);
    let link = bench.greet(3);
    assert_eq!(bench.reason(link, resume(&vera, Presence::Online)), Reason::SessionExpired);
    assert_eq!(bench.reason(link, register("alice", PASSWORD)), Reason::NameTaken);
    assert_eq!(bench.reason(link, login("alice", "wrong password")), Reason::WrongCredentials);
    let carol = bench.log_in(link, 3, register("carol", PASSWORD));
    assert_eq!(carol.who.account.0, 3, "accounts are not numbered twice");
    assert_eq!(bench.reason(carol.link, create("general")), Reason::NameTaken);
    bench.close();
}

#[test]
fn what_was_not_written_was_not_said() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.create(&alice, "general");
    bench.hold();
    let link = bench.greet(2);
    assert_eq!(bench.ask(link, register("bob", PASSWORD)), []);
    bench.release();
    assert_eq!(bench.ask(alice.link, create("other")), []);
    bench.restart();
    let bob = bench.greet(2);
    assert_eq!(bench.reason(bob, login("bob", PASSWORD)), Reason::WrongCredentials);
    let bob = bench.log_in(bob, 2, register("bob", PASSWORD));
    assert_eq!(bench.reason(bob.link, join("other")), Reason::NoSuchChannel);
    bench.create(&bob, "other");
    bench.close();
}

#[test]
fn a_logout_survives() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.answer(alice.link, Logout {});
    bench.restart();
    let link = bench.greet(1);
    assert_eq!(bench.reason(link, resume(&alice, Presence::Online)), Reason::SessionExpired);
    bench.close();
}

#[test]
fn a_store_that_cannot_be_understood_is_refused() {
    for table in [Table::Account, Table::Device, Table::Session, Table::Channel, Table::Member] {
        let mut bench = Bench::new();
        let alice = bench.register(1, "alice");
        bench.create(&alice, "general");
        let keys: alloc::vec::Vec<_> = bench.store.tables.keys().filter(|(of, _)| *of == table).cloned().collect();
        let mut torn = bench.store.clone();
        match table {
            Table::Member => drop(torn.tables.insert((table, Bytes::from_static(b"short")), Bytes::new())),
            _ => drop(torn.tables.insert(keys[0].clone(), Bytes::from_static(&[0xff; 3]))),
        }
        let error = Tracker::restore(bench.config.clone(), &mut torn).unwrap_err();
        assert!(error.to_string().contains(&alloc::format!("{table:?}")), "{error}");
        bench.close();
    }
}

#[test]
fn an_empty_store_makes_a_new_tracker() {
    Bench::new().close();
}

#[test]
fn a_seed_given_twice_makes_no_session_id_twice() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.config.seed[0] -= 1;
    bench.wait(core::time::Duration::from_millis(1));
    bench.restart();
    assert_eq!(bench.config.seed, [7; 32]);
    let bob = bench.register(2, "bob");
    assert!(bob.session != alice.session && bob.token != alice.token);
    bench.close();
}
