//! One end of a connection: a send queue with a high and a low water mark, and a parser.

use std::collections::VecDeque;

use bytes::Bytes;
use segment_core::Input;
use segment_proto::frame::Parser;
use segment_proto::{DeviceId, Instant, LinkId};

use crate::dice::Dice;
use crate::network::{NodeId, Pace};

/// Most bytes that leave a queue at once.
const SEGMENT_BYTES_MAX: usize = 64 * 1024;

/// How an end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndState {
    /// Its process does not know of it yet.
    Coming,
    /// In use.
    Up,
    /// Closes once its queue is flushed.
    Closing,
    /// Gone: its process hears and says nothing more.
    Gone,
}

/// One end, with the direction from it to the other.
#[derive(Debug)]
pub struct End {
    /// Whose.
    pub node: NodeId,
    /// Its name there.
    pub link: LinkId,
    /// The other side's key.
    pub peer: DeviceId,
    /// How it stands.
    pub state: EndState,
    /// The queue has crossed the high water mark, and not yet the low one.
    pub blocked: bool,
    /// Its machine was told to push nothing.
    pub told_full: bool,
    /// What came in.
    pub parser: Parser,
    /// What was sent arrives no earlier than what was sent before it.
    pub last_arrival: Instant,
    /// Whether a departure is scheduled.
    pub pumping: bool,
    /// Nothing leaves until then.
    pub stalled_until: Instant,
    /// When bytes last left, or began to wait.
    pub progress: Instant,
    /// Whether somebody looks after its progress.
    pub watched: bool,
    /// After the queue comes the end.
    pub ended: bool,
    queue: VecDeque<Bytes>,
    queued: usize,
}

impl End {
    /// A fresh end.
    #[must_use]
    pub fn new(node: NodeId, link: LinkId, peer: DeviceId) -> Self {
        Self {
            node,
            link,
            peer,
            state: EndState::Coming,
            blocked: false,
            told_full: false,
            parser: Parser::default(),
            last_arrival: Instant(0),
            pumping: false,
            stalled_until: Instant(0),
            progress: Instant(0),
            watched: false,
            ended: false,
            queue: VecDeque::new(),
            queued: 0,
        }
    }

    /// Bytes that wait to leave.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Queues a frame; says so where that crosses the high water mark.
    pub fn push(&mut self, bytes: Bytes, high_water: usize, now: Instant) -> Option<Input> {
        if self.queued == 0 {
            self.progress = now;
        }
        self.queued += bytes.len();
        self.queue.push_back(bytes);
        if self.blocked || self.queued < high_water {
            return None;
        }
        self.blocked = true;
        Some(Input::Writable { link: self.link, room: 0 })
    }

    /// Takes bytes off the queue, split and merged wherever the dice fall.
    pub fn depart(&mut self, dice: &mut Dice, pace: Pace, now: Instant) -> Bytes {
        let available = self.queued.min(SEGMENT_BYTES_MAX);
        let wanted = if pace == Pace::Uneven && dice.chance(300) { 1 + dice.index(available) } else { available };
        self.queued -= wanted;
        self.progress = now;
        self.take(wanted)
    }

    fn take(&mut self, wanted: usize) -> Bytes {
        if let Some(first) = self.queue.front_mut().filter(|first| first.len() > wanted) {
            return first.split_to(wanted);
        }
        let mut merged = Vec::with_capacity(wanted);
        while merged.len() < wanted {
            let Some(mut first) = self.queue.pop_front() else { break };
            let part = first.split_to(first.len().min(wanted - merged.len()));
            merged.extend_from_slice(&part);
            if !first.is_empty() {
                self.queue.push_front(first);
            }
        }
        merged.into()
    }

    /// Says so where the queue has fallen below the low water mark.
    pub fn drained(&mut self, high_water: usize) -> Option<Input> {
        if !self.blocked || self.queued > high_water / 2 {
            return None;
        }
        self.blocked = false;
        Some(Input::Writable { link: self.link, room: high_water - self.queued })
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }
}
