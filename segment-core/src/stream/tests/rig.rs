//! What the tests of streams share: devices with cheap signatures, a clock, and readable outputs.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use bytes::Bytes;
use segment_proto::limits::StreamLimits;
use segment_proto::messages::{Follow, Node, Plan, TrackPlace};
use segment_proto::*;

use crate::rules::Rules;
use crate::stream::{Publisher, StreamContext, StreamEvent, StreamOutput, Viewer, stream_id};

pub const CHANNEL: ChannelId = ChannelId(uuid::Uuid::from_bytes([1; 16]));
pub const HOST: u8 = 200;
pub const STREAMER: u8 = 1;
pub const VIDEO: u8 = 2;
pub const AUDIO: u8 = 1;

pub fn device(number: u8) -> DeviceId {
    DeviceId([number; 32])
}

pub fn identity(number: u8) -> Identity {
    Identity::simulated(device(number))
}

pub fn who(number: u8) -> Who {
    Who { account: AccountId(number.into()), name: UserName::new(&format!("user{number}")).unwrap() }
}

pub fn node(number: u8) -> Node {
    Node { device: device(number), address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 4_000 + u16::from(number)) }
}

pub fn video() -> Track {
    Track {
        track: VIDEO,
        kind: TrackKind::Video,
        codec: "test".to_string(),
        format: String::new(),
        rate_bps: 1_000_000,
        interval_us: 33_000,
    }
}

pub fn audio() -> Track {
    Track { track: AUDIO, kind: TrackKind::Audio, rate_bps: 64_000, interval_us: 20_000, ..video() }
}

pub fn description(tracks: Vec<Track>) -> Signed<StreamDescription> {
    let content = StreamDescription {
        channel: CHANNEL,
        stream: stream(),
        device: device(STREAMER),
        who: who(STREAMER),
        title: "test".to_string(),
        tracks,
        started: UnixMillis(0),
    };
    Signed::new(content, &identity(STREAMER))
}

pub fn stream() -> StreamId {
    stream_id(&CHANNEL, &device(STREAMER), "test")
}

pub fn ticket(viewer: u8) -> Signed<Ticket> {
    let ticket = Ticket { channel: CHANNEL, stream: stream(), viewer: device(viewer), expires: UnixMillis(80_000_000) };
    Signed::new(ticket, &identity(HOST))
}

pub fn plan(viewer: u8, version: u32, parent: Option<u8>, backups: &[u8]) -> Plan {
    Plan {
        channel: CHANNEL,
        stream: stream(),
        version,
        parent: parent.map(node),
        backups: backups.iter().copied().map(node).collect(),
        ticket: ticket(viewer),
        report_ms: 2_000,
    }
}

pub fn follow(viewer: u8, after: &[(u8, u64, u32)]) -> Message {
    let place = |(track, group, frame): &(u8, u64, u32)| TrackPlace {
        track: *track,
        place: FramePlace { group: *group, frame: *frame },
    };
    Follow { ticket: ticket(viewer), after: after.iter().map(place).collect() }.into()
}

/// One device's clock, limits, rules and outputs.
pub struct Rig {
    pub identity: Identity,
    pub limits: StreamLimits,
    pub rules: Rules,
    pub now: Now,
    pub out: VecDeque<StreamOutput>,
}

impl Rig {
    pub fn of(number: u8) -> Self {
        Self {
            identity: identity(number),
            limits: StreamLimits { chunk_bytes: 100, ..StreamLimits::default() },
            rules: Rules::all(),
            now: Now { mono: Instant(1_000_000), wall: UnixMillis(1_000) },
            out: VecDeque::new(),
        }
    }

    pub fn cx(&mut self) -> StreamContext<'_> {
        let Self { identity, limits, rules, now, out } = self;
        StreamContext { out, limits, rules: *rules, identity, now: *now }
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono + Duration::from_millis(ms);
        self.now.wall = self.now.wall.plus(Duration::from_millis(ms));
    }

    /// What was sent since, in words.
    pub fn said(&mut self) -> Vec<String> {
        self.out.drain(..).map(|output| word(&output)).collect()
    }

    /// The messages for one link.
    pub fn sent_to(&mut self, link: u64) -> Vec<Message> {
        let sent = self.out.drain(..).filter_map(|output| match output {
            StreamOutput::Send(LinkId(to), frame) if to == link => Some(read(&frame)),
            _ => None,
        });
        sent.collect()
    }
}

pub fn read(frame: &Frame) -> Message {
    Message::decode(&frame.header().unwrap(), &frame.payload()).unwrap()
}

fn name(device: &DeviceId) -> u8 {
    device.0[0]
}

fn word(output: &StreamOutput) -> String {
    match output {
        StreamOutput::Send(LinkId(link), frame) => format!("{link}: {}", message(&read(frame))),
        StreamOutput::Report(frame) => format!("report {}", message(&read(frame))),
        StreamOutput::Event(_, StreamEvent::Frame(frame)) => {
            format!("shows {}.{} of {}", frame.place.group, frame.place.frame, frame.track)
        }
        StreamOutput::Event(_, StreamEvent::ParentChanged { from, to }) => {
            format!("parent {:?} -> {:?}", from.as_ref().map(name), to.as_ref().map(name))
        }
        StreamOutput::Event(_, StreamEvent::ParentLeft { parent, reason }) => format!("left {} {reason}", name(parent)),
    }
}

