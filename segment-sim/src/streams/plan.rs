//! What a world of a stream is about.

use crate::dice::Dice;

/// What worlds of streams are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Whatever there is, some of it.
    Anything,
    /// Viewers whose links carry less than the stream.
    Slow,
    /// Relays that spoil what they pass on or keep it back, strangers who want to be served.
    Lies,
    /// Relays that crash and leave.
    Crashes,
    /// Rights that are taken, viewers who are not to be seen, a streamer that is gone for a while.
    Rights,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Anything, Self::Slow, Self::Lies, Self::Crashes, Self::Rights];

    /// By this name it is asked for.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anything => "streams",
            Self::Slow => "streams-slow",
            Self::Lies => "streams-lies",
            Self::Crashes => "streams-crashes",
            Self::Rights => "streams-rights",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

/// What a world is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of everything drawn later.
    pub seed: u64,
    /// Viewers.
    pub viewers: usize,
    /// They come within so many milliseconds.
    pub come_within_ms: u64,
    /// Copies that the streamer's uplink carries.
    pub direct: u32,
    /// In a thousand viewers so many agree to pass the stream on.
    pub relays: u64,
    /// Copies that each of them agrees to.
    pub copies: u32,
    /// In a thousand viewers so many have a slow link during the storm.
    pub slow: u64,
    /// What a slow link carries, in percent of the stream.
    pub slow_percent: u64,
    /// Links that stand still for a while.
    pub stalls: u64,
    /// In a thousand viewers so many spoil what they pass on.
    pub spoilers: u64,
    /// In a thousand viewers so many keep keyframes back.
    pub misers: u64,
    /// Who wants to be served and may not.
    pub strangers: usize,
    /// Viewers who may watch no more.
    pub kicks: u64,
    /// In a thousand viewers so many are not to be seen.
    pub invisible: u64,
    /// Frames of one group.
    pub group: u64,
    /// Every other frame is needed by no other.
    pub discardable: bool,
    /// There is sound.
    pub sound: bool,
    /// Viewers that crash.
    pub crashes: u64,
    /// Viewers that leave.
    pub leaves: u64,
    /// In a thousand viewers who crashed or left so many come back.
    pub back: u64,
    /// Times that the streamer crashes, and is back within 20 seconds.
    pub breaks: u64,
    /// Times that somebody else coordinates: the host has gone, or is back.
    pub moves: u64,
    /// The streamer may not stream any more, in the end.
    pub silenced: bool,
    /// Bytes of one frame.
    pub frame_bytes: usize,
    /// Seconds of storm.
    pub storm: u64,
    /// Seconds of calm.
    pub calm: u64,
}

impl Plan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn calm(seed: u64, viewers: usize) -> Self {
        Self {
            seed,
            viewers,
            come_within_ms: 1_500,
            direct: 4,
            relays: 1_000,
            copies: 4,
            slow: 0,
            slow_percent: 10,
            stalls: 0,
            spoilers: 0,
            misers: 0,
            strangers: 0,
            kicks: 0,
            invisible: 0,
            group: 15,
            discardable: false,
            sound: false,
            crashes: 0,
            leaves: 0,
            back: 0,
            breaks: 0,
            moves: 0,
            silenced: false,
            frame_bytes: 1_000,
            storm: 8,
            calm: 16,
        }
    }

    /// Drawn by a seed: which faults there are at all, and how often.
    #[must_use]
    pub fn draw(seed: u64, topic: Topic) -> Self {
        let mut dice = Dice::new(seed).child(topic.name(), 0);
        let dice = &mut dice;
        let shape = Self {
            direct: u32::try_from(dice.between(2, 6)).unwrap_or(2),
            relays: dice.between(600, 1_000),
            copies: if dice.chance(500) { 4 } else { 8 },
            group: dice.between(1, 30),
            discardable: dice.chance(400),
            sound: dice.chance(400),
            frame_bytes: dice.index(20_000) + 100,
            ..Self::calm(seed, dice.index(24) + 4)
        };
        match topic {
            Topic::Anything => shape.with_anything(dice),
            Topic::Slow => Self { direct: 6, ..Self { viewers: 6, ..shape }.with_slow_links(dice) },
            Topic::Lies => shape.with_lies(dice),
            Topic::Crashes => shape.with_losses(dice),
            Topic::Rights => shape.with_rights(dice),
        }
    }

    fn with_anything(self, dice: &mut Dice) -> Self {
        let mut plan = self;
        let faults = [Self::with_slow_links, Self::with_stalls, Self::with_lies, Self::with_losses, Self::with_breaks];
        for fault in faults {
            if dice.chance(450) {
                plan = fault(plan, dice);
            }
        }
        plan
    }

    fn with_slow_links(self, dice: &mut Dice) -> Self {
        let slow_percent = if dice.chance(500) { 10 } else { dice.between(20, 90) };
        Self { slow: dice.between(150, 500), slow_percent, discardable: dice.chance(600), ..self }
    }

    fn with_stalls(self, dice: &mut Dice) -> Self {
        Self { stalls: dice.between(1, 6), ..self }
    }

    fn with_lies(self, dice: &mut Dice) -> Self {
        let (spoilers, misers) = (dice.between(50, 200), if dice.chance(500) { dice.between(50, 200) } else { 0 });
        Self { spoilers, misers, strangers: dice.index(4), ..self }
    }

    fn with_losses(self, dice: &mut Dice) -> Self {
        Self { crashes: dice.between(1, 5), leaves: dice.between(0, 4), back: dice.between(0, 1_000), ..self }
    }

    fn with_breaks(self, dice: &mut Dice) -> Self {
        Self { breaks: dice.between(0, 1), moves: dice.between(0, 2), kicks: dice.between(0, 2), ..self }
    }

    fn with_rights(self, dice: &mut Dice) -> Self {
        let (crashes, moves) = (dice.between(0, 2), dice.between(0, 1));
        let plan = Self { viewers: dice.index(8) + 4, frame_bytes: dice.index(2_000) + 100, sound: false, ..self };
        let plan = Self { kicks: dice.between(0, 2), invisible: 300, strangers: dice.index(4), crashes, moves, ..plan };
        Self { breaks: dice.between(0, 1), silenced: dice.chance(250), calm: 45, ..plan }
    }
}
