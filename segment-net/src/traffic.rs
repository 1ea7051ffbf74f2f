//! What has gone over the links of a driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has gone over all links since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Whole frames that came in.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames that were queued to be sent.
    pub frames_out: u64,
    /// Bytes that were written.
    pub bytes_out: u64,
}

/// Counted by the tasks of all links; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(Arc<[AtomicU64; 4]>);

impl Counters {
    pub fn came_in(&self, bytes: usize) {
        self.add(0, 1);
        self.add(1, bytes);
    }

    pub fn queued(&self, frames: usize) {
        self.add(2, frames);
    }

    pub fn written(&self, bytes: usize) {
        self.add(3, bytes);
    }

    fn add(&self, at: usize, count: usize) {
        self.0[at].fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn get(&self) -> Traffic {
        let [frames_in, bytes_in, frames_out, bytes_out] =
            [0, 1, 2, 3].map(|at: usize| self.0[at].load(Ordering::Relaxed));
        Traffic { frames_in, bytes_in, frames_out, bytes_out }
    }
}
