//! One stream, its viewers and everything between them, in virtual time.

mod links;
mod plan;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use segment_core::Rules;
use segment_core::stream::coordinator::{CoordinatorContext, Participant};
use segment_core::stream::{Coordinator, Publisher, StreamContext, StreamEvent, StreamOutput, Told, Viewer, stream_id};
use segment_proto::messages::{Delivered, StartStream, Watch};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Frame, FrameFlags, Identity, Instant, Limits, LinkId, Message, Now, Rights, Signed,
    StreamDescription, StreamId, Track, TrackKind, UnixMillis, UserName, Who,
};

pub use plan::Plan;

use super::Outcome;
use super::checks::{Broken, Finding, payload};
use super::node::{Node, Role};
use super::pipe::Pipe;
use crate::dice::Dice;

const VIDEO: u8 = 1;
const TO_COORDINATOR_US: u64 = 5_000;
const LATE_US: u64 = 1_500_000;
/// Who had nothing for so long may go on with the present.
const OUTAGE_US: u64 = 1_000_000;
pub(super) const INTERVAL_US: u64 = 33_333;

/// What happens.
#[derive(Debug)]
enum Event {
    Wake(usize),
    Push,
    /// A pipe has sent a frame; it arrives later.
    Sent(usize, usize),
    Arrives(usize, usize, Frame),
    LinkUp(usize, usize),
    LinkDown(usize, usize),
    Reports(usize, Frame),
    Told(usize, Frame),
    Gone(usize),
    Crash(usize),
    Leave(usize),
    Chat(usize, usize),
    CoordinatorWakes,
}

/// A world of one stream.
pub struct World {
    plan: Plan,
    rules: Rules,
    limits: Limits,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    serial: u64,
    nodes: Vec<Node>,
    pipes: BTreeMap<(usize, usize), Pipe>,
    links: BTreeSet<(usize, usize)>,
    coordinator: Coordinator,
    told: VecDeque<Told>,
    description: Signed<StreamDescription>,
    pushed: u64,
    calm_from: u64,
    dice: Dice,
    outcome: Outcome,
    digest: DefaultHasher,
}

fn device(node: usize) -> DeviceId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&(node as u64 + 1).to_be_bytes());
    DeviceId(key)
}

fn node_of(device: &DeviceId) -> usize {
    device.0.first_chunk().map_or(usize::MAX, |bytes| usize::try_from(u64::from_be_bytes(*bytes)).unwrap_or(0) - 1)
}

fn link_to(node: usize) -> LinkId {
    LinkId(node as u64 + 1)
}

const COORDINATOR: usize = 1_000_000;

fn who(node: usize) -> Who {
    let name = UserName::new(&format!("user{node}")).unwrap_or_else(|_| unreachable!());
    Who { account: AccountId(node as u64 + 1), name }
}

fn description(plan: &Plan) -> Signed<StreamDescription> {
    let (channel, device) = (ChannelId::from_random([1; 16]), device(0));
    let rate_bps = u32::try_from(plan.frame_bytes * 8 * 30).unwrap_or(u32::MAX);
    let track = Track {
        track: VIDEO,
        kind: TrackKind::Video,
        codec: "test".into(),
        format: String::new(),
        rate_bps,
        interval_us: 33_333,
    };
    let stream = stream_id(&channel, &device, "world");
    let (who, title, tracks) = (who(0), "world".into(), vec![track]);
    let content = StreamDescription { channel, stream, device, who, title, tracks, started: UnixMillis(0) };
    Signed::new(content, &Identity::simulated(device))
}

impl World {
    /// Before anything has happened.
    #[must_use]
    pub fn new(plan: Plan, rules: Rules) -> Self {
        let description = description(&plan);
        let dice = Dice::new(plan.seed).child("world", 1);
        let calm_from = plan.seconds * 1_000_000;
        Self {
            rules,
            limits: Limits::default(),
            now: 1_000_000,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            serial: 0,
            nodes: Vec::new(),
            pipes: BTreeMap::new(),
            links: BTreeSet::new(),
            coordinator: Coordinator::default(),
            told: VecDeque::new(),
            description,
            pushed: 0,
            calm_from,
            dice,
            outcome: Outcome::default(),
            digest: DefaultHasher::new(),
            plan,
        }
    }

