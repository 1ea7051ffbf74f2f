//! Parents that keep something back.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use segment_proto::{FrameFlags, Message};

use super::rig::*;
use crate::rules::{Rule, Rules};

/// A viewer 9 of the relay 5, with the backups 6 and 7, and what a streamer sends to link 5.
fn served() -> (Source, Sink) {
    let mut source = Source::new(vec![video()]);
    let mut sink = Sink::with_plan(9, 5, &[6, 7]);
    source.tell(5, 5, follow(5, &[]));
    source.key();
    sink.hear_all(5, source.chunks(5));
    sink.rig.said();
    (source, sink)
}

fn shown(said: &[String]) -> Vec<&str> {
    said.iter().filter_map(|line| line.strip_prefix("shows ")).collect()
}

/// What a parent sends of a frame, without saying its group.
fn chunks(messages: Vec<Message>) -> Vec<Message> {
    messages.into_iter().filter(|message| matches!(message, Message::Chunk(_))).collect()
}

#[test]
fn nothing_is_shown_that_builds_on_a_frame_that_a_relay_keeps_back() {
    let (mut source, mut sink) = served();
    source.delta();
    source.chunks(5);
    source.delta();
    source.push(VIDEO, FrameFlags::DISCARDABLE, 10);
    source.key();
    sink.hear_all(5, source.chunks(5));
    assert_eq!(shown(&sink.rig.said()), ["1001.0 of 2"]);
}

#[test]
fn a_frame_that_no_other_needs_may_be_left_out() {
    let (mut source, mut sink) = served();
    source.push(VIDEO, FrameFlags::DISCARDABLE, 10);
    source.chunks(5);
    source.delta();
    sink.hear_all(5, source.chunks(5));
    assert_eq!(shown(&sink.rig.said()), ["1000.2 of 2"]);
}

#[test]
fn what_builds_on_a_frame_of_which_only_a_part_has_come_is_not_shown() {
    let (mut source, mut sink) = served();
    source.push(VIDEO, FrameFlags::NONE, 250);
    let mut part = chunks(source.chunks(5));
    part.truncate(1);
    source.delta();
    sink.hear_all(5, part);
    sink.hear_all(5, source.chunks(5));
    assert!(shown(&sink.rig.said()).is_empty());
}

#[test]
fn who_keeps_back_what_is_needed_again_and_again_is_left() {
    let keeps = |rules: Rules| {
        let (mut source, mut sink) = served();
        sink.rig.rules = rules;
        for _ in 0..3 {
            source.key();
            sink.hear_all(5, source.chunks(5));
            source.delta();
            source.chunks(5);
            source.delta();
            sink.hear_all(5, source.chunks(5));
        }
        sink.rig.said().contains(&"left 5 not_now".into())
    };
    assert!(keeps(Rules::all()));
    assert!(!keeps(Rules::without(Rule::BadParentLeft)));
}

#[test]
fn frames_that_were_left_out_are_counted_also_between_groups() {
    let (mut source, mut sink) = served();
    for _ in 0..4 {
        source.delta();
    }
    source.key();
    source.delta();
    source.chunks(5);
    source.key();
    sink.hear_all(5, source.chunks(5));
    assert_eq!(shown(&sink.rig.said()), ["1002.0 of 2"]);
    assert_eq!(sink.viewer.figures().dropped, 6);
}

#[test]
fn who_comes_later_has_lost_nothing() {
    let mut source = Source::new(vec![video()]);
    for _ in 0..5 {
        source.key();
        source.delta();
    }
    let mut sink = Sink::with_plan(9, STREAMER, &[]);
    source.tell(9, 9, follow(9, &[]));
    sink.hear_all(STREAMER, source.chunks(9));
    assert_eq!((sink.viewer.figures().frames, sink.viewer.figures().dropped), (2, 0));
}

