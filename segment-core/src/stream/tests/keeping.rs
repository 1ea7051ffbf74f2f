use alloc::vec;

use super::rig::*;
use crate::rules::{Rule, Rules};
use segment_proto::FramePlace;

#[test]
fn the_ring_keeps_two_groups_or_two_seconds() {
    let mut source = Source::new(vec![video()]);
    let mut places = vec![];
    for _ in 0..60 {
        places.push(source.key());
        source.rig.pass(100);
    }
    let ring = source.publisher.ring();
    let kept = places.iter().filter(|place| ring.has(VIDEO, **place)).count();
    assert_eq!(kept, 22);
    assert!(ring.has(VIDEO, places[59]) && !ring.has(VIDEO, places[37]));
}

#[test]
fn a_long_group_is_kept_until_two_newer_ones_are_there() {
    let mut source = Source::new(vec![video()]);
    let first = source.key();
    for _ in 0..50 {
        source.rig.pass(100);
        source.delta();
    }
    source.key();
    assert!(source.publisher.ring().has(VIDEO, first));
    source.rig.pass(1_900);
    source.key();
    assert!(source.publisher.ring().has(VIDEO, first));
    source.rig.pass(200);
    source.delta();
    assert!(!source.publisher.ring().has(VIDEO, first));
}

#[test]
fn the_ring_is_bounded_in_bytes_too_and_not_without_its_rule() {
    let fill = |rules: Rules| {
        let mut source = Source::new(vec![video()]);
        source.rig.rules = rules;
        source.rig.limits.ring_bytes_max = 5_000;
        for _ in 0..20 {
            source.push(VIDEO, segment_proto::FrameFlags::KEY, 1_000);
        }
        source.publisher.ring().bytes()
    };
    assert!(fill(Rules::all()) <= 5_000);
    assert!(fill(Rules::without(Rule::RingBounded)) > 20_000);
}

#[test]
fn the_newest_keyframe_is_where_a_joiner_begins() {
    let mut source = Source::new(vec![video()]);
    let key = source.key();
    let delta = source.delta();
    assert_eq!(delta, FramePlace { frame: 1, ..key });
    assert_eq!(source.publisher.ring().newest_key(VIDEO), Some(key));
    assert_eq!(source.publisher.ring().newest(VIDEO), Some(delta));
    assert_eq!(source.publisher.ring().newest(AUDIO), None);
}
