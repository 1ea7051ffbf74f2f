//! A seeded generator, and a popularity that is as skewed as that of names.

/// SplitMix64: the same seed, the same numbers, on every machine.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, all equally likely.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// Below `end`, by Zipf's law: the k-th is wanted about 1/k as often as the first.
    pub fn popular(&mut self, end: u64) -> u64 {
        let uniform = (self.number() >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = (end.max(1) as f64).powf(uniform) as u64;
        rank.clamp(1, end.max(1)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_popular_are_wanted_most_and_nobody_never() {
        let mut chance = Chance::new(1);
        let mut wanted = [0_u32; 1_000];
        for _ in 0..100_000 {
            wanted[usize::try_from(chance.popular(1_000)).unwrap_or_default()] += 1;
        }
        // The share of rank k is (ln(k+1) - ln k) / ln 1,000.
        assert!((9_500..10_600).contains(&wanted[0]), "{}", wanted[0]);
        assert!((5_500..6_300).contains(&wanted[1]), "{}", wanted[1]);
        let second_half: u32 = wanted[500..].iter().sum();
        assert!((9_000..11_000).contains(&second_half), "{second_half}");
    }
}
