//! A world: one tracker, some peers with their users, faults, and checkers that look on.

mod building;
mod flips;
mod resting;
mod twins;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use segment_core::Endpoint;
use segment_core::peer::events::PeerEvent;
use segment_core::peer::{Peer, PeerConfig};
use segment_core::tracker::{Tracker, TrackerConfig};
use segment_proto::{ChannelId, Identity, Instant, Limits, Now};

use crate::checkers::findings::Finding;
use crate::checkers::{Check, Checkers, TRACKER};
use crate::dice::Dice;
use crate::faults::SHORT;
use crate::fleet::{Fleet, Step};
use crate::image::Image;
use crate::malice::Liar;
use crate::network::{Network, NodeId, Notice, PORT};
use crate::plant::{Plant, Tampering};
use crate::process::{Process, Tampered};
use crate::scenario::{Deed, Happening, Shape, What};
use crate::simulation::Bot;
use crate::user::{Mood, Sent, Town, User};

/// What is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A user sees to it that they are where they belong.
    Settle(NodeId),
    /// Something of the scenario.
    Happen(Happening),
    /// A process starts.
    Start(NodeId),
    /// Bytes go this way again.
    Unblock(NodeId, NodeId),
    /// A node takes connections again.
    Accept(NodeId),
    /// A wall clock is put right.
    Jump(NodeId, i64),
    /// A process ends, and starts again after so long.
    End(NodeId, Duration),
}

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Everything that must not be.
    pub findings: Vec<Finding>,
    /// Messages that were committed.
    pub committed: u64,
    /// Faults that were suffered.
    pub faults: u64,
    /// Inputs and outputs.
    pub steps: u64,
    /// The hash of all of them.
    pub trace: u64,
    /// How long it lasted, in virtual time.
    pub lasted: Duration,
}

/// A world.
pub struct World {
    pub(crate) fleet: Fleet<Process, Plan>,
    /// What looks on.
    pub checkers: Checkers,
    pub(crate) shape: Shape,
    dice: Dice,
    pub(crate) faults: u64,
    pub(crate) mood: Mood,
    users: Vec<User>,
    town: Town,
    plant: Plant,
    limits: Limits,
    /// Copies of disks that users have kept.
    pub(crate) kept: BTreeMap<NodeId, Image>,
    bots: BTreeMap<NodeId, Box<dyn Bot>>,
    /// Nodes that never come back.
    pub(crate) gone: BTreeSet<NodeId>,
    /// Nodes that are not to be started for now.
    pub(crate) held_back: BTreeSet<NodeId>,
}

impl World {
    /// The nodes of users.
    #[must_use]
    pub fn peers(&self) -> Vec<NodeId> {
        (1..=self.users.len()).filter_map(|index| u16::try_from(index).ok()).map(NodeId).collect()
    }

    /// Those that are there, once everything is healed.
    fn present(&self) -> Vec<NodeId> {
        self.peers().into_iter().filter(|node| !self.gone.contains(node)).collect()
    }

    pub(crate) fn all_nodes(&self) -> Vec<NodeId> {
        core::iter::once(TRACKER).chain(self.peers()).collect()
    }

    pub(crate) fn has_node(&self, node: NodeId) -> bool {
        usize::from(node.0) <= self.users.len()
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.fleet.now()
    }

    /// When the storm ends.
    #[must_use]
    pub fn storm_end(&self) -> Instant {
        Instant(0) + self.shape.storm
    }

    /// A process is stopped for a while, and goes on as if nothing had been.
    pub fn pause(&mut self, node: NodeId, lasting: Duration) {
        self.fleet.pause(node, lasting);
    }

    /// A user's peer, while its process runs.
    #[must_use]
    pub fn peer(&self, node: NodeId) -> Option<&Peer> {
        self.fleet.machine(node).and_then(Process::peer)
    }

    /// Calls a command of a user's peer.
    pub fn command<R>(&mut self, node: NodeId, command: impl FnOnce(&mut Peer, Now) -> R) -> Option<R> {
        self.fleet.call(node, &mut self.checkers, |process, now| process.peer_mut().map(|peer| command(peer, now)))?
    }

