//! How much of a stream goes by.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rates are those of so long.
const WINDOW: Duration = Duration::from_secs(5);
/// Counts are noted at most so often.
const STEP: Duration = Duration::from_millis(250);

/// Counts frames; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    began: Instant,
    now: Count,
    dropped: u64,
    noted: VecDeque<(Instant, Count)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    frames: u64,
    pictures: u64,
    bytes: u64,
}

/// What a meter shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    /// Since it began.
    pub since: Duration,
    /// Frames of all tracks.
    pub frames: u64,
    /// Those of them that are pictures.
    pub pictures: u64,
    /// Those that were left out here.
    pub dropped: u64,
    /// Pictures in a second, of late.
    pub fps: f64,
    /// Bits in a second, of late.
    pub bps: f64,
}

impl Meter {
    pub fn new(now: Instant) -> Self {
        let (zero, dropped) = (Count::default(), 0);
        Self(Arc::new(Mutex::new(Counts { began: now, now: zero, dropped, noted: VecDeque::from([(now, zero)]) })))
    }

    /// A frame has gone by.
    pub fn count(&self, bytes: usize, is_picture: bool, now: Instant) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.now.frames += 1;
        counts.now.pictures += u64::from(is_picture);
        counts.now.bytes += bytes as u64;
        if counts.noted.back().is_none_or(|(at, _)| now.duration_since(*at) >= STEP) {
            let count = counts.now;
            counts.noted.push_back((now, count));
        }
        while counts.noted.len() > 2 && counts.noted.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            counts.noted.pop_front();
        }
    }

    /// So many in all were left out.
    pub fn dropped(&self, count: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped = count;
    }

    pub fn read(&self, now: Instant) -> Reading {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = counts.noted.iter().find(|(at, _)| now.duration_since(*at) <= WINDOW);
        let (from, before) = recent.copied().unwrap_or((now.checked_sub(WINDOW).unwrap_or(now), counts.now));
        let seconds = now.duration_since(from).as_secs_f64().max(1.0);
        let rate = |now: u64, before: u64| (now - before) as f64 / seconds;
        Reading {
            since: now.duration_since(counts.began),
            frames: counts.now.frames,
            pictures: counts.now.pictures,
            dropped: counts.dropped,
            fps: rate(counts.now.pictures, before.pictures),
            bps: rate(counts.now.bytes, before.bytes) * 8.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_late_and_counts_of_all() {
        let began = Instant::now();
        let meter = Meter::new(began);
        let at = |ms| began + Duration::from_millis(ms);
        for number in 0..600 {
            meter.count(1_000, number % 2 == 0, at(number * 20));
        }
        let reading = meter.read(at(12_000));
        assert_eq!((reading.frames, reading.pictures, reading.since), (600, 300, Duration::from_secs(12)));
        assert!((24.0..27.0).contains(&reading.fps), "{reading:?}");
        assert!((390_000.0..430_000.0).contains(&reading.bps), "{reading:?}");
        let later = meter.read(at(30_000));
        assert_eq!((later.fps, later.bps, later.frames), (0.0, 0.0, 600));
    }
}
