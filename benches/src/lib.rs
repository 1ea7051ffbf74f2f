//! What the measuring commands have in common.
//!
//! A measuring command is not a test: it prints figures and fails only where something does not work.

pub mod driven;
pub mod figures;
pub mod machine;
pub mod narrow;
pub mod party;
pub mod plain;
pub mod raw;
pub mod rounds;
