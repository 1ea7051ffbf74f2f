//! A store that counts what its thread really writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use segment_core::store::{Fatal, Store, StoreOperation, StoreOutcome};

/// Bytes that a store's thread has handed to the system in `write` calls, file and log together.
#[derive(Clone, Default)]
pub struct Written(Arc<AtomicU64>);

impl Written {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub struct Counting<S> {
    store: S,
    written: Written,
}

impl<S> Counting<S> {
    pub fn new(store: S) -> (Self, Written) {
        let written = Written::default();
        (Self { store, written: written.clone() }, written)
    }
}

impl<S: Store> Store for Counting<S> {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        let before = written_by_this_thread();
        let outcomes = self.store.perform(batch);
        self.written.0.fetch_add(written_by_this_thread() - before, Ordering::SeqCst);
        outcomes
    }
}

fn written_by_this_thread() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    let count = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    count.parse().unwrap()
}
