//! The end of something, known to everybody who has to do with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A sign that something is to end, or has; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_set: AtomicBool,
    set: Notify,
}

impl Stop {
    /// It is over.
    pub fn set(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
        self.0.set.notify_waiters();
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.is_set.load(Ordering::SeqCst)
    }

    /// Returns once it is over.
    pub async fn wait(&self) {
        let set = self.0.set.notified();
        let mut set = std::pin::pin!(set);
        set.as_mut().enable();
        if !self.is_set() {
            set.await;
        }
    }
}
