//! Who may know who is here.

use alloc::vec::Vec;

use segment_proto::messages::*;
use segment_proto::{Limits, Message, Reason};

use crate::rules::{Rule, Rules};
use crate::tracker::bench::{Bench, PASSWORD, Seen, User, create, register, status};
use crate::tracker::events::{SessionEnd, TrackerEvent};

fn listed(bench: &mut Bench, by: &User) -> Vec<UserRow> {
    match bench.answer(by.link, ListUsers { after: None }) {
        Message::UserPage(page) if !page.more => page.rows,
        other => panic!("{other:?}"),
    }
}

fn names(bench: &mut Bench, by: &User) -> Vec<alloc::string::String> {
    use alloc::string::ToString;
    let mut names: Vec<_> = listed(bench, by).iter().map(|row| row.who.to_string()).collect();
    names.sort();
    names
}

fn row_of(user: &User) -> UserRow {
    UserRow { who: user.who.clone(), session: user.session, device: user.device, address: None }
}

#[test]
fn who_comes_is_announced_to_users_and_to_nobody_else() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let bob = bench.register(2, "bob");
    bench.guest(3, "visitor");
    bench.greet(4);
    let link = bench.greet(5);
    let seen = bench.ask(link, register("carol", PASSWORD));
    let [Seen::Answer(to, Message::LoggedIn(_)), Seen::Event(_), Seen::Push(told, Message::UserCame(_))] =
        seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    assert_eq!(*to, link);
    assert_eq!(*told, [alice.link, bob.link]);
    bench.close();
}

#[test]
fn two_sessions_of_a_user_are_two_rows_and_closing_one_leaves_the_user_online() {
    let mut bench = Bench::new();
    let bob = bench.register(3, "bob");
    let first = bench.register(1, "alice");
    let second = bench.login(2, "alice");
    assert_eq!(names(&mut bench, &bob), ["alice", "alice", "bob"]);
    let channel = bench.create(&bob, "general").record.channel;
    bench.join(&first, "general");
    bench.answer(first.link, Logout {});
    assert_eq!(names(&mut bench, &bob), ["alice", "bob"]);
    let members = ListMembers { channel, after: segment_proto::AccountId::NOBODY };
    let Message::MemberPage(page) = bench.answer(bob.link, members.clone()) else { panic!() };
    assert!(page.rows.iter().all(|row| row.presence == Presence::Online), "{page:?}");
    bench.cut(second.link);
    let Message::MemberPage(page) = bench.answer(bob.link, members) else { panic!() };
    let presence: Vec<_> = page.rows.iter().map(|row| (row.who.name.as_str(), row.presence)).collect();
    assert_eq!(presence, [("bob", Presence::Online), ("alice", Presence::Offline)]);
    bench.close();
}

#[test]
fn the_same_name_address_and_device_in_two_sessions_differ_by_session() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let second = bench.login(2, "alice");
    let rows = listed(&mut bench, &alice);
    let mut expected = [row_of(&alice), row_of(&second)];
    expected.sort_by_key(|row| row.session);
    assert_eq!(rows, expected);
    bench.close();
}

#[test]
fn an_invisible_user_is_listed_and_announced_to_nobody() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let link = bench.greet(1);
    let seen = bench.ask(link, Register { presence: Presence::Invisible, ..register("alice", PASSWORD) });
    assert!(matches!(seen[..], [Seen::Answer(_, Message::LoggedIn(_)), Seen::Event(_)]), "{seen:?}");
    assert_eq!(names(&mut bench, &bob), ["bob"]);
    let Message::UserPage(own) = bench.answer(link, ListUsers { after: None }) else { panic!() };
    assert_eq!(own.rows, [row_of(&bob)], "sees others, but not itself");
    let ended = bench.cut(link);
    assert!(ended.iter().all(|seen| matches!(seen, Seen::Event(_))), "{ended:?}");
    bench.close();
}

#[test]
fn an_invisible_user_hears_who_comes() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    bench.log_in(link, 1, Register { presence: Presence::Invisible, ..register("alice", PASSWORD) });
    let other = bench.greet(2);
    let seen = bench.ask(other, register("bob", PASSWORD));
    assert!(matches!(&seen[2], Seen::Push(to, Message::UserCame(_)) if *to == [link]), "{seen:?}");
    bench.close();
}

