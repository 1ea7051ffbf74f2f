//! Peers and a tracker, all of them real, on links that lose nothing: the whole way of a message.

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

const TRACKER: usize = 0;
const KEN: usize = 1;
const ADA: usize = 2;
const ZOE: usize = 3;

#[derive(Debug)]
enum Node {
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
        Output::Perform { op, operation } => Output::Perform { op, operation },
        Output::Event(e) => Output::Event(event(e)),
    }
}

/// One end of a link.
type End = (usize, LinkId);

struct World {
    nodes: Vec<Option<Node>>,
    stores: Vec<TestStore>,
    links: BTreeMap<End, End>,
    inbound: u64,
    starts: u8,
    at: Duration,
    todo: VecDeque<(usize, Input)>,
    events: Vec<Vec<PeerEvent>>,
}

impl World {
    fn new(peers: usize) -> Self {
        let nodes = (0..=peers).map(|_| None).collect();
        let (stores, events) =
            ((0..=peers).map(|_| TestStore::default()).collect(), (0..=peers).map(|_| Vec::new()).collect());
        let (links, todo) = (BTreeMap::new(), VecDeque::new());
        let mut world = Self { nodes, stores, links, inbound: 0, starts: 0, at: Duration::ZERO, todo, events };
        (0..=peers).for_each(|node| world.start(node));
        world
    }

    fn device(node: usize) -> DeviceId {
        DeviceId([u8::try_from(node).unwrap() + 1; 32])
    }

    fn port(node: usize) -> u16 {
        if node == TRACKER { 22_236 } else { 4_000 + u16::try_from(node).unwrap() }
    }

    fn start(&mut self, node: usize) {
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

    /// The process ends as by kill -9; what it wrote is there.
    fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        let ends: Vec<End> = self.links.keys().filter(|(at, _)| *at == node).copied().collect();
        ends.into_iter().for_each(|end| self.cut(end));
        self.run();
    }

    fn cut(&mut self, end: End) {
        let Some(other) = self.links.remove(&end) else { return };
        self.links.remove(&other);
        for (node, link) in [end, other] {
            self.todo.push_back((node, Input::LinkDown { link }));
        }
    }

    fn now(&self) -> Now {
        let millis = u64::try_from(self.at.as_millis()).unwrap();
        Now { mono: Instant::default() + self.at, wall: UnixMillis(WALL.0 + millis) }
    }

    fn peer(&mut self, node: usize) -> &mut Peer {
        let Some(Node::Peer(peer)) = &mut self.nodes[node] else { panic!("node {node} is no peer that runs") };
        peer
    }

