//! What a seed draws: how many machines, how fast, and which faults exist at all.

use core::time::Duration;

use crate::dice::Dice;
use crate::disk::DiskProfile;
use crate::network::NetworkProfile;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// A process dies, and the others notice at once.
    Crash,
    /// A process dies, and the others do not notice for a while.
    PowerFailure,
    /// A process dies between two of its effects.
    CrashBetweenEffects,
    /// A connection breaks.
    BreakLink,
    /// A connection breaks, and one side does not notice for a while.
    HalfOpen,
    /// Nothing leaves one end of a connection for a while.
    Stall,
    /// Nothing passes between two nodes for a while.
    Partition,
    /// Nothing passes from one node to another for a while; the way back is open.
    OneWayPartition,
    /// Nobody can open a connection to a node for a while.
    NoInbound,
    /// A sync fails: the process stops.
    FailedSync,
}

impl FaultKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Crash,
        Self::PowerFailure,
        Self::CrashBetweenEffects,
        Self::BreakLink,
        Self::HalfOpen,
        Self::Stall,
        Self::Partition,
        Self::OneWayPartition,
        Self::NoInbound,
        Self::FailedSync,
    ];
}

/// The shape of one world.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Peers that own channels.
    pub hosts: u16,
    /// Channels of each.
    pub channels: u16,
    /// Peers that join them.
    pub members: u16,
    /// Peers without an account.
    pub visitors: u16,
    /// Permille of members that share the account of the first.
    pub second_device_permille: u64,
    /// How long things go wrong.
    pub storm: Duration,
    /// How long, on average, a user waits before the next thing.
    pub think: Duration,
    /// How long, on average, it is between two faults.
    pub calm: Duration,
    /// Which faults there are.
    pub faults: Vec<FaultKind>,
    /// How fast the network is.
    pub network: NetworkProfile,
    /// How the disks behave.
    pub disk: DiskProfile,
    /// By how much wall clocks differ, at most.
    pub clock_skew: Duration,
    /// The send queue of a link, in bytes.
    pub send_queue_bytes_max: usize,
}

impl Swarm {
    /// Draws a world.
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        let faults = draw_faults(dice);
        let farthest = *dice.pick(&[1, 5, 40, 150]).unwrap_or(&1);
        let slowest = *dice.pick(&[1, 4, 25]).unwrap_or(&1);
        Self {
            hosts: small(dice, 1, 2),
            channels: small(dice, 1, 2),
            members: small(dice, 1, 4),
            visitors: small(dice, 0, 1),
            second_device_permille: if dice.chance(300) { 500 } else { 0 },
            storm: dice.duration(Duration::from_secs(25), Duration::from_secs(50)),
            think: dice.duration(Duration::from_millis(60), Duration::from_millis(300)),
            calm: dice.duration(Duration::from_millis(700), Duration::from_secs(5)),
            faults,
            network: NetworkProfile { nearest: Duration::from_micros(50), farthest: Duration::from_millis(farthest) },
            disk: DiskProfile {
                fastest: Duration::from_micros(20),
                slowest: Duration::from_millis(slowest),
                ..DiskProfile::default()
            },
            clock_skew: dice.duration(Duration::ZERO, Duration::from_secs(120)),
            send_queue_bytes_max: *dice.pick(&[8 * 1_024, 32 * 1_024, 256 * 1_024]).unwrap_or(&8_192),
        }
    }

    /// One host, one channel, one member, and nothing that goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            hosts: 1,
            channels: 1,
            members: 1,
            visitors: 0,
            second_device_permille: 0,
            storm: Duration::from_secs(10),
            think: Duration::from_millis(200),
            calm: Duration::from_secs(1),
            faults: Vec::new(),
            network: NetworkProfile::default(),
            disk: DiskProfile::default(),
            clock_skew: Duration::ZERO,
            send_queue_bytes_max: 256 * 1_024,
        }
    }
}

fn small(dice: &mut Dice, low: u64, high: u64) -> u16 {
    u16::try_from(dice.between(low, high)).unwrap_or(1)
}

/// Each kind is there or not; some worlds have none, some all.
fn draw_faults(dice: &mut Dice) -> Vec<FaultKind> {
    let permille = *dice.pick(&[0, 300, 500, 700, 1_000]).unwrap_or(&500);
    FaultKind::ALL.iter().copied().filter(|_| dice.chance(permille)).collect()
}
