//! What a slow link, a lie or a break must not lead to; found by worlds of streams.

use alloc::vec;
use alloc::vec::Vec;

use segment_proto::{FrameFlags, Message};

use super::rig::*;

fn places(messages: &[Message]) -> Vec<u32> {
    let place = |message: &Message| if let Message::Chunk(chunk) = message { Some(chunk.place.frame) } else { None };
    messages.iter().filter_map(place).collect()
}

#[test]
fn who_resumes_behind_an_outage_gets_what_the_ring_has() {
    let mut source = Source::new(vec![video()]);
    let key = source.key();
    source.delta();
    source.rig.pass(400);
    let next = source.key();
    source.delta();
    source.rig.pass(300);
    source.tell(7, 7, follow(7, &[(VIDEO, key.group, 0)]));
    assert_eq!(next.group, key.group + 1);
    assert_eq!(places(&source.chunks(7)), [1, 0, 1]);
}

#[test]
fn a_slow_link_is_learned_when_a_silent_parent_is_heard_after_all() {
    let mut source = Source::new(vec![video()]);
    source.tell(9, 9, follow(9, &[]));
    source.key();
    let first = source.chunks(9);
    let mut sink = Sink::with_plan(9, STREAMER, &[]);
    sink.hear_all(STREAMER, first);
    sink.rig.out.clear();
    sink.pass(160);
    assert!(sink.rig.said().contains(&"1: unfollow".into()));
    sink.pass(140);
    source.push(VIDEO, FrameFlags::KEY, 10);
    let late = source.chunks(9);
    sink.hear_all(STREAMER, late.clone());
    sink.pass(800);
    sink.rig.out.clear();
    source.key();
    sink.hear_all(STREAMER, source.chunks(9));
    sink.pass(400);
    assert_eq!(sink.viewer.parent(), Some(device(STREAMER)), "twice the silence that it was is borne");
}