    /// A command, and everything that follows from it.
    fn does<T>(&mut self, node: usize, command: impl FnOnce(&mut Peer, Now) -> T) -> T {
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
            Output::Perform { op, operation } => {
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
        let message = Message::decode(&header, frame.payload()).unwrap();
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
    fn wait(&mut self, time: Duration) {
        let end = self.at + time;
        loop {
            let due = (0..self.nodes.len())
                .filter_map(|node| Some((self.nodes[node].as_ref()?.poll_timeout()?, node)))
                .min()
                .filter(|(at, _)| Duration::from_micros(at.0) <= end);
            let Some((at, node)) = due else { break };
            self.at = self.at.max(Duration::from_micros(at.0));
            let now = self.now();
            if let Some(node) = &mut self.nodes[node] {
                node.handle_timeout(now);
            }
            self.run();
        }
        self.at = end;
    }

    fn connect(&mut self, node: usize) {
        let endpoint = Endpoint { address: address(Self::port(TRACKER)), key: None };
        self.does(node, |peer, now| peer.connect(endpoint, now)).unwrap();
        self.does(node, |peer, now| peer.listen(World::port(node), None, now));
    }

    /// Connected and registered.
    fn register(&mut self, node: usize, name: &str) {
        self.connect(node);
        self.does(node, |peer, now| peer.register(name, Secret("a password".into()), Presence::Online, now)).unwrap();
        assert!(self.take(node).iter().any(|event| matches!(event, PeerEvent::LoggedIn { .. })), "{name} is not in");
    }

    /// Started again and logged in by the password.
    fn return_of(&mut self, node: usize, name: &str) {
        self.start(node);
        self.connect(node);
        self.does(node, |peer, now| peer.login(name, Secret("a password".into()), Presence::Online, now)).unwrap();
    }

    fn join(&mut self, node: usize) {
        self.does(node, |peer, now| peer.join("#general", now)).unwrap();
    }

    fn send(&mut self, node: usize, channel: ChannelId, text: &str) {
        self.does(node, |peer, now| peer.send(channel, text, now)).unwrap();
    }

    fn take(&mut self, node: usize) -> Vec<PeerEvent> {
        core::mem::take(&mut self.events[node])
    }

    fn serving(&mut self, node: usize, channel: ChannelId) -> Serving {
        self.peer(node).channel(channel).unwrap().serving
    }

    /// What a peer shows when asked: `name: text`, and whether all of it is committed.
    fn shows(&mut self, node: usize, channel: ChannelId) -> (Vec<String>, bool) {
        self.take(node);
        self.does(node, |peer, now| peer.history(channel, None, 100, now)).unwrap();
        let reply = self.take(node).into_iter().find_map(|event| match event {
            PeerEvent::Replied { reply: Ok(Reply::History { messages, .. }), .. } => Some(messages),
            _ => None,
        });
        let messages = reply.expect("no history");
        let committed = messages.iter().all(|message| message.stage == Stage::Committed);
        let line = |message: crate::peer::events::ChannelMessage| {
            let Content::Text(text) = message.content else { panic!("not a text") };
            let author = message.author.map_or_else(|| "?".to_string(), |who| who.to_string());
            alloc::format!("{author}: {text}")
        };
        (messages.into_iter().map(line).collect(), committed)
    }

    fn source(node: usize) -> Source {
        Source::Host(Self::device(node))
    }
}

/// `ken` hosts #general, `ada` has joined it.
fn two() -> (World, ChannelId) {
    let mut world = World::new(3);
    world.register(KEN, "ken");
    world.does(KEN, |peer, now| peer.create_channel("#general", View::Public, Visitors::Read, now)).unwrap();
    world.register(ADA, "ada");
    world.join(ADA);
    world.wait(Duration::from_secs(1));
    let channel = world.peer(ADA).channels().next().unwrap().record.channel;
    (world, channel)
}

fn sources(events: &[PeerEvent]) -> Vec<Source> {
    let source = |event: &PeerEvent| if let PeerEvent::Received { source, .. } = event { Some(*source) } else { None };
    events.iter().filter_map(source).collect()
}

#[test]
fn two_people_talk_through_the_host_and_everything_is_committed() {
    let (mut world, channel) = two();
    assert_eq!(world.serving(KEN, channel), Serving::Here);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
    world.send(KEN, channel, "hello");
    world.send(ADA, channel, "hi ken");
    world.wait(Duration::from_secs(1));
    let events = world.take(ADA);
    assert!(sources(&events).iter().all(|source| *source == World::source(KEN)), "{events:?}");
    for node in [KEN, ADA] {
        let expected = ["ken: hello".to_string(), "ada: hi ken".to_string()];
        assert_eq!(world.shows(node, channel), (expected.to_vec(), true), "node {node}");
        assert_eq!(world.peer(node).outgoing(channel).unwrap().count(), 0);
    }
    let suspicious = |event: &PeerEvent| matches!(event, PeerEvent::Suspicious { .. });
    assert!(!events.iter().any(suspicious), "{events:?}");
}

#[test]
fn messages_go_on_while_the_tracker_is_away_and_are_committed_when_it_is_back() {
    let (mut world, channel) = two();
    world.kill(TRACKER);
    world.send(ADA, channel, "anybody?");
    world.wait(Duration::from_secs(5));
    let (shown, committed) = world.shows(KEN, channel);
    assert_eq!((shown, committed), (alloc::vec!["ada: anybody?".to_string()], false));
    world.start(TRACKER);
    world.wait(Duration::from_secs(40));
    for node in [KEN, ADA] {
        assert_eq!(world.shows(node, channel), (alloc::vec!["ada: anybody?".to_string()], true), "node {node}");
    }
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn while_the_host_is_away_the_copy_is_read_and_writing_waits() {
    let (mut world, channel) = two();
    world.send(KEN, channel, "hello");
    world.wait(Duration::from_secs(1));
    world.kill(KEN);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.send(ADA, channel, "where are you?");
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 1);
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.shows(ZOE, channel), (alloc::vec!["ken: hello".to_string()], true));

    world.return_of(KEN, "ken");
    world.wait(Duration::from_secs(40));
    let expected = alloc::vec!["ken: hello".to_string(), "ada: where are you?".to_string()];
    for node in [KEN, ADA, ZOE] {
        assert_eq!(world.shows(node, channel), (expected.clone(), true), "node {node}");
    }
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn who_leaves_properly_is_missed_at_once() {
    let (mut world, channel) = two();
    world.does(KEN, |peer, now| peer.shutdown(now));
    world.wait(Duration::from_millis(1_100));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
}

#[test]
fn a_visitor_reads_with_names_and_writes_nothing() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "look");
    world.wait(Duration::from_secs(1));
    world.connect(ZOE);
    world.does(ZOE, |peer, now| peer.guest("zoe", now)).unwrap();
    world.join(ZOE);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ZOE, channel), Serving::Host(World::device(KEN)));
    assert_eq!(world.shows(ZOE, channel), (alloc::vec!["ada: look".to_string()], true));
    assert!(world.does(ZOE, |peer, now| peer.send(channel, "me too", now)).is_err());
}