    /// What users do from now on.
    pub fn set_mood(&mut self, mood: Mood) {
        self.mood = mood;
    }

    /// A user writes a text that nobody has written before. Says how many they have written; `None`: not taken.
    pub fn write(&mut self, node: NodeId, channel: ChannelId, text: &str) -> Option<u64> {
        let key = self.command(node, |peer, now| peer.send(channel, text, now))?.ok()?;
        let number = self.users.get_mut(usize::from(node.0) - 1)?.count_one();
        self.checkers.on_sent(node, Sent { text: text.into(), channel, number, key });
        Some(number)
    }

    /// Starts a node's process, if it does not run.
    pub fn start(&mut self, node: NodeId) {
        if self.fleet.machine(node).is_some() || self.gone.contains(&node) || self.held_back.contains(&node) {
            return;
        }
        self.checkers.on_start(node);
        let identity = Identity::simulated(self.fleet.network.device(node));
        let plant = if self.shape.liar == Some(node) { Plant::Tampered(Tampering::Lies) } else { self.plant };
        let limits = self.limits.clone();
        let restore = |image: &mut Image, seed| restore(node, identity, limits, plant, image, seed);
        if let Err(fatal) = self.fleet.start(node, restore, &mut self.checkers) {
            self.checkers.findings.look_at(node, self.fleet.now());
            return self.checkers.findings.add(Check::Contract, format!("cannot be restored: {fatal}"));
        }
        if node != TRACKER {
            self.open(node);
        }
    }

    /// A fresh peer connects, and can be dialled.
    fn open(&mut self, node: NodeId) {
        if let Some(user) = self.users.get_mut(usize::from(node.0) - 1) {
            user.on_start();
        }
        let endpoint = Endpoint { address: Network::address(TRACKER), key: Some(self.fleet.network.device(TRACKER)) };
        self.town.tracker = Some(endpoint);
        self.command(node, |peer, now| {
            peer.listen(PORT, None, now);
            // Refused only where another tracker is pinned, which no node ever saw.
            let _ = peer.connect(endpoint, now);
        });
        self.hear();
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, until: Instant) {
        while let Some(step) = self.fleet.step(until, &mut self.checkers) {
            if let Step::Plan(plan) = step {
                self.carry_out(plan);
            }
            self.hear();
            self.bury();
        }
    }

