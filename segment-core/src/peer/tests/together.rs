//! The whole way of a message: peers and a tracker, all of them real.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Presence, Secret};

use super::world::{ADA, KEN, TRACKER, World, ZOE, two};
use crate::peer::Unsent;
use crate::peer::events::{PeerEvent, Serving, Source};

fn sources(events: &[PeerEvent]) -> Vec<Source> {
    let source = |event: &PeerEvent| if let PeerEvent::Received { source, .. } = event { Some(*source) } else { None };
    events.iter().filter_map(source).collect()
}

#[test]
fn two_people_talk_through_the_host_and_everything_is_committed() {
    let (mut world, channel) = two();
    assert_eq!(world.serving(KEN, channel), Serving::Here);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
    world.send(KEN, channel, "hello");
    world.send(ADA, channel, "hi ken");
    world.wait(Duration::from_secs(1));
    let events = world.take(ADA);
    assert!(sources(&events).iter().all(|source| *source == World::source(KEN)), "{events:?}");
    for node in [KEN, ADA] {
        let expected = ["ken: hello".to_string(), "ada: hi ken".to_string()];
        assert_eq!(world.shows(node, channel), (expected.to_vec(), true), "node {node}");
        assert_eq!(world.peer(node).outgoing(channel).unwrap().count(), 0);
    }
    let suspicious = |event: &PeerEvent| matches!(event, PeerEvent::Suspicious { .. });
    assert!(!events.iter().any(suspicious), "{events:?}");
}

#[test]
fn messages_go_on_while_the_tracker_is_away_and_are_committed_when_it_is_back() {
    let (mut world, channel) = two();
    world.kill(TRACKER);
    world.send(ADA, channel, "anybody?");
    world.wait(Duration::from_secs(5));
    let (shown, committed) = world.shows(KEN, channel);
    assert_eq!((shown, committed), (alloc::vec!["ada: anybody?".to_string()], false));
    world.start(TRACKER);
    world.wait(Duration::from_secs(40));
    for node in [KEN, ADA] {
        assert_eq!(world.shows(node, channel), (alloc::vec!["ada: anybody?".to_string()], true), "node {node}");
    }
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn while_the_host_is_away_the_copy_is_read_and_written() {
    let (mut world, channel) = two();
    world.send(KEN, channel, "hello");
    world.wait(Duration::from_secs(1));
    world.kill(KEN);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.send(ADA, channel, "where are you?");
    world.wait(Duration::from_millis(50));
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
    let said = alloc::vec!["ken: hello".to_string(), "ada: where are you?".to_string()];
    assert_eq!(world.shows(ADA, channel), (said.clone(), true));
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.shows(ZOE, channel), (said.clone(), true));

    world.return_of(KEN, "ken");
    world.wait(Duration::from_secs(40));
    for node in [KEN, ADA, ZOE] {
        assert_eq!(world.shows(node, channel), (said.clone(), true), "node {node}");
    }
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn who_leaves_properly_is_missed_at_once() {
    let (mut world, channel) = two();
    world.does(KEN, |peer, now| peer.shutdown(now));
    world.wait(Duration::from_millis(1_100));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
}

#[test]
fn a_visitor_reads_with_names_and_writes_nothing() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "look");
    world.wait(Duration::from_secs(1));
    world.connect(ZOE);
    world.does(ZOE, |peer, now| peer.guest("zoe", now)).unwrap();
    world.join(ZOE);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ZOE, channel), Serving::Host(World::device(KEN)));
    assert_eq!(world.shows(ZOE, channel), (alloc::vec!["ada: look".to_string()], true));
    assert!(world.does(ZOE, |peer, now| peer.send(channel, "me too", now)).is_err());
}

#[test]
fn who_is_invisible_reads_from_the_copy_what_is_written_live() {
    let (mut world, channel) = two();
    world.does(ADA, |peer, now| peer.set_status(Presence::Invisible, now)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.take(ADA);
    world.send(KEN, channel, "is she gone?");
    world.wait(Duration::from_secs(1));
    assert_eq!(sources(&world.take(ADA)), [Source::Tracker]);
}

#[test]
fn who_logs_out_and_in_again_is_admitted_again() {
    let (mut world, channel) = two();
    world.does(ADA, |peer, now| peer.logout(now)).unwrap();
    assert_eq!(world.serving(ADA, channel), Serving::Nowhere);
    world.does(ADA, |peer, now| peer.login("ada", Secret("a password".into()), Presence::Online, now)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn a_left_channel_can_be_joined_again() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "first");
    world.wait(Duration::from_secs(1));
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    world.join(ADA);
    world.send(ADA, channel, "second");
    world.wait(Duration::from_secs(5));
    let expected = alloc::vec!["ada: first".to_string(), "ada: second".to_string()];
    for node in [KEN, ADA] {
        assert_eq!(world.shows(node, channel), (expected.clone(), true), "node {node}");
    }
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
}

#[test]
fn no_key_is_used_again_after_leaving_not_even_after_a_restart() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "first");
    world.wait(Duration::from_secs(1));
    world.kill(KEN);
    world.wait(Duration::from_secs(2));
    let before = world.does(ADA, |peer, now| peer.send(channel, "while the host is away", now)).unwrap();
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Drop, now)).unwrap();
    world.kill(ADA);
    world.return_of(ADA, "ada");
    world.join(ADA);
    world.kill(ADA);
    world.return_of(ADA, "ada");
    world.wait(Duration::from_secs(1));
    let key = world.does(ADA, |peer, now| peer.send(channel, "second", now)).unwrap();
    assert!((key.incarnation, key.seq) > (before.incarnation, before.seq), "{key:?} after {before:?}");
    world.return_of(KEN, "ken");
    world.wait(Duration::from_secs(40));
    let expected = ["ada: first", "ada: while the host is away", "ada: second"].map(ToString::to_string);
    assert_eq!(world.shows(KEN, channel), (expected.to_vec(), true));
}

#[test]
fn what_is_written_after_leaving_with_messages_on_their_way_comes_through() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "first");
    world.wait(Duration::from_secs(1));
    world.does(ADA, |peer, now| peer.send(channel, "on its way", now)).unwrap();
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Drop, now)).unwrap();
    world.does(ADA, |peer, now| peer.join("#general", now)).unwrap();
    world.does(ADA, |peer, now| peer.send(channel, "after", now)).unwrap();
    world.wait(Duration::from_secs(10));
    let (lines, committed) = world.shows(KEN, channel);
    assert_eq!((lines.last(), committed), (Some(&"ada: after".to_string()), true), "{lines:?}");
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
}

#[test]
fn at_rest_nothing_is_under_way() {
    let (mut world, _) = two();
    for _ in 0..20 {
        world.wait(Duration::from_millis(10));
        for node in [KEN, ADA] {
            let peer = world.peer(node);
            assert_eq!((peer.operations(), peer.stray_answers()), (0, 0), "node {node}");
        }
    }
}