#[test]
fn who_is_invisible_reads_from_the_copy_what_is_written_live() {
    let (mut world, channel) = two();
    world.does(ADA, |peer, now| peer.set_status(Presence::Invisible, now)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.take(ADA);
    world.send(KEN, channel, "is she gone?");
    world.wait(Duration::from_secs(1));
    assert_eq!(sources(&world.take(ADA)), [Source::Tracker]);
}

#[test]
fn who_logs_out_and_in_again_is_admitted_again() {
    let (mut world, channel) = two();
    world.does(ADA, |peer, now| peer.logout(now)).unwrap();
    assert_eq!(world.serving(ADA, channel), Serving::Nowhere);
    world.does(ADA, |peer, now| peer.login("ada", Secret("a password".into()), Presence::Online, now)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
}

#[test]
fn a_left_channel_can_be_joined_again() {
    let (mut world, channel) = two();
    world.send(ADA, channel, "first");
    world.wait(Duration::from_secs(1));
    world.does(ADA, |peer, now| peer.leave(channel, crate::peer::Unsent::Keep, now)).unwrap();
    world.join(ADA);
    world.send(ADA, channel, "second");
    world.wait(Duration::from_secs(5));
    let expected = alloc::vec!["ada: first".to_string(), "ada: second".to_string()];
    for node in [KEN, ADA] {
        assert_eq!(world.shows(node, channel), (expected.clone(), true), "node {node}");
    }
    assert_eq!(world.peer(ADA).outgoing(channel).unwrap().count(), 0);
}

#[test]
fn at_rest_nothing_is_under_way() {
    let (mut world, _) = two();
    for _ in 0..20 {
        world.wait(Duration::from_millis(10));
        for node in [KEN, ADA] {
            let peer = world.peer(node);
            assert_eq!((peer.operations(), peer.stray_answers()), (0, 0), "node {node}");
        }
    }
}
