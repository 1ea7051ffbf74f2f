//! Whether anybody has the uplink to send a watched stream here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Without a frame for so long it is looked whether nobody has.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of it; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Room(Arc<AtomicBool>);

impl Room {
    /// Whether this is news.
    pub fn is_missing_now(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    pub fn is_there(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub fn is_missing(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
