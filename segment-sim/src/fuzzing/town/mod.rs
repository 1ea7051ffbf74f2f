//! A tracker, two peers, and nobody who is fair to them.

mod nodes;
mod people;
mod wires;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use segment_core::contract::Dial;
use segment_core::{Input, Machine, OpId, Output, Recipients};
use segment_proto::{DeviceId, Frame, Instant, LinkId, Now, RequestId, UnixMillis};

use super::operation::Operation;
use crate::image::Image;
use crate::process::Process;
use nodes::start;

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
                Output::Perform { op, operation, .. } => self.nodes[node].under_way.push_back((op, operation)),
                Output::Event(_) => {}
            }
        }
        for link in hung_up {
            self.hang_up(node, link);
        }
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
        peers.flat_map(segment_core::peer::Peer::channels).filter(|view| view.level).count()
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
