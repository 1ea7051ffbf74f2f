//! Bytes between nodes: links come up, carry frames at their own pace, and end.

use std::hash::Hasher;

use segment_proto::{Frame, Message};

use super::{Event, World, device, link_to, node_of};
use crate::streams::checks::payload;
use crate::streams::node::Role;
use crate::streams::pipe::Pipe;

impl World {
    pub(super) fn transmit(&mut self, from: usize, to: usize, frame: Frame) {
        if !self.links.contains(&(from, to)) {
            return;
        }
        self.digest.write_u64(self.now);
        self.digest.write(&frame.bytes()[..24]);
        if let Some(pipe) = self.pipes.get_mut(&(from, to))
            && let Some((frame, took)) = pipe.push(frame)
        {
            self.begin_sending(from, to, frame, took);
        }
    }

    fn begin_sending(&mut self, from: usize, to: usize, frame: Frame, took: u64) {
        let latency = self.pipes.get(&(from, to)).map_or(0, |pipe| pipe.latency_us);
        self.at(self.now + took, Event::Sent(from, to));
        self.at(self.now + took + latency, Event::Arrives(from, to, frame));
    }

    pub(super) fn sent(&mut self, from: usize, to: usize) {
        if let Some((frame, took)) = self.pipes.get_mut(&(from, to)).and_then(Pipe::next) {
            self.begin_sending(from, to, frame, took);
        }
    }

    pub(super) fn arrive(&mut self, from: usize, to: usize, frame: &Frame) {
        if !self.links.contains(&(from, to)) {
            return;
        }
        let Some(header) = frame.header() else { return };
        let Ok(mut message) = Message::decode(&header, &frame.payload()) else { return };
        if let Message::Delivered(sent) = &message {
            return self.chat_arrived(from, to, sent.pos);
        }
        if let (true, Message::Chunk(chunk)) = (self.nodes[from].spoils && self.now < self.calm_from, &mut message) {
            chunk.payload = payload(1, chunk.payload.len());
        }
        self.at_node(to, |node, cx| node.on_message(link_to(from), device(from), message, cx));
        self.finish(to);
        self.dial(to);
    }

    /// Everybody has links to whom it wants them.
    pub(super) fn dial(&mut self, node: usize) {
        let Role::Watches(viewer) = &self.nodes[node].role else { return };
        let wanted: Vec<usize> = viewer.wanted().map(|wanted| node_of(&wanted.device)).collect();
        for other in wanted {
            let is_there = !matches!(self.nodes[other].role, Role::Nothing);
            if is_there && other != node && !self.links.contains(&(node, other)) {
                self.connect(node, other);
            }
        }
    }

    fn connect(&mut self, node: usize, other: usize) {
        let latency_us = self.dice.between(1_000, 25_000);
        let need = self.description.tracks[0].rate_bps as u64 / 8;
        let slow = self.nodes[node].slow && self.now < self.calm_from;
        let rate = if slow { (need / 10).max(4_000) } else { (need * 12).max(1_000_000) };
        for pair in [(node, other), (other, node)] {
            self.pipes.insert(pair, Pipe::new(rate, latency_us));
            self.links.insert(pair);
        }
        self.at(self.now + 2 * latency_us, Event::LinkUp(node, other));
        self.at(self.now + 2 * latency_us, Event::LinkUp(other, node));
        self.at(self.now + 1_000_000, Event::Chat(other, node));
    }

    pub(super) fn link_up(&mut self, node: usize, other: usize) {
        if self.links.contains(&(node, other)) {
            self.at_node(node, |node, cx| {
                if let Role::Watches(viewer) = &mut node.role {
                    viewer.on_link_up(device(other), link_to(other), cx);
                }
            });
        }
    }

    pub(super) fn link_down(&mut self, node: usize, other: usize) {
        self.at_node(node, |node, cx| match &mut node.role {
            Role::Watches(viewer) => viewer.on_link_down(link_to(other), cx),
            Role::Streams(publisher) => publisher.on_link_down(link_to(other)),
            Role::Nothing => {}
        });
        self.dial(node);
    }

    /// All links of a node end; the others hear of it later, or a silence tells them.
    pub(super) fn cut(&mut self, node: usize) {
        let others: Vec<usize> = self.links.iter().filter(|(from, _)| *from == node).map(|(_, to)| *to).collect();
        for other in others {
            self.links.remove(&(node, other));
            self.links.remove(&(other, node));
            self.at(self.now + 3_000_000, Event::LinkDown(other, node));
        }
    }
}
