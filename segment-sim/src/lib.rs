//! The deterministic simulator of Segment: many machines, one thread, virtual time, one seed.

pub mod dice;
pub mod disk;
pub mod fleet;
pub mod image;
pub mod network;
pub mod password;
pub mod queue;
pub mod trace;

#[cfg(test)]
mod tests;
