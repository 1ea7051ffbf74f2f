//! A store that can be copied while a driver has it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use segment_core::{Fatal, Store, StoreOperation, StoreOutcome};
use segment_store::{BackupError, SqliteStore};

/// A store with a second handle on it. Its file is locked against every other process, so who wants a
/// copy asks this one; while the copy is made, writes wait.
#[derive(Clone, Debug)]
pub struct SharedStore(Arc<Mutex<SqliteStore>>);

impl SharedStore {
    /// Shares a store.
    #[must_use]
    pub fn new(store: SqliteStore) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// Writes a consistent copy to a new file.
    ///
    /// # Errors
    /// [`BackupError`]: there is no copy, and the store goes on.
    pub fn backup(&self, to: &Path) -> Result<(), BackupError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).backup(to)
    }
}

impl Store for SharedStore {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        // Whoever panicked with the lock was copying, which changes nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).perform(batch)
    }
}
