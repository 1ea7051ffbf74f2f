#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod coordinating;
mod dropping;
mod keeping;
mod keeping_back;
mod pacing;
mod parenting;
mod publishing;
mod relaying;
mod rig;
mod standing;
mod tickets;
mod treeing;
