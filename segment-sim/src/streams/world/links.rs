//! Bytes between nodes: links come up, carry messages at their own pace, and end.

use std::hash::Hasher;

use segment_proto::messages::Delivered;
use segment_proto::{LinkId, Message, Reason};

use super::{Event, World, device, node_of};
use crate::streams::checks::{Begun, Broken, Served, Waiting, payload};
use crate::streams::node::{Lie, Role};
use crate::streams::pipe::Pipe;

/// Messages are written on so many links beside the stream.
const CHATS: u64 = 200;

/// Bytes of a chunk that are no payload.
const AROUND_BYTES: usize = 300;

/// A link between two nodes.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [usize; 2],
    /// What each end sends.
    pub(super) pipes: [Pipe; 2],
    /// What each end serves the other.
    pub(super) served: [Option<Served>; 2],
    /// When each end has heard something of the stream.
    pub(super) heard_at: [u64; 2],
    /// When each end was refused.
    pub(super) refused_at: [u64; 2],
}

impl Link {
    pub(super) fn end_of(&self, node: usize) -> usize {
        usize::from(self.ends[1] == node)
    }
}

impl World {
    pub(super) fn send(&mut self, from: usize, link: u64, message: Box<Message>, bytes: usize) {
        let Some(end) = self.links.get(&link).map(|link| link.end_of(from)) else { return };
        self.digest.write_u64(self.now ^ link.rotate_left(40));
        self.digest.write_u16(message.kind().0);
        self.digest.write_usize(bytes);
        self.print(|| format!("{from} -> {} {}", self.other_end(link, from), brief(&message)));
        if let Message::Chunk(chunk) = &*message {
            self.look_at_chunk(from, link, chunk);
        }
        let message = self.lie(from, message);
        let now = self.now;
        let Some(pipe) = self.links.get_mut(&link).map(|link| &mut link.pipes[end]) else { return };
        if let Some((message, at)) = pipe.push(message, bytes, now) {
            self.begin_sending(link, end, message, at);
        }
    }

    fn other_end(&self, link: u64, node: usize) -> usize {
        self.links.get(&link).map_or(node, |link| link.ends[1 - link.end_of(node)])
    }

    fn lie(&self, from: usize, mut message: Box<Message>) -> Box<Message> {
        match (&mut *message, self.nodes[from].lie) {
            _ if self.calm => {}
            (Message::Chunk(chunk), Lie::Spoils) => chunk.payload = payload(1, chunk.payload.len()),
            (Message::Chunk(chunk), Lie::KeepsKeys) if chunk.place.frame == 0 && chunk.place.group % 3 == 0 => {
                // Its bytes are taken, and it is of no use.
                chunk.index = u16::MAX;
            }
            _ => {}
        }
        message
    }

    fn begin_sending(&mut self, link: u64, end: usize, message: Box<Message>, at: u64) {
        let latency = self.links.get(&link).map_or(0, |link| link.pipes[end].latency_us);
        self.at(at, Event::Sent(link, end));
        self.at(at + latency, Event::Arrives(link, end, message));
    }

    pub(super) fn sent(&mut self, link: u64, end: usize) {
        let now = self.now;
        if let Some((message, at)) = self.links.get_mut(&link).and_then(|link| link.pipes[end].next(now)) {
            self.begin_sending(link, end, message, at);
        }
    }

    pub(super) fn arrive(&mut self, link: u64, end: usize, message: Message) {
        let now = self.now;
        let Some(known) = self.links.get_mut(&link) else { return };
        let (from, to) = (known.ends[end], known.ends[1 - end]);
        match &message {
            Message::Delivered(sent) => return self.chat_arrived(link, end, sent.pos),
            Message::Follow(follow) => known.served[1 - end] = Some(Served::new(&follow.after, now)),
            Message::Unfollow(_) => known.served[1 - end] = None,
            Message::Unserved(unserved) if unserved.reason == Reason::Replaced => {}
            Message::Unserved(_) => known.refused_at[1 - end] = now,
            _ => {}
        }
        known.heard_at[1 - end] = now;
        if self.nodes[to].parent() == Some(device(from)) {
            self.nodes[to].heard_at = now;
        }
        self.note_spoiled(from, to, &message);
        self.at_node(to, |node, cx| node.on_message(LinkId(link), device(from), message, cx));
        self.finish(to);
    }

