//! Creating, finding, joining and leaving channels.

use alloc::string::ToString;
use alloc::vec::Vec;

use segment_proto::messages::*;
use segment_proto::{Access, AccountId, ChannelId, Message, Reason, View, Visitors};

use crate::store::Table;
use crate::tracker::bench::{Bench, START, Seen, TRACKER, create, find, join, leave};
use crate::tracker::events::TrackerEvent;

#[test]
fn a_channel_is_written_and_then_answered() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.hold();
    assert_eq!(bench.ask(alice.link, create("#General")), []);
    assert_eq!(bench.reason(alice.link, find("general")), Reason::NoSuchChannel, "not before it is on disk");
    let seen = bench.release();
    let [Seen::Event(TrackerEvent::ChannelCreated { channel }), Seen::Answer(to, Message::ChannelFound(found))] =
        seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    let row = &found.row;
    assert!(row.record.is_signed_by(&TRACKER, &bench.config.identity.verifier()));
    assert_eq!((*to, row.record.channel, &found.epoch), (alice.link, *channel, &None));
    assert_eq!((row.record.name.as_str(), &row.record.owner), ("general", &alice.who));
    assert_eq!((row.record.host, row.record.created, row.record.revision), (alice.device, START.wall, 1));
    assert_eq!((row.view, row.visitors), (View::Public, Visitors::Read));
    assert_eq!((row.host, row.host_present, row.joined), (None, false, true));
    assert_eq!([Table::Channel, Table::Member].map(|table| bench.store.count(table)), [1, 1]);
    bench.held = None;
    bench.close();
}

#[test]
fn bad_channels_are_refused() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let bob = bench.register(2, "bob");
    bench.create(&alice, "general");
    let cases = [
        (create(""), Reason::BadName),
        (create("#"), Reason::BadName),
        (create("two words"), Reason::BadName),
        (create(&"n".repeat(65)), Reason::BadName),
        (create("general"), Reason::NameTaken),
        (create("GENERAL"), Reason::NameTaken),
        (create("genera1"), Reason::NameTaken),
        (CreateChannel { view: View::Unknown(7), ..create("new") }, Reason::Malformed),
        (CreateChannel { visitors: Visitors::Unknown(7), ..create("new") }, Reason::Malformed),
    ];
    for (message, reason) in cases {
        let shown = alloc::format!("{message:?}");
        assert_eq!(bench.reason(bob.link, message), reason, "{shown}");
    }
    bench.create(&bob, "new");
    bench.close();
}

#[test]
fn of_two_creations_of_one_name_one_wins() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    bench.hold();
    assert_eq!(bench.ask(alice.link, create("general")), []);
    assert_eq!(bench.reason(bob.link, create("General")), Reason::NameTaken);
    bench.release();
    bench.held = None;
    bench.close();
}

#[test]
fn a_link_lost_while_a_channel_is_written_leaves_the_channel() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.hold();
    bench.ask(alice.link, create("general"));
    bench.cut(alice.link);
    let seen = bench.release();
    assert!(matches!(seen[..], [Seen::Event(TrackerEvent::ChannelCreated { .. })]), "{seen:?}");
    bench.held = None;
    let alice = bench.resume(1, &alice);
    assert!(matches!(bench.answer(alice.link, find("general")), Message::ChannelFound(found) if found.row.joined));
    bench.close();
}

#[test]
fn who_logs_out_while_something_is_written_is_answered_all_the_same() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    bench.create(&alice, "general");
    bench.hold();
    assert_eq!(bench.ask(bob.link, join("general")), []);
    bench.ask(bob.link, Logout {});
    let failure = Failure::new(Reason::LoginRequired, "");
    assert_eq!(bench.release()[0], Seen::Answer(bob.link, failure.into()));
    assert_eq!(bench.release(), [Seen::Answer(bob.link, Done {}.into())]);
    bench.held = None;
    assert_eq!(bench.store.count(Table::Member), 2, "it has joined");
    bench.close();
}

#[test]
fn channels_are_limited_per_account_per_tracker_and_by_what_one_may_join() {
    let mut bench = Bench::with_limits(|limits| {
        limits.channels_per_account_max = 1;
        limits.channels_max = 2;
    });
    let users = [bench.register(1, "alice"), bench.register(2, "bob"), bench.register(3, "carol")];
    bench.create(&users[0], "one");
    assert_eq!(bench.reason(users[0].link, create("more")), Reason::LimitReached);
    bench.create(&users[1], "two");
    assert_eq!(bench.reason(users[2].link, create("three")), Reason::LimitReached);
    bench.close();

    let mut bench = Bench::with_limits(|limits| limits.joined_channels_max = 1);
    let alice = bench.register(1, "alice");
    bench.create(&alice, "one");
    assert_eq!(bench.reason(alice.link, create("two")), Reason::LimitReached);
    bench.close();
}

#[test]
fn joining_is_written_and_then_answered_and_joining_again_changes_nothing() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    bench.create(&alice, "general");
    let Message::ChannelFound(found) = bench.answer(bob.link, find("#GENERAL")) else { panic!() };
    assert!(!found.row.joined);
    bench.hold();
    assert_eq!(bench.ask(bob.link, join("general")), []);
    let seen = bench.release();
    let joined = ChannelFound { row: ChannelRow { joined: true, ..found.row }, epoch: None };
    assert_eq!(seen, [Seen::Answer(bob.link, joined.clone().into())]);
    assert_eq!(bench.ask(bob.link, join("general")), [Seen::Answer(bob.link, joined.into())]);
    assert_eq!(bench.waiting(), 0);
    bench.held = None;
    bench.close();
}

