//! The terminal of Segment: everything of `segment-peer` and `segment-tracker` that can be tested
//! without a terminal. The two binaries are glue around it.
//!
//! A typed line goes through [`grammar`] against the one table in [`commands`] and becomes a
//! [`commands::Command`]; what comes back goes through [`render`] to a [`terminal::Screen`].

pub mod args;
pub mod chat;
pub mod commands;
pub mod config;
pub mod connection_log;
pub mod errors;
pub mod exit;
#[doc(hidden)]
pub mod fuzzing;
pub mod grammar;
pub mod help;
mod named;
pub mod names;
pub mod node;
pub mod password;
pub mod profile;
pub mod programs;
pub mod render;
pub mod script;
pub mod terminal;
pub mod url;
