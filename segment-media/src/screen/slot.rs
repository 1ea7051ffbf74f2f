//! The newest picture: whoever is slow misses those before.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::{Picture, jpeg};

/// A picture, decoded or not.
#[derive(Clone, Debug)]
pub(super) enum Still {
    Jpeg(Bytes),
    Decoded(Arc<Picture>),
}

impl Still {
    /// None if it is damaged.
    pub fn picture(self) -> Option<Arc<Picture>> {
        match self {
            Self::Jpeg(bytes) => jpeg::decode(&bytes).ok().map(Arc::new),
            Self::Decoded(picture) => Some(picture),
        }
    }
}

/// Holds one; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<(Mutex<Held>, Condvar)>);

#[derive(Debug, Default)]
struct Held {
    still: Option<Still>,
    missed: u64,
    is_closed: bool,
}

/// What a slot has given.
pub(super) enum Taken {
    Still(Still),
    /// Nothing new has come.
    Nothing,
    Closed,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, still: Still) {
        let mut held = self.lock();
        held.missed += u64::from(held.still.replace(still).is_some());
        self.0.1.notify_one();
    }

    /// What is there is still given.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.0.1.notify_one();
    }

    pub fn missed(&self) -> u64 {
        self.lock().missed
    }

    pub fn take(&self, patience: Duration) -> Taken {
        let empty = |held: &mut Held| held.still.is_none() && !held.is_closed;
        let waited = self.0.1.wait_timeout_while(self.lock(), patience, empty);
        let (mut held, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match held.still.take() {
            Some(still) => Taken::Still(still),
            None if held.is_closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }
}
