//! What a seed draws: how many machines, how fast, what users do, and which faults exist at all.

use core::time::Duration;

use segment_proto::Instant;

use super::{Deed, FaultKind, Happening, Scenario, Shape, What};
use crate::dice::Dice;
use crate::disk::DiskProfile;
use crate::network::{NetworkProfile, NodeId};
use crate::plant::{Plant, dashed};

/// How often users do what, of a thousand deeds.
const DEEDS: &[(Deed, u64)] = &[
    (Deed::Write, 770),
    (Deed::WriteLong, 40),
    (Deed::LookBack, 70),
    (Deed::LookAround, 40),
    (Deed::Allow, 25),
    (Deed::Deny, 4),
    (Deed::Kick, 5),
    (Deed::Open, 8),
    (Deed::Hide, 9),
    (Deed::Show, 9),
    (Deed::Leave, 10),
    (Deed::Disconnect, 10),
];
/// Of a thousand worlds about anything, in so many an identity is started twice.
const TWIN_PERMILLE: u64 = 150;
/// Of a thousand of the others, in so many bits flip on disks.
const FLIPS_PERMILLE: u64 = 200;
/// Draws of happenings are below this: short in a text.
const DRAWS: u64 = 100_000;

/// Faults that no world is spared; the machines have to bear the others too, before they are among these.
const BORNE: &[FaultKind] = &[
    FaultKind::Crash,
    FaultKind::PowerFailure,
    FaultKind::CrashBetweenEffects,
    FaultKind::BreakLink,
    FaultKind::HalfOpen,
    FaultKind::Stall,
    FaultKind::Partition,
    FaultKind::OneWayPartition,
    FaultKind::NoInbound,
    FaultKind::FailedSync,
    FaultKind::Away,
    FaultKind::Flap,
    FaultKind::Pause,
    FaultKind::ClockJump,
];

/// What a world is about. Whoever looks for something in particular finds it sooner where it happens often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Focus {
    /// Anything.
    #[default]
    Anything,
    /// Hosts that go away while members write, and come back.
    Takeover,
    /// Rights that are given and taken while messages are on their way.
    Rights,
    /// Disks that come back with an older image, or empty.
    Restored,
    /// Nodes that never come back.
    Gone,
    /// A node that lies.
    Malice,
    /// Channels that move from device to device.
    Moves,
    /// A tracker whose disk comes back with an older image.
    Disaster,
    /// Old messages that go by the owner's policy.
    Retention,
    /// One identity that is started twice.
    Twins,
    /// Bits that flip on disks.
    Flips,
}

impl Focus {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Anything,
        Self::Takeover,
        Self::Rights,
        Self::Restored,
        Self::Gone,
        Self::Malice,
        Self::Moves,
        Self::Disaster,
        Self::Retention,
        Self::Twins,
        Self::Flips,
    ];

    /// The name by which it is asked for.
    #[must_use]
    pub fn name(self) -> String {
        dashed(&format!("{self:?}"))
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|focus| focus.name() == name)
    }
}

/// What a world is like before its happenings are drawn.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Who lives in it.
    pub shape: Shape,
    /// How long, on average, a user waits before the next thing.
    pub think: Duration,
    /// How long, on average, it is between two faults.
    pub calm: Duration,
    /// Which faults there are.
    pub faults: Vec<FaultKind>,
    /// Of a thousand faults, so many are at a node that owns channels.
    pub at_owners_permille: u64,
    /// How often the tracker's disk comes back with an older image.
    pub disasters: u16,
    /// How many bits flip on disks.
    pub flips: u16,
    /// Deeds besides the usual ones, each as often as a thousandth of them.
    pub deeds: Vec<(Deed, u64)>,
}

impl Scenario {
    /// The world of a seed.
    #[must_use]
    pub fn draw(seed: u64, focus: Focus, plant: Plant) -> Self {
        let dice = Dice::new(seed);
        Swarm::draw(focus, &mut dice.child("swarm", 0)).scenario(seed, plant)
    }
}

impl Swarm {
    /// Draws a world.
    #[must_use]
    pub fn draw(focus: Focus, dice: &mut Dice) -> Self {
        let faults = draw_faults(dice);
        let shape = draw_shape(dice);
        let swarm = Self {
            shape,
            think: dice.duration(Duration::from_millis(50), Duration::from_millis(250)),
            calm: dice.duration(Duration::from_millis(700), Duration::from_secs(5)),
            faults,
            at_owners_permille: 200,
            disasters: 0,
            flips: 0,
            deeds: Vec::new(),
        };
        swarm.focused(focus, dice)
    }

