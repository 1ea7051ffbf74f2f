//! The network: connections that carry bytes, late, in pieces, or not at all.

mod end;
mod faults;
mod flow;

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use segment_core::contract::DialFailure;
use segment_core::{Dial, Direction, Input};
use segment_proto::{DeviceId, Instant, Limits, LinkId, Verifier};

use crate::dice::Dice;
pub use end::{End, EndState};
pub use faults::Notice;

/// The port on which every node listens.
pub const PORT: u16 = 22_236;
/// Marks the links that others have opened.
const INBOUND: u64 = 1 << 63;
/// A queue that holds so many times its limit: the link is given up, as a driver does.
pub const OVERFLOW_FACTOR: usize = 4;
/// How long a dial that nobody answers takes.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a hangup waits for its queue.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// A machine of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u16);

/// A connection; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One of the two sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who dialled.
    Dialler = 0,
    /// Who was dialled.
    Listener = 1,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Listener,
            Self::Listener => Self::Dialler,
        }
    }
}

/// What happens in the network at some time.
#[derive(Clone, Debug)]
pub enum NetworkEvent {
    /// A dial reaches its address.
    Dialled(NodeId, u32, Dial),
    /// A dial fails.
    DialFails(NodeId, u32, LinkId, DialFailure),
    /// The dialler learns that its link is up.
    Up(ConnectionId),
    /// Bytes may leave an end.
    Departs(ConnectionId, Side),
    /// Bytes arrive at an end.
    Arrives(ConnectionId, Side, Bytes),
    /// The end of the stream arrives at an end.
    Ends(ConnectionId, Side),
    /// An end that flushes does so no longer.
    FlushedOrNot(ConnectionId, Side),
    /// Whether an end makes progress is looked at.
    Watched(ConnectionId, Side),
}

/// How fast the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkProfile {
    /// The shortest way from one node to another.
    pub nearest: Duration,
    /// The longest.
    pub farthest: Duration,
    /// Whether each way takes the same time each time.
    pub pace: Pace,
}

/// How evenly bytes flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// A little earlier or later, split and merged at random.
    #[default]
    Uneven,
    /// Always alike: when something arrives depends on when it was sent, and on nothing else.
    Even,
}

impl Default for NetworkProfile {
    fn default() -> Self {
        Self { nearest: Duration::from_micros(100), farthest: Duration::from_millis(40), pace: Pace::Uneven }
    }
}

#[derive(Debug)]
struct Node {
    device: DeviceId,
    up: bool,
    start: u32,
    accepts: bool,
    /// How often each node was dialled: names links and connections, so that no others shift them.
    dials: BTreeMap<NodeId, u64>,
    /// How often each address was tried.
    tries: BTreeMap<SocketAddr, u64>,
    dialling: BTreeSet<LinkId>,
    links: BTreeMap<LinkId, (ConnectionId, Side)>,
    /// Who was on the other side of each link that this process ever had.
    peers: BTreeMap<LinkId, DeviceId>,
}

#[derive(Debug)]
struct Connection {
    ends: [End; 2],
    latency: Duration,
    dice: Dice,
}

impl Connection {
    fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }
}

/// All nodes, and what connects them.
#[derive(Debug)]
pub struct Network {
    nodes: Vec<Node>,
    connections: BTreeMap<ConnectionId, Connection>,
    blocked: BTreeSet<(NodeId, NodeId)>,
    next_connection: u64,
    limits: Limits,
    profile: NetworkProfile,
    verifier: Verifier,
    dice: Dice,
    /// What is to be scheduled; whoever runs the network empties it after each call.
    pub timetable: Vec<(Instant, NetworkEvent)>,
    /// What the nodes' machines are to be told; emptied likewise.
    pub inputs: Vec<(NodeId, Input)>,
    /// Frames that a driver would have refused.
    pub refused_frames: u64,
}

impl Network {
    /// A network without nodes.
    #[must_use]
    pub fn new(profile: NetworkProfile, limits: Limits, dice: Dice) -> Self {
        Self {
            nodes: Vec::new(),
            connections: BTreeMap::new(),
            blocked: BTreeSet::new(),
            next_connection: 0,
            limits,
            profile,
            verifier: Verifier::simulated(),
            dice,
            timetable: Vec::new(),
            inputs: Vec::new(),
            refused_frames: 0,
        }
    }

