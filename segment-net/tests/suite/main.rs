//! The drivers and transports of segment-net, tested from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;
mod driver;
mod embed;
mod probe;
mod returning;
mod streams;
mod tls;
