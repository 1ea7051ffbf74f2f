//! Visitors: named, reading, and nowhere written down.

use alloc::string::ToString;
use alloc::vec::Vec;

use segment_proto::messages::*;
use segment_proto::{AccountId, DeviceId, Message, Reason, Token, View, Visitors};

use crate::testing::TestStore;
use crate::tracker::bench::{Bench, PASSWORD, Seen, announce, create, find, guest, join, leave, login, resume, status};
use crate::tracker::events::{SessionEnd, TrackerEvent};

#[test]
fn a_visitor_gets_a_certificate_no_device_record_and_nothing_on_disk() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    let seen = bench.ask(link, guest("Vera"));
    let [Seen::Answer(_, Message::LoggedIn(login)), Seen::Event(TrackerEvent::LoggedIn { .. })] = seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    assert_eq!((login.who.account, login.who.to_string()), (AccountId::NOBODY, "~vera".to_string()));
    assert_eq!((&login.device, login.token), (&None, Token([0; 32])));
    assert_eq!((&login.certificate.who, login.certificate.device), (&login.who, DeviceId([1; 32])));
    assert_eq!(bench.store, TestStore::default());
    assert_eq!(bench.performed, []);
    bench.close();
}

#[test]
fn a_visitor_gives_a_name() {
    let mut bench = Bench::new();
    let link = bench.greet(1);
    for name in ["", " ", "a b", "\u{202e}evil", &"n".repeat(65)] {
        assert_eq!(bench.reason(link, guest(name)), Reason::BadName, "{name:?}");
    }
    bench.close();
}

#[test]
fn two_visitors_of_one_name_and_a_user_of_it_are_three() {
    let mut bench = Bench::new();
    let user = bench.register(1, "alex");
    let visitors = [bench.guest(2, "alex"), bench.guest(3, "alex")];
    let Message::UserPage(page) = bench.answer(user.link, ListUsers { after: None }) else { panic!() };
    let mut shown: Vec<_> = page.rows.iter().map(|row| (row.who.to_string(), row.session)).collect();
    let mut expected = alloc::vec![("alex".to_string(), user.session)];
    expected.extend(visitors.iter().map(|visitor| ("~alex".to_string(), visitor.session)));
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    bench.cut(visitors[0].link);
    let Message::UserPage(page) = bench.answer(user.link, ListUsers { after: None }) else { panic!() };
    assert_eq!(page.rows.len(), 2);
    bench.close();
}

#[test]
fn visitors_may_only_read() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let channel = bench.create(&alice, "general").record.channel;
    let vera = bench.guest(2, "vera");
    let refused: [Message; 5] = [
        status(Presence::Invisible).into(),
        ListUsers { after: None }.into(),
        create("own").into(),
        ListMembers { channel, after: AccountId::NOBODY }.into(),
        FindUser { name: "alice".to_string() }.into(),
    ];
    for message in refused {
        let name = message.name();
        assert_eq!(bench.reason(vera.link, message), Reason::VisitorsMayOnlyRead, "{name}");
    }
    let allowed: [Message; 7] = [
        announce(0).into(),
        RenewCertificate {}.into(),
        ListChannels { filter: ChannelFilter::All, after: "".to_string() }.into(),
        find("general").into(),
        join("general").into(),
        FindDevices { devices: alloc::vec![alice.device] }.into(),
        leave(channel).into(),
    ];
    for message in allowed {
        assert!(!matches!(bench.answer(vera.link, message), Message::Failure(_)));
    }
    bench.close();
}

#[test]
fn a_channel_may_refuse_visitors() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.create_with(&alice, CreateChannel { visitors: Visitors::Nothing, ..create("quiet") });
    bench.create_with(&alice, CreateChannel { view: View::Members, ..create("hidden") });
    bench.create(&alice, "open");
    let vera = bench.guest(2, "vera");
    for (name, reason) in [("quiet", Reason::NoVisitors), ("hidden", Reason::NoSuchChannel)] {
        assert_eq!(bench.reason(vera.link, join(name)), reason);
        assert_eq!(bench.reason(vera.link, find(name)), reason);
    }
    let all = ListChannels { filter: ChannelFilter::All, after: "".to_string() };
    let Message::ChannelPage(page) = bench.answer(vera.link, all) else { panic!() };
    let names: Vec<_> = page.rows.iter().map(|row| row.record.name.as_str()).collect();
    assert_eq!(names, ["open"]);
    bench.close();
}

