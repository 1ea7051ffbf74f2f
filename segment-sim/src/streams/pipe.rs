//! One direction of a link: it sends one frame after another, whatever they are. A machine that puts too much on it
//! lets messages wait.

use std::collections::VecDeque;

use segment_proto::Frame;

/// What waits on a link, and how fast it goes.
#[derive(Debug)]
pub(super) struct Pipe {
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) latency_us: u64,
    waiting: VecDeque<Frame>,
    busy: bool,
}

impl Pipe {
    pub(super) fn new(rate: u64, latency_us: u64) -> Self {
        Self { rate, latency_us, waiting: VecDeque::new(), busy: false }
    }

    /// Takes a frame; the one that goes now and how long it takes, where nothing was under way.
    pub(super) fn push(&mut self, frame: Frame) -> Option<(Frame, u64)> {
        self.waiting.push_back(frame);
        if self.busy { None } else { self.next() }
    }

    /// The next frame, and how long it takes.
    pub(super) fn next(&mut self) -> Option<(Frame, u64)> {
        let frame = self.waiting.pop_front();
        self.busy = frame.is_some();
        frame.map(|frame| {
            let took = frame.len() as u64 * 1_000_000 / self.rate;
            (frame, took)
        })
    }
}