#[test]
fn what_was_under_way_before_a_parent_was_asked_again_neither_takes_over_nor_goes_on() {
    let (mut source, mut sink) = served();
    sink.viewer.on_plan(plan(9, 2, Some(6), &[5, 7]), &mut sink.rig.cx());
    source.delta();
    let late = chunks(source.chunks(5));
    sink.rig.said();
    // 6 has not been heard yet; this was for somebody who was asked before.
    sink.hear_all(6, late);
    assert_eq!(sink.rig.said(), Vec::<String>::new());
    assert_eq!(sink.viewer.parent(), Some(device(5)));
}

/// A parent that gives nothing but signs of life for so long; what was said meanwhile.
fn starve(sink: &mut Sink, from: u8, ms: u64) -> Vec<String> {
    for _ in 0..ms / 50 {
        sink.pass(50);
        sink.begins(from);
    }
    let said = sink.rig.said().into_iter();
    said.filter(|line| !line.contains("taken") && !line.contains("ViewerReport")).collect()
}

#[test]
fn a_parent_that_gives_signs_of_life_and_no_frames_is_left_when_another_has_some() {
    let (mut source, mut sink) = served();
    assert!(starve(&mut sink, 5, 2_900).is_empty());
    assert_eq!(starve(&mut sink, 5, 200), ["6: follow [(2, 1000, 0)]"]);
    source.delta();
    sink.begins(6);
    sink.hear_all(6, source.chunks(5));
    assert_eq!(sink.rig.said(), ["6: taken 10", "shows 1000.1 of 2"], "it is on trial, and so is the parent");
    for _ in 0..30 {
        sink.pass(50);
        sink.begins(5);
        sink.begins(6);
    }
    let said = sink.rig.said();
    let left: Vec<_> = said.iter().filter(|line| line.contains('5')).collect();
    assert_eq!(left, ["5: taken 10", "5: Unfollow", "parent Some(5) -> Some(6)", "report lost 5 Some(6)"][1..]);
}

#[test]
fn a_parent_is_kept_while_nobody_else_has_frames_either() {
    let (_, mut sink) = served();
    starve(&mut sink, 5, 3_000);
    for _ in 0..25 {
        sink.pass(50);
        sink.begins(5);
        sink.begins(6);
    }
    let said = sink.rig.said();
    assert!(said.contains(&"6: Unfollow".into()) && !said.iter().any(|line| line.contains("lost")), "{said:?}");
    assert_eq!(sink.viewer.parent(), Some(device(5)));
    // The next one is asked later, and it is the other one.
    assert!(starve(&mut sink, 5, 4_000).is_empty());
    assert_eq!(starve(&mut sink, 5, 2_000)[0], "7: follow [(2, 1000, 0)]");
}

#[test]
fn a_parent_that_has_frames_again_is_kept() {
    let (mut source, mut sink) = served();
    starve(&mut sink, 5, 3_100);
    source.delta();
    let frames = source.chunks(5);
    sink.begins(6);
    sink.hear_all(6, frames.clone());
    sink.rig.said();
    sink.pass(50);
    sink.hear_all(5, frames);
    for _ in 0..30 {
        sink.pass(50);
        sink.begins(5);
        sink.begins(6);
    }
    assert_eq!(sink.viewer.parent(), Some(device(5)));
    assert!(sink.rig.said().contains(&"6: Unfollow".into()));
}

#[test]
fn who_lets_somebody_go_that_it_has_asked_looks_for_frames_elsewhere_at_once() {
    let (_, mut sink) = served();
    sink.viewer.on_plan(plan(9, 2, Some(6), &[5, 7]), &mut sink.rig.cx());
    let lives = |sink: &mut Sink, ms: u64| {
        for _ in 0..ms / 50 {
            sink.pass(50);
            sink.begins(5);
            sink.begins(6);
        }
    };
    lives(&mut sink, 3_500);
    sink.viewer.on_plan(plan(9, 3, Some(8), &[5, 7]), &mut sink.rig.cx());
    sink.rig.said();
    // Nobody is to serve by 8 in time: the parent is kept, and it has no frames.
    lives(&mut sink, 550);
    let said: Vec<_> = sink.rig.said().into_iter().filter(|line| line.contains("ollow")).collect();
    assert_eq!(said, ["6: Unfollow", "7: follow [(2, 1000, 0)]"]);
}
