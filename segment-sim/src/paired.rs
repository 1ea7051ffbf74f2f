//! Invisible equals offline: the same world twice, once with somebody who goes invisible and goes on reading, once
//! with the same person gone. Whatever anybody else is told must be the same, at the same microsecond.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;

use segment_core::peer::TrackerState;
use segment_proto::messages::Presence;
use segment_proto::{DeviceId, Instant, LinkId, Message};

use crate::checkers::TRACKER;
use crate::dice::Dice;
use crate::disk::DiskProfile;
use crate::fleet::Scene;
use crate::network::{NetworkProfile, NodeId, Pace};
use crate::plant::Plant;
use crate::scenario::{Deed, Scenario, Shape, Swarm, What};
use crate::trace::Printing;
use crate::world::World;

/// When somebody goes.
const LEAVES: Instant = Instant(12_000_000);
/// Nothing is done so long before: nothing is under way then.
const CALM_BEFORE: Duration = Duration::from_secs(4);
/// Nothing is done so long after: everybody has noticed.
const CALM_AFTER: Duration = Duration::from_secs(10);

/// How somebody goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// They go invisible, and go on reading.
    Invisible,
    /// They say goodbye, and their process ends.
    Offline,
}

/// What everybody but one was told, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    but: NodeId,
    told: BTreeMap<(NodeId, DeviceId), Vec<Told>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    at: Instant,
    content: u64,
    text: String,
}

/// A place where both worlds differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Who was told something else.
    pub node: NodeId,
    /// The how manieth message.
    pub index: usize,
    /// What they were told in the world with the invisible one.
    pub invisible: Option<String>,
    /// And in the other.
    pub offline: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, index, invisible, offline } = self;
        write!(f, "node {}, message {index}: {invisible:?} beside somebody invisible, {offline:?} without them", node.0)
    }
}

impl Heard {
    fn new(but: NodeId) -> Self {
        Self { but, told: BTreeMap::new() }
    }

    /// Something reaches a machine.
    pub fn on_received(&mut self, scene: Scene<'_>, node: NodeId, link: LinkId, message: &Message) {
        let from = scene.network.peer_of(node, link);
        let Some(from) = from.filter(|_| node != self.but && node != TRACKER) else { return };
        // A round trip says nothing of others.
        if matches!(message, Message::Pong(_)) {
            return;
        }
        let text = message.to_json();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let told = Told { at: scene.now, content: hasher.finish(), text: text.chars().take(400).collect() };
        self.told.entry((node, from)).or_default().push(told);
    }

    fn difference(&self, other: &Self) -> Option<Difference> {
        let keys: std::collections::BTreeSet<_> = self.told.keys().chain(other.told.keys()).collect();
        let first = keys.into_iter().filter_map(|key| {
            let all = |heard: &Self| heard.told.get(key).cloned().unwrap_or_default();
            let (invisible, offline) = (all(self), all(other));
            let most = invisible.len().max(offline.len());
            let index = (0..most).find(|index| invisible.get(*index) != offline.get(*index))?;
            let at = invisible.get(index).or(offline.get(index)).map(|told| told.at);
            let show = |told: &[Told]| told.get(index).map(|one| one.text.clone());
            Some((at, Difference { node: key.0, index, invisible: show(&invisible), offline: show(&offline) }))
        });
        first.min_by_key(|(at, _)| *at).map(|(_, difference)| difference)
    }
}

/// What a pair of worlds shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Everybody else was told the same, in so many messages.
    Same(usize),
    /// Somebody was told something else.
    Differs(Box<Difference>),
    /// Whoever was to leave was not there in time: nothing is shown.
    NotThere,
}

/// Lives both worlds of a seed and compares them.
#[must_use]
pub fn compare(seed: u64, plant: Plant) -> Pair {
    let (Some(invisible), Some(offline)) = (live(seed, plant, Leaving::Invisible), live(seed, plant, Leaving::Offline))
    else {
        return Pair::NotThere;
    };
    match invisible.difference(&offline) {
        Some(difference) => Pair::Differs(Box::new(difference)),
        None => Pair::Same(offline.told.values().map(Vec::len).sum()),
    }
}

fn live(seed: u64, plant: Plant, leaving: Leaving) -> Option<Heard> {
    let mut dice = Dice::new(seed).child("paired", 0);
    let who = NodeId(u16::try_from(dice.between(1, 3)).unwrap_or(1));
    let mut world = World::new(&scenario(seed, who, plant, &mut dice), Printing::Silent);
    world.run_until(LEAVES);
    let peer = world.peer(who)?;
    let joined = peer.channels().any(|view| view.member);
    if peer.tracker_state() != TrackerState::LoggedIn || !joined {
        return None;
    }
    world.hush(who);
    match leaving {
        Leaving::Invisible => drop(world.command(who, |peer, now| peer.set_status(Presence::Invisible, now))),
        Leaving::Offline => world.leave_for_good(who),
    }
    // How somebody goes takes its time, and not the same; what follows is compared.
    world.run_for(CALM_AFTER - Duration::from_secs(1));
    world.checkers.heard = Some(Heard::new(who));
    world.run_until(world.storm_end());
    world.checkers.heard.take()
}

/// A world in which nothing depends on how much there is to do: disks are as fast as one likes, every way takes its own
/// time, and nothing goes wrong, because how long a machine waits before it dials again is drawn once for all its dials.
fn scenario(seed: u64, who: NodeId, plant: Plant, dice: &mut Dice) -> Scenario {
    let disk = DiskProfile { fastest: Duration::ZERO, slowest: Duration::ZERO, ..DiskProfile::default() };
    let (nearest, farthest) = (Duration::from_micros(50), Duration::from_millis(20));
    let network = NetworkProfile { nearest, farthest, pace: Pace::Even };
    let storm = Duration::from_secs(34);
    let shape = Shape { members: 3, storm, disk, network, ..Shape::default() };
    let swarm = Swarm {
        shape,
        think: Duration::from_millis(dice.between(150, 400)),
        calm: Duration::from_secs(2),
        faults: Vec::new(),
        at_owners_permille: 0,
        disasters: 0,
        flips: 0,
        deeds: Vec::new(),
    };
    let mut scenario = swarm.scenario(seed, plant);
    scenario.happenings.retain(|one| {
        let before = one.at + CALM_BEFORE < LEAVES;
        let after = one.at > LEAVES + CALM_AFTER;
        match one.what {
            What::Deed(Deed::Hide | Deed::Leave | Deed::Disconnect) => false,
            What::Deed(deed) if one.node == who && after => matches!(deed, Deed::LookBack | Deed::LookAround),
            What::Deed(_) => before || after,
            What::Fault(_) => false,
        }
    });
    scenario
}