    /// Adds a node that is not running yet.
    pub fn add_node(&mut self, device: DeviceId, accepts: bool) -> NodeId {
        let node = Node {
            device,
            up: false,
            start: 0,
            accepts,
            dials: BTreeMap::new(),
            tries: BTreeMap::new(),
            dialling: BTreeSet::new(),
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
        };
        self.nodes.push(node);
        NodeId(u16::try_from(self.nodes.len() - 1).unwrap_or(u16::MAX))
    }

    /// Where a node listens.
    #[must_use]
    pub fn address(node: NodeId) -> SocketAddr {
        let [high, low] = (node.0 + 1).to_be_bytes();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, high, low)), PORT)
    }

    fn node_at(&self, address: SocketAddr) -> Option<NodeId> {
        (0..self.nodes.len())
            .filter_map(|index| u16::try_from(index).ok().map(NodeId))
            .find(|node| Self::address(*node) == address)
    }

    fn node(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[usize::from(node.0)]
    }

    /// The device of a node.
    #[must_use]
    pub fn device(&self, node: NodeId) -> DeviceId {
        self.nodes[usize::from(node.0)].device
    }

    /// The node of a device.
    #[must_use]
    pub fn node_of(&self, device: &DeviceId) -> Option<NodeId> {
        let index = self.nodes.iter().position(|node| node.device == *device)?;
        u16::try_from(index).ok().map(NodeId)
    }

    /// A node's process has started.
    pub fn start(&mut self, node: NodeId) {
        let node = self.node(node);
        node.up = true;
        node.start += 1;
        node.peers.clear();
    }

    /// Opens a connection, later, if all goes well.
    pub fn dial(&mut self, from: NodeId, dial: Dial, now: Instant) {
        let start = self.node(from).start;
        self.node(from).dialling.insert(dial.link);
        let address = dial.endpoint.address;
        let count = self.node(from).tries.entry(address).or_default();
        *count += 1;
        let count = *count;
        let to = self.node_at(address).map_or(u16::MAX, |to| to.0);
        let mut dice = self.dice.child("dial", u64::from(from.0) << 48 | u64::from(to) << 32 | count);
        let delay = dice.duration(self.profile.nearest, self.profile.farthest);
        self.timetable.push((now + delay, NetworkEvent::Dialled(from, start, dial)));
    }

    fn dialled(&mut self, from: NodeId, start: u32, dial: Dial, now: Instant) {
        if !self.is_dialling(from, start, dial.link) {
            return;
        }
        let target = self.node_at(dial.endpoint.address).filter(|to| self.is_reachable(from, *to));
        let Some(to) = target else {
            let failure = NetworkEvent::DialFails(from, start, dial.link, DialFailure::Unreachable);
            return self.timetable.push((now + DIAL_TIMEOUT, failure));
        };
        let proven = self.node(to).device;
        if dial.endpoint.key.is_some_and(|key| key != proven) {
            let failure = NetworkEvent::DialFails(from, start, dial.link, DialFailure::WrongKey(proven));
            return self.timetable.push((now, failure));
        }
        self.connect(from, to, dial.link, now);
    }

    fn is_dialling(&mut self, from: NodeId, start: u32, link: LinkId) -> bool {
        let node = self.node(from);
        node.up && node.start == start && node.dialling.contains(&link)
    }

    fn dial_fails(&mut self, node: NodeId, link: LinkId, reason: DialFailure) {
        if self.node(node).dialling.remove(&link) {
            self.inputs.push((node, Input::DialFailed { link, reason }));
        }
    }

    fn is_reachable(&self, from: NodeId, to: NodeId) -> bool {
        let target = &self.nodes[usize::from(to.0)];
        target.up && target.accepts && !self.is_blocked(from, to) && !self.is_blocked(to, from)
    }

    fn connect(&mut self, from: NodeId, to: NodeId, link: LinkId, now: Instant) {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let count = self.node(from).dials.entry(to).or_default();
        *count += 1;
        let pair = u64::from(from.0) << 48 | u64::from(to.0) << 32 | *count;
        let mut dice = self.dice.child("connection", pair);
        let latency = dice.duration(self.profile.nearest, self.profile.farthest);
        let inbound = LinkId(INBOUND | pair);
        let ends = [End::new(from, link, self.device(to)), End::new(to, inbound, self.device(from))];
        let (dialler, listener) = (self.device(from), self.device(to));
        self.node(from).peers.insert(link, listener);
        self.node(to).peers.insert(inbound, dialler);
        self.node(from).dialling.remove(&link);
        self.node(from).links.insert(link, (id, Side::Dialler));
        self.node(to).links.insert(inbound, (id, Side::Listener));
        self.connections.insert(id, Connection { ends, latency, dice });
        self.timetable.push((now + latency, NetworkEvent::Up(id)));
        self.raise(id, Side::Listener, Direction::Inbound);
    }

    fn raise(&mut self, id: ConnectionId, side: Side, direction: Direction) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let other = connection.end(side.other()).node;
        let end = connection.end(side);
        if end.state != EndState::Coming {
            return;
        }
        end.state = EndState::Up;
        let mut address = Self::address(other);
        if direction == Direction::Inbound {
            address.set_port(40_000 + u16::try_from(end.link.0 % 20_000).unwrap_or(0));
        }
        let input = Input::LinkUp { link: end.link, direction, peer: end.peer, address };
        let node = end.node;
        self.inputs.push((node, input));
    }

    /// Queues a frame. One for a link that is gone is dropped.
    pub fn send(&mut self, node: NodeId, link: LinkId, bytes: Bytes, now: Instant) {
        let Some((id, side)) = self.node(node).links.get(&link).copied() else { return };
        let high_water = self.limits.send_queue_bytes_max;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        if end.state != EndState::Up {
            return;
        }
        let crossed = end.push(bytes, high_water, now);
        let overflows = end.queued() > OVERFLOW_FACTOR * high_water;
        self.inputs.extend(crossed.map(|input| (node, input)));
        if overflows {
            return self.close(id, side, now);
        }
        self.pump(id, side, now);
    }

    /// Closes a link once its queue is flushed.
    pub fn hangup(&mut self, node: NodeId, link: LinkId, now: Instant) {
        self.dial_fails(node, link, DialFailure::Unreachable);
        let Some((id, side)) = self.node(node).links.get(&link).copied() else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        match end.state {
            EndState::Coming => return self.close(id, side, now),
            EndState::Up => end.state = EndState::Closing,
            EndState::Closing | EndState::Gone => return,
        }
        self.timetable.push((now + FLUSH_TIMEOUT, NetworkEvent::FlushedOrNot(id, side)));
        self.pump(id, side, now);
    }

    /// Something's time has come.
    pub fn handle(&mut self, event: NetworkEvent, now: Instant) {
        match event {
            NetworkEvent::Dialled(from, start, dial) => self.dialled(from, start, dial, now),
            NetworkEvent::DialFails(node, start, link, reason) => {
                if self.is_dialling(node, start, link) {
                    self.dial_fails(node, link, reason);
                }
            }
            NetworkEvent::Up(id) => self.raise(id, Side::Dialler, Direction::Outbound),
            NetworkEvent::Departs(id, side) => self.departs(id, side, now),
            NetworkEvent::Arrives(id, side, bytes) => self.arrives(id, side, &bytes, now),
            NetworkEvent::Ends(id, side) => self.close(id, side, now),
            NetworkEvent::FlushedOrNot(id, side) => self.flushed_or_not(id, side, now),
            NetworkEvent::Watched(id, side) => self.watched(id, side, now),
        }
    }

    /// The links that a node's process has, and the bytes that wait on each.
    pub fn links(&self, node: NodeId) -> impl Iterator<Item = (LinkId, &End)> {
        self.nodes[usize::from(node.0)].links.iter().filter_map(|(link, (id, side))| {
            self.connections.get(id).map(|connection| (*link, &connection.ends[*side as usize]))
        })
    }

    /// A node's machine is told whether a link has room.
    pub fn on_told_room(&mut self, node: NodeId, link: LinkId, room: usize) {
        let Some((id, side)) = self.node(node).links.get(&link).copied() else { return };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end(side).told_full = room == 0;
        }
    }

    /// Whether the other side of a link has it too.
    #[must_use]
    pub fn is_alive(&self, node: NodeId, link: LinkId) -> bool {
        let links = &self.nodes[usize::from(node.0)].links;
        let connection = links.get(&link).and_then(|(id, _)| self.connections.get(id));
        connection.is_some_and(|connection| connection.ends.iter().all(|end| end.state == EndState::Up))
    }

    /// Who is, or was, on the other side of a link.
    #[must_use]
    pub fn peer_of(&self, node: NodeId, link: LinkId) -> Option<DeviceId> {
        self.nodes[usize::from(node.0)].peers.get(&link).copied()
    }

    /// The end behind a link.
    #[must_use]
    pub fn end(&self, node: NodeId, link: LinkId) -> Option<&End> {
        let (id, side) = self.nodes[usize::from(node.0)].links.get(&link)?;
        self.connections.get(id).map(|connection| &connection.ends[*side as usize])
    }
}
