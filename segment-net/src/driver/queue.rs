//! A queue to a thread.
//!
//! It wakes the thread with its lock let go, unlike the standard library's channel: a thread that is woken on the same core
//! runs at once, and would meet that lock, at the cost of two more switches between the threads for each item.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Both ends of a queue. Unbounded by itself: whoever fills it counts what is under way.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { items: VecDeque::new(), is_sleeping: false, is_over: false }),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// Where items go in. The queue is over when it is dropped.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Shared<T>>);

/// Where they come out; what was sent before the end still does.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    is_sleeping: bool,
    is_over: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State<T>)) {
        let mut state = self.state();
        change(&mut state);
        let is_sleeping = std::mem::take(&mut state.is_sleeping);
        drop(state);
        if is_sleeping {
            self.changed.notify_one();
        }
    }

    fn sleep<'a>(&self, mut state: MutexGuard<'a, State<T>>, until: Option<Instant>) -> MutexGuard<'a, State<T>> {
        state.is_sleeping = true;
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(rest) => self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
        }
    }
}

impl<T> Sender<T> {
    pub(super) fn send(&self, item: T) {
        self.0.change(|state| state.items.push_back(item));
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.is_over = true);
    }
}

impl<T> Receiver<T> {
    /// The next item, if it is there already.
    pub(super) fn ready(&self) -> Option<T> {
        self.0.state().items.pop_front()
    }

    /// Waits for the next item, so long at most; `None` where none comes any more, or none came.
    pub(super) fn next(&self, until: Option<Instant>) -> Option<T> {
        let mut state = self.0.state();
        loop {
            let item = state.items.pop_front();
            if item.is_some() || state.is_over || until.is_some_and(|until| until <= Instant::now()) {
                return item;
            }
            state = self.0.sleep(state, until);
        }
    }
}
