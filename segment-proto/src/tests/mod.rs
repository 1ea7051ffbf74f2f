#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod bad_input;
mod blessed;
mod chain;
mod corpora;
mod crafting;
mod decoding;
mod draw;
mod eddsa_cases;
mod frames;
mod golden;
mod limits;
mod names;
mod pending;
mod protocol_document;
mod samples;
mod schema;
mod secrets;
mod signatures;
mod streams;
mod untrusted;
mod validity;
mod versions;
