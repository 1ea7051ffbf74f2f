#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod committing;
mod epochs;
mod handing_back;
mod reading;
mod recovering;
mod retaining;
mod rig;
mod storm;
mod taking_over;
