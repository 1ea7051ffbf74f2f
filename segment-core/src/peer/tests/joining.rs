//! Channels are joined, listed, left.

use alloc::vec;
use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::{ChannelChanged, ChannelFound, ChannelPage, Done, Failure, Presence};
use segment_proto::{Limits, LinkId, Message, Reason, RequestId};

use super::bench::{Bench, DEVICE, HOST, LINK, TRACKER, channel, logged_in, message, received, row, who};
use super::serving::{at_host, serving};
use crate::contract::{Input, Machine, Output};
use crate::peer::events::Serving;
use crate::peer::{CommandError, Unsent};

#[test]
fn a_joined_channel_is_on_disk_before_the_command_ends() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.join("#c1", now).unwrap();
    let (_, id) = bench.asked(LINK, "JoinChannel");
    bench.receive(
        LINK,
        segment_proto::frame::Role::Response,
        id,
        ChannelFound { row: row(1, HOST, None), epoch: None },
    );
    let out = bench.out();
    let (write, reply) = ("write", "replied Channel");
    let at = |what: &str| out.iter().position(|line| line == what).unwrap();
    assert!(at(write) < at(reply), "{out:?}");
    assert!(bench.restarted().peer.channel(channel(1)).is_some());
}

#[test]
fn a_refused_join_leaves_nothing() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.join("#c1", now).unwrap();
    bench.answer(LINK, "JoinChannel", Failure::new(Reason::MembersOnly, ""));
    assert_eq!(bench.out(), ["replied members_only"]);
    assert_eq!(bench.peer.channels().count(), 0);
}

#[test]
fn no_more_channels_are_joined_than_may_be() {
    let limits = Limits { joined_channels_max: 1, ..Limits::default() };
    let mut bench = Bench::with(crate::testing::TestStore::default(), limits);
    bench.connect(LINK);
    bench.log_in(vec![row(1, HOST, None)]);
    let now = bench.now();
    assert_eq!(bench.peer.join("c2", now), Err(CommandError::TooManyChannels(1)));
    bench.out();
    bench.push(LINK, ChannelChanged { row: row(2, HOST, None) });
    assert_eq!(bench.peer.channels().count(), 1);
}

#[test]
fn a_left_channel_leaves_nothing_behind() {
    let mut bench = at_host();
    let now = bench.now();
    bench.peer.leave(channel(1), Unsent::Keep, now).unwrap();
    bench.answer(LINK, "LeaveChannel", Done {});
    let out = bench.out();
    let expected = [
        "to 2: ask Unsubscribe",
        "write",
        "to 2: push Goodbye",
        "hang up 2: shutting_down",
        "LinkLost",
        "replied Done",
    ];
    assert_eq!(out, expected);
    assert_eq!(bench.peer.channels().count(), 0);
    assert_eq!(bench.store.count(crate::store::Table::Joined), 0);
    assert_eq!(bench.peer.pending(), 0);
}

#[test]
fn who_leaves_is_told_so_before_another_device_brings_the_channel_back() {
    let mut bench = at_host();
    let now = bench.now();
    bench.peer.leave(channel(1), Unsent::Keep, now).unwrap();
    let (_, id) = bench.asked(LINK, "LeaveChannel");
    let left = received(LINK, Role::Response, id, Done {});
    let joined = received(LINK, Role::Push, RequestId::NONE, ChannelChanged { row: row(1, HOST, None) });
    for input in [left, joined] {
        bench.peer.handle_input(input, now);
    }
    let expected = [
        "to 2: ask Unsubscribe",
        "write",
        "to 2: push Goodbye",
        "hang up 2: shutting_down",
        "LinkLost",
        "replied Done",
        "write",
        "ChannelChanged",
        "to 1: ask Subscribe",
        "served from Copy",
    ];
    assert_eq!(bench.out(), expected);
}

#[test]
fn a_channel_that_the_tracker_does_not_know_can_be_left() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    bench.out();
    let now = bench.now();
    bench.peer.leave(channel(1), Unsent::Keep, now).unwrap();
    bench.answer(LINK, "LeaveChannel", Failure::new(Reason::NoSuchChannel, ""));
    assert!(bench.out().contains(&"replied Done".into()));
    assert_eq!(bench.peer.channels().count(), 0);
}

#[test]
fn unsent_messages_are_not_dropped_by_leaving_unless_that_is_said() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    let now = bench.now();
    bench.peer.send(channel(1), "wait for me", now).unwrap();
    bench.out();
    assert_eq!(bench.peer.leave(channel(1), Unsent::Keep, now), Err(CommandError::Unsent(1)));
    assert_eq!(bench.out(), [] as [&str; 0]);
    bench.peer.leave(channel(1), Unsent::Drop, now).unwrap();
    bench.answer(LINK, "LeaveChannel", Done {});
    bench.out();
    assert_eq!(bench.store.count(crate::store::Table::Outgoing), 0);
}

#[test]
fn a_channel_that_was_left_elsewhere_keeps_its_cache_but_is_not_served() {
    let mut bench = at_host();
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(3), TRACKER);
    bench.answer(LinkId(3), "ResumeSession", logged_in(who(1, "ken")));
    bench.answer(LinkId(3), "ListChannels", ChannelPage { rows: Vec::new(), more: false });
    let view = bench.peer.channel(channel(1)).unwrap();
    assert_eq!((view.member, view.serving), (false, Serving::Nowhere));
}

#[test]
fn a_list_of_many_pages_is_asked_for_page_by_page() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.login("ken", segment_proto::messages::Secret("a password".into()), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", logged_in(who(1, "ken")));
    bench.answer(LINK, "ListChannels", ChannelPage { rows: vec![row(1, HOST, None)], more: true });
    let outputs = bench.take();
    let Message::ListChannels(list) = message(&outputs, "ListChannels") else { panic!("not asked") };
    assert_eq!(list.after, "c1");
    let asked = outputs.iter().rev().find(|output| super::bench::brief(output) == "to 1: ask ListChannels");
    let Some(Output::Transmit { frame, .. }) = asked else { panic!("not asked") };
    let id = frame.header().unwrap().correlation;
    let page = ChannelPage { rows: vec![row(2, HOST, None)], more: false };
    bench.receive(LINK, segment_proto::frame::Role::Response, id, page);
    assert_eq!(bench.peer.channels().filter(|channel| channel.member).count(), 2);
}

#[test]
fn another_account_does_not_get_the_channels_of_the_first() {
    let mut bench = at_host();
    let now = bench.now();
    bench.peer.login("ada", segment_proto::messages::Secret("a password".into()), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", logged_in(who(2, "ada")));
    assert!(!bench.peer.channel(channel(1)).unwrap().member);
    assert_eq!(serving(&bench), Serving::Nowhere);
    let hosted = bench.peer.channels().filter(|channel| channel.record.host == DEVICE).count();
    assert_eq!(hosted, 0);
}
