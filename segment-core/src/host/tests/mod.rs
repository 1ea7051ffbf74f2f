#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admitting;
mod delivering;
mod draining;
mod durable;
mod forwarding;
mod handing_back;
mod judging;
mod limits;
mod replicating;
mod reseeding;
mod restoring;
mod retaining;
mod rig;
mod showing;
mod taking_over;
