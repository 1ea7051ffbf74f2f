//! From where a channel is served, and how that changes.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{ChannelChanged, Done, Failure, Presence, Removed, Subscribed, Watermarks};
use segment_proto::{AccountId, DeviceId, Fence, Limits, LinkId, Message, Position, Reason, Rights};

use super::bench::{Bench, HOST, LINK, channel, message, row, who};
use crate::contract::{DialFailure, Input, Machine, Output};
use crate::peer::TrackerState;
use crate::peer::channels::Membership;
use crate::peer::context::LOCAL;
use crate::peer::events::Serving;
use crate::peer::hosts::Reach;
use crate::peer::serving::{HostSituation, Place, Situation, place};

const HOST_LINK: LinkId = LinkId(2);

pub(super) fn subscribed() -> Subscribed {
    Subscribed {
        channel: channel(1),
        epoch: None,
        head: Position::START,
        receipt: None,
        rights: Rights::ALL,
        row: None,
    }
}

pub(super) fn serving(bench: &Bench) -> Serving {
    bench.peer.channel(channel(1)).unwrap().serving
}

/// Joined, the host linked and subscribed to.
pub(super) fn at_host() -> Bench {
    let mut bench = Bench::logged_in(vec![row(1, HOST, Some(4_000))]);
    bench.welcome(HOST_LINK, HOST);
    bench.answer(HOST_LINK, "Subscribe", subscribed());
    bench.out();
    assert_eq!(serving(&bench), Serving::Host(HOST));
    bench
}

#[test]
fn where_a_channel_is_served_from() {
    let (there, tracker) = (|reach| HostSituation::There(HOST, reach), Some(LINK));
    let at_host = Place::On(HOST_LINK, Serving::Host(HOST));
    let copy = Place::On(LINK, Serving::Copy);
    let here = Place::On(LOCAL, Serving::Here);
    let cases = [
        (Membership::Joined, HostSituation::Here, tracker, here),
        (Membership::Joined, HostSituation::Here, None, here),
        (Membership::Joined, there(Reach::Up(HOST_LINK)), tracker, at_host),
        (Membership::Joined, there(Reach::Up(HOST_LINK)), None, at_host),
        (Membership::Joined, there(Reach::Trying), tracker, Place::Undecided),
        (Membership::Joined, there(Reach::Trying), None, Place::Undecided),
        (Membership::Joined, there(Reach::Away), tracker, copy),
        (Membership::Joined, there(Reach::Away), None, Place::Nowhere),
        (Membership::Ended, HostSituation::Here, tracker, Place::Nowhere),
        (Membership::Ended, there(Reach::Up(HOST_LINK)), tracker, Place::Nowhere),
        (Membership::Ended, there(Reach::Away), tracker, Place::Nowhere),
    ];
    for (membership, host, tracker, expected) in cases {
        let situation = Situation { membership, host, tracker };
        assert_eq!(place(situation), expected, "{situation:?}");
    }
}

#[test]
fn a_host_that_is_there_is_dialled_by_its_key_and_subscribed_to_with_the_certificate() {
    let mut bench = Bench::connected();
    bench.log_in(vec![row(1, HOST, Some(4_000))]);
    let outputs = bench.take();
    let dial = outputs.iter().find_map(|output| if let Output::Dial(dial) = output { Some(*dial) } else { None });
    let dial = dial.unwrap();
    assert_eq!((dial.endpoint.key, dial.endpoint.address.port()), (Some(HOST), 4_000));
    assert_eq!(serving(&bench), Serving::Nowhere, "undecided until the dial has ended");
    bench.welcome(dial.link, HOST);
    let outputs = bench.take();
    let Message::Subscribe(subscribe) = message(&outputs, "Subscribe") else { panic!("not subscribed") };
    assert_eq!(subscribe.certificate.unwrap().who, who(1, "ken"));
    let out: Vec<String> = outputs.iter().map(super::bench::brief).collect();
    assert_eq!(out, ["to 2: ask Subscribe", "served from Host"]);
}

#[test]
fn a_host_that_cannot_be_dialled_leaves_the_copy_and_is_tried_on() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, Some(4_000))]);
    bench.input(Input::DialFailed { link: HOST_LINK, reason: DialFailure::Unreachable });
    assert_eq!(bench.out(), ["DialFailed", "to 1: ask Subscribe", "served from Copy"]);
    bench.wait(Limits::default().reconnect_first);
    assert_eq!(bench.out(), ["dial 3 at 4000"]);
    bench.welcome(LinkId(3), HOST);
    assert_eq!(bench.out(), ["to 1: ask Unsubscribe", "to 3: ask Subscribe", "served from Host"]);
}

