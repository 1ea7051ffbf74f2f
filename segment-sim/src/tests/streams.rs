use segment_core::Rules;

use crate::streams::{Plan, Topic, World, live};

/// Seeds that are lived by each run, of each topic; more by `sim --focus streams`.
const SEEDS: u64 = 20;

#[test]
fn streams_stay_whole_and_bounded_whatever_happens() {
    let (mut shown, mut faults, mut repairs) = (0, 0, 0);
    for topic in Topic::ALL {
        for seed in 1..=SEEDS {
            let outcome = live(seed, topic, Rules::all());
            assert_eq!(outcome.findings, [], "{} {seed}: {:?}", topic.name(), Plan::draw(seed, topic));
            shown += outcome.shown;
            faults += outcome.faults;
            repairs += outcome.repairs;
        }
    }
    let worlds = SEEDS * Topic::ALL.len() as u64;
    assert!(shown > worlds * 3_000 && faults > worlds * 3, "{shown} frames, {faults} faults");
    assert!(repairs >= 5, "{repairs} repairs");
}

#[test]
fn the_same_seed_lives_the_same() {
    for topic in Topic::ALL {
        assert_eq!(live(3, topic, Rules::all()), live(3, topic, Rules::all()));
    }
}

#[test]
fn a_large_audience_costs_the_streamer_eight_copies() {
    let plan = Plan { direct: 8, frame_bytes: 500, storm: 2, calm: 2, ..Plan::calm(1, 2_000) };
    let outcome = World::new(plan, Rules::all()).live();
    assert_eq!(outcome.findings, []);
    assert_eq!(outcome.copies, 8);
    assert!(outcome.height <= 5, "{} hops", outcome.height);
}
