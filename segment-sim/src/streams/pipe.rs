//! One direction of a link: it sends one frame after another, whatever they are. A machine that puts too much on it
//! lets messages wait.

use std::collections::VecDeque;

use segment_proto::Message;

/// What waits on a link, and how fast it goes.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) latency_us: u64,
    /// Nothing moves until then.
    pub(super) stalled_until: u64,
    waiting: VecDeque<(Box<Message>, usize)>,
    busy: bool,
}

impl Pipe {
    pub(super) fn new(rate: u64, latency_us: u64) -> Self {
        Self { rate, latency_us, stalled_until: 0, waiting: VecDeque::new(), busy: false }
    }

    /// Takes a message; the one that goes now and when it is sent, where nothing was under way.
    pub(super) fn push(&mut self, message: Box<Message>, bytes: usize, now: u64) -> Option<(Box<Message>, u64)> {
        self.waiting.push_back((message, bytes));
        if self.busy { None } else { self.next(now) }
    }

    /// The next message, and when it is sent.
    pub(super) fn next(&mut self, now: u64) -> Option<(Box<Message>, u64)> {
        let next = self.waiting.pop_front();
        self.busy = next.is_some();
        next.map(|(message, bytes)| (message, now.max(self.stalled_until) + bytes as u64 * 1_000_000 / self.rate))
    }
}
