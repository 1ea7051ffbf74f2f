use alloc::vec;

use bytes::Bytes;
use segment_proto::messages::Chunk;
use segment_proto::*;

use super::rig::*;
use crate::rules::{Rule, Rules};
use crate::stream::{StreamEvent, StreamOutput};

/// A streamer, a relay that follows it on link 5, and the relay's own viewer 9 on link 9.
fn chain() -> (Source, Sink) {
    let mut source = Source::new(vec![video()]);
    let mut relay = Sink::with_plan(5, STREAMER, &[7]);
    assert_eq!(relay.rig.said(), ["1: follow []"]);
    source.key();
    source.tell(5, 5, follow(5, &[]));
    relay.hear_all(STREAMER, source.chunks(5));
    relay.hear(9, follow(9, &[]));
    let shown = ["parent None -> Some(1)", "shows 1000.0 of 2"];
    assert_eq!(relay.rig.said()[..2], shown);
    (source, relay)
}

fn pass_on(source: &mut Source, relay: &mut Sink) {
    relay.hear_all(STREAMER, source.chunks(5));
}

#[test]
fn a_relay_passes_chunks_on_as_they_come_and_the_last_when_the_frame_is_genuine() {
    let (mut source, mut relay) = chain();
    source.push(VIDEO, FrameFlags::KEY, 250);
    let messages = source.chunks(5);
    relay.hear_all(STREAMER, messages[..2].to_vec());
    assert_eq!(relay.rig.said(), ["9: group 1001 of 2 by [1, 5]", "9: 1001.0/0 of 2"]);
    relay.hear(STREAMER, messages[2].clone());
    assert_eq!(relay.rig.said(), ["9: 1001.0/1 of 2"]);
    let mut forged = messages[3].clone();
    let Message::Chunk(chunk) = &mut forged else { panic!() };
    chunk.payload = Bytes::from(vec![9; chunk.payload.len()]);
    relay.hear(STREAMER, forged);
    let left = [
        "1: Unfollow",
        "left 1 bad_signature",
        "report lost 1 Some(7)",
        "parent Some(1) -> None",
        "7: follow [(2, 1000, 0)]",
    ];
    assert_eq!(relay.rig.said(), left);
    // The other parent sends the frame from its beginning: the viewer below is told to begin it anew.
    relay.hear_all(7, messages);
    let again: vec::Vec<_> = relay.rig.said().into_iter().filter(|line| line.starts_with("9: 1001")).collect();
    assert_eq!(again, ["9: 1001.0/0 of 2", "9: 1001.0/1 of 2", "9: 1001.0/2 of 2"]);
}

#[test]
fn a_frame_of_one_chunk_is_shown_as_it_came() {
    let (mut source, mut relay) = chain();
    source.key();
    let chunks = source.chunks(5);
    let Some(Message::Chunk(Chunk { payload, .. })) = chunks.last().cloned() else { panic!() };
    relay.hear_all(STREAMER, chunks);
    let shown = relay.rig.out.iter().find_map(|output| match output {
        StreamOutput::Event(_, StreamEvent::Frame(frame)) => Some(frame.clone()),
        _ => None,
    });
    let shown = shown.unwrap();
    assert_eq!((shown.payload.as_ptr(), shown.flags, shown.track), (payload.as_ptr(), FrameFlags::KEY, VIDEO));
}

#[test]
fn a_forged_frame_is_shown_only_without_the_rule_and_its_sender_kept_only_without_the_other() {
    let forge = |rules: Rules| {
        let (mut source, mut relay) = chain();
        relay.rig.rules = rules;
        source.key();
        let mut chunks = source.chunks(5);
        let Some(Message::Chunk(chunk)) = chunks.last_mut() else { panic!() };
        let header = **chunk.header.as_ref().unwrap();
        chunk.header = Some(Signed::new(header, &identity(7)));
        relay.rig.said();
        relay.hear_all(STREAMER, chunks);
        let said = relay.rig.said();
        (said.iter().any(|line| line.starts_with("shows")), relay.viewer.parent().is_some())
    };
    assert_eq!(forge(Rules::all()), (false, false));
    assert_eq!(forge(Rules::without(Rule::FrameSigned)), (true, true));
    assert_eq!(forge(Rules::without(Rule::BadParentLeft)), (false, true));
}

