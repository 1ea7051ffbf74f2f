use alloc::vec;
use core::time::Duration;

use segment_proto::limits::StreamLimits;
use segment_proto::{FrameFlags, Instant, Message};

use super::rig::*;
use crate::rules::{Rule, Rules};
use crate::stream::policy::{Jumps, Situation, Verdict, judge};

const LIVE: Situation =
    Situation { late: Duration::ZERO, behind: 0, group_over: None, flags: FrameFlags::NONE, catching_up: false };

fn decide(situation: Situation, rules: Rules) -> Verdict {
    judge(&situation, &StreamLimits::default(), rules)
}

#[test]
fn each_rule_of_leaving_out_decides_alone() {
    let ms = Duration::from_millis;
    let discardable = Situation { behind: 2, flags: FrameFlags::DISCARDABLE, ..LIVE };
    let late = Situation { late: ms(251), ..LIVE };
    let past = Situation { group_over: Some(ms(501)), catching_up: true, ..LIVE };
    for (situation, rule, verdict) in [
        (discardable, Rule::SkipDiscardable, Verdict::Skip),
        (late, Rule::JumpWhenBehind, Verdict::Jump),
        (past, Rule::JumpWhenGroupPast, Verdict::Jump),
    ] {
        assert_eq!(decide(situation, Rules::all()), verdict);
        assert_eq!(decide(situation, Rules::without(rule)), Verdict::Send);
    }
    for calm in [
        LIVE,
        Situation { late: ms(250), ..LIVE },
        Situation { late: ms(900), catching_up: true, ..LIVE },
        Situation { group_over: Some(ms(500)), ..LIVE },
        Situation { behind: 1, ..discardable },
        Situation { behind: 9, flags: FrameFlags::NONE, ..LIVE },
    ] {
        assert_eq!(decide(calm, Rules::all()), Verdict::Send);
    }
}

#[test]
fn three_jumps_in_ten_seconds_reduce_and_ten_calm_ones_restore() {
    let limits = StreamLimits::default();
    let at = |seconds: u64| Instant(seconds * 1_000_000);
    let after = |jumps: &[u64], asked: u64, rules: Rules| {
        let mut state = Jumps::default();
        jumps.iter().for_each(|second| state.note(at(*second), &limits, rules));
        state.is_reduced(at(asked), &limits, rules)
    };
    assert!(!after(&[1, 2], 3, Rules::all()));
    assert!(after(&[1, 5, 11], 12, Rules::all()));
    assert!(!after(&[1, 6, 12], 13, Rules::all()));
    assert!(after(&[1, 2, 3], 12, Rules::all()));
    assert!(!after(&[1, 2, 3], 13, Rules::all()));
    assert!(!after(&[1, 2, 3], 4, Rules::without(Rule::ReduceAfterJumps)));
    assert!(after(&[1, 2, 3], 13, Rules::without(Rule::ClimbBack)));
}

/// A viewer that takes nothing while frames come, and everything at the end: the places that it gets.
fn stalled(frames: &[FrameFlags], step_ms: u64, rules: Rules) -> vec::Vec<(u64, u32)> {
    let mut source = Source::new(vec![video()]);
    source.rig.rules = rules;
    source.rig.limits.window_bytes_min = 10;
    source.rig.limits.window_bytes_max = 10;
    let key = source.key();
    source.tell(9, 9, follow(9, &[]));
    let mut taken = 0;
    let mut got = vec![];
    for flags in frames {
        source.rig.pass(step_ms);
        source.push(VIDEO, *flags, 10);
    }
    loop {
        let chunks = source.chunks(9);
        let bytes: usize = chunks.iter().map(|m| if let Message::Chunk(c) = m { c.payload.len() } else { 0 }).sum();
        got.extend(chunks.iter().filter_map(|message| match message {
            Message::Chunk(chunk) => Some((chunk.place.group - key.group, chunk.place.frame)),
            _ => None,
        }));
        if bytes == 0 {
            return got;
        }
        taken += bytes as u64;
        source.taken(9, 9, taken);
    }
}

#[test]
fn discardable_frames_are_left_out_for_who_is_behind() {
    let (none, some) = (FrameFlags::NONE, FrameFlags::DISCARDABLE);
    let frames = [some, none, some, none, some, none];
    assert_eq!(stalled(&frames, 10, Rules::all()), [(0, 0), (0, 2), (0, 4), (0, 5), (0, 6)]);
    let all: vec::Vec<_> = (0..7).map(|frame| (0, frame)).collect();
    assert_eq!(stalled(&frames, 10, Rules::without(Rule::SkipDiscardable)), all);
}

#[test]
fn who_is_far_behind_goes_on_with_the_newest_keyframe() {
    let (key, delta) = (FrameFlags::KEY, FrameFlags::NONE);
    let frames = [delta, delta, key, delta, delta, delta, delta, key, delta];
    // The first went out at once; the rest of its group is past, and so is the next group.
    assert_eq!(stalled(&frames, 200, Rules::all()), [(0, 0), (2, 0), (2, 1)]);
}

#[test]
fn no_frame_is_sent_behind_one_that_it_needs_and_that_was_left_out() {
    let delta = FrameFlags::NONE;
    // All in one group: the joiner is given time to catch up, and gets it whole.
    let all: vec::Vec<_> = (0..5).map(|frame| (0, frame)).collect();
    assert_eq!(stalled(&[delta; 4], 200, Rules::all()), all);
    // A later group, behind: it stands at the newest keyframe already, and goes on from there.
    let frames = [FrameFlags::KEY, delta, delta, delta];
    assert_eq!(stalled(&frames, 300, Rules::all()), [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3)]);
}

#[test]
fn sound_goes_before_pictures_and_is_all_that_is_left() {
    let mut source = Source::new(vec![video(), audio()]);
    source.rig.limits.window_bytes_min = 20;
    source.rig.limits.window_bytes_max = 20;
    source.key();
    source.push(AUDIO, FrameFlags::KEY, 10);
    source.tell(9, 9, follow(9, &[]));
    assert_eq!(
        source.rig.said()[1..],
        ["9: group 1000 of 1 by [1]", "9: 1000.0/0 of 1", "9: group 1000 of 2 by [1]", "9: 1000.0/0 of 2"]
    );
    // It takes nothing for a while: three jumps of its pictures.
    let mut taken = 20;
    for _ in 0..3 {
        for _ in 0..4 {
            source.rig.pass(300);
            source.key();
        }
        source.taken(9, 9, taken);
        source.rig.said();
        taken += 10;
    }
    source.taken(9, 9, taken);
    source.rig.said();
    source.key();
    source.push(AUDIO, FrameFlags::KEY, 10);
    let said = source.rig.said();
    assert!(
        said.iter().any(|line| line.ends_with("of 1")) && !said.iter().any(|line| line.ends_with("/0 of 2")),
        "{said:?}"
    );
}