#[test]
fn a_visitor_joins_for_its_session_and_is_no_member() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let channel = bench.create(&alice, "general").record.channel;
    let before = bench.store.clone();
    let vera = bench.guest(2, "vera");
    assert!(bench.join(&vera, "general").joined);
    assert_eq!(bench.store, before);
    let joined = ListChannels { filter: ChannelFilter::Joined, after: "".to_string() };
    let Message::ChannelPage(page) = bench.answer(vera.link, joined.clone()) else { panic!() };
    assert_eq!(page.rows.len(), 1);
    let members = ListMembers { channel, after: AccountId::NOBODY };
    let Message::MemberPage(page) = bench.answer(alice.link, members) else { panic!() };
    assert_eq!(page.rows.len(), 1, "the owner alone");
    bench.answer(vera.link, leave(channel));
    let Message::ChannelPage(page) = bench.answer(vera.link, joined) else { panic!() };
    assert_eq!(page.rows, []);
    let mine = ListChannels { filter: ChannelFilter::Mine, after: "".to_string() };
    let Message::ChannelPage(page) = bench.answer(vera.link, mine) else { panic!() };
    assert_eq!(page.rows, []);
    bench.join(&vera, "general");
    bench.close();
}

#[test]
fn visitors_hear_of_nobody_but_users_hear_of_them() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.guest(2, "vera");
    let link = bench.greet(3);
    let seen = bench.ask(link, guest("vito"));
    assert!(matches!(&seen[2], Seen::Push(to, Message::UserCame(_)) if *to == [alice.link]), "{seen:?}");
    bench.close();
}

#[test]
fn a_visitor_logs_out_and_is_gone() {
    let mut bench = Bench::new();
    let vera = bench.guest(1, "vera");
    let (who, session) = (vera.who.clone(), vera.session);
    assert_eq!(
        bench.ask(vera.link, Logout {}),
        [
            Seen::Event(TrackerEvent::SessionEnded { who, session, end: SessionEnd::LoggedOut }),
            Seen::Answer(vera.link, Done {}.into()),
        ]
    );
    assert_eq!(bench.reason(vera.link, resume(&vera, Presence::Online)), Reason::SessionExpired);
    bench.close();
}

#[test]
fn visitors_of_one_address_are_limited_but_not_those_of_this_machine() {
    let mut bench = Bench::with_limits(|limits| limits.visitors_per_address_max = 2);
    let enter = |bench: &mut Bench, device: u8, address: &str| {
        let link = bench.connect_from(device, address);
        bench.hello(link);
        (link, bench.answer(link, guest("vera")))
    };
    let (first, _) = enter(&mut bench, 1, "[2001:db8::1]:5");
    enter(&mut bench, 2, "[2001:db8::2]:5");
    let (_, third) = enter(&mut bench, 3, "[2001:db8:0:0:9::3]:5");
    assert!(matches!(third, Message::Failure(failure) if failure.reason == Reason::LimitReached), "same network");
    assert!(matches!(enter(&mut bench, 4, "[2001:db8:0:1::1]:5").1, Message::LoggedIn(_)), "another network");
    bench.cut(first);
    assert!(matches!(enter(&mut bench, 5, "[2001:db8::3]:5").1, Message::LoggedIn(_)));
    for device in 6..10 {
        assert!(matches!(enter(&mut bench, device, "127.0.0.1:5").1, Message::LoggedIn(_)));
    }
    bench.close();
}

#[test]
fn visits_are_limited() {
    let mut bench = Bench::with_limits(|limits| limits.joined_channels_max = 2);
    for (device, name) in [(1, "one"), (2, "two"), (3, "three")] {
        let owner = bench.register(device, name);
        bench.create(&owner, name);
    }
    let vera = bench.guest(9, "vera");
    bench.join(&vera, "one");
    bench.join(&vera, "two");
    bench.join(&vera, "two");
    assert_eq!(bench.reason(vera.link, join("three")), Reason::LimitReached);
    bench.close();
}

#[test]
fn a_device_of_an_account_may_visit() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.cut(alice.link);
    let link = bench.greet(1);
    let visitor = bench.log_in(link, 1, guest("someone"));
    assert_eq!(visitor.login.device, None);
    bench.answer(link, Logout {});
    bench.log_in(link, 1, resume(&alice, Presence::Online));
    bench.answer(link, Logout {});
    bench.log_in(link, 1, login("alice", PASSWORD));
    bench.close();
}
