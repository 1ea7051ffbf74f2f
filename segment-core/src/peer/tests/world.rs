//! Peers and a tracker, all of them real, on links without delay, and processes that can be killed.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use segment_proto::messages::{Presence, Secret};
use segment_proto::{
    ChannelId, DeviceId, Frame, Identity, Instant, Limits, LinkId, Message, Now, UnixMillis, Verifier, View, Visitors,
};

use super::bench::{WALL, address};
use crate::contract::{DialFailure, Direction, Endpoint, Input, Machine, Output, Recipients};
use crate::peer::events::{Content, PeerEvent, Reply, Serving, Source, Stage};
use crate::peer::{Peer, PeerConfig};
use crate::rules::Rules;
use crate::store::{Operation, Outcome};
use crate::testing::TestStore;
use crate::tracker::{Tracker, TrackerConfig};

pub(super) const TRACKER: usize = 0;
pub(super) const KEN: usize = 1;
pub(super) const ADA: usize = 2;
pub(super) const ZOE: usize = 3;
/// Another process with the device of [`KEN`], of which it is a copy.
pub(super) const TWIN: usize = 4;

#[derive(Debug)]
pub(super) enum Node {
    Tracker(Box<Tracker>),
    Peer(Box<Peer>),
}

impl Node {
    fn handle_input(&mut self, input: Input, now: Now) {
        match self {
            Self::Tracker(tracker) => tracker.handle_input(input, now),
            Self::Peer(peer) => peer.handle_input(input, now),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Tracker(tracker) => tracker.handle_timeout(now),
            Self::Peer(peer) => peer.handle_timeout(now),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Tracker(tracker) => tracker.poll_timeout(),
            Self::Peer(peer) => peer.poll_timeout(),
        }
        .map(|deadline| deadline.at)
    }

    /// The next output, with the event of a peer.
    fn poll_output(&mut self) -> Option<Output<Option<PeerEvent>>> {
        match self {
            Self::Tracker(tracker) => tracker.poll_output().map(|output| map(output, |_| None)),
            Self::Peer(peer) => peer.poll_output().map(|output| map(output, Some)),
        }
    }
}

fn map<A, B>(output: Output<A>, event: impl FnOnce(A) -> B) -> Output<B> {
    match output {
        Output::Transmit { to, frame } => Output::Transmit { to, frame },
        Output::Dial(dial) => Output::Dial(dial),
        Output::Hangup { link, reason } => Output::Hangup { link, reason },
        Output::Perform { op, operation, haste } => Output::Perform { op, operation, haste },
        Output::Event(e) => Output::Event(event(e)),
    }
}

/// One end of a link.
pub(super) type End = (usize, LinkId);

pub(super) struct World {
    pub(super) nodes: Vec<Option<Node>>,
    pub(super) stores: Vec<TestStore>,
    pub(super) links: BTreeMap<End, End>,
    inbound: u64,
    starts: u8,
    at: Duration,
    todo: VecDeque<(usize, Input)>,
    pub(super) events: Vec<Vec<PeerEvent>>,
}

impl World {
    pub(super) fn new(peers: usize) -> Self {
        let nodes = (0..=peers).map(|_| None).collect();
        let (stores, events) =
            ((0..=peers).map(|_| TestStore::default()).collect(), (0..=peers).map(|_| Vec::new()).collect());
        let (links, todo) = (BTreeMap::new(), VecDeque::new());
        let mut world = Self { nodes, stores, links, inbound: 0, starts: 0, at: Duration::ZERO, todo, events };
        (0..=peers).for_each(|node| world.start(node));
        world
    }

    pub(super) fn device(node: usize) -> DeviceId {
        let node = if node == TWIN { KEN } else { node };
        DeviceId([u8::try_from(node).unwrap() + 1; 32])
    }

    fn port(node: usize) -> u16 {
        if node == TRACKER { 22_236 } else { 4_000 + u16::try_from(node).unwrap() }
    }

    pub(super) fn start(&mut self, node: usize) {
        self.starts += 1;
        let (seed, identity) = ([self.starts; 32], Identity::simulated(Self::device(node)));
        let (limits, rules, software) = (Limits::default(), Rules::all(), String::from("test"));
        let store = &mut self.stores[node];
        let started = if node == TRACKER {
            Node::Tracker(Box::new(
                Tracker::restore(TrackerConfig { identity, limits, rules, seed, software }, store).unwrap(),
            ))
        } else {
            Node::Peer(Box::new(Peer::restore(PeerConfig { identity, limits, rules, seed, software }, store).unwrap()))
        };
        self.nodes[node] = Some(started);
        self.run();
    }

