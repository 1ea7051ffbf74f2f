//! The machine of a tracker.

pub mod context;
pub mod events;
