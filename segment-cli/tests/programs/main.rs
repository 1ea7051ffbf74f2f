//! The two programs as people and scripts use them: real processes, real terminals, real disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod absences;
mod arguments;
mod attention;
mod backups;
mod durable;
mod editing;
mod embedded;
mod entering;
mod first_minute;
mod healing;
mod inside;
mod installed;
mod large;
mod looks;
mod newcomers;
mod pipes;
mod reasons;
mod scenarios;
mod scripts;
mod searching;
mod settings;
mod streaming;
mod telling;
mod terminals;
mod trackers;
