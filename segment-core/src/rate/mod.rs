//! How often something may be done.

use core::time::Duration;

use segment_proto::Instant;

/// A token bucket in two numbers (GCRA): so much at once, then one for each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval: Duration,
    tolerance: Duration,
    /// When the bucket is full again.
    full_at: Instant,
}

impl Gcra {
    /// So many a second; `burst` of them at once after a pause. Either counts as at least one.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self::every(Duration::from_secs(1) / per_second.max(1), burst)
    }

    /// One for each interval; `burst` of them, but at least one, at once after a pause.
    #[must_use]
    pub fn every(interval: Duration, burst: u32) -> Self {
        Self { interval, tolerance: interval.saturating_mul(burst.saturating_sub(1)), full_at: Instant::default() }
    }

    /// Takes one.
    ///
    /// # Errors
    /// The time after which there is one again. Nothing was taken.
    pub fn check(&mut self, now: Instant) -> Result<(), Duration> {
        let missing = self.full_at.since(now);
        if missing > self.tolerance {
            return Err(missing.saturating_sub(self.tolerance));
        }
        self.full_at = self.full_at.max(now) + self.interval;
        Ok(())
    }

    /// Whether nothing is missing: a bucket like this can be forgotten.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests;
