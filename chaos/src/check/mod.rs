//! The checker: reads the members' logs and everybody's exports, nothing else, and says what is wrong.
//!
//! It shares with the rest of this package only what a message's text looks like.

mod canary;
mod evidence;
mod export;
mod ledger;
mod verdict;

pub use canary::{Canary, canaries};
pub use evidence::{Evidence, EvidenceError};
pub use export::{Export, Row};
pub use ledger::{Fate, Key, Ledger, State};
pub use verdict::{Kind, Verdict, Violation, judge};

#[cfg(test)]
mod tests;
