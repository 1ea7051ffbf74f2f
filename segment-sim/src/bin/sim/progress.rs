//! How far a long run has come, on a terminal only.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The width of the bar.
const COLUMNS: u64 = 40;
/// How often it is drawn.
const PAUSE: Duration = Duration::from_millis(200);

/// A bar.
pub struct Progress {
    state: Option<Mutex<State>>,
    total: u64,
    began: Instant,
}

struct State {
    done: u64,
    failed: u64,
    drawn: Instant,
}

impl Progress {
    /// A bar for so many worlds; nothing is drawn where nobody looks.
    pub fn new(total: u64) -> Self {
        let began = Instant::now();
        let seen = stderr().is_terminal() && total > 1;
        let state = seen.then(|| Mutex::new(State { done: 0, failed: 0, drawn: began }));
        Self { state, total, began }
    }

    /// A world has ended.
    pub fn one_more(&self, fails: bool) {
        let Some(Ok(mut state)) = self.state.as_ref().map(Mutex::lock) else { return };
        state.done += 1;
        state.failed += u64::from(fails);
        if state.drawn.elapsed() >= PAUSE {
            state.drawn = Instant::now();
            self.draw(&state);
        }
    }

    fn draw(&self, state: &State) {
        let State { done, failed, .. } = state;
        let full = usize::try_from(COLUMNS * done / self.total.max(1)).unwrap_or(0);
        let bar = format!("{:<width$}", "#".repeat(full), width = 40);
        let left = self.began.elapsed().as_secs() * (self.total - done) / (*done).max(1);
        eprint!("\r[{bar}] {done} of {} worlds, {failed} failed, {left} s left ", self.total);
        // A terminal that is gone is no reason to stop.
        let _ = stderr().flush();
    }

    /// Nothing more is drawn.
    pub fn end(&self) {
        if self.state.is_some() {
            eprint!("\r{:100}\r", "");
        }
    }
}