#[test]
fn going_invisible_looks_like_logging_out_and_coming_back_like_logging_in() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let alice = bench.register(1, "alice");
    let gone = UserGone { session: alice.session, who: alice.who.clone() };
    assert_eq!(
        bench.ask(alice.link, status(Presence::Invisible)),
        [Seen::Answer(alice.link, Done {}.into()), Seen::Push(alloc::vec![bob.link], gone.into())]
    );
    assert_eq!(names(&mut bench, &bob), ["bob"]);
    assert_eq!(bench.ask(alice.link, status(Presence::Invisible)), [Seen::Answer(alice.link, Done {}.into())]);
    let came = UserCame { row: row_of(&alice) };
    assert_eq!(
        bench.ask(alice.link, status(Presence::Online)),
        [Seen::Answer(alice.link, Done {}.into()), Seen::Push(alloc::vec![bob.link], came.into())]
    );
    bench.ask(alice.link, status(Presence::Invisible));
    let (who, session) = (alice.who.clone(), alice.session);
    assert_eq!(
        bench.ask(alice.link, Logout {}),
        [
            Seen::Event(TrackerEvent::SessionEnded { who, session, end: SessionEnd::LoggedOut }),
            Seen::Answer(alice.link, Done {}.into())
        ],
        "others have seen it go before"
    );
    bench.close();
}

#[test]
fn a_wish_is_online_or_invisible() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    for presence in [Presence::Offline, Presence::Unknown(7)] {
        assert_eq!(bench.reason(alice.link, status(presence)), Reason::Malformed);
    }
    bench.close();
}

#[test]
fn an_invisible_member_is_shown_as_offline() {
    let mut bench = Bench::new();
    let bob = bench.register(2, "bob");
    let alice = bench.register(1, "alice");
    let channel = bench.create(&bob, "general").record.channel;
    bench.join(&alice, "general");
    bench.ask(alice.link, status(Presence::Invisible));
    let members = ListMembers { channel, after: segment_proto::AccountId::NOBODY };
    let Message::MemberPage(page) = bench.answer(bob.link, members) else { panic!() };
    let presence: Vec<_> = page.rows.iter().map(|row| (row.who.name.as_str(), row.presence)).collect();
    assert_eq!(presence, [("bob", Presence::Online), ("alice", Presence::Offline)]);
    bench.close();
}

#[test]
fn who_hides_creates_no_channel_but_another_session_does() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let second = bench.login(2, "alice");
    bench.ask(second.link, status(Presence::Invisible));
    assert_eq!(bench.reason(second.link, create("general")), Reason::OwnerMayNotHide);
    bench.create(&alice, "general");
    bench.close();
}

#[test]
fn without_the_rule_of_hiding_invisible_users_are_seen() {
    let mut bench = Bench::with(Limits::default(), Rules::without(Rule::HideInvisible));
    let bob = bench.register(2, "bob");
    let link = bench.greet(1);
    let seen = bench.ask(link, Register { presence: Presence::Invisible, ..register("alice", PASSWORD) });
    assert!(matches!(&seen[2], Seen::Push(to, Message::UserCame(_)) if *to == [bob.link]));
    assert_eq!(names(&mut bench, &bob), ["alice", "bob"]);
    bench.close();
}

#[test]
fn a_link_without_room_is_not_pushed_to() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let bob = bench.register(2, "bob");
    bench.writable(alice.link, 0);
    let carol = bench.greet(3);
    let seen = bench.ask(carol, register("carol", PASSWORD));
    assert!(matches!(&seen[2], Seen::Push(to, Message::UserCame(_)) if *to == [bob.link]), "{seen:?}");
    bench.writable(bob.link, 0);
    let dave = bench.greet(4);
    bench.writable(carol, 0);
    let seen = bench.ask(dave, register("dave", PASSWORD));
    assert_eq!(seen.len(), 2, "nobody takes it: {seen:?}");
    bench.writable(alice.link, 1_000);
    let seen = bench.cut(dave);
    assert!(matches!(&seen[1], Seen::Push(to, Message::UserGone(_)) if *to == [alice.link]), "{seen:?}");
    assert_eq!(names(&mut bench, &alice), ["alice", "bob", "carol"], "listing shows what was missed");
    bench.close();
}
