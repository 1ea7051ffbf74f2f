//! Messages that are fetched, page after page: the newest are shown, and how many there were before them is said once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use segment_core::peer::events::{ChannelMessage, Source};

/// So many are shown; `/history` has the rest.
pub const FETCHED_SHOWN_MAX: usize = 20;
/// What was not fetched by then is told apart.
const FETCHED_WITHIN: Duration = Duration::from_secs(10);
/// The next page comes within this.
const QUIET: Duration = Duration::from_millis(200);

/// Fetched messages of a channel that are not shown yet.
#[derive(Debug)]
pub struct Backlog {
    newest: VecDeque<(ChannelMessage, Source)>,
    skipped: usize,
    due: Instant,
    since: Instant,
}

impl Default for Backlog {
    fn default() -> Self {
        let now = Instant::now();
        Self { newest: VecDeque::new(), skipped: 0, due: now, since: now }
    }
}

impl Backlog {
    /// A page has come.
    pub fn add(&mut self, messages: impl IntoIterator<Item = ChannelMessage>, source: Source) {
        self.newest.extend(messages.into_iter().map(|message| (message, source)));
        let over = self.newest.len().saturating_sub(FETCHED_SHOWN_MAX);
        self.newest.drain(..over);
        self.skipped += over;
        self.wait();
    }

    /// They are shown later.
    pub fn wait(&mut self) {
        self.due = Instant::now() + QUIET;
    }

    /// Waits for the next page, unless that has been waited for long enough.
    pub fn postpone(&mut self) -> bool {
        self.due = Instant::now() + QUIET;
        self.since.elapsed() < FETCHED_WITHIN
    }

    /// When they are shown.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// How many came before those that are shown, and those.
    pub fn take(self) -> (usize, Vec<(ChannelMessage, Source)>) {
        (self.skipped, self.newest.into())
    }
}
