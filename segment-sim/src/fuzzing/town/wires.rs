//! What is on the way between the machines, and what becomes of it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};

use segment_core::Input;
use segment_core::contract::{Dial, DialFailure, Direction};
use segment_proto::frame::Role;
use segment_proto::{Frame, Limits, LinkId, Message, Verifier};

use super::{End, NAMES, NODES, PAST_MAX, Town, address, device};

impl Town {
    fn end_of(&self, node: usize, link: LinkId) -> Option<(usize, usize)> {
        let is_it = |end: &End| end.node == node && end.link == link && end.up;
        self.wires.iter().enumerate().find_map(|(wire, ends)| Some((wire, ends.iter().position(is_it)?)))
    }

    pub(super) fn transmit(&mut self, node: usize, link: LinkId, frame: &Frame) {
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

    pub(super) fn hang_up(&mut self, node: usize, link: LinkId) {
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

    pub(super) fn deliver(&mut self, which: usize) {
        let waiting = self.waiting();
        if let Some((wire, side)) = waiting.get(which % waiting.len().max(1)).copied() {
            self.receive(wire, side);
        }
    }

    pub(super) fn deliver_all(&mut self) {
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

    pub(super) fn repeat(&mut self, which: usize, to: usize, altered: Option<usize>) {
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

    pub(super) fn accept(&mut self, node: usize) {
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

    pub(super) fn fail(&mut self, node: usize) {
        if let Some(dial) = self.nodes[node].dials.pop_front() {
            self.feed(node, Input::DialFailed { link: dial.link, reason: DialFailure::Unreachable });
        }
    }

    pub(super) fn break_wire(&mut self, which: usize) {
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

    pub(super) fn say_room(&mut self, which: usize) {
        let ends: Vec<&End> = self.wires.iter().flatten().filter(|end| end.up).collect();
        let Some((node, link)) = ends.get((which / 2) % ends.len().max(1)).map(|end| (end.node, end.link)) else {
            return;
        };
        let room = if which.is_multiple_of(2) { 0 } else { 64 * 1024 };
        self.feed(node, Input::Writable { link, room });
    }
}
