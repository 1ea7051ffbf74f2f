//! One stream, its viewers and everything between them, in virtual time.

mod faults;
mod links;
mod looking;
mod office;
mod published;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use segment_core::Rules;
use segment_core::stream::{Publisher, StreamContext, StreamEvent, StreamOutput, Viewer, stream_id};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Frame, FrameFlags, Identity, Instant, Limits, LinkId, Message, Now, Signed,
    StreamDescription, StreamId, Track, TrackKind, UnixMillis, UserName, Who,
};

pub(super) use published::Published;

use self::links::Link;
use self::office::Office;
use super::checks::{Broken, Finding, payload};
use super::node::{Node, Role};
use super::{Outcome, Plan};
use crate::dice::Dice;
use crate::trace::Printing;

pub(super) const VIDEO: u8 = 1;
pub(super) const AUDIO: u8 = 2;
const VIDEO_US: u64 = 33_333;
const AUDIO_US: u64 = 20_000;
const AUDIO_BYTES: usize = 160;
/// Who streams.
const STREAMER: usize = 0;
/// Findings after which a world is over.
const FINDINGS_MAX: usize = 4;
/// Of the worlds' tickets.
const TICKET_LIFE: Duration = Duration::from_secs(6);
/// How often nodes look whom they have no link to.
const DIAL_US: u64 = 500_000;

/// What happens.
#[derive(Debug)]
enum Event {
    Wake(usize),
    Push(u8),
    /// A link has sent what one end gave it; it arrives later.
    Sent(u64, usize),
    Arrives(u64, usize, Box<Message>),
    LinkUp(usize, u64),
    LinkDown(usize, u64),
    Dials(usize),
    Chat(u64),
    /// For and from whoever coordinates.
    Reports(u64, Box<Message>),
    Told(u64, Box<Message>),
    Enforce,
    Gone(u64),
    /// A viewer comes, or the streamer is back.
    Comes(usize),
    Tells(usize),
    Crash(usize),
    Leave(usize),
    Kick(usize),
    Stall,
    Moves,
    Silenced,
    Intrudes(usize),
    Calm,
    Looks,
    /// Since the parent of a viewer crashed.
    Repaired(usize, u64),
}

#[derive(Debug)]
struct Timed {
    at: u64,
    serial: u64,
    event: Event,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// A world of one stream.
pub struct World {
    plan: Plan,
    rules: Rules,
    limits: Limits,
    now: u64,
    queue: BinaryHeap<Reverse<Timed>>,
    serial: u64,
    nodes: Vec<Node>,
    links: BTreeMap<u64, Link>,
    /// The link from one node to another, where both hold it for good.
    between: BTreeMap<(usize, usize), u64>,
    office: Office,
    description: Signed<StreamDescription>,
    published: Published,
    pushed: u64,
    calm: bool,
    calm_at: u64,
    /// Crashes, stalls and departures, newest last.
    upheavals: Vec<u64>,
    circling: BTreeSet<usize>,
    printing: Printing,
    dice: Dice,
    outcome: Outcome,
    digest: DefaultHasher,
}

/// Tickets end so soon that it is seen what happens then.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.streams.ticket_life = TICKET_LIFE;
    limits
}

fn device(node: usize) -> DeviceId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&(node as u64 + 1).to_be_bytes());
    DeviceId(key)
}

fn node_of(device: &DeviceId) -> usize {
    device.0.first_chunk().map_or(usize::MAX, |bytes| usize::try_from(u64::from_be_bytes(*bytes)).unwrap_or(0) - 1)
}

fn who(node: usize) -> Who {
    let name = UserName::new(&format!("user{node}")).unwrap_or_else(|_| unreachable!());
    Who { account: AccountId(node as u64 + 1), name }
}

fn tracks(plan: &Plan) -> Vec<Track> {
    let track = |track, kind, bytes: usize, interval_us: u64| Track {
        track,
        kind,
        codec: "test".into(),
        format: String::new(),
        rate_bps: u32::try_from(bytes as u64 * 8 * 1_000_000 / interval_us).unwrap_or(u32::MAX),
        interval_us: u32::try_from(interval_us).unwrap_or(u32::MAX),
    };
    let sound = plan.sound.then(|| track(AUDIO, TrackKind::Audio, AUDIO_BYTES, AUDIO_US));
    [track(VIDEO, TrackKind::Video, plan.frame_bytes, VIDEO_US)].into_iter().chain(sound).collect()
}

fn description(plan: &Plan, node: usize) -> Signed<StreamDescription> {
    let (channel, device) = (ChannelId::from_random([1; 16]), device(node));
    let stream = stream_id(&channel, &device, "world");
    let (who, title, tracks) = (who(node), "world".into(), tracks(plan));
    let content = StreamDescription { channel, stream, device, who, title, tracks, started: UnixMillis(0) };
    Signed::new(content, &Identity::simulated(device))
}

