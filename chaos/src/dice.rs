//! Draws of a seed: the same ones on every machine.

use std::time::Duration;

/// `SplitMix64`: plans are drawn with it, nothing secret is.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Both included.
    pub const fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// One of several things, each with its weight.
    pub fn weighted<T: Copy>(&mut self, things: &[(u64, T)]) -> Option<T> {
        let total: u64 = things.iter().map(|(weight, _)| weight).sum();
        let mut left = self.between(0, total.checked_sub(1)?);
        for (weight, thing) in things {
            if left < *weight {
                return Some(*thing);
            }
            left -= weight;
        }
        None
    }
}
