//! Virtual time: what happens when, in the order of (time, insertion).

use core::cmp::{Ordering, Reverse};
use core::time::Duration;
use std::collections::BinaryHeap;

use segment_proto::Instant;

/// What is yet to happen; taking the next thing moves the clock.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Scheduled<T>>>,
    now: Instant,
    inserted: u64,
}

#[derive(Debug)]
struct Scheduled<T> {
    at: Instant,
    order: u64,
    item: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), now: Instant(0), inserted: 0 }
    }
}

impl<T> Queue<T> {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Schedules something; what is late happens now.
    pub fn push(&mut self, at: Instant, item: T) {
        let order = self.inserted;
        self.inserted += 1;
        self.heap.push(Reverse(Scheduled { at: at.max(self.now), order, item }));
    }

    /// Schedules something after a while.
    pub fn push_in(&mut self, delay: Duration, item: T) {
        self.push(self.now + delay, item);
    }

    /// The next thing, unless it is later than `until`; then the clock stands at `until`.
    pub fn pop_until(&mut self, until: Instant) -> Option<T> {
        if self.heap.peek().is_none_or(|Reverse(next)| next.at > until) {
            self.now = self.now.max(until);
            return None;
        }
        let Reverse(next) = self.heap.pop()?;
        self.now = next.at;
        Some(next.item)
    }

    /// Things that are yet to happen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is left to happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<T> Ord for Scheduled<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> PartialOrd for Scheduled<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Scheduled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Scheduled<T> {}
