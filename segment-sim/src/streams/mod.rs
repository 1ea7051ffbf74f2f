//! Worlds of one stream: a streamer, viewers who carry it on, links that are slow or stand still, nodes that crash,
//! leave, come back and lie, strangers, and a host that goes away and leaves it to the tracker to coordinate.
//!
//! They run the machines of [`segment_core::stream`] alone: what a channel's members are told of a stream is tested with
//! the peers. Virtual time, one seed, checks after every step.

mod checks;
mod node;
mod pipe;
mod plan;
mod world;

pub use checks::{Broken, Finding};
pub use plan::{Plan, Topic};
pub use world::World;

use segment_core::Rules;

use crate::trace::Printing;

/// What a world has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What went wrong.
    pub findings: Vec<Finding>,
    /// Frames that were shown, by all.
    pub shown: u64,
    /// Whatever went wrong on purpose: crashes, departures, slow links, lies and so on.
    pub faults: u64,
    /// Things that happened.
    pub steps: u64,
    /// The longest time that a message took beside the stream, in microseconds.
    pub slowest_message_us: u64,
    /// Viewers whose parent crashed and who had a live backup.
    pub repairs: u64,
    /// The longest that one of them had no new frame, in microseconds.
    pub slowest_repair_us: u64,
    /// Copies that the streamer sends at the end.
    pub copies: usize,
    /// Hops to the farthest viewer at the end.
    pub height: u32,
    /// A digest of everything that was sent: the same seed has the same.
    pub digest: u64,
}

/// Lives the world of a seed.
#[must_use]
pub fn live(seed: u64, topic: Topic, rules: Rules) -> Outcome {
    live_printing(seed, topic, rules, Printing::Silent)
}

/// As [`live`], perhaps with everything that is said.
#[must_use]
pub fn live_printing(seed: u64, topic: Topic, rules: Rules, printing: Printing) -> Outcome {
    World::new(Plan::draw(seed, topic), rules).printing(printing).live()
}