    fn now(&self) -> Now {
        Now { mono: Instant(self.now), wall: UnixMillis(self.now / 1_000) }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse((time.max(self.now), self.serial)));
        self.events.insert(self.serial, event);
    }

    fn stream(&self) -> StreamId {
        self.description.stream
    }

    /// Lives it to its end.
    #[must_use]
    pub fn live(mut self) -> Outcome {
        self.begin();
        let end = 2 * self.plan.seconds * 1_000_000 + 2_000_000;
        while let Some(Reverse((time, serial))) = self.queue.pop() {
            if time > end || self.outcome.findings.len() > 3 {
                break;
            }
            self.now = time;
            if let Some(event) = self.events.remove(&serial) {
                self.happen(event);
            }
        }
        self.look_at_the_end();
        self.outcome.digest = self.digest.finish();
        self.outcome
    }

    fn begin(&mut self) {
        let publisher = Publisher::new(self.description.clone(), vec![device(COORDINATOR)]);
        self.nodes.push(Node::new(Role::Streams(Box::new(publisher))));
        let start = StartStream {
            description: self.description.clone(),
            uplink_kbps: self.uplink(self.plan.direct),
            port: 1,
            advertise: None,
        };
        let (from, channel) = (self.participant(0), self.description.channel);
        // A refusal shows: nobody would see anything.
        let _ = self.coordinated(|coordinator, cx| coordinator.start(&from, channel, start, cx));
        for number in 1..=self.plan.viewers {
            let viewer = Viewer::new(self.description.clone(), vec![device(COORDINATOR)], Instant(self.now));
            let mut node = Node::new(Role::Watches(Box::new(viewer)));
            node.slow = self.dice.chance(self.plan.slow);
            node.spoils = self.dice.chance(self.plan.spoilers);
            self.outcome.faults += u64::from(node.slow) + u64::from(node.spoils);
            self.nodes.push(node);
            let comes = self.now + self.dice.between(0, 2_000_000);
            self.at(comes, Event::Told(number, Frame::push(&Delivered { channel, pos: 0 })));
        }
        for _ in 0..self.plan.losses {
            let (node, time) =
                (self.dice.index(self.plan.viewers) + 1, self.now + self.dice.between(3_000_000, 7_000_000));
            let event = if self.dice.chance(500) { Event::Crash(node) } else { Event::Leave(node) };
            self.outcome.faults += 1;
            self.at(time, event);
        }
        self.at(self.now, Event::Push);
    }

    /// What carries so many copies.
    fn uplink(&self, copies: u32) -> u32 {
        let rate = self.description.tracks[0].rate_bps;
        (copies * rate / 1_000 * 5 / 4) + copies * 2
    }

    fn participant(&self, node: usize) -> Participant {
        Participant {
            link: link_to(node),
            device: device(node),
            who: who(node),
            rights: Rights::ALL,
            seen: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        }
    }

    fn coordinated<T>(&mut self, run: impl FnOnce(&mut Coordinator, &mut CoordinatorContext<'_>) -> T) -> T {
        let (identity, now, rules) = (Identity::simulated(device(COORDINATOR)), self.now(), self.rules);
        let Self { coordinator, limits, told, .. } = self;
        let result = run(coordinator, &mut CoordinatorContext { out: told, limits, rules, identity: &identity, now });
        for told in std::mem::take(&mut self.told) {
            if let Told::One(LinkId(link), frame) = told {
                let node = usize::try_from(link).unwrap_or(1) - 1;
                self.at(self.now + TO_COORDINATOR_US, Event::Told(node, frame));
            }
        }
        if let Some(due) = self.coordinator.poll_timeout() {
            self.at(due.at.0, Event::CoordinatorWakes);
        }
        result
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(node) => self.wake(node),
            Event::Push => self.push(),
            Event::Sent(from, to) => self.sent(from, to),
            Event::Arrives(from, to, frame) => self.arrive(from, to, &frame),
            Event::LinkUp(node, other) => self.link_up(node, other),
            Event::LinkDown(node, other) => self.link_down(node, other),
            Event::Reports(node, frame) => self.reported(node, &frame),
            Event::Told(node, frame) => self.told(node, &frame),
            Event::Gone(node) => self.coordinated(|coordinator, cx| coordinator.on_link_down(link_to(node), cx)),
            Event::Crash(node) => self.crash(node),
            Event::Leave(node) => self.leave(node),
            Event::Chat(from, to) => self.chat(from, to),
            Event::CoordinatorWakes => self.coordinated(|coordinator, cx| coordinator.handle_timeout(cx)),
        }
    }

    fn at_node<T>(&mut self, number: usize, run: impl FnOnce(&mut Node, &mut StreamContext<'_>) -> T) -> T {
        let (identity, now) = (Identity::simulated(device(number)), self.now());
        let (limits, rules) = (self.limits.streams.clone(), self.rules);
        let mut out = VecDeque::new();
        let node = &mut self.nodes[number];
        let result = run(node, &mut StreamContext { out: &mut out, limits: &limits, rules, identity: &identity, now });
        node.out.extend(out);
        self.settle(number);
        result
    }

    fn settle(&mut self, number: usize) {
        while let Some(output) = self.nodes[number].out.pop_front() {
            match output {
                StreamOutput::Send(LinkId(link), frame) => {
                    self.transmit(number, usize::try_from(link).unwrap_or(1) - 1, frame);
                }
                StreamOutput::Report(frame) => self.at(self.now + TO_COORDINATOR_US, Event::Reports(number, frame)),
                StreamOutput::Event(_, StreamEvent::Frame(frame)) => {
                    self.outcome.shown += 1;
                    let now = self.now;
                    if let Err(broken) = self.nodes[number].screen.show(&frame, now) {
                        self.find(broken, number);
                    }
                }
                StreamOutput::Event(..) => {}
            }
        }
        let limits = self.limits.streams.clone();
        let (under_way, kept) = self.nodes[number].holds();
        let group = self.plan.frame_bytes * usize::try_from(self.plan.group + 90).unwrap_or(1) * 2 + 100_000;
        if under_way > limits.window_bytes_max + limits.chunk_bytes || kept > group.min(limits.ring_bytes_max) + group {
            self.find(Broken::Bounded, number);
        }
        if let Some(due) = self.nodes[number].due(&limits) {
            self.at(due.at.0, Event::Wake(number));
        }
    }

    fn find(&mut self, broken: Broken, node: usize) {
        self.outcome.findings.push(Finding { broken, at: self.now, node });
    }

    fn wake(&mut self, node: usize) {
        let limits = self.limits.streams.clone();
        let is_due = |node: &Node, now: u64| node.due(&limits).is_some_and(|due| due.at.0 <= now);
        if !is_due(&self.nodes[node], self.now) {
            return;
        }
        self.at_node(node, Node::handle_timeout);
        if is_due(&self.nodes[node], self.now) {
            self.find(Broken::Contract, node);
        }
        self.finish(node);
        self.dial(node);
    }

    /// Who has left goes when nobody needs it any more.
    fn finish(&mut self, node: usize) {
        let now = Instant(self.now);
        let is_done = matches!(&self.nodes[node].role, Role::Watches(viewer) if viewer.is_done(now));
        if is_done {
            self.at_node(node, |node, cx| {
                if let Role::Watches(viewer) = &mut node.role {
                    viewer.end(cx);
                }
            });
            self.nodes[node].role = Role::Nothing;
            self.cut(node);
        }
    }

    fn push(&mut self) {
        let is_key = self.pushed.is_multiple_of(self.plan.group);
        let flags = if is_key { FrameFlags::KEY } else { FrameFlags::NONE };
        let (time, payload) = (self.now, payload(self.now, self.plan.frame_bytes));
        self.at_node(0, |node, cx| {
            if let Role::Streams(publisher) = &mut node.role {
                // A frame that is refused is missed by everybody.
                let _ = publisher.push(VIDEO, time, flags, &payload, cx);
            }
        });
        self.pushed += 1;
        self.at(self.now + INTERVAL_US, Event::Push);
    }

    fn crash(&mut self, node: usize) {
        self.nodes[node].role = Role::Nothing;
        self.cut(node);
        self.at(self.now + 3_000_000, Event::Gone(node));
    }

    fn leave(&mut self, node: usize) {
        self.at_node(node, |node, cx| {
            if let Role::Watches(viewer) = &mut node.role {
                viewer.leave(cx);
            }
        });
        self.at(self.now + TO_COORDINATOR_US, Event::Gone(node));
        self.finish(node);
    }

    fn reported(&mut self, node: usize, frame: &Frame) {
        let message = frame.header().and_then(|header| Message::decode(&header, &frame.payload()).ok());
        self.coordinated(|coordinator, cx| match message {
            Some(Message::ParentLost(lost)) => coordinator.on_parent_lost(&device(node), &lost, cx),
            Some(Message::ViewerReport(report)) => coordinator.on_report(&device(node), &report),
            _ => {}
        });
    }

    fn told(&mut self, node: usize, frame: &Frame) {
        let message = frame.header().and_then(|header| Message::decode(&header, &frame.payload()).ok());
        match message {
            Some(Message::Plan(plan)) => {
                self.at_node(node, |node, cx| {
                    if let Role::Watches(viewer) = &mut node.role {
                        viewer.on_plan(plan, cx);
                    }
                });
                self.dial(node);
            }
            // The viewer has come.
            Some(Message::Delivered(_)) => self.watch(node),
            _ => {}
        }
    }

    fn watch(&mut self, node: usize) {
        let relays = self.dice.chance(self.plan.relays) && !self.nodes[node].slow;
        let (channel, stream) = (self.description.channel, self.stream());
        let relay_kbps = if relays { self.uplink(4) } else { 0 };
        let (port, advertise, listed, parent) = (1, None, true, None);
        let watch = Watch { channel, stream, relay_kbps, port, advertise, listed, parent };
        let from = self.participant(node);
        let _ = self.coordinated(|coordinator, cx| coordinator.watch(&from, &watch, cx));
    }

    /// A message beside the stream, on a link that may be slow.
    fn chat(&mut self, from: usize, to: usize) {
        let message = Delivered { channel: self.description.channel, pos: self.now };
        self.transmit(from, to, Frame::push(&message));
        if self.links.contains(&(from, to)) {
            self.at(self.now + 500_000, Event::Chat(from, to));
        }
    }

    /// It waits for what is under way, which is little: a first window, and what adds little delay.
    fn chat_arrived(&mut self, from: usize, to: usize, sent: u64) {
        let took = self.now - sent;
        self.outcome.slowest_message_us = self.outcome.slowest_message_us.max(took);
        let Some(pipe) = self.pipes.get(&(from, to)) else { return };
        let streams = &self.limits.streams;
        let window = (4 * streams.window_bytes_min + 3 * streams.chunk_bytes) as u64 * 1_000_000 / pipe.rate;
        if took > pipe.latency_us + window + 4 * u64::try_from(streams.window_delay.as_micros()).unwrap_or(0) {
            self.find(Broken::MessagesFirst, to);
        }
    }

    /// After the calm everybody sees the present, and nothing is lost any more.
    fn look_at_the_end(&mut self) {
        for number in 1..self.nodes.len() {
            let Role::Watches(viewer) = &self.nodes[number].role else { continue };
            let (mut at, mut steps) = (viewer.parent(), 0);
            while let Some(parent) = at.map(|parent| node_of(&parent)).filter(|_| steps <= self.nodes.len()) {
                let Some(Role::Watches(above)) = self.nodes.get(parent).map(|node| &node.role) else { break };
                (at, steps) = (above.parent(), steps + 1);
            }
            if steps > self.nodes.len() {
                self.find(Broken::NoLoop, number);
            }
            let screen = &self.nodes[number].screen;
            let is_steady = self.plan.slow == 0 && self.plan.spoilers == 0 && screen.longest_gap_us < OUTAGE_US;
            if is_steady && screen.lost > 0 {
                self.find(Broken::Complete, number);
            }
            let is_planned =
                self.coordinator.tree(&self.stream()).is_some_and(|tree| tree.depth(&device(number)).is_some());
            let late = self.now.saturating_sub(self.nodes[number].screen.newest_us) > LATE_US;
            if is_planned && late && !self.nodes[number].slow {
                self.find(Broken::Present, number);
            }
        }
        self.look_at_copies();
    }

    fn look_at_copies(&mut self) {
        let Role::Streams(publisher) = &self.nodes[0].role else { return };
        self.outcome.copies = publisher.fanout().len();
        let most = usize::try_from(self.plan.direct).unwrap_or(usize::MAX);
        // Those whose parents were lost come by themselves, until they have new plans.
        if self.outcome.copies > most + self.plan.losses + 2 {
            self.find(Broken::Copies, 0);
        }
    }
}
