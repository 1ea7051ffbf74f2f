//! The ten ways in which the prototypes broke, each a case that Segment survives.
//!
//! One module for each way, its tests named `broken_NN[a-z]_...` after the clauses they cover. A part that a later
//! issue brings is ignored with the number of that issue. `SEGMENT_RUNS` multiplies the large counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

mod counted;
mod crashes;
mod divergence;
mod forgery;
mod frames;
mod leaving;
mod load;
mod pages;
mod readers;
mod sessions;
mod sizes;
