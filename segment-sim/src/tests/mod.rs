#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkers;
mod corpora;
mod disk;
mod fleet;
mod queue;
mod regressions;
mod scenario;
mod streams;
mod toy;
mod worlds;
