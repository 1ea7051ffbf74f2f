//! What has happened to the processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts, shared by everybody who counts.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Processes that were started again.
    pub restarts: u64,
    /// Programs that found no tracker as they started, which a script may not survive.
    pub without_tracker: u64,
    /// Programs that ended by themselves, and how: there must be none.
    pub ended: Vec<String>,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fault has happened.
    pub fn fault(&self, kind: &'static str) {
        *self.counts().faults.entry(kind).or_default() += 1;
    }

    /// A process was started again.
    pub fn restarted(&self) {
        self.counts().restarts += 1;
    }

    /// A script found no tracker.
    pub fn without_tracker(&self) {
        self.counts().without_tracker += 1;
    }

    /// A program has ended by itself.
    pub fn ended(&self, what: String) {
        self.counts().ended.push(what);
    }

    /// What was counted up to now.
    #[must_use]
    pub fn so_far(&self) -> Counts {
        self.counts().clone()
    }
}
