//! A node's clocks: none is right.

use segment_proto::{Instant, Now, UnixMillis};

/// When the simulated world begins, on a right wall clock.
const EPOCH_MILLIS: u64 = 1_800_000_000_000;
/// Parts of a million.
const MILLION: u64 = 1_000_000;

/// The clocks of one node: a wall clock that is wrong and may jump, and one that counts from any origin, too fast or
/// too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// By how much the wall clock is wrong.
    pub wall_offset_ms: i64,
    /// By how many parts of a million both go too fast.
    pub drift_ppm: i64,
    origin: u64,
    began: u64,
}

impl Clock {
    /// A clock that is wrong.
    #[must_use]
    pub fn new(wall_offset_ms: i64, drift_ppm: i64) -> Self {
        Self { wall_offset_ms, drift_ppm, origin: 0, began: 0 }
    }

    /// A process starts: its counter begins anywhere.
    pub fn begin(&mut self, now: Instant, origin: u64) {
        self.origin = origin;
        self.began = now.0;
    }

    fn rate(&self) -> u64 {
        MILLION.saturating_add_signed(self.drift_ppm)
    }

    /// What it shows.
    #[must_use]
    pub fn read(&self, now: Instant) -> Now {
        let passed = scale(now.0.saturating_sub(self.began), self.rate(), MILLION);
        let wall = EPOCH_MILLIS + scale(now.0, self.rate(), MILLION) / 1_000;
        let wall = wall.saturating_add_signed(self.wall_offset_ms);
        Now { mono: Instant(self.origin + passed), wall: UnixMillis(wall) }
    }

    /// When it will show this, or a little later.
    #[must_use]
    pub fn world_time(&self, mono: Instant) -> Instant {
        let passed = mono.0.saturating_sub(self.origin);
        let at = self.began + scale(passed, MILLION, self.rate());
        // Rounding must not wake a machine before its deadline, again and again.
        if self.read(Instant(at)).mono < mono { Instant(at + 1) } else { Instant(at) }
    }
}

fn scale(value: u64, by: u64, of: u64) -> u64 {
    if by == of {
        return value;
    }
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}