#[test]
fn a_host_that_does_not_answer_in_time_is_not_waited_for() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, Some(4_000))]);
    bench.wait(Limits::default().host_patience - Duration::from_micros(1));
    assert_eq!(bench.out(), [] as [&str; 0]);
    bench.wait(Duration::from_micros(1));
    assert_eq!(bench.out(), ["to 1: ask Subscribe", "served from Copy"]);
}

#[test]
fn a_stranger_at_the_address_of_a_host_is_not_the_host() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, Some(4_000))]);
    bench.link_up(HOST_LINK, DeviceId([66; 32]));
    let expected = ["hang up 2: bad_signature", "DialFailed", "to 1: ask Subscribe", "served from Copy"];
    assert_eq!(bench.out(), expected);
}

#[test]
fn a_host_that_is_away_is_not_dialled() {
    let mut bench = Bench::connected();
    bench.log_in(vec![row(1, HOST, None)]);
    let out = bench.out();
    assert!(out.ends_with(&["to 1: ask Subscribe".into(), "served from Copy".into()]), "{out:?}");
    bench.push(LINK, ChannelChanged { row: row(1, HOST, Some(4_000)) });
    assert_eq!(bench.out(), ["write", "ChannelChanged", "dial 2 at 4000"]);
    bench.welcome(HOST_LINK, HOST);
    assert_eq!(bench.out(), ["to 1: ask Unsubscribe", "to 2: ask Subscribe", "served from Host"]);
}

#[test]
fn a_lost_host_may_be_back_in_a_moment_and_if_not_the_copy_is_read() {
    let mut bench = at_host();
    bench.input(Input::LinkDown { link: HOST_LINK });
    assert_eq!(bench.out(), ["LinkLost"]);
    bench.wait(Limits::default().reconnect_first);
    assert_eq!(bench.out(), ["dial 3 at 4000"]);
    bench.input(Input::DialFailed { link: LinkId(3), reason: DialFailure::Unreachable });
    assert_eq!(bench.out(), ["DialFailed", "to 1: ask Subscribe", "served from Copy"]);
}

