#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

const USUAL: Climate = Climate { members: 4, faults_per_minute: 30, disks: Disks::Faithful };

#[test]
fn the_same_seed_draws_the_same_and_a_longer_storm_begins_like_a_shorter_one() {
    let long = draw(7, HOUR, USUAL);
    assert_eq!(long, draw(7, HOUR, USUAL));
    let short = draw(7, HOUR / 60, USUAL);
    assert!(!short.is_empty());
    assert_eq!(long[..short.len() - 4], short[..short.len() - 4]);
    assert_ne!(long, draw(8, HOUR, USUAL));
}

#[test]
fn an_hour_has_every_kind_for_everybody_at_about_the_rate_that_was_asked_for() {
    let events = draw(1, HOUR, USUAL);
    assert!((1_300..2_300).contains(&events.len()), "{}", events.len());
    let kinds: BTreeSet<_> = events.iter().map(|event| event.fault.kind()).collect();
    assert_eq!(kinds.len(), 11, "{kinds:?}");
    for party in [Party::Tracker, Party::Host, Party::Member(1), Party::Member(4)] {
        assert!(events.iter().any(|event| matches!(event.fault, Fault::Kill(killed, _) if killed == party)), "{party}");
    }
}

#[test]
fn no_faults_are_none() {
    assert_eq!(draw(1, HOUR, Climate { faults_per_minute: 0, ..USUAL }), []);
}

#[test]
fn old_disks_are_the_trackers_and_the_hosts() {
    let events = draw(1, HOUR, Climate { disks: Disks::Old, ..USUAL });
    let kinds: BTreeSet<_> =
        events.iter().map(|event| event.fault.kind()).filter(|kind| kind.contains("disk")).collect();
    assert_eq!(kinds, BTreeSet::from(["tracker's disk put back", "host's disk put back"]));
}
