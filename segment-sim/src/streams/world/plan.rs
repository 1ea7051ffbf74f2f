//! What a world of a stream is about.

use crate::dice::Dice;

/// What a world is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of everything drawn later.
    pub seed: u64,
    /// Viewers.
    pub viewers: usize,
    /// Copies that the streamer's uplink carries.
    pub direct: u32,
    /// In a thousand viewers so many agree to pass the stream on.
    pub relays: u64,
    /// In a thousand viewers so many have a slow link.
    pub slow: u64,
    /// In a thousand viewers so many spoil what they pass on.
    pub spoilers: u64,
    /// Frames of one group.
    pub group: u64,
    /// Crashes and departures.
    pub losses: usize,
    /// Bytes of one frame.
    pub frame_bytes: usize,
    /// Seconds of storm, then as many of calm.
    pub seconds: u64,
}

impl Plan {
    /// Drawn by a seed: which faults there are at all, and how often.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed).child("streams", 0);
        let or_none = |dice: &mut Dice, most: u64| if dice.chance(600) { dice.between(1, most) } else { 0 };
        Self {
            seed,
            viewers: dice.index(24) + 4,
            direct: u32::try_from(dice.between(1, 6)).unwrap_or(1),
            relays: dice.between(600, 1_000),
            slow: or_none(&mut dice, 400),
            spoilers: or_none(&mut dice, 150),
            group: dice.between(1, 40),
            losses: dice.index(6),
            frame_bytes: dice.index(20_000) + 100,
            seconds: 8,
        }
    }
}
