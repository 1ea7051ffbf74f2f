//! The deterministic simulator of Segment: many machines, one thread, virtual time, one seed.

pub mod checkers;
pub mod clock;
pub mod dice;
pub mod disk;
pub mod faults;
pub mod fleet;
pub mod fuzzing;
pub mod image;
pub mod malice;
pub mod network;
pub mod paired;
pub mod password;
pub mod plant;
pub mod planted;
pub mod process;
pub mod queue;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod simulation;
pub mod streams;
pub mod trace;
pub mod user;
pub mod world;

#[cfg(test)]
mod tests;