    fn focused(mut self, focus: Focus, dice: &mut Dice) -> Self {
        use FaultKind::{Away, BreakLink, Crash, Flap, Gone, HalfOpen, LostDisk, OldImage, Pause, PowerFailure};
        match focus {
            Focus::Anything => {
                let peers = u64::from(self.shape.hosts + self.shape.members);
                self.shape.twin_of = dice.chance(TWIN_PERMILLE).then(|| NodeId(small(dice, 1, peers)));
                let flips = self.shape.twin_of.is_none() && dice.chance(FLIPS_PERMILLE);
                self.flips = if flips { small(dice, 1, 2) } else { 0 };
            }
            Focus::Takeover => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, ..self.shape };
                self.faults = vec![Away, Crash, PowerFailure, Flap, HalfOpen, BreakLink, Pause];
                self.faults.retain(|_| dice.chance(700));
                self.faults.push(PowerFailure);
                self.at_owners_permille = 800;
                self.calm = dice.duration(Duration::from_millis(500), Duration::from_secs(4));
            }
            Focus::Rights => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, ..self.shape };
                self.deeds = vec![(Deed::Allow, 100), (Deed::Deny, 50), (Deed::Kick, 50), (Deed::Open, 20)];
            }
            Focus::Restored => {
                self.shape = Shape { hosts: 1, channels: 1, ..self.shape };
                self.deeds = vec![(Deed::Backup, 10)];
                self.faults.extend([OldImage, OldImage, LostDisk]);
            }
            Focus::Gone => {
                self.shape = Shape { hosts: 1, channels: 1, members: 4, ..self.shape };
                self.faults = vec![PowerFailure, Crash, HalfOpen, BreakLink, Flap, Gone];
            }
            Focus::Moves => {
                self.shape = Shape { hosts: 1, channels: 1, members: 4, deputies: 2, ..self.shape };
                self.deeds = vec![(Deed::Move, 8)];
                self.at_owners_permille = 400;
            }
            Focus::Disaster => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, ..self.shape };
                self.faults.retain(|kind| !matches!(kind, Away));
                self.disasters = 1 + small(dice, 0, 1);
            }
            Focus::Retention => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, ..self.shape };
                self.deeds = vec![(Deed::Retain, 15)];
                self.faults = vec![Away, Crash, PowerFailure, Flap, HalfOpen, Pause];
                self.at_owners_permille = 400;
            }
            Focus::Twins => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, visitors: 0, ..self.shape };
                self.shape.twin_of = Some(NodeId(1 + small(dice, 0, 3)));
                self.at_owners_permille = 400;
            }
            Focus::Flips => {
                self.shape = Shape { hosts: 1, channels: 1, members: 3, ..self.shape };
                self.flips = small(dice, 1, 4);
            }
            Focus::Malice => {
                let liar = NodeId(1 + small(dice, 0, u64::from(self.shape.hosts + self.shape.members) - 1));
                self.shape.liar = Some(liar);
            }
        }
        self
    }

    /// Draws what happens in it.
    #[must_use]
    pub fn scenario(&self, seed: u64, plant: Plant) -> Scenario {
        let dice = Dice::new(seed);
        let mut happenings = self.draw_happenings(&mut dice.child("faults", 0));
        for node in self.shape.peers() {
            happenings.extend(self.draw_deeds(node, &mut dice.child("deeds", u64::from(node.0))));
        }
        happenings.extend(self.draw_disasters(&mut dice.child("disasters", 0)));
        happenings.extend(self.draw_flips(&mut dice.child("flips", 0)));
        happenings.extend(self.draw_twin(&mut dice.child("twin", 0)));
        happenings.sort_by_key(|happening| (happening.at, happening.node));
        Scenario { seed, shape: self.shape.clone(), plant, happenings }
    }

    /// A copy of the tracker's disk is kept, and comes back later.
    fn draw_disasters(&self, dice: &mut Dice) -> Vec<Happening> {
        let one = |_| {
            let kept = Duration::from_secs(5) + dice.duration(Duration::ZERO, self.shape.storm / 2);
            let back = kept + dice.duration(Duration::from_millis(100), self.shape.storm / 2);
            let happening = |after, what| {
                let lasting = Duration::from_secs(1);
                Happening { at: Instant(0) + after, node: NodeId(0), what, draw: 0, with: None, lasting }
            };
            [happening(kept, What::Deed(Deed::Backup)), happening(back, What::Fault(FaultKind::OldImage))]
        };
        (0..self.disasters).flat_map(one).collect()
    }

    /// Bits flip where there are entries: at the tracker, the hosts and the members.
    fn draw_flips(&self, dice: &mut Dice) -> Vec<Happening> {
        let last = u64::from(self.shape.hosts + self.shape.members);
        let one = |_| {
            let after =
                Duration::from_secs(5) + dice.duration(Duration::ZERO, self.shape.storm - Duration::from_secs(6));
            let (at, node) = (Instant(0) + after, NodeId(small(dice, 0, last)));
            let (what, draw) = (What::Fault(FaultKind::FlippedBit), dice.between(0, DRAWS - 1));
            Happening { at, node, what, draw, with: None, lasting: Duration::ZERO }
        };
        (0..self.flips).map(one).collect()
    }

    /// Somebody is started a second time, and the second process has at least half of the storm.
    fn draw_twin(&self, dice: &mut Dice) -> Option<Happening> {
        let node = self.shape.twin_of?;
        let at = Instant(0) + Duration::from_secs(5) + dice.duration(Duration::ZERO, self.shape.storm / 3);
        let kind = if dice.chance(700) { FaultKind::Twin } else { FaultKind::BareTwin };
        Some(Happening { at, node, what: What::Fault(kind), draw: 0, with: None, lasting: Duration::ZERO })
    }

    fn draw_deeds(&self, node: NodeId, dice: &mut Dice) -> Vec<Happening> {
        let times = self.times(self.think, dice);
        let deeds = times.into_iter().map(|at| {
            let what = What::Deed(self.draw_deed(dice));
            Happening { at, node, what, draw: dice.between(0, DRAWS - 1), with: None, lasting: Duration::ZERO }
        });
        deeds.collect()
    }

    fn draw_happenings(&self, dice: &mut Dice) -> Vec<Happening> {
        let nodes: Vec<NodeId> = core::iter::once(NodeId(0)).chain(self.shape.peers()).collect();
        let times = self.times(self.calm, dice);
        let faults = times.into_iter().filter_map(|at| {
            let kind = *dice.pick(&self.faults)?;
            let at_owner = dice.chance(self.at_owners_permille);
            let node = if at_owner {
                NodeId(1 + small(dice, 0, u64::from(self.shape.hosts) - 1))
            } else {
                *dice.pick(&nodes)?
            };
            // The tracker says goodbye to nobody, and its disk is what the others' receipts are about.
            let spared = node == NodeId(0)
                && matches!(kind, FaultKind::Away | FaultKind::OldImage | FaultKind::LostDisk | FaultKind::Gone);
            let node = if spared { NodeId(1) } else { node };
            let lasting = if kind == FaultKind::Away { long_time(dice) } else { some_time(dice) };
            Some(Happening { at, node, what: What::Fault(kind), draw: dice.between(0, DRAWS - 1), with: None, lasting })
        });
        faults.collect()
    }

    fn draw_deed(&self, dice: &mut Dice) -> Deed {
        let all = || self.deeds.iter().chain(DEEDS);
        let mut left = dice.between(0, all().map(|(_, share)| share).sum::<u64>() - 1);
        for (deed, share) in all() {
            if left < *share {
                return *deed;
            }
            left -= share;
        }
        Deed::Write
    }

    /// Moments in the storm, so far from each other on average.
    fn times(&self, mean: Duration, dice: &mut Dice) -> Vec<Instant> {
        let end = Instant(0) + self.shape.storm;
        let next = |at: &Instant, dice: &mut Dice| *at + dice.duration(Duration::from_millis(1), mean * 2);
        let mut times = Vec::new();
        let mut at = next(&Instant(0), dice);
        while at < end {
            times.push(at);
            at = next(&at, dice);
        }
        times
    }
}