#[test]
fn a_frame_without_its_keyframe_is_shown_only_without_the_rule() {
    let begin = |rules: Rules| {
        let (mut source, mut relay) = chain();
        relay.rig.rules = rules;
        source.key();
        source.chunks(5);
        source.delta();
        relay.rig.said();
        relay.hear_all(STREAMER, source.chunks(5));
        relay.rig.said().iter().any(|line| line.starts_with("shows"))
    };
    assert!(!begin(Rules::all()));
    assert!(begin(Rules::without(Rule::KeyFirst)));
}

#[test]
fn what_comes_twice_is_shown_once_whoever_sends_it() {
    let (mut source, mut relay) = chain();
    source.key();
    let chunks = source.chunks(5);
    relay.rig.said();
    relay.hear_all(STREAMER, chunks.clone());
    relay.hear_all(STREAMER, chunks);
    let shown = relay.rig.said().iter().filter(|line| line.starts_with("shows")).count();
    assert_eq!(shown, 1);
}

#[test]
fn who_finds_itself_on_the_way_leaves_that_parent() {
    let looped = |rules: Rules| {
        let (_, mut relay) = chain();
        relay.rig.rules = rules;
        let path = vec![device(STREAMER), device(5), device(8)];
        relay.rig.said();
        relay.hear(STREAMER, messages::GroupHeader { stream: stream(), track: VIDEO, group: 9, path }.into());
        (relay.rig.said(), relay)
    };
    let (said, mut relay) = looped(Rules::all());
    assert_eq!(said, ["1: Unfollow", "report lost 1 Some(7)", "parent Some(1) -> None", "7: follow [(2, 1000, 0)]"]);
    // It has done nothing that it must not: it may serve again as soon as the way is another.
    relay.pass(1_000);
    assert!(relay.rig.said().contains(&"1: follow [(2, 1000, 0)]".into()));
    assert!(looped(Rules::without(Rule::PathStopsLoops)).0.is_empty());
}

#[test]
fn a_relay_serves_no_more_than_it_can_and_only_while_it_is_served() {
    let mut alone = Sink::new(5);
    alone.hear(9, follow(9, &[]));
    assert_eq!(alone.rig.said(), ["9: unserved not_now"]);
    let (mut source, mut relay) = chain();
    source.key();
    pass_on(&mut source, &mut relay);
    (10..30).for_each(|viewer| relay.hear(viewer, follow(viewer, &[])));
    assert_eq!(relay.viewer.fanout().len(), 8);
    assert!(relay.rig.said().contains(&"29: unserved limit_reached".into()));
}

#[test]
fn a_relay_that_leaves_goes_on_until_its_viewers_have_others() {
    let (mut source, mut relay) = chain();
    source.key();
    pass_on(&mut source, &mut relay);
    relay.hear(9, follow(9, &[]));
    relay.rig.said();
    relay.viewer.leave(&mut relay.rig.cx());
    assert_eq!(relay.rig.said(), ["9: unserved shutting_down"]);
    source.key();
    pass_on(&mut source, &mut relay);
    assert!(relay.rig.said().contains(&"9: 1002.0/0 of 2".into()));
    assert!(!relay.viewer.is_done(relay.rig.now.mono));
    relay.hear(9, messages::Unfollow { stream: stream() }.into());
    assert!(relay.viewer.is_done(relay.rig.now.mono));
}

#[test]
fn figures_tell_delay_frames_and_hops() {
    let (mut source, mut relay) = chain();
    for _ in 0..10 {
        source.key();
        source.rig.pass(20);
        relay.rig.pass(20);
        pass_on(&mut source, &mut relay);
    }
    let figures = relay.viewer.figures();
    assert_eq!((figures.frames, figures.dropped, figures.bytes, figures.hops), (11, 0, 110, 1));
    assert_eq!((figures.delay_p50_us, figures.delay_p95_us), (20_000, 20_000));
}

#[test]
fn a_parent_whose_chunks_are_impossible_is_left() {
    let spoil = |spoil: fn(&mut Chunk)| {
        let (mut source, mut relay) = chain();
        source.key();
        let mut chunks = source.chunks(5);
        let Some(Message::Chunk(chunk)) = chunks.last_mut() else { panic!() };
        spoil(chunk);
        relay.rig.said();
        relay.hear_all(STREAMER, chunks);
        assert!(relay.rig.said().contains(&"left 1 bad_signature".into()));
    };
    spoil(|chunk| chunk.header = None);
    spoil(|chunk| chunk.track = 77);
    spoil(|chunk| chunk.payload = Bytes::from(vec![0; limits::CHUNK_BYTES_MAX + 1]));
    spoil(|chunk| chunk.place.group += 1);
}
