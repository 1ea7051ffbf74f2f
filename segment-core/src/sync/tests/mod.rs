#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod kit;
pub(crate) mod rig;
pub(crate) mod say;

mod accepting;
mod delivering;
mod folding;
mod logging;
mod ruling;
mod serving;
mod subscribing;
mod verifying;