fn draw_shape(dice: &mut Dice) -> Shape {
    let farthest = *dice.pick(&[1, 5, 40, 150]).unwrap_or(&1);
    let slowest = *dice.pick(&[1, 4, 25]).unwrap_or(&1);
    Shape {
        hosts: small(dice, 1, 2),
        channels: small(dice, 1, 2),
        members: small(dice, 1, 4),
        visitors: small(dice, 0, 1),
        second_device_permille: if dice.chance(300) { 500 } else { 0 },
        storm: dice.duration(Duration::from_secs(25), Duration::from_secs(50)),
        network: NetworkProfile {
            nearest: Duration::from_micros(50),
            farthest: Duration::from_millis(farthest),
            ..NetworkProfile::default()
        },
        disk: DiskProfile {
            fastest: Duration::from_micros(20),
            slowest: Duration::from_millis(slowest),
            ..DiskProfile::default()
        },
        deputies: 0,
        liar: None,
        twin_of: None,
        clock_drift_ppm: *dice.pick(&[0, 50, 500]).unwrap_or(&0),
        clock_skew: dice.duration(Duration::ZERO, Duration::from_secs(120)),
        send_queue_bytes_max: *dice.pick(&[8 * 1_024, 32 * 1_024, 256 * 1_024]).unwrap_or(&8_192),
    }
}

fn small(dice: &mut Dice, low: u64, high: u64) -> u16 {
    u16::try_from(dice.between(low, high)).unwrap_or(1)
}

/// Each kind is there or not; some worlds have none, some all.
fn draw_faults(dice: &mut Dice) -> Vec<FaultKind> {
    let permille = *dice.pick(&[0, 300, 500, 700, 1_000]).unwrap_or(&500);
    BORNE.iter().copied().filter(|_| dice.chance(permille)).collect()
}

fn long_time(dice: &mut Dice) -> Duration {
    dice.duration(Duration::from_secs(2), Duration::from_secs(16))
}

fn some_time(dice: &mut Dice) -> Duration {
    let most = *dice.pick(&[200, 1_000, 4_000, 12_000]).unwrap_or(&1_000);
    dice.duration(Duration::from_millis(10), Duration::from_millis(most))
}