    fn note_spoiled(&mut self, from: usize, to: usize, message: &Message) {
        let spoils = matches!(message, Message::Chunk(_)) && self.nodes[from].lie == Lie::Spoils && !self.calm;
        let is_parent = self.nodes[to].parent() == Some(device(from));
        if spoils && is_parent {
            let known = self.nodes[to].spoiled.filter(|(parent, _)| *parent == from);
            self.nodes[to].spoiled = Some(known.unwrap_or((from, self.now)));
            self.look_at_trust(to);
        } else if self.nodes[to].spoiled.is_some_and(|(parent, _)| parent == from) && !is_parent {
            self.nodes[to].spoiled = None;
        }
    }

    /// Everybody has links to whom it wants them.
    pub(super) fn dials(&mut self, node: usize) {
        self.dial(node);
        if self.nodes[node].is_there() {
            self.after(super::DIAL_US, Event::Dials(node));
        }
    }

    pub(super) fn dial(&mut self, node: usize) {
        let Some(viewer) = self.nodes[node].viewer() else { return };
        let wanted: Vec<usize> = viewer.wanted().map(|wanted| node_of(&wanted.device)).collect();
        for other in wanted {
            self.connect(node, other);
        }
    }

    /// The link from a node to another, made where there is none.
    pub(super) fn connect(&mut self, node: usize, other: usize) -> Option<u64> {
        if let Some(link) = self.between.get(&(node, other)) {
            return Some(*link);
        }
        if node == other || !self.nodes.get(other)?.is_there() {
            return None;
        }
        self.serial += 1;
        let (id, latency_us) = (self.serial, self.dice.between(1_000, 25_000));
        let rate = self.rate_between(node, other);
        let pipe = || Pipe::new(rate, latency_us);
        let (pipes, ends) = ([pipe(), pipe()], [node, other]);
        self.links.insert(id, Link { ends, pipes, served: [None, None], heard_at: [0; 2], refused_at: [0; 2] });
        self.between.insert((node, other), id);
        self.between.insert((other, node), id);
        self.after(2 * latency_us, Event::LinkUp(node, id));
        self.after(2 * latency_us, Event::LinkUp(other, id));
        if self.links.len() as u64 <= CHATS {
            self.after(1_000_000, Event::Chat(id));
        }
        Some(id)
    }

    pub(super) fn rate_between(&self, node: usize, other: usize) -> u64 {
        let need = self.description.tracks.iter().map(|track| u64::from(track.rate_bps) / 8).sum::<u64>();
        let slow = (self.nodes[node].slow || self.nodes[other].slow) && !self.calm;
        if slow { (need * self.plan.slow_percent / 100).max(4_000) } else { (need * 12).max(1_000_000) }
    }

    pub(super) fn link_up(&mut self, node: usize, link: u64) {
        let Some(other) = self.links.get(&link).map(|known| known.ends[1 - known.end_of(node)]) else { return };
        self.at_node(node, |node, cx| {
            if let Role::Watches(viewer) = &mut node.role {
                viewer.on_link_up(device(other), LinkId(link), cx);
            }
        });
    }

    pub(super) fn link_down(&mut self, node: usize, link: u64) {
        self.at_node(node, |node, cx| node.on_link_down(LinkId(link), cx));
        self.dial(node);
    }

    /// All links of a node end; the others hear of it at some time.
    pub(super) fn cut(&mut self, node: usize, notice_us: u64) {
        let links: Vec<(usize, u64)> =
            self.between.range((node, 0)..=(node, usize::MAX)).map(|((_, other), link)| (*other, *link)).collect();
        for (other, link) in links {
            self.between.remove(&(node, other));
            self.between.remove(&(other, node));
            self.links.remove(&link);
            self.after(notice_us, Event::LinkDown(other, link));
        }
    }

