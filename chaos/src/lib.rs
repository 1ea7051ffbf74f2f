//! Chaos with the real programs: a tracker, a host and members run as processes on loopback, every connection through
//! a proxy that delays, cuts and stalls, while they are killed, ended and frozen by a plan that a seed draws. At the
//! end a checker reads only what the members' disks say was acknowledged, and everybody's export.
//!
//! `cargo run --release -p segment-chaos -- --minutes 2 --seed 1`; `docs/testing.md` says more.

pub mod args;
pub mod check;
pub mod chronicle;
pub mod client;
mod dice;
mod label;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod run;
pub mod town;
pub mod waits;

pub use label::Label;
