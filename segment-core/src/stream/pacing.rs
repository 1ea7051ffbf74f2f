//! How much may be under way to one viewer, so that a stream adds little delay to its link.
//!
//! The viewer says what it has taken. The longer that takes, compared with the best of the last while, the less is
//! sent ahead (as in LEDBAT, RFC 6817): what waits then waits in the ring, where it can still be left out, and not in
//! buffers where a message would wait behind it.

use alloc::collections::VecDeque;
use core::time::Duration;

use segment_proto::Instant;
use segment_proto::limits::StreamLimits;

use crate::rules::{Rule, Rules};

/// How long the best round trip is believed.
const BASE_LIFE: Duration = Duration::from_secs(10);

/// What is under way to one viewer.
#[derive(Debug)]
pub struct Window {
    size: usize,
    sent: u64,
    taken: u64,
    /// One for each chunk under way, the oldest first.
    marks: VecDeque<Mark>,
    base: Base,
    growth: Growth,
}

/// A chunk that was sent.
#[derive(Debug)]
struct Mark {
    /// What was sent by then.
    total: u64,
    /// What was under way then.
    under_way: usize,
    at: Instant,
}

/// How long a chunk was under way.
#[derive(Clone, Copy, Debug)]
struct Delay {
    /// More than the best one.
    added: Duration,
    /// Bytes that waited on the link when it was sent, as far as that tells.
    waiting: usize,
}

impl Delay {
    /// A chunk takes its time on a slow link, and what is sent behind it waits for so long: to wait for less than one is
    /// no sign that the link is full.
    fn is_long(self, limits: &StreamLimits) -> bool {
        self.added > limits.window_delay && self.waiting > limits.chunk_bytes
    }

    fn is_short(self, limits: &StreamLimits) -> bool {
        self.added < limits.window_delay / 2 || self.waiting < limits.chunk_bytes / 2
    }
}

/// How a window grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// By all that was taken, until the link has filled for the first time: so what it carries is found quickly.
    Doubling,
    /// By one step each time that all of it was taken: so it is filled over by little.
    Step,
}

/// The best round trip: of this while, and of the one before.
#[derive(Debug, Default)]
struct Base {
    since: Instant,
    best: Option<Duration>,
    before: Option<Duration>,
}

impl Base {
    fn note(&mut self, sample: Duration, now: Instant) -> Duration {
        if now.since(self.since) > BASE_LIFE {
            (self.since, self.before) = (now, self.best.take());
        }
        let best = self.best.map_or(sample, |best| best.min(sample));
        self.best = Some(best);
        self.before.map_or(best, |before| before.min(best))
    }
}

impl Window {
    /// Nothing is under way.
    #[must_use]
    pub fn new(limits: &StreamLimits) -> Self {
        let size = (limits.window_bytes_min * 4).min(limits.window_bytes_max);
        Self { size, sent: 0, taken: 0, marks: VecDeque::new(), base: Base::default(), growth: Growth::Doubling }
    }

    /// The same, of a viewer that has counted so many bytes before.
    #[must_use]
    pub fn counting_from(total: u64, limits: &StreamLimits) -> Self {
        Self { sent: total, taken: total, ..Self::new(limits) }
    }

    /// Whether so many bytes may go now.
    #[must_use]
    pub fn has_room(&self, bytes: usize, rules: Rules) -> bool {
        let under_way = self.under_way();
        under_way == 0 || under_way + bytes <= self.size || !rules.has(Rule::WindowBounds)
    }

    /// Bytes under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        usize::try_from(self.sent - self.taken).unwrap_or(usize::MAX)
    }

    /// Bytes that may be under way.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// They go.
    pub fn on_sent(&mut self, bytes: usize, now: Instant) {
        self.sent += bytes as u64;
        self.marks.push_back(Mark { total: self.sent, under_way: self.under_way(), at: now });
    }

    /// So many have come since the beginning, the last of them a while ago.
    pub fn on_taken(&mut self, total: u64, held: Duration, now: Instant, limits: &StreamLimits) {
        let total = total.min(self.sent);
        if total <= self.taken {
            return;
        }
        let was_full = self.under_way() * 2 > self.size;
        let taken = usize::try_from(total - self.taken).unwrap_or(usize::MAX);
        self.taken = total;
        let mut newest = None;
        while self.marks.front().is_some_and(|mark| mark.total <= total) {
            newest = self.marks.pop_front();
        }
        if let Some(mark) = newest {
            let delay = self.delay(&mark, now.since(mark.at).saturating_sub(held), now);
            self.adjust(delay, taken, was_full, limits);
        }
    }

    /// What waits is that part of what was under way by which it took longer.
    fn delay(&mut self, mark: &Mark, took: Duration, now: Instant) -> Delay {
        let added = took.saturating_sub(self.base.note(took, now));
        let waiting = mark.under_way as u128 * added.as_micros() / took.as_micros().max(1);
        Delay { added, waiting: usize::try_from(waiting).unwrap_or(usize::MAX) }
    }

    fn adjust(&mut self, delay: Delay, taken: usize, was_full: bool, limits: &StreamLimits) {
        if delay.is_long(limits) {
            self.size = self.size.saturating_sub(taken / 2);
            self.growth = Growth::Step;
        } else if was_full && delay.is_short(limits) {
            self.size += match self.growth {
                Growth::Doubling => taken,
                Growth::Step => limits.chunk_bytes.saturating_mul(taken) / self.size.max(1),
            };
        }
        self.size = self.size.clamp(limits.window_bytes_min, limits.window_bytes_max);
    }
}
