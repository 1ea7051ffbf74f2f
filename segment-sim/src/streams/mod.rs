//! Worlds of one stream: a streamer, viewers who carry it on, links that are slow, nodes that crash, leave and lie.
//!
//! They run the machines of [`segment_core::stream`] alone, beside a coordinator that is always there: what announces
//! a stream is tested with the peers. Virtual time, one seed, checks after every step.

mod checks;
mod node;
mod pipe;
mod world;

pub use checks::{Broken, Finding};
pub use world::{Plan, World};

use segment_core::Rules;

/// What a world has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What went wrong.
    pub findings: Vec<Finding>,
    /// Frames that were shown, by all.
    pub shown: u64,
    /// Crashes, departures and slow links.
    pub faults: u64,
    /// The longest time that a message took beside the stream, in microseconds.
    pub slowest_message_us: u64,
    /// Copies that the streamer sends at the end.
    pub copies: usize,
    /// A digest of everything that was sent: the same seed has the same.
    pub digest: u64,
}

/// Lives the world of a seed.
#[must_use]
pub fn live(seed: u64, rules: Rules) -> Outcome {
    World::new(Plan::draw(seed), rules).live()
}

/// The first seed that shows that a rule is missing.
#[must_use]
pub fn find(rule: segment_core::Rule, seeds: u64) -> Option<(u64, Broken)> {
    (1..=seeds).find_map(|seed| {
        let outcome = live(seed, Rules::without(rule));
        outcome.findings.first().map(|finding| (seed, finding.broken))
    })
}
