//! A tracker, two peers, and nobody who is fair to them.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use segment_core::contract::{Dial, DialFailure, Direction};
use segment_core::peer::{Peer, PeerConfig, Unsent};
use segment_core::rules::Rules;
use segment_core::tracker::{Tracker, TrackerConfig};
use segment_core::{Endpoint, Input, Machine, OpId, Outcome, Output, Recipients};
use segment_proto::frame::Role;
use segment_proto::messages::{ChannelFilter, Presence, Secret};
use segment_proto::{
    AccessChange, AccountId, ChannelId, DeviceId, Frame, Identity, Instant, Limits, LinkId, Message, Now, RequestId,
    Rights, UnixMillis, Verifier, View, Visitors,
};

use super::operation::Operation;
use crate::image::Image;
use crate::password;
use crate::process::Process;

const TRACKER: usize = 0;
const NODES: usize = 3;
/// Outputs of one input: pages for everybody, and more than that never.
const OUTPUTS_MAX: usize = 4_096;
/// Frames of the past that can be repeated.
const PAST_MAX: usize = 1_024;
/// Rounds in which everything comes to rest, a hundred milliseconds each.
const REST_ROUNDS: usize = 900;
const NAMES: [&str; NODES] = ["tracker", "ken", "ada"];

struct Node {
    process: Process,
    disk: Image,
    /// What was begun and is not done.
    under_way: VecDeque<(OpId, segment_core::Operation)>,
    dials: VecDeque<Dial>,
    starts: u8,
}

#[derive(Default)]
struct Asked {
    requests: usize,
    answers: usize,
}

/// One end of a wire.
struct End {
    node: usize,
    link: LinkId,
    up: bool,
    /// What comes to it; `None` is the end of the link.
    arriving: VecDeque<Option<Frame>>,
    /// What came to it with an id, and how often it was answered.
    asked: BTreeMap<RequestId, Asked>,
}

pub struct Town {
    nodes: Vec<Node>,
    wires: Vec<[End; 2]>,
    past: Vec<Frame>,
    now: Now,
    links: u64,
}

fn device(node: usize) -> DeviceId {
    DeviceId([u8::try_from(node + 1).unwrap_or(0); 32])
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 1_000 + u16::try_from(node).unwrap_or(0)))
}

fn start(node: usize, starts: u8, disk: &mut Image) -> Process {
    let (identity, limits, rules) = (Identity::simulated(device(node)), Limits::default(), Rules::all());
    let (seed, software) = ([starts.wrapping_mul(7).wrapping_add(NAMES[node].len() as u8); 32], String::from("fuzz"));
    let unreadable = "what a machine has written, it can read";
    if node == TRACKER {
        let config = TrackerConfig { identity, limits, rules, seed, software };
        return Process::Tracker(Box::new(
            Tracker::restore(config, disk).unwrap_or_else(|_| unreachable!("{unreadable}")),
        ));
    }
    let config = PeerConfig { identity, limits, rules, seed, software };
    Process::Peer(Box::new(Peer::restore(config, disk).unwrap_or_else(|_| unreachable!("{unreadable}"))))
}

impl Town {
    pub fn new() -> Self {
        let node = |node| {
            let mut disk = Image::default();
            let process = start(node, 0, &mut disk);
            Node { process, disk, under_way: VecDeque::new(), dials: VecDeque::new(), starts: 0 }
        };
        let now = Now { mono: Instant(1_000_000_000), wall: UnixMillis(1_800_000_000_000) };
        Self { nodes: (0..NODES).map(node).collect(), wires: Vec::new(), past: Vec::new(), now, links: 0 }
    }

    /// 0: nobody has met. 1: both are logged in. 2: one hosts a channel, the other has joined it.
    pub fn begin(&mut self, stage: u8) {
        let codes: &[u8] = match stage {
            0 => &[],
            1 => &[0, 1],
            _ => &[0, 1, 3, 4, 5],
        };
        for code in codes {
            for node in [1, 2] {
                self.command(node, *code);
                (0..20).for_each(|_| self.fair_round(Duration::from_millis(5)));
            }
        }
    }