impl World {
    /// Before anything has happened.
    #[must_use]
    pub fn new(plan: Plan, rules: Rules) -> Self {
        Self {
            rules,
            limits: limits(),
            now: 1_000_000,
            queue: BinaryHeap::new(),
            serial: 0,
            nodes: Vec::new(),
            links: BTreeMap::new(),
            between: BTreeMap::new(),
            office: Office::default(),
            description: description(&plan, STREAMER),
            published: Published::default(),
            pushed: 0,
            calm: false,
            calm_at: 0,
            upheavals: Vec::new(),
            circling: BTreeSet::new(),
            printing: Printing::Silent,
            dice: Dice::new(plan.seed).child("world", 1),
            outcome: Outcome::default(),
            digest: DefaultHasher::new(),
            plan,
        }
    }

    /// Prints what is said between the devices, and what goes wrong.
    #[must_use]
    pub fn printing(self, printing: Printing) -> Self {
        Self { printing, ..self }
    }

    fn print(&self, line: impl FnOnce() -> String) {
        if self.printing == Printing::Lines {
            println!("{:>10} {}", self.now, line());
        }
    }

    fn now(&self) -> Now {
        Now { mono: Instant(self.now), wall: UnixMillis(self.now / 1_000) }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse(Timed { at: time.max(self.now), serial: self.serial, event }));
    }

    fn after(&mut self, pause: u64, event: Event) {
        self.at(self.now + pause, event);
    }

    fn stream(&self) -> StreamId {
        self.description.stream
    }

    /// Lives it to its end.
    #[must_use]
    pub fn live(mut self) -> Outcome {
        self.begin();
        let end = self.now + (self.plan.storm + self.plan.calm) * 1_000_000;
        while let Some(Reverse(Timed { at, event, .. })) = self.queue.pop() {
            if at > end || self.outcome.findings.len() >= FINDINGS_MAX {
                break;
            }
            self.now = at;
            self.outcome.steps += 1;
            self.happen(event);
        }
        if self.outcome.findings.is_empty() {
            self.look_at_the_end();
        }
        self.outcome.digest = self.digest.finish();
        self.outcome
    }

    fn happen(&mut self, event: Event) {
        if matches!(
            event,
            Event::Crash(_)
                | Event::Leave(_)
                | Event::Kick(_)
                | Event::Comes(_)
                | Event::Moves
                | Event::Gone(_)
                | Event::Calm
        ) {
            self.print(|| format!("{event:?}"));
        }
        match event {
            Event::Wake(node) => self.wake(node),
            Event::Push(track) => self.push(track),
            Event::Sent(link, end) => self.sent(link, end),
            Event::Arrives(link, end, message) => self.arrive(link, end, *message),
            Event::LinkUp(node, link) => self.link_up(node, link),
            Event::LinkDown(node, link) => self.link_down(node, link),
            Event::Dials(node) => self.dials(node),
            Event::Chat(link) => self.chat(link),
            Event::Reports(session, message) => self.reported(session, &message),
            Event::Told(session, message) => self.told(session, *message),
            Event::Enforce => self.enforce(),
            Event::Gone(session) => self.gone(session),
            Event::Comes(node) => self.comes(node),
            Event::Tells(node) => self.tells(node),
            Event::Crash(node) => self.crash(node),
            Event::Leave(node) => self.leave(node),
            Event::Kick(node) => self.kick(node),
            Event::Stall => self.stall(),
            Event::Moves => self.moves(),
            Event::Silenced => self.silenced(),
            Event::Intrudes(node) => self.intrudes(node),
            Event::Calm => self.calms(),
            Event::Looks => self.looks(),
            Event::Repaired(node, since) => self.look_at_repair(node, since),
        }
    }

    fn at_node<T>(&mut self, number: usize, run: impl FnOnce(&mut Node, &mut StreamContext<'_>) -> T) -> T {
        let (identity, now) = (Identity::simulated(device(number)), self.now());
        let Self { limits, rules, nodes, .. } = self;
        let mut out = VecDeque::new();
        let node = &mut nodes[number];
        let before = node.parent();
        let limits = &limits.streams;
        let result = run(node, &mut StreamContext { out: &mut out, limits, rules: *rules, identity: &identity, now });
        self.carry_out(number, before, out);
        self.look_at_bounds(number);
        self.set_alarm(number);
        result
    }

    fn carry_out(&mut self, number: usize, before: Option<DeviceId>, out: VecDeque<StreamOutput>) {
        let accuses = out.iter().any(|out| matches!(out, StreamOutput::Event(_, StreamEvent::ParentLeft { .. })));
        for output in out {
            match output {
                StreamOutput::Send(LinkId(link), frame) => {
                    let Some(message) = read(&frame) else { continue };
                    if let (Message::Unfollow(_), false) = (&message, accuses) {
                        self.look_at_unfollow(number, link, before);
                    }
                    self.send(number, link, Box::new(message), frame.len());
                }
                StreamOutput::Report(frame) => {
                    let Some(message) = read(&frame) else { continue };
                    if let (Message::ParentLost(lost), false) = (&message, accuses) {
                        self.look_at_loss(number, lost, before);
                    }
                    self.report(number, message);
                }
                StreamOutput::Event(_, StreamEvent::Frame(frame)) => self.show(number, &frame),
                StreamOutput::Event(_, StreamEvent::ParentChanged { from, .. }) => self.inherit(number, from),
                StreamOutput::Event(..) => {}
            }
        }
    }

    fn set_alarm(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        // A deadline may have passed already when a message makes it count.
        let Some(due) = node.due(&self.limits.streams).map(|due| due.at.0.max(self.now)) else { return };
        if node.wakes_at.is_none_or(|at| due < at) {
            node.wakes_at = Some(due);
            self.at(due, Event::Wake(number));
        }
    }

    fn wake(&mut self, number: usize) {
        if self.nodes[number].wakes_at != Some(self.now) {
            return;
        }
        self.nodes[number].wakes_at = None;
        if !self.is_due(number) {
            return self.set_alarm(number);
        }
        self.at_node(number, Node::handle_timeout);
        self.finish(number);
        if let Some(due) = self.nodes[number].due(&self.limits.streams).filter(|due| due.at.0 <= self.now) {
            self.find_more(Broken::Contract, number, due.why);
        }
    }

    fn is_due(&self, number: usize) -> bool {
        self.nodes[number].due(&self.limits.streams).is_some_and(|due| due.at.0 <= self.now)
    }

    fn find(&mut self, broken: Broken, node: usize) {
        self.find_more(broken, node, "");
    }

    fn find_more(&mut self, broken: Broken, node: usize, detail: &'static str) {
        self.outcome.findings.push(Finding { broken, at: self.now, node, detail });
    }

    fn push(&mut self, track: u8) {
        let (interval, bytes, group) = match track {
            VIDEO => (VIDEO_US, self.plan.frame_bytes, self.plan.group),
            _ => (AUDIO_US, AUDIO_BYTES, 1),
        };
        self.after(interval, Event::Push(track));
        let number = if track == VIDEO { self.pushed % group } else { 0 };
        let flags = match number {
            0 => FrameFlags::KEY,
            odd if self.plan.discardable && odd % 2 == 1 => FrameFlags::DISCARDABLE,
            _ => FrameFlags::NONE,
        };
        self.pushed += u64::from(track == VIDEO);
        let (time, payload) = (self.now, payload(self.now, bytes));
        let mut place = None;
        // The frame is known before anybody is sent it.
        self.at_node_published(track, flags, |node, cx| {
            let Role::Streams(publisher) = &mut node.role else { return None };
            // A track that begins again waits for its keyframe.
            place = publisher.push(track, time, flags, &payload, cx).ok();
            place
        });
    }

    fn at_node_published(
        &mut self,
        track: u8,
        flags: FrameFlags,
        run: impl FnOnce(&mut Node, &mut StreamContext<'_>) -> Option<segment_proto::FramePlace>,
    ) {
        let (identity, now) = (Identity::simulated(device(STREAMER)), self.now());
        let Self { limits, rules, nodes, .. } = self;
        let (mut out, limits) = (VecDeque::new(), &limits.streams);
        let mut cx = StreamContext { out: &mut out, limits, rules: *rules, identity: &identity, now };
        let place = run(&mut nodes[STREAMER], &mut cx);
        if let Some(place) = place {
            self.published.add(track, place, flags);
        }
        self.carry_out(STREAMER, None, out);
        self.look_at_bounds(STREAMER);
        self.set_alarm(STREAMER);
    }
}

fn read(frame: &Frame) -> Option<Message> {
    Message::decode(&frame.header()?, &frame.payload()).ok()
}

fn new_viewer(description: &Signed<StreamDescription>, relay_kbps: u32, now: u64) -> Role {
    Role::Watches(Box::new(Viewer::new(description.clone(), office::coordinators(), relay_kbps, Instant(now))))
}

fn new_publisher(description: &Signed<StreamDescription>) -> Role {
    Role::Streams(Box::new(Publisher::new(description.clone(), office::coordinators())))
}
