//! Streams between real peers: who finds whom, and who is seen.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use segment_proto::messages::{Presence, StreamRow};
use segment_proto::{ChannelId, FrameFlags, StreamId, Track, TrackKind};

use super::world::{ADA, KEN, World, ZOE, two};
use crate::peer::commands::StreamOptions;
use crate::peer::events::{PeerEvent, Reply, Serving};

fn start(world: &mut World, node: usize, channel: ChannelId) -> StreamId {
    let track = Track {
        track: 1,
        kind: TrackKind::Video,
        codec: "test".to_string(),
        format: "".to_string(),
        rate_bps: 1_000_000,
        interval_us: 33_000,
    };
    let options = StreamOptions { title: "test".to_string(), tracks: alloc::vec![track], uplink_kbps: 100_000 };
    world.does(node, |peer, now| peer.start_stream(channel, options, now)).unwrap().0
}

fn replies(world: &mut World, node: usize) -> Vec<Reply> {
    let reply = |event| if let PeerEvent::Replied { reply: Ok(reply), .. } = event { Some(reply) } else { None };
    world.take(node).into_iter().filter_map(reply).collect()
}

fn list(world: &mut World, node: usize, channel: ChannelId) -> Vec<StreamRow> {
    world.take(node);
    world.does(node, |peer, now| peer.list_streams(channel, now)).unwrap();
    match replies(world, node).as_slice() {
        [Reply::Streams(page)] => page.rows.clone(),
        other => panic!("{other:?}"),
    }
}

fn watch(world: &mut World, node: usize, channel: ChannelId) {
    let row = list(world, node, channel).remove(0);
    world.does(node, |peer, now| peer.watch(&row.description, 10_000, now)).unwrap();
    assert_eq!(replies(world, node), [Reply::Done], "may watch");
}

/// Frames that are shown of so many that are sent, a tenth of a second apart.
fn shown(world: &mut World, from: usize, stream: StreamId, to: usize, frames: usize) -> usize {
    world.take(to);
    for _ in 0..frames {
        let payload = Bytes::from_static(b"picture");
        world.does(from, |peer, now| peer.push_frame(stream, 1, 0, FrameFlags::KEY, &payload, now)).unwrap();
        world.wait(Duration::from_millis(100));
    }
    world.take(to).iter().filter(|event| matches!(event, PeerEvent::FrameReady { .. })).count()
}

/// In a channel of Ken's, whom Zoe's stream does not go through.
fn zoe_streams_to_hidden_ada() -> (World, ChannelId, StreamId) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.wait(Duration::from_secs(1));
    let stream = start(&mut world, ZOE, channel);
    hide(&mut world, ADA);
    watch(&mut world, ADA, channel);
    (world, channel, stream)
}

fn hide(world: &mut World, node: usize) {
    world.does(node, |peer, now| peer.set_status(Presence::Invisible, now)).unwrap();
    world.wait(Duration::from_secs(1));
}

fn linked(world: &World, a: usize, b: usize) -> bool {
    world.links.iter().any(|((from, _), (to, _))| (*from, *to) == (a, b))
}

#[test]
fn who_is_invisible_watches_what_the_host_streams_and_is_not_listed() {
    let (mut world, channel) = two();
    let stream = start(&mut world, KEN, channel);
    hide(&mut world, ADA);
    watch(&mut world, ADA, channel);
    assert_eq!(shown(&mut world, KEN, stream, ADA, 10), 10);
    assert_eq!(world.serving(ADA, channel), Serving::Copy, "the link to the host is for the stream only");
    world.take(KEN);
    world.does(KEN, |peer, now| peer.list_viewers(channel, stream, None, now)).unwrap();
    let Some(Reply::Viewers(page)) = replies(&mut world, KEN).pop() else { panic!() };
    assert_eq!((page.rows.len(), list(&mut world, KEN, channel)[0].viewers), (0, 0));
}

#[test]
fn who_is_invisible_has_a_link_to_whom_the_stream_comes_from_and_to_nobody_else() {
    let (mut world, _, stream) = zoe_streams_to_hidden_ada();
    assert_eq!(shown(&mut world, ZOE, stream, ADA, 10), 10);
    assert_eq!((linked(&world, ADA, ZOE), linked(&world, ADA, KEN)), (true, false));
    world.does(ADA, |peer, now| peer.unwatch(stream, now)).unwrap();
    world.wait(Duration::from_secs(1));
    assert!(!linked(&world, ADA, ZOE));
}

#[test]
fn who_is_invisible_goes_on_watching_while_the_host_comes_and_goes() {
    let (mut world, channel, stream) = zoe_streams_to_hidden_ada();
    world.kill(KEN);
    world.wait(Duration::from_secs(5));
    assert_eq!(shown(&mut world, ZOE, stream, ADA, 10), 10);
    assert_eq!(list(&mut world, ADA, channel).len(), 1, "the tracker knows of it");
    world.return_of(KEN, "ken");
    world.wait(Duration::from_secs(10));
    assert_eq!(list(&mut world, ADA, channel).len(), 1, "and so does the host that is back");
    assert_eq!(shown(&mut world, ZOE, stream, ADA, 10), 10);
}

#[test]
fn who_becomes_invisible_while_watching_loses_nothing_and_is_listed_no_longer() {
    let (mut world, channel) = two();
    let stream = start(&mut world, KEN, channel);
    watch(&mut world, ADA, channel);
    assert_eq!(list(&mut world, KEN, channel)[0].viewers, 1);
    hide(&mut world, ADA);
    assert_eq!(list(&mut world, KEN, channel)[0].viewers, 0);
    assert_eq!(shown(&mut world, KEN, stream, ADA, 10), 10);
}
