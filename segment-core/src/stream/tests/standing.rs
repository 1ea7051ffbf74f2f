//! What an outage must not lead to; found by worlds of streams.

use alloc::vec;
use alloc::vec::Vec;

use segment_proto::messages::Unfollow;
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
fn what_was_under_way_when_a_parent_was_left_leaves_no_hole() {
    let mut source = Source::new(vec![video()]);
    source.tell(9, 9, follow(9, &[]));
    source.key();
    let first = source.chunks(9);
    for _ in 0..3 {
        source.delta();
    }
    source.key();
    let under_way = source.chunks(9);
    assert_eq!(places(&under_way), [1, 2, 3, 0]);

    let mut sink = Sink::with_plan(9, STREAMER, &[]);
    sink.hear_all(STREAMER, first);
    sink.pass(200);
    assert_eq!(sink.viewer.parent(), None);
    sink.rig.out.clear();
    // It shows that the parent lives, and goes past.
    sink.hear_all(STREAMER, under_way);
    assert_eq!(sink.rig.said()[..], ["1: taken 20", "1: follow [(2, 1000, 0)]"]);
    source.tell(9, 9, Unfollow { stream: stream() }.into());
    source.tell(9, 9, follow(9, &[(VIDEO, 1_000, 0)]));
    sink.hear_all(STREAMER, source.chunks(9));
    let shown: Vec<_> = sink.rig.said().into_iter().filter(|line| line.starts_with("shows")).collect();
    assert_eq!(shown, ["shows 1000.1 of 2", "shows 1000.2 of 2", "shows 1000.3 of 2", "shows 1001.0 of 2"]);
}

#[test]
fn behind_what_went_past_the_next_frame_is_taken_and_all_that_follows() {
    let mut source = Source::new(vec![video()]);
    let mut sink = Sink::with_plan(9, STREAMER, &[]);
    source.tell(9, 9, follow(9, &[]));
    let key = source.key();
    sink.hear_all(STREAMER, source.chunks(9));
    sink.pass(200);
    source.delta();
    sink.hear_all(STREAMER, source.chunks(9));
    source.tell(9, 9, Unfollow { stream: stream() }.into());
    source.push(VIDEO, FrameFlags::DISCARDABLE, 10);
    source.delta();
    sink.rig.out.clear();
    source.tell(9, 9, follow(9, &[(VIDEO, key.group, 0)]));
    sink.hear_all(STREAMER, source.chunks(9));
    let shown: Vec<_> = sink.rig.said().into_iter().filter(|line| line.starts_with("shows")).collect();
    assert_eq!(shown, ["shows 1000.1 of 2", "shows 1000.2 of 2", "shows 1000.3 of 2"]);
}

#[test]
fn who_resumes_is_sent_the_very_next_frame_though_others_could_do_without() {
    let mut source = Source::new(vec![video()]);
    let key = source.key();
    for flags in [FrameFlags::DISCARDABLE, FrameFlags::NONE, FrameFlags::DISCARDABLE, FrameFlags::NONE] {
        source.push(VIDEO, flags, 10);
    }
    source.push(VIDEO, FrameFlags::NONE, 10);
    source.tell(7, 7, follow(7, &[(VIDEO, key.group, 0)]));
    assert_eq!(places(&source.chunks(7)), [1, 2, 4, 5]);
}

#[test]
fn what_is_taken_is_said_before_the_smallest_window_is_full() {
    let mut source = Source::new(vec![video()]);
    source.rig.limits.chunk_bytes = 4 * 1024;
    source.tell(9, 9, follow(9, &[]));
    source.push(VIDEO, FrameFlags::KEY, source.rig.limits.window_bytes_min);
    let mut sink = Sink::with_plan(9, STREAMER, &[]);
    sink.rig.out.clear();
    sink.hear_all(STREAMER, source.chunks(9));
    let taken: Vec<_> = sink.rig.said().into_iter().filter(|line| line.contains("taken")).collect();
    assert_eq!(taken, ["1: taken 8192", "1: taken 16384"]);
}