#[test]
fn what_does_not_exist_cannot_be_found() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    bench.create(&alice, "general");
    for name in ["other", "genera1", "generals"] {
        assert_eq!(bench.reason(alice.link, find(name)), Reason::NoSuchChannel, "{name}");
        assert_eq!(bench.reason(alice.link, join(name)), Reason::NoSuchChannel, "{name}");
    }
    assert_eq!(bench.reason(alice.link, find("no name")), Reason::BadName);
    assert_eq!(bench.reason(alice.link, join("")), Reason::BadName);
    let nowhere = ChannelId::from_random([3; 16]);
    assert_eq!(bench.reason(alice.link, leave(nowhere)), Reason::NoSuchChannel);
    let members = ListMembers { channel: nowhere, after: AccountId::NOBODY };
    assert_eq!(bench.reason(alice.link, members), Reason::NoSuchChannel);
    bench.close();
}

#[test]
fn a_members_channel_is_neither_listed_nor_entered_by_others() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let row = bench.create_with(&alice, CreateChannel { view: View::Members, ..create("hidden") });
    for message in [Message::from(join("hidden")), find("hidden").into()] {
        assert_eq!(bench.reason(bob.link, message), Reason::NoSuchChannel, "as if it were not there");
    }
    let guest = bench.guest(3, "vera");
    assert_eq!(bench.reason(guest.link, find("hidden")), Reason::NoSuchChannel);
    let members = ListMembers { channel: row.record.channel, after: AccountId::NOBODY };
    assert_eq!(bench.reason(bob.link, members), Reason::MembersOnly);
    let all = ListChannels { filter: ChannelFilter::All, after: "".to_string() };
    assert_eq!(bench.answer(bob.link, all.clone()), ChannelPage { rows: Vec::new(), more: false }.into());
    assert_eq!(bench.answer(alice.link, all), ChannelPage { rows: alloc::vec![row], more: false }.into());
    bench.close();
}

#[test]
fn leaving_is_written_and_then_answered_and_the_owner_stays() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let channel = bench.create(&alice, "general").record.channel;
    bench.join(&bob, "general");
    bench.hold();
    assert_eq!(bench.ask(bob.link, leave(channel)), []);
    assert_eq!(bench.release(), [Seen::Answer(bob.link, Done {}.into())]);
    assert_eq!(bench.store.count(Table::Member), 1);
    assert_eq!(bench.ask(bob.link, leave(channel)), [Seen::Answer(bob.link, Done {}.into())], "it has left");
    bench.held = None;
    assert_eq!(bench.reason(alice.link, leave(channel)), Reason::NotNow);
    bench.close();
}

#[test]
fn members_of_a_channel_are_limited_those_being_written_included() {
    let mut bench = Bench::with_limits(|limits| limits.members_per_channel_max = 2);
    let users = [bench.register(1, "alice"), bench.register(2, "bob"), bench.register(3, "carol")];
    let channel = bench.create(&users[0], "general").record.channel;
    bench.hold();
    assert_eq!(bench.ask(users[1].link, join("general")), []);
    assert_eq!(bench.reason(users[2].link, join("general")), Reason::LimitReached);
    bench.release();
    bench.held = None;
    bench.answer(users[1].link, leave(channel));
    assert!(bench.join(&users[2], "general").joined);
    bench.close();
}

#[test]
fn a_member_joins_a_limited_number_of_channels() {
    let mut bench = Bench::with_limits(|limits| limits.joined_channels_max = 2);
    for (device, name) in [(1, "one"), (2, "two"), (3, "three")] {
        let owner = bench.register(device, name);
        bench.create(&owner, name);
    }
    let bob = bench.register(9, "bob");
    bench.join(&bob, "one");
    bench.join(&bob, "two");
    assert_eq!(bench.reason(bob.link, join("three")), Reason::LimitReached);
    bench.close();
}

#[test]
fn who_is_shown_a_channel_is_who_may_read_it() {
    let access = Access::new(AccountId(1), View::Members, Visitors::Read);
    let seen = |account| super::super::creating::may_see(&access, AccountId(account));
    assert_eq!([seen(1), seen(2), seen(0)], [Ok(()), Err(Reason::MembersOnly), Err(Reason::NoVisitors)]);
}

#[test]
fn a_lost_channel_is_brought_back_by_its_host_or_owner_with_what_the_tracker_signed() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let bob = bench.register(2, "bob");
    let old = bench.store.clone();
    let record = bench.create(&alice, "general").record;
    bench.store = old;
    bench.restart();
    let (alice, bob) = (bench.resume(1, &alice), bench.resume(2, &bob));
    let restore = |record| RestoreChannel { record };
    assert_eq!(bench.reason(bob.link, restore(record.clone())), Reason::NotHost);
    let forged = segment_proto::Signed::new((*record).clone(), &segment_proto::Identity::simulated(alice.device));
    assert_eq!(bench.reason(alice.link, restore(forged)), Reason::BadSignature);
    for again in [false, true] {
        let Message::ChannelFound(found) = bench.answer(alice.link, restore(record.clone())) else { panic!("{again}") };
        assert_eq!((found.row.record, found.row.joined), (record.clone(), true));
    }
    assert_eq!([Table::Channel, Table::Member].map(|table| bench.store.count(table)), [1, 1]);
    bench.close();
}