    fn look_at_chunk(&mut self, from: usize, id: u64, chunk: &segment_proto::messages::Chunk) {
        let Self { links, nodes, published, limits, now, .. } = self;
        let Some(link) = links.get_mut(&id) else { return };
        let end = link.end_of(from);
        let to = link.ends[1 - end];
        let (mut broken, mut waiting) = (None, None);
        match &mut link.served[end] {
            None => {}
            Some(served) => {
                served.chunks += 1;
                let found = nodes[from].ring().filter(|_| chunk.index == 0);
                let found = found.and_then(|ring| ring.at_or_after(chunk.track, chunk.place));
                let since = |at: segment_proto::Instant| segment_proto::Instant(*now).since(at);
                waiting = found.filter(|found| found.frame.place == chunk.place).map(|found| Waiting {
                    frame: since(found.frame.arrived),
                    group_over: found.over_since.map(since),
                });
                if chunk.index == 0 {
                    let begun = Begun { track: chunk.track, place: chunk.place, now: *now, waiting };
                    broken = served.on_frame(begun, published, from == super::STREAMER, &limits.streams);
                }
            }
        }
        if let Some(broken) = broken {
            self.print(|| format!("{broken:?}: {from} -> {to} {:?} {waiting:?}", chunk.place));
            self.find(broken, to);
        }
        self.look_at_who_sends(from, to);
    }

    /// A message beside the stream, on a link that may be slow.
    pub(super) fn chat(&mut self, link: u64) {
        let Some(from) = self.links.get(&link).map(|link| link.ends[1]) else { return };
        let message = Delivered { channel: self.description.channel, pos: self.now };
        let bytes = segment_proto::Frame::push(&message).len();
        self.send(from, link, Box::new(message.into()), bytes);
        self.after(500_000, Event::Chat(link));
    }

    /// It waits for what is under way, which is little: a first window, and what adds little delay.
    fn chat_arrived(&mut self, link: u64, end: usize, sent: u64) {
        let took = self.now - sent;
        let Some(known) = self.links.get(&link) else { return };
        let (pipe, to) = (&known.pipes[end], known.ends[1 - end]);
        if pipe.stalled_until > sent || (self.calm && sent < self.calm_at + 1_000_000) {
            return;
        }
        let streams = &self.limits.streams;
        // Windows count payloads; what is around them comes to it. Who has asked again has two of them under way.
        let payload = self.plan.frame_bytes.min(if self.plan.sound { super::AUDIO_BYTES } else { usize::MAX });
        let bytes = 2 * (4 * streams.window_bytes_min + 3 * streams.chunk_bytes);
        let bytes = bytes + bytes / payload.min(streams.chunk_bytes) * AROUND_BYTES;
        let window = bytes as u64 * 1_000_000 / pipe.rate;
        let bound = pipe.latency_us + window + 4 * u64::try_from(streams.window_delay.as_micros()).unwrap_or(0);
        self.outcome.slowest_message_us = self.outcome.slowest_message_us.max(took);
        if took > bound {
            self.find(Broken::MessagesFirst, to);
        }
    }
}

/// A message in a line of a trace.
pub(super) fn brief(message: &Message) -> String {
    match message {
        Message::Chunk(chunk) => {
            format!("{}: {}.{}/{}", chunk.track, chunk.place.group, chunk.place.frame, chunk.index)
        }
        Message::GroupHeader(header) => {
            let path: Vec<usize> = header.path.iter().map(node_of).collect();
            format!("group {} of {} by {path:?}", header.group, header.track)
        }
        Message::Follow(follow) => {
            let after: Vec<_> = follow.after.iter().map(|at| (at.track, at.place.group, at.place.frame)).collect();
            format!("follow {after:?}")
        }
        Message::Unserved(unserved) => format!("unserved {}", unserved.reason),
        Message::ParentLost(lost) => {
            format!("lost {} {:?}", node_of(&lost.parent), lost.instead.as_ref().map(node_of))
        }
        Message::Plan(plan) => {
            let backups: Vec<usize> = plan.backups.iter().map(|node| node_of(&node.device)).collect();
            format!("plan {} {:?} {backups:?}", plan.version, plan.parent.map(|node| node_of(&node.device)))
        }
        Message::Taken(taken) => format!("taken {}", taken.bytes),
        other => other.name().to_owned(),
    }
}
