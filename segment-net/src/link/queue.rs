//! What waits to be sent on one link, bounded in bytes: messages, and pieces of streams, which wait for them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use segment_proto::messages::{Chunk, GroupHeader};
use segment_proto::{Frame, Payload};
use tokio::sync::Notify;

use super::batch::{Batch, Lane};
use crate::limits::{MEDIA_QUEUE_BYTES_MAX, OVERFLOW_FACTOR, WRITE_BYTES};

/// How full a queue is after a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing to tell.
    #[default]
    Calm,
    /// It has just filled up: push no more until there is room.
    Filled,
    /// It holds a multiple of its limit: give the link up. What was pushed is dropped.
    Overflow,
}

/// Frames between a driver and a writer. The driver never waits; it is told when to stop.
#[derive(Debug)]
pub(super) struct SendQueue {
    state: Mutex<State>,
    changed: Notify,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    /// Those in `frames` and those in the write under way.
    bytes: usize,
    /// What a stream may have under way is bounded by who sends it, so this lane never says that it is full.
    media: VecDeque<Frame>,
    media_bytes: usize,
    filled: bool,
    closed: bool,
}

impl SendQueue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), bytes_max }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame; the writer need not see it before [`SendQueue::wake`].
    pub(super) fn push(&self, frame: Frame) -> Level {
        let mut state = self.state();
        let fits = match lane_of(&frame) {
            Lane::Messages => state.push(frame, self.bytes_max.saturating_mul(OVERFLOW_FACTOR)),
            Lane::Media => state.push_media(frame),
        };
        if !fits {
            return Level::Overflow;
        }
        if state.filled || state.bytes < self.bytes_max {
            return Level::Calm;
        }
        state.filled = true;
        Level::Filled
    }

    /// Wakes the writer, once for all that was pushed.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// What is queued still goes out; then the writer ends.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake();
    }

    /// Waits for something to send: as many whole frames as go into one write, at least one. `None` once it is closed
    /// and everything is sent.
    pub(super) async fn next_batch(&self, media_bytes_max: usize) -> Option<Batch> {
        loop {
            // Looked at first: what is pushed before the end is sent.
            let closed = self.state().closed;
            let batch = self.take_batch(media_bytes_max);
            if batch.is_some() || closed {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    /// As [`SendQueue::next_batch`], but `None` where nothing waits.
    pub(super) fn take_batch(&self, media_bytes_max: usize) -> Option<Batch> {
        let mut state = self.state();
        let Some(first) = state.frames.pop_front() else {
            return state.take_media(media_bytes_max);
        };
        let joined = |sum: usize, frame: &Bytes| Some(sum + frame.len()).filter(|sum| *sum <= WRITE_BYTES);
        let Some(mut size) = state.frames.front().and_then(|next| joined(first.len(), next)) else {
            return Some(Batch::new(Lane::Messages, [first]));
        };
        let mut count = 1;
        while let Some(sum) = state.frames.get(count).and_then(|next| joined(size, next)) {
            (size, count) = (sum, count + 1);
        }
        let mut batch = Vec::with_capacity(size);
        batch.extend_from_slice(&first);
        state.frames.drain(..count).for_each(|frame| batch.extend_from_slice(&frame));
        Some(Batch::new(Lane::Messages, [batch.into()]))
    }

    /// So many bytes are on their way. Where a full queue is half empty again: how much it takes.
    pub(super) fn written(&self, lane: Lane, bytes: usize) -> Option<usize> {
        let mut state = self.state();
        state.rest();
        if lane == Lane::Media {
            state.media_bytes = state.media_bytes.saturating_sub(bytes);
            return None;
        }
        state.bytes = state.bytes.saturating_sub(bytes);
        if !state.filled || state.bytes > self.bytes_max / 2 {
            return None;
        }
        state.filled = false;
        Some(self.bytes_max - state.bytes)
    }
}

impl State {
    fn push(&mut self, frame: Frame, bytes_max: usize) -> bool {
        self.bytes += frame.len();
        self.frames.push_back(frame.into_bytes());
        self.bytes <= bytes_max
    }

    fn push_media(&mut self, frame: Frame) -> bool {
        self.media_bytes += frame.len();
        self.media.push_back(frame);
        self.media_bytes <= MEDIA_QUEUE_BYTES_MAX
    }

    /// Lanes in which nothing waits hold no memory: most links are idle.
    fn rest(&mut self) {
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
        if self.media.is_empty() {
            self.media = VecDeque::new();
        }
    }

    /// Not more at once: what comes in the meantime and is more urgent waits for one write.
    fn take_media(&mut self, bytes_max: usize) -> Option<Batch> {
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while let Some(frame) = self.media.pop_front_if(|next| bytes == 0 || bytes + next.len() <= bytes_max) {
            bytes += frame.len();
            pieces.extend(frame.parts().map(Bytes::clone));
        }
        (bytes > 0).then(|| Batch::new(Lane::Media, pieces))
    }
}

fn lane_of(frame: &Frame) -> Lane {
    let kind = frame.header().map(|header| header.kind);
    let is_media = kind == Some(Chunk::KIND) || kind == Some(GroupHeader::KIND);
    if is_media { Lane::Media } else { Lane::Messages }
}
