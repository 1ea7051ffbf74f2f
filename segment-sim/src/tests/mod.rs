#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod disk;
mod fleet;
mod queue;
mod toy;
mod worlds;
