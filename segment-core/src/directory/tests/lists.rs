//! Lists, page by page.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use segment_proto::limits::FRAME_BYTES_MAX;
use segment_proto::messages::*;
use segment_proto::{AccountId, DeviceId, LinkId, Message, Reason, View};

use crate::tracker::bench::{Bench, User, create};

fn channels(bench: &mut Bench, link: LinkId, filter: ChannelFilter) -> (Vec<String>, usize) {
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let Message::ChannelPage(page) = bench.answer(link, ListChannels { filter, after }) else { panic!() };
        assert!(segment_proto::Frame::push(&page).len() <= FRAME_BYTES_MAX);
        assert!(page.rows.len() <= bench.config.limits.page_rows_max);
        assert!(!page.rows.is_empty() || !page.more, "a page that leads nowhere");
        names.extend(page.rows.iter().map(|row| row.record.name.as_str().to_string()));
        pages += 1;
        if !page.more {
            return (names, pages);
        }
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn a_list_of_ten_thousand_channels_is_shown_whole() {
    let mut bench = Bench::with_limits(|limits| {
        limits.channels_per_account_max = 10_000;
        limits.joined_channels_max = 10_000;
    });
    let alice = bench.register(1, "alice");
    let names: Vec<String> = (0..10_000).map(|n| alloc::format!("channel-{n}-{}", "x".repeat(n % 40))).collect();
    for name in &names {
        bench.create(&alice, name);
    }
    let vera = bench.guest(2, "vera");
    let expected = sorted(names);
    for (link, filter) in [
        (alice.link, ChannelFilter::All),
        (alice.link, ChannelFilter::Mine),
        (alice.link, ChannelFilter::Joined),
        (vera.link, ChannelFilter::All),
    ] {
        let (shown, pages) = channels(&mut bench, link, filter);
        assert!(shown == expected, "{filter}: {} of {}", shown.len(), expected.len());
        assert!(pages >= 10_000 / 256, "{pages} pages");
    }
    bench.close();
}

#[test]
fn filters_show_what_they_say() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    bench.create(&alice, "a-public");
    bench.create_with(&alice, CreateChannel { view: View::Members, ..create("a-hidden") });
    bench.create(&bob, "b-public");
    bench.join(&bob, "a-public");
    let mut shown = |filter| channels(&mut bench, bob.link, filter).0;
    assert_eq!(shown(ChannelFilter::All), ["a-public", "b-public"]);
    assert_eq!(shown(ChannelFilter::Mine), ["b-public"]);
    assert_eq!(shown(ChannelFilter::Joined), ["a-public", "b-public"]);
    let unknown = ListChannels { filter: ChannelFilter::Unknown(8), after: "".to_string() };
    assert_eq!(bench.reason(bob.link, unknown), Reason::Malformed);
    bench.close();
}

#[test]
fn a_page_begins_behind_any_name_also_one_that_does_not_exist() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    ["a", "b", "c"].iter().for_each(|name| drop(bench.create(&alice, name)));
    for (after, expected) in [("", 3), ("#a", 2), ("aa", 2), ("b", 1), ("zzz", 0), ("\u{0}", 3)] {
        let list = ListChannels { filter: ChannelFilter::All, after: after.to_string() };
        let Message::ChannelPage(page) = bench.answer(alice.link, list) else { panic!() };
        assert_eq!((page.rows.len(), page.more), (expected, false), "{after:?}");
    }
    bench.close();
}

#[test]
fn users_and_members_are_paged() {
    let mut bench = Bench::with_limits(|limits| limits.page_rows_max = 3);
    let users: Vec<User> = (1..=7).map(|n| bench.register(n, &alloc::format!("user{n}"))).collect();
    let channel = bench.create(&users[0], "general").record.channel;
    users[1..].iter().for_each(|user| drop(bench.join(user, "general")));

    let (mut sessions, mut after) = (Vec::new(), None);
    loop {
        let Message::UserPage(page) = bench.answer(users[0].link, ListUsers { after }) else { panic!() };
        sessions.extend(page.rows.iter().map(|row| row.session));
        after = sessions.last().copied();
        if !page.more {
            break;
        }
    }
    let mut expected: Vec<_> = users.iter().map(|user| user.session).collect();
    expected.sort();
    assert_eq!(sessions, expected);

    let (mut accounts, mut after) = (Vec::new(), AccountId::NOBODY);
    loop {
        let list = ListMembers { channel, after };
        let Message::MemberPage(page) = bench.answer(users[1].link, list) else { panic!() };
        accounts.extend(page.rows.iter().map(|row| row.who.account));
        after = *accounts.last().unwrap();
        if !page.more {
            break;
        }
    }
    assert_eq!(accounts, (1..=7).map(AccountId).collect::<Vec<_>>());
    bench.close();
}

#[test]
fn a_user_is_found_by_the_exact_name() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let found = UserFound { account: alice.who.account, name: alice.who.name.clone() };
    for name in ["alice", "@alice", "ALICE"] {
        let find = FindUser { name: name.to_string() };
        assert_eq!(bench.answer(alice.link, find), found.clone().into(), "{name}");
    }
    for (name, reason) in [("a1ice", Reason::NoSuchUser), ("bob", Reason::NoSuchUser), ("a b", Reason::BadName)] {
        assert_eq!(bench.reason(alice.link, FindUser { name: name.to_string() }), reason, "{name}");
    }
    bench.close();
}

#[test]
fn devices_are_found_with_their_records_and_strangers_left_out() {
    let mut bench = Bench::with_limits(|limits| limits.page_rows_max = 2);
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let stranger = DeviceId([9; 32]);
    let find = |devices: &[DeviceId]| FindDevices { devices: devices.to_vec() };
    let Message::DevicePage(page) = bench.answer(alice.link, find(&[stranger, bob.device])) else { panic!() };
    assert_eq!(page.records, [bob.login.device.clone().unwrap()]);
    assert_eq!(bench.answer(alice.link, find(&[])), DevicePage { records: Vec::new() }.into());
    assert_eq!(bench.reason(alice.link, find(&[alice.device, bob.device, stranger])), Reason::TooLarge);
    bench.close();
}
