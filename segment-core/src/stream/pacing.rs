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
    /// Totals and when they were sent, oldest first; one for each chunk under way.
    marks: VecDeque<(u64, Instant)>,
    base: Base,
    growth: Growth,
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
        self.marks.push_back((self.sent, now));
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
        while self.marks.front().is_some_and(|(mark, _)| *mark <= total) {
            newest = self.marks.pop_front();
        }
        if let Some((_, sent)) = newest {
            let sample = now.since(sent).saturating_sub(held);
            let added = sample.saturating_sub(self.base.note(sample, now));
            self.adjust(added, taken, was_full, limits);
        }
    }

    fn adjust(&mut self, added: Duration, taken: usize, was_full: bool, limits: &StreamLimits) {
        if added > limits.window_delay {
            self.size = self.size.saturating_sub(taken / 2);
            self.growth = Growth::Step;
        } else if was_full && added < limits.window_delay / 2 {
            self.size += match self.growth {
                Growth::Doubling => taken,
                Growth::Step => limits.chunk_bytes.saturating_mul(taken) / self.size.max(1),
            };
        }
        self.size = self.size.clamp(limits.window_bytes_min, limits.window_bytes_max);
    }
}
