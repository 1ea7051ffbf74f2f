//! The machines of Segment: everything that decides, nothing that does.
//!
//! A machine takes [`Input`]s and commands together with the time, and gives [`Output`]s; whoever
//! runs it moves bytes, keeps time and writes to disk. See [`Machine`] for the contract.
#![no_std]

extern crate alloc;

pub mod backup;
pub mod contract;
pub mod directory;
pub mod host;
pub mod outbox;
pub mod peer;
pub mod random;
pub mod rate;
pub mod replica;
pub mod store;
pub mod stream;
pub mod sync;
#[cfg(test)]
pub(crate) mod testing;
pub mod tracker;

pub use contract::{Deadline, Dial, Direction, Endpoint, Haste, Input, Machine, OpId, Output, Recipients, earliest};
pub use outbox::Outbox;
pub use random::Random;
pub use rate::Gcra;
pub use rules::{Rule, Rules};
pub use store::{
    Fatal, LogId, LogRole, Operation, Outcome, Store, StoreOperation, StoreOutcome, StoredEntry, Table, Write,
};
pub use sync::rules;