    /// What is on a disk now.
    pub(super) fn disk(&self, node: usize) -> TestStore {
        self.stores[node].clone()
    }

    /// An older image takes the place of a disk.
    pub(super) fn set_disk(&mut self, node: usize, disk: TestStore) {
        self.stores[node] = disk;
    }

    /// The process ends as by kill -9; what it wrote is there.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        let ends: Vec<End> = self.links.keys().filter(|(at, _)| *at == node).copied().collect();
        ends.into_iter().for_each(|end| self.cut(end));
        self.run();
    }

    pub(super) fn cut(&mut self, end: End) {
        let Some(other) = self.links.remove(&end) else { return };
        self.links.remove(&other);
        for (node, link) in [end, other] {
            self.todo.push_back((node, Input::LinkDown { link }));
        }
    }

    pub(super) fn now(&self) -> Now {
        let millis = u64::try_from(self.at.as_millis()).unwrap();
        Now { mono: Instant::default() + self.at, wall: UnixMillis(WALL.0 + millis) }
    }

    pub(super) fn peer(&mut self, node: usize) -> &mut Peer {
        let Some(Node::Peer(peer)) = &mut self.nodes[node] else { panic!("node {node} is no peer that runs") };
        peer
    }

    /// A command, and everything that follows from it.
    pub(super) fn does<T>(&mut self, node: usize, command: impl FnOnce(&mut Peer, Now) -> T) -> T {
        let now = self.now();
        let result = command(self.peer(node), now);
        self.run();
        result
    }

    /// Until nothing happens without time passing.
    fn run(&mut self) {
        for _ in 0..1_000_000 {
            let outputs: Vec<_> = (0..self.nodes.len())
                .filter_map(|node| Some((node, self.nodes[node].as_mut()?.poll_output()?)))
                .collect();
            if outputs.is_empty() {
                let Some((node, input)) = self.todo.pop_front() else { return };
                let now = self.now();
                if let Some(node) = &mut self.nodes[node] {
                    node.handle_input(input, now);
                }
            }
            outputs.into_iter().for_each(|(node, output)| self.carry_out(node, output));
        }
        panic!("the world does not come to rest");
    }

    fn carry_out(&mut self, node: usize, output: Output<Option<PeerEvent>>) {
        match output {
            Output::Event(event) => self.events[node].extend(event),
            Output::Transmit { to: Recipients::One(link), frame } => self.transmit((node, link), &frame),
            Output::Transmit { to: Recipients::Many(links), frame } => {
                links.iter().for_each(|link| self.transmit((node, *link), &frame));
            }
            Output::Hangup { link, .. } => self.cut((node, link)),
            Output::Dial(dial) => self.dial(node, dial.link, dial.endpoint),
            Output::Perform { op, operation, .. } => {
                let outcome = match operation {
                    Operation::Store(operation) => Outcome::Store(self.stores[node].run(&operation)),
                    Operation::HashPassword { secret, .. } => Outcome::PasswordHashed(secret.0),
                    Operation::VerifyPassword { secret, hash } => Outcome::PasswordVerified(secret.0 == hash),
                };
                self.todo.push_back((node, Input::Performed { op, outcome }));
            }
        }
    }

    fn transmit(&mut self, from: End, frame: &Frame) {
        let Some((node, link)) = self.links.get(&from).copied() else { return };
        let header = frame.header().unwrap();
        let message = Message::decode(&header, &frame.payload()).unwrap();
        let message = Verifier::simulated().check(message).unwrap();
        self.todo.push_back((node, Input::Received { link, header, message }));
    }

    fn dial(&mut self, from: usize, link: LinkId, to: Endpoint) {
        let listening = (0..self.nodes.len()).find(|node| address(Self::port(*node)) == to.address);
        let Some(node) = listening.filter(|node| self.nodes[*node].is_some()) else {
            return self.todo.push_back((from, Input::DialFailed { link, reason: DialFailure::Unreachable }));
        };
        self.inbound += 1;
        let theirs = LinkId(1 << 63 | self.inbound);
        self.links.insert((from, link), (node, theirs));
        self.links.insert((node, theirs), (from, link));
        self.up((from, link), Direction::Outbound, Self::device(node), to.address);
        self.up((node, theirs), Direction::Inbound, Self::device(from), address(9));
    }

    fn up(&mut self, (node, link): End, direction: Direction, peer: DeviceId, address: SocketAddr) {
        self.todo.push_back((node, Input::LinkUp { link, direction, peer, address }));
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.at + time;
        for _ in 0..100_000 {
            let due = (0..self.nodes.len())
                .filter_map(|node| Some((self.nodes[node].as_ref()?.poll_timeout()?, node)))
                .min()
                .filter(|(at, _)| Duration::from_micros(at.0) <= end);
            let Some((at, node)) = due else {
                self.at = end;
                return;
            };
            self.at = self.at.max(Duration::from_micros(at.0));
            let now = self.now();
            if let Some(node) = &mut self.nodes[node] {
                node.handle_timeout(now);
            }
            self.run();
        }
        panic!("a timer rings without end");
    }

    pub(super) fn connect(&mut self, node: usize) {
        let endpoint = Endpoint { address: address(Self::port(TRACKER)), key: None };
        self.does(node, |peer, now| peer.connect(endpoint, now)).unwrap();
        self.does(node, |peer, now| peer.listen(World::port(node), None, now));
    }

    /// Connected and registered.
    pub(super) fn register(&mut self, node: usize, name: &str) {
        self.connect(node);
        self.does(node, |peer, now| peer.register(name, Secret("a password".into()), Presence::Online, now)).unwrap();
        assert!(self.take(node).iter().any(|event| matches!(event, PeerEvent::LoggedIn { .. })), "{name} is not in");
    }

    /// Started again and logged in by the password.
    pub(super) fn return_of(&mut self, node: usize, name: &str) {
        self.start(node);
        self.connect(node);
        self.does(node, |peer, now| peer.login(name, Secret("a password".into()), Presence::Online, now)).unwrap();
    }

    pub(super) fn join(&mut self, node: usize) {
        self.does(node, |peer, now| peer.join("#general", now)).unwrap();
    }

    pub(super) fn send(&mut self, node: usize, channel: ChannelId, text: &str) {
        self.does(node, |peer, now| peer.send(channel, text, now)).unwrap();
    }

    pub(super) fn take(&mut self, node: usize) -> Vec<PeerEvent> {
        core::mem::take(&mut self.events[node])
    }

    pub(super) fn serving(&mut self, node: usize, channel: ChannelId) -> Serving {
        self.peer(node).channel(channel).unwrap().serving
    }

    /// What a peer shows when asked: `name: text`, and whether all of it is committed.
    pub(super) fn shows(&mut self, node: usize, channel: ChannelId) -> (Vec<String>, bool) {
        self.take(node);
        self.does(node, |peer, now| peer.history(channel, None, 100, now)).unwrap();
        let reply = self.take(node).into_iter().find_map(|event| match event {
            PeerEvent::Replied { reply: Ok(Reply::History { messages, .. }), .. } => Some(messages),
            _ => None,
        });
        let messages = reply.expect("no history");
        let committed = messages.iter().all(|message| message.stage == Stage::Committed);
        let line = |message: crate::peer::events::ChannelMessage| {
            let Content::Text(text) = message.content else { return None };
            let author = message.author.map_or_else(|| "?".to_string(), |who| who.to_string());
            Some(alloc::format!("{author}: {text}"))
        };
        (messages.into_iter().filter_map(line).collect(), committed)
    }

    pub(super) fn source(node: usize) -> Source {
        Source::Host(Self::device(node))
    }
}

/// `ken` hosts #general, `ada` has joined it.
pub(super) fn two() -> (World, ChannelId) {
    two_of(World::new(3))
}

/// The same in a world with room for others.
pub(super) fn two_of(mut world: World) -> (World, ChannelId) {
    world.register(KEN, "ken");
    world.does(KEN, |peer, now| peer.create_channel("#general", View::Public, Visitors::Read, now)).unwrap();
    world.register(ADA, "ada");
    world.join(ADA);
    world.wait(Duration::from_secs(1));
    let channel = world.peer(ADA).channels().next().unwrap().record.channel;
    (world, channel)
}