    pub fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Deliver(which) => self.deliver(which.into()),
            Operation::DeliverAll => self.deliver_all(),
            Operation::Complete(node) => self.complete(usize::from(node) % NODES, 0),
            Operation::CompleteAll(node) => self.complete_all(usize::from(node) % NODES),
            Operation::CompleteLast(node) => self.complete_password(usize::from(node) % NODES),
            Operation::Accept(node) => self.accept(usize::from(node) % NODES),
            Operation::Fail(node) => self.fail(usize::from(node) % NODES),
            Operation::Wait(time) => self.wait(Duration::from_millis(2 * u64::from(time) * u64::from(time))),
            Operation::Wake(node) => self.wake(usize::from(node) % NODES),
            Operation::Break(wire) => self.break_wire(wire.into()),
            Operation::Room(which) => self.say_room(which.into()),
            Operation::Repeat(which, to) => self.repeat(which.into(), to.into(), None),
            Operation::Alter(which, to, at) => self.repeat(which.into(), to.into(), Some(at.into())),
            Operation::Restart(node) => self.restart(usize::from(node) % NODES),
            Operation::Command(node, code) => self.command(1 + usize::from(node) % 2, code),
        }
    }

    fn feed(&mut self, node: usize, input: Input) {
        self.nodes[node].process.handle_input(input, self.now);
        self.drain(node);
    }

    fn drain(&mut self, node: usize) {
        let mut hung_up = Vec::new();
        let mut outputs = 0;
        while let Some(output) = self.nodes[node].process.poll_output() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_MAX, "{} does not come to an end", NAMES[node]);
            match output {
                Output::Transmit { to: Recipients::One(link), frame } => self.transmit(node, link, &frame),
                Output::Transmit { to: Recipients::Many(links), frame } => {
                    links.iter().for_each(|link| self.transmit(node, *link, &frame));
                }
                Output::Dial(dial) => self.nodes[node].dials.push_back(dial),
                Output::Hangup { link, .. } => hung_up.push(link),
                Output::Perform { op, operation } => self.nodes[node].under_way.push_back((op, operation)),
                Output::Event(_) => {}
            }
        }
        for link in hung_up {
            self.hang_up(node, link);
        }
    }

    fn end_of(&self, node: usize, link: LinkId) -> Option<(usize, usize)> {
        let is_it = |end: &End| end.node == node && end.link == link && end.up;
        self.wires.iter().enumerate().find_map(|(wire, ends)| Some((wire, ends.iter().position(is_it)?)))
    }

    fn transmit(&mut self, node: usize, link: LinkId, frame: &Frame) {
        assert!(frame.bytes().len() <= Limits::default().frame_bytes_max, "{} sends too long a frame", NAMES[node]);
        let header = frame.header().unwrap_or_else(|| unreachable!("a frame of {} has no header", NAMES[node]));
        let decoded = Message::decode(&header, &frame.payload());
        assert!(decoded.is_ok(), "{} sends what cannot be decoded: {decoded:?}", NAMES[node]);
        // On a link that is gone it goes nowhere, as with a driver.
        let Some((wire, side)) = self.end_of(node, link) else { return };
        if header.role == Role::Response {
            let asked = self.wires[wire][side].asked.entry(header.correlation).or_default();
            asked.answers += 1;
            assert!(
                asked.answers <= asked.requests,
                "{} answers more often than it was asked: {decoded:?}",
                NAMES[node]
            );
        }
        self.wires[wire][1 - side].arriving.push_back(Some(frame.clone()));
        if self.past.len() < PAST_MAX {
            self.past.push(frame.clone());
        }
    }

    fn hang_up(&mut self, node: usize, link: LinkId) {
        if let Some(at) = self.nodes[node].dials.iter().position(|dial| dial.link == link) {
            self.nodes[node].dials.remove(at);
            return self.feed(node, Input::DialFailed { link, reason: DialFailure::Unreachable });
        }
        if let Some((wire, side)) = self.end_of(node, link) {
            self.wires[wire][side].up = false;
            self.wires[wire][1 - side].arriving.push_back(None);
            self.feed(node, Input::LinkDown { link });
        }
    }

    /// Ends at which something arrives.
    fn waiting(&self) -> Vec<(usize, usize)> {
        let both = |wire: usize| [(wire, 0), (wire, 1)];
        let waits = |&(wire, side): &(usize, usize)| {
            let end: &End = &self.wires[wire][side];
            end.up && !end.arriving.is_empty()
        };
        (0..self.wires.len()).flat_map(both).filter(waits).collect()
    }

    fn deliver(&mut self, which: usize) {
        let waiting = self.waiting();
        if let Some((wire, side)) = waiting.get(which % waiting.len().max(1)).copied() {
            self.receive(wire, side);
        }
    }

    fn deliver_all(&mut self) {
        for (wire, side) in self.waiting() {
            for _ in 0..self.wires[wire][side].arriving.len() {
                self.receive(wire, side);
            }
        }
    }

    fn receive(&mut self, wire: usize, side: usize) {
        let end = &mut self.wires[wire][side];
        if !end.up {
            return;
        }
        let (node, link) = (end.node, end.link);
        match end.arriving.pop_front() {
            Some(Some(frame)) => self.arrive(wire, side, &frame.bytes()),
            Some(None) => {
                end.up = false;
                self.feed(node, Input::LinkDown { link });
            }
            None => {}
        }
    }

    /// Bytes come to an end of a wire; they are decoded and checked as by a driver.
    fn arrive(&mut self, wire: usize, side: usize, bytes: &[u8]) {
        let behind_length = bytes.get(segment_proto::frame::LENGTH_BYTES..).unwrap_or_default();
        let Some(header) = segment_proto::Header::parse(behind_length) else { return };
        let payload = &behind_length[segment_proto::frame::HEADER_BYTES.min(behind_length.len())..];
        let Ok(message) = Message::decode(&header, payload) else { return };
        let Ok(message) = Verifier::simulated().check(message) else { return };
        let end = &mut self.wires[wire][side];
        match header.role {
            // Without an id nothing can be answered.
            _ if header.correlation.is_none() => {}
            Role::Request => end.asked.entry(header.correlation).or_default().requests += 1,
            Role::Push | Role::Response => {}
        }
        let (node, link) = (end.node, end.link);
        self.feed(node, Input::Received { link, header, message });
    }

    fn repeat(&mut self, which: usize, to: usize, altered: Option<usize>) {
        let ends: Vec<(usize, usize)> = (0..self.wires.len()).flat_map(|wire| [(wire, 0), (wire, 1)]).collect();
        let ends: Vec<_> = ends.into_iter().filter(|(wire, side)| self.wires[*wire][*side].up).collect();
        let (Some((wire, side)), Some(frame)) =
            (ends.get(to % ends.len().max(1)).copied(), self.past.get(which * 4 % self.past.len().max(1)))
        else {
            return;
        };
        let mut bytes = frame.bytes().to_vec();
        if let Some(at) = altered {
            let at = at % bytes.len();
            bytes[at] = bytes[at].wrapping_add(1);
        }
        self.arrive(wire, side, &bytes);
    }

    fn complete(&mut self, node: usize, at: usize) {
        let Some((op, operation)) = self.nodes[node].under_way.remove(at) else { return };
        let outcome = match &operation {
            segment_core::Operation::Store(operation) => Outcome::Store(self.nodes[node].disk.apply(operation)),
            other => password::compute(other).0,
        };
        self.feed(node, Input::Performed { op, outcome });
    }

    fn complete_all(&mut self, node: usize) {
        for _ in 0..self.nodes[node].under_way.len() {
            self.complete(node, 0);
        }
    }

    /// Passwords are done by other threads than the store's, in any order.
    fn complete_password(&mut self, node: usize) {
        let is_password =
            |(_, operation): &(OpId, segment_core::Operation)| !matches!(operation, segment_core::Operation::Store(_));
        if let Some(at) = self.nodes[node].under_way.iter().rposition(is_password) {
            self.complete(node, at);
        }
    }

    fn accept(&mut self, node: usize) {
        let Some(Dial { link, endpoint }) = self.nodes[node].dials.pop_front() else { return };
        let Some(to) = (0..NODES).find(|to| address(*to) == endpoint.address && *to != node) else {
            return self.feed(node, Input::DialFailed { link, reason: DialFailure::Unreachable });
        };
        if endpoint.key.is_some_and(|key| key != device(to)) {
            return self.feed(node, Input::DialFailed { link, reason: DialFailure::WrongKey(device(to)) });
        }
        self.links += 1;
        let inbound = LinkId(1 << 63 | self.links);
        let end = |node, link| End { node, link, up: true, arriving: VecDeque::new(), asked: BTreeMap::new() };
        self.wires.push([end(node, link), end(to, inbound)]);
        let up = |link, direction, peer, address| Input::LinkUp { link, direction, peer, address };
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        self.feed(to, up(inbound, Direction::Inbound, device(node), from));
        self.feed(node, up(link, Direction::Outbound, device(to), endpoint.address));
    }

    fn fail(&mut self, node: usize) {
        if let Some(dial) = self.nodes[node].dials.pop_front() {
            self.feed(node, Input::DialFailed { link: dial.link, reason: DialFailure::Unreachable });
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall = self.now.wall.plus(time);
        (0..NODES).for_each(|node| self.wake(node));
    }

    /// After a wake that was due, the next is later.
    fn wake(&mut self, node: usize) {
        self.nodes[node].process.handle_timeout(self.now);
        self.drain(node);
        if let Some(deadline) = self.nodes[node].process.poll_timeout() {
            let why = deadline.why;
            assert!(deadline.at > self.now.mono, "{} was woken and is still due: {why}", NAMES[node]);
        }
    }

    fn break_wire(&mut self, which: usize) {
        let up: Vec<usize> = (0..self.wires.len()).filter(|wire| self.wires[*wire].iter().any(|end| end.up)).collect();
        let Some(wire) = up.get(which % up.len().max(1)).copied() else { return };
        for side in 0..2 {
            let end = &mut self.wires[wire][side];
            if std::mem::take(&mut end.up) {
                let (node, link) = (end.node, end.link);
                self.feed(node, Input::LinkDown { link });
            }
        }
    }

    fn say_room(&mut self, which: usize) {
        let ends: Vec<&End> = self.wires.iter().flatten().filter(|end| end.up).collect();
        let Some((node, link)) = ends.get((which / 2) % ends.len().max(1)).map(|end| (end.node, end.link)) else {
            return;
        };
        let room = if which.is_multiple_of(2) { 0 } else { 64 * 1024 };
        self.feed(node, Input::Writable { link, room });
    }

    /// What was under way is lost, and so are the links.
    fn restart(&mut self, node: usize) {
        self.nodes[node].under_way.clear();
        self.nodes[node].dials.clear();
        let mut cut = Vec::new();
        for ends in &mut self.wires {
            let Some(side) = ends.iter().position(|end| end.node == node && end.up) else { continue };
            ends[side].up = false;
            cut.extend(ends.get(1 - side).filter(|end| end.up).map(|end| (end.node, end.link)));
            ends[1 - side].up = false;
        }
        let Node { disk, starts, process, .. } = &mut self.nodes[node];
        *starts = starts.wrapping_add(1);
        *process = start(node, *starts, disk);
        self.drain(node);
        for (other, link) in cut {
            self.feed(other, Input::LinkDown { link });
        }
    }

    fn command(&mut self, node: usize, code: u8) {
        let now = self.now;
        let key = Some(device(TRACKER));
        let Some(peer) = self.nodes[node].process.peer_mut() else { return };
        let channel = peer.channels().next().map_or(ChannelId::from_random([0; 16]), |view| view.record.channel);
        let secret = || Secret("a long password".into());
        let name = NAMES[node];
        // Refused or not: the machine goes on.
        let _ = match code % 20 {
            0 => peer.connect(Endpoint { address: address(TRACKER), key }, now).map(drop),
            1 => {
                peer.listen(address(node).port(), None, now);
                peer.register(name, secret(), Presence::Online, now).map(drop)
            }
            2 => peer.login(name, secret(), Presence::Online, now).map(drop),
            3 if node == 1 => peer.create_channel("general", View::Public, Visitors::Read, now).map(drop),
            3 | 4 => peer.join("general", now).map(drop),
            5..=8 => peer.send(channel, "hello", now).map(drop),
            9 => peer.history(channel, None, 20, now).map(drop),
            10 => peer.retry(channel, now),
            11 => peer.drop_outgoing(channel, None, now).map(drop),
            12 => peer.leave(channel, Unsent::Drop, now).map(drop),
            13 => {
                let other = AccountId(2);
                let allow = AccessChange::allow(other, "ada".into(), Rights::READ);
                let changes = [AccessChange::deny(other, "ada".into()), AccessChange::kick(other, "ada".into()), allow];
                peer.change_access(channel, &changes[usize::from(code / 20) % 3], now).map(drop)
            }
            14 => peer.set_status(Presence::Invisible, now).map(drop),
            15 => peer.set_status(Presence::Online, now).map(drop),
            16 => peer.list_channels(ChannelFilter::All, "", now).map(drop),
            17 => peer.list_members(channel, AccountId::NOBODY, now).map(drop),
            18 => {
                peer.disconnect(now);
                Ok(())
            }
            _ => peer.logout(now).map(drop),
        };
        self.drain(node);
    }

    /// What a fair world does in a moment.
    fn fair_round(&mut self, time: Duration) {
        for node in 0..NODES {
            self.complete_all(node);
            (0..self.nodes[node].dials.len()).for_each(|_| self.accept(node));
        }
        self.deliver_all();
        self.wait(time);
    }

    /// How many channels the peers have, and hold everything of.
    #[cfg(test)]
    pub fn level_channels(&self) -> usize {
        let peers = self.nodes.iter().filter_map(|node| node.process.peer());
        peers.flat_map(Peer::channels).filter(|view| view.level).count()
    }

    /// The world is fair from now on, until everything that waited has been given up.
    pub fn rest(&mut self) {
        for _ in 0..REST_ROUNDS {
            self.fair_round(Duration::from_millis(100));
        }
        (0..20).for_each(|_| self.fair_round(Duration::ZERO));
    }

    /// Each request that came on a link that is still there is answered. One that came twice may be taken for one.
    pub fn check_answers(&self) {
        for end in self.wires.iter().filter(|ends| ends.iter().all(|end| end.up)).flatten() {
            for (id, asked) in &end.asked {
                assert!(asked.requests == 0 || asked.answers > 0, "{} has never answered {id:?}", NAMES[end.node]);
            }
        }
    }
}