pub fn message(message: &Message) -> String {
    match message {
        Message::Chunk(chunk) => {
            format!("{}.{}/{} of {}", chunk.place.group, chunk.place.frame, chunk.index, chunk.track)
        }
        Message::GroupHeader(header) => {
            let path: Vec<u8> = header.path.iter().map(name).collect();
            format!("group {} of {} by {path:?}", header.group, header.track)
        }
        Message::Follow(follow) => {
            let after: Vec<_> = follow.after.iter().map(|at| (at.track, at.place.group, at.place.frame)).collect();
            format!("follow {after:?}")
        }
        Message::Unserved(unserved) => format!("unserved {}", unserved.reason),
        Message::ParentLost(lost) => format!("lost {} {:?}", name(&lost.parent), lost.instead.as_ref().map(name)),
        Message::Taken(taken) => format!("taken {}", taken.bytes),
        other => other.name().to_string(),
    }
}

/// A streamer with its viewers.
pub struct Source {
    pub rig: Rig,
    pub publisher: Publisher,
}

impl Source {
    pub fn new(tracks: Vec<Track>) -> Self {
        Self { rig: Rig::of(STREAMER), publisher: Publisher::new(description(tracks), alloc::vec![device(HOST)]) }
    }

    pub fn push(&mut self, track: u8, flags: FrameFlags, size: usize) -> FramePlace {
        let timestamp = self.rig.now.wall.0 * 1_000;
        let payload = Bytes::from(alloc::vec![track; size]);
        self.publisher.push(track, timestamp, flags, &payload, &mut self.rig.cx()).unwrap()
    }

    pub fn key(&mut self) -> FramePlace {
        self.push(VIDEO, FrameFlags::KEY, 10)
    }

    pub fn delta(&mut self) -> FramePlace {
        self.push(VIDEO, FrameFlags::NONE, 10)
    }

    pub fn tell(&mut self, link: u64, from: u8, message: Message) {
        self.publisher.on_message(LinkId(link), device(from), message, &mut self.rig.cx());
    }

    /// As its viewer on this link would get it.
    pub fn chunks(&mut self, link: u64) -> Vec<Message> {
        self.rig.sent_to(link)
    }

    pub fn taken(&mut self, link: u64, from: u8, bytes: u64) {
        self.tell(link, from, messages::Taken { stream: stream(), bytes, held_us: 0 }.into());
    }
}

/// A viewer.
pub struct Sink {
    pub rig: Rig,
    pub viewer: Viewer,
}

impl Sink {
    pub fn new(number: u8) -> Self {
        let rig = Rig::of(number);
        let viewer = Viewer::new(description(alloc::vec![video()]), alloc::vec![device(HOST)], 10_000, rig.now.mono);
        Self { rig, viewer }
    }

    /// With a plan and links of the same numbers as their devices.
    pub fn with_plan(number: u8, parent: u8, backups: &[u8]) -> Self {
        let mut sink = Self::new(number);
        sink.viewer.on_plan(plan(number, 1, Some(parent), backups), &mut sink.rig.cx());
        for other in [parent].iter().chain(backups) {
            sink.viewer.on_link_up(device(*other), LinkId((*other).into()), &mut sink.rig.cx());
        }
        sink
    }

    pub fn hear(&mut self, from: u8, message: Message) {
        self.viewer.on_message(LinkId(from.into()), device(from), message, &mut self.rig.cx());
    }

    /// Whoever is asked says first what it has.
    pub fn begins(&mut self, from: u8) {
        let path = alloc::vec![device(STREAMER), device(from)];
        self.hear(from, messages::GroupHeader { stream: stream(), track: VIDEO, group: 1_000, path }.into());
    }

    /// Whoever was let go says that nothing comes any more.
    pub fn ends(&mut self, from: u8) {
        self.hear(from, messages::Unserved { stream: stream(), reason: Reason::Replaced }.into());
    }

    pub fn hear_all(&mut self, from: u8, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.hear(from, message));
    }

    /// Lives until then, and does what is due.
    pub fn pass(&mut self, ms: u64) {
        let until = self.rig.now.mono + Duration::from_millis(ms);
        while let Some(due) = self.viewer.poll_timeout(&self.rig.limits).filter(|due| due.at <= until) {
            self.rig.pass(due.at.since(self.rig.now.mono).as_millis() as u64);
            self.rig.now.mono = self.rig.now.mono.max(due.at);
            self.viewer.handle_timeout(&mut self.rig.cx());
            let next = self.viewer.poll_timeout(&self.rig.limits);
            assert!(next.is_none_or(|next| next.at > self.rig.now.mono), "{next:?} stays due");
        }
        self.rig.pass(until.since(self.rig.now.mono).as_millis() as u64);
    }
}
