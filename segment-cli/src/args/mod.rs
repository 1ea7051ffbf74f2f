//! The arguments of the two programs: read by clap, then checked into types.

mod generated;
mod peer;
mod tracker;

pub use generated::Generated;
pub use peer::{Drawing, EmbeddedTracker, Failures, Input, Output, PeerArgs, PeerOptions, SendText, Then};
pub use tracker::{TrackerAction, TrackerArgs, TrackerOptions};

/// Examples come first; the usage and the options after them.
const TEMPLATE: &str = "{before-help}{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}";

#[cfg(test)]
mod tests;