    /// Lets so much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now() + duration);
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Settle(node) => self.settle(node),
            Plan::Happen(happening) => self.happen(happening),
            Plan::Start(node) => self.start(node),
            Plan::Unblock(from, to) => {
                let now = self.now();
                self.fleet.network.unblock(from, to, now);
                self.fleet.deliver(&mut self.checkers);
            }
            Plan::Accept(node) => self.fleet.network.set_accepts(node, true),
            Plan::Jump(node, by_ms) => self.fleet.jump_clock(node, by_ms),
            Plan::End(node, lasting) => self.crash_for(node, Notice::Reset, lasting),
        }
    }

    fn settle(&mut self, node: NodeId) {
        let Some(user) = self.users.get_mut(usize::from(node.0) - 1) else { return };
        self.fleet.plan_in(user.pause(), Plan::Settle(node));
        let (town, mood) = (&self.town, self.mood);
        let settle = |process: &mut Process, now| {
            if let Some(peer) = process.peer_mut() {
                user.settle(peer, mood, town, now);
            }
        };
        self.fleet.call(node, &mut self.checkers, settle);
        if self.users.get(usize::from(node.0) - 1).is_some_and(|user| !user.is_replaced()) {
            self.checkers.replaced.remove(&node);
        }
    }

    fn happen(&mut self, happening: Happening) {
        if self.mood == Mood::Quiet {
            return;
        }
        match happening.what {
            What::Deed(deed) => self.perform(deed, &happening),
            What::Fault(kind) => {
                self.faults += 1;
                self.inflict(kind, &happening);
                self.fleet.deliver(&mut self.checkers);
            }
        }
    }

    fn perform(&mut self, deed: Deed, happening: &Happening) {
        let node = happening.node;
        if deed == Deed::Backup && self.has_node(node) {
            self.kept.insert(node, self.fleet.disk(node).durable().clone());
            return;
        }
        let index = usize::from(node.0).checked_sub(1);
        let Some(user) = index.and_then(|index| self.users.get_mut(index)) else { return };
        let (town, mut dice) = (&self.town, Dice::new(happening.draw));
        let perform = |process: &mut Process, now| {
            process.peer_mut().and_then(|peer| user.perform(deed, &mut dice, peer, town, now))
        };
        if let Some(Some(sent)) = self.fleet.call(node, &mut self.checkers, perform) {
            self.checkers.on_sent(node, sent);
        }
    }

    /// Users hear what their peers have told.
    fn hear(&mut self) {
        while !self.checkers.unheard.is_empty() {
            for (node, event) in core::mem::take(&mut self.checkers.unheard) {
                let Some(user) = self.users.get_mut(usize::from(node.0) - 1) else { continue };
                let town = &mut self.town;
                let hear = |process: &mut Process, now| {
                    if let Some(peer) = process.peer_mut() {
                        user.on_event(&event, peer, town, now);
                    }
                };
                self.fleet.call(node, &mut self.checkers, hear);
                self.tell_bot(node, &event);
                self.note_verified(node, &event);
            }
            for (tag, channel) in self.town.left.drain(..) {
                self.checkers.views.on_left(NodeId(tag), channel);
            }
        }
    }

    /// A program sits at this node besides its user, who only sees to it that they are logged in and joined.
    pub(crate) fn seat(&mut self, node: NodeId, bot: Box<dyn Bot>) {
        self.checkers.strangers.insert(self.fleet.network.device(node));
        self.bots.insert(node, bot);
    }

    fn tell_bot(&mut self, node: NodeId, event: &PeerEvent) {
        let Some(bot) = self.bots.get_mut(&node) else { return };
        let tell = |process: &mut Process, now| {
            if let Some(peer) = process.peer_mut() {
                bot.on_event(event, peer, now);
            }
        };
        self.fleet.call(node, &mut self.checkers, tell);
    }

    /// A user does nothing any more but what they are told to.
    pub(crate) fn hush(&mut self, node: NodeId) {
        if let Some(user) = self.users.get_mut(usize::from(node.0) - 1) {
            user.hush();
        }
    }

    /// Processes that have died by themselves start again after a while.
    fn bury(&mut self) {
        for node in core::mem::take(&mut self.fleet.died) {
            self.plan_start(node, SHORT);
        }
    }
}

fn restore(
    node: NodeId,
    identity: Identity,
    limits: Limits,
    plant: Plant,
    image: &mut Image,
    seed: [u8; 32],
) -> Result<Process, segment_core::Fatal> {
    let (rules, software) = (plant.rules(), "segment-sim".to_owned());
    if node == TRACKER {
        let config = TrackerConfig { identity, limits, rules, seed, software };
        return Ok(Process::Tracker(Box::new(Tracker::restore(config, image)?)));
    }
    let seed = if plant == Plant::Impure { impure(seed) } else { seed };
    let liar = identity.clone();
    let peer = Peer::restore(PeerConfig { identity, limits, rules, seed, software }, image)?;
    Ok(match plant {
        Plant::Tampered(Tampering::Lies) => Process::Tampered(Box::new(Tampered::lying(peer, Liar::new(liar, seed)))),
        Plant::Tampered(tampering) => Process::Tampered(Box::new(Tampered::new(peer, tampering))),
        _ => Process::Peer(Box::new(peer)),
    })
}

/// What no machine may do: depend on more than the seed.
fn impure(mut seed: [u8; 32]) -> [u8; 32] {
    use std::hash::{BuildHasher, RandomState};
    let drawn = RandomState::new().hash_one(seed);
    seed[..8].copy_from_slice(&drawn.to_le_bytes());
    seed
}