#[test]
fn a_blip_of_the_host_link_is_not_told() {
    let mut bench = at_host();
    bench.input(Input::LinkDown { link: HOST_LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.out();
    bench.welcome(LinkId(3), HOST);
    assert_eq!(bench.out(), ["to 3: ask Subscribe"]);
    assert_eq!(serving(&bench), Serving::Host(HOST));
}

#[test]
fn a_host_that_the_tracker_has_lost_is_kept_for_a_moment_then_given_up() {
    let mut bench = at_host();
    bench.push(LINK, ChannelChanged { row: row(1, HOST, None) });
    assert_eq!(bench.out(), ["ChannelChanged"]);
    bench.wait(Limits::default().host_patience);
    let expected =
        ["to 2: push Goodbye", "hang up 2: shutting_down", "LinkLost", "to 1: ask Subscribe", "served from Copy"];
    assert_eq!(bench.out(), expected);
}

#[test]
fn a_lost_host_that_has_owed_an_answer_for_as_long_is_given_up_at_once() {
    let patience = Limits::default().host_patience;
    let lose = |owed: Duration, told_since: bool| {
        let mut bench = at_host();
        bench.wait(Limits::default().ping);
        assert!(bench.out().contains(&"to 2: ask Ping".into()));
        bench.wait(owed);
        if told_since {
            let marks = Watermarks { channel: channel(1), fence: Fence::default(), stored: 0, receipt: None };
            bench.push(HOST_LINK, marks);
        }
        bench.out();
        bench.push(LINK, ChannelChanged { row: row(1, HOST, None) });
        serving(&bench)
    };
    assert_eq!(lose(patience, false), Serving::Copy);
    assert_eq!(lose(patience - Duration::from_micros(1), false), Serving::Host(HOST));
    assert_eq!(lose(patience * 2, true), Serving::Host(HOST), "what it says is a sign of life");
}

#[test]
fn a_host_that_comes_back_in_that_moment_is_kept() {
    let mut bench = at_host();
    bench.push(LINK, ChannelChanged { row: row(1, HOST, None) });
    bench.push(LINK, ChannelChanged { row: row(1, HOST, Some(4_000)) });
    bench.out();
    bench.wait(Limits::default().host_patience * 2);
    assert_eq!(bench.out(), [] as [&str; 0]);
    assert_eq!(serving(&bench), Serving::Host(HOST));
}

#[test]
fn the_host_goes_on_serving_while_the_tracker_is_away() {
    let mut bench = at_host();
    bench.input(Input::LinkDown { link: LINK });
    assert_eq!(bench.out(), ["LinkLost", "TrackerLost"]);
    assert_eq!(serving(&bench), Serving::Host(HOST));
}

#[test]
fn the_copy_ends_with_the_tracker_link() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    bench.wait(Limits::default().host_patience);
    assert_eq!(serving(&bench), Serving::Copy);
    bench.out();
    bench.input(Input::LinkDown { link: LINK });
    assert_eq!(bench.out(), ["LinkLost", "TrackerLost", "served from Nowhere"]);
}

#[test]
fn after_a_restart_without_a_tracker_hosts_are_dialled_where_they_last_were() {
    let mut bench = at_host().restarted();
    let at = bench.peer.poll_timeout().unwrap();
    assert_eq!(at.why, "start");
    let now = bench.now();
    bench.peer.handle_timeout(now);
    assert_eq!(bench.out(), ["dial 1 at 4000"]);
    bench.welcome(LinkId(1), HOST);
    assert_eq!(bench.out(), ["to 1: ask Subscribe", "served from Host"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Idle);
}

#[test]
fn who_is_invisible_is_seen_by_the_tracker_only() {
    let mut bench = at_host();
    let now = bench.now();
    bench.peer.set_status(Presence::Invisible, now).unwrap();
    bench.answer(LINK, "SetStatus", Done {});
    let expected = [
        "write",
        "replied Done",
        "to 2: push Goodbye",
        "hang up 2: shutting_down",
        "LinkLost",
        "to 1: ask Subscribe",
        "served from Copy",
    ];
    assert_eq!(bench.out(), expected);
    bench.push(LINK, ChannelChanged { row: row(1, HOST, Some(4_001)) });
    bench.wait(Duration::from_secs(9));
    assert!(!bench.out().iter().any(|line| line.starts_with("dial")), "an invisible session has dialled a host");
    let mut bench = bench.restarted();
    let now = bench.now();
    bench.peer.handle_timeout(now);
    assert_eq!(bench.out(), [] as [&str; 0], "an invisible session has dialled a host after a restart");
}

#[test]
fn two_channels_of_one_host_share_a_link() {
    let mut bench = Bench::connected();
    bench.log_in(vec![row(1, HOST, Some(4_000)), row(2, HOST, Some(4_000))]);
    assert_eq!(bench.out().iter().filter(|line| line.starts_with("dial")).count(), 1);
    bench.welcome(HOST_LINK, HOST);
    let out = bench.out();
    assert_eq!(out.iter().filter(|line| *line == "to 2: ask Subscribe").count(), 2, "{out:?}");
}

#[test]
fn a_host_that_does_not_admit_is_asked_again_later_and_the_copy_read_meanwhile() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, Some(4_000))]);
    bench.welcome(HOST_LINK, HOST);
    bench.answer(HOST_LINK, "Subscribe", Failure::new(Reason::BadCertificate, ""));
    assert_eq!(bench.out(), ["to 2: ask Unsubscribe", "to 1: ask Subscribe", "served from Copy"]);
    bench.answer_pings_for(Limits::default().reconnect_max);
    let out = bench.out();
    assert!(out.contains(&"served from Host".into()), "{out:?}");
}

impl Bench {
    fn answer_pings_for(&mut self, time: Duration) {
        let end = self.at + time;
        while self.at < end {
            self.wait(Duration::from_secs(5).min(end - self.at));
            let wall = self.now().wall;
            self.push(LINK, segment_proto::messages::Pong { wall });
            self.push(HOST_LINK, segment_proto::messages::Pong { wall });
        }
    }
}

#[test]
fn who_is_removed_is_not_served_any_more() {
    let mut bench = at_host();
    let removed = Removed { channel: channel(1), account: AccountId(1), reason: Reason::MembersOnly };
    bench.push(HOST_LINK, removed);
    let out = bench.out();
    assert_eq!(out, ["Removed", "to 2: push Goodbye", "hang up 2: shutting_down", "LinkLost", "served from Nowhere"]);
    assert!(!bench.peer.channel(channel(1)).unwrap().member);
}

#[test]
fn what_another_link_says_about_a_channel_is_not_heard() {
    let mut bench = at_host();
    let removed = Removed { channel: channel(1), account: AccountId(1), reason: Reason::MembersOnly };
    bench.push(LINK, removed);
    assert_eq!(bench.out(), [] as [&str; 0]);
}

#[test]
fn a_record_that_the_tracker_has_not_signed_is_not_taken() {
    let mut bench = Bench::logged_in(Vec::new());
    let mut forged = row(1, HOST, None);
    forged.record = segment_proto::Signed::new((*forged.record).clone(), &segment_proto::Identity::simulated(HOST));
    bench.push(LINK, ChannelChanged { row: forged });
    let out = bench.out();
    assert_eq!(out[0], "suspicious: a channel's record that the tracker has not signed");
    assert!(bench.peer.channel(channel(1)).is_none());
}
