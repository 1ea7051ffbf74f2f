//! Own figures: how much was said, how fast, and how long it took.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Latencies that are remembered. Policy: the oldest is forgotten.
const LATENCIES_MAX: usize = 1_024;
/// Seconds of the recent rate.
const RECENT_SECONDS: u64 = 60;

/// What was said since the start.
#[derive(Debug)]
pub struct Figures {
    since: Instant,
    /// Own messages.
    pub sent: u64,
    /// Those of them that are committed.
    pub committed: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// Messages of others.
    pub received: u64,
    /// Bytes of texts of others.
    pub received_bytes: u64,
    recent: VecDeque<(u64, u64)>,
    /// From the Enter key to the host's disk.
    pub stored: Latencies,
    /// And to the tracker's.
    pub settled: Latencies,
}

impl Default for Figures {
    fn default() -> Self {
        let (stored, settled) = (Latencies::default(), Latencies::default());
        let (sent, committed, refused, received, received_bytes) = (0, 0, 0, 0, 0);
        let since = Instant::now();
        Self { since, sent, committed, refused, received, received_bytes, recent: VecDeque::new(), stored, settled }
    }
}

impl Figures {
    /// Messages have come or gone.
    pub fn count(&mut self, messages: u64) {
        let second = self.since.elapsed().as_secs();
        match self.recent.back_mut() {
            Some((last, count)) if *last == second => *count += messages,
            _ => self.recent.push_back((second, messages)),
        }
        while self.recent.front().is_some_and(|(first, _)| first + RECENT_SECONDS <= second) {
            self.recent.pop_front();
        }
    }

    /// How long ago the start was.
    pub fn up(&self) -> Duration {
        self.since.elapsed()
    }

    /// Messages per second in the last minute.
    pub fn recent_rate(&self) -> f64 {
        let second = self.since.elapsed().as_secs();
        let recent = self.recent.iter().filter(|(at, _)| at + RECENT_SECONDS > second).map(|(_, count)| count);
        per_second(recent.sum(), self.up().min(Duration::from_secs(RECENT_SECONDS)))
    }

    /// Messages per second since the start.
    pub fn rate(&self) -> f64 {
        per_second(self.sent + self.received, self.up())
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    // Far from where a float would lose one of them.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    count / time.as_secs_f64().max(1.0)
}

/// The newest latencies of a kind.
#[derive(Debug, Default)]
pub struct Latencies(VecDeque<Duration>);

impl Latencies {
    /// One more.
    pub fn add(&mut self, latency: Duration) {
        self.0.push_back(latency);
        self.0.drain(..self.0.len().saturating_sub(LATENCIES_MAX));
    }

    /// Half of them were at most as long, and 99 of 100; `None` where there are none.
    pub fn median_and_99(&self) -> Option<(Duration, Duration)> {
        let mut sorted: Vec<Duration> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let at =
            |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied();
        at(50).zip(at(99))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_the_newest_ones() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.median_and_99(), None);
        (0..2_000).for_each(|ms| latencies.add(Duration::from_millis(ms)));
        assert_eq!(latencies.len(), LATENCIES_MAX);
        assert_eq!(latencies.median_and_99(), Some((Duration::from_millis(1_488), Duration::from_millis(1_989))));
    }

    #[test]
    fn rates_are_of_seconds_that_have_passed() {
        let mut figures = Figures::default();
        figures.count(30);
        figures.received = 30;
        assert!((figures.recent_rate() - 30.0).abs() < 0.1, "less than a second counts as one");
        figures.since = Instant::now().checked_sub(Duration::from_secs(120)).unwrap_or(figures.since);
        figures.count(60);
        assert!((figures.recent_rate() - 1.0).abs() < 0.1 && (figures.rate() - 0.25).abs() < 0.01);
    }
}
