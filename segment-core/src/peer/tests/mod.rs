//! Inputs, and the exact outputs that they lead to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod connecting;
mod disaster;
mod hosting;
mod inspecting;
mod joining;
mod members;
mod moving;
mod naming;
mod refusing;
mod rejoining;
mod restoring;
mod serving;
mod session;
mod storm;
mod streaming;
mod together;
mod verifying;
mod wandering;
mod world;
