//! Draws: one independent generator per node, link and disk, so that removing one event shifts no other.

use core::time::Duration;

use segment_core::Random;

/// A generator with the draws that a simulation needs.
#[derive(Clone, Debug)]
pub struct Dice(Random);

impl Dice {
    /// The generator of a whole run.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(Random::new(key))
    }

    /// An independent generator, named by what it is for.
    #[must_use]
    pub fn child(&self, purpose: &str, number: u64) -> Self {
        let mut name = purpose.as_bytes().to_vec();
        name.extend_from_slice(&number.to_le_bytes());
        Self(self.0.child(&name))
    }

    /// 32 random bytes: a machine's seed or a key.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.0.bytes()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below(high.saturating_sub(low) + 1)
    }

    /// A number below `bound`, for indices.
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound as u64)).unwrap_or(0)
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.0.below(1_000) < permille
    }

    /// One of some things; `None` where there is none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.index(things.len()))
    }

    /// A duration between two, both included, to the microsecond.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_micros(self.between(micros(low), micros(high)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
