//! How bytes leave one end and arrive at the other.

use core::time::Duration;

use segment_core::Input;
use segment_core::contract::DialFailure;
use segment_proto::frame::{Frame, Role};
use segment_proto::messages::{DecodeError, Failure, Message};
use segment_proto::{Instant, Reason};

use super::{ConnectionId, EndState, Network, NetworkEvent, NodeId, Pace, Side};

/// How long a node gathers frames into one segment, at most.
const GATHER_MICROS_MAX: u64 = 200;
/// By how much a way takes longer than the last time, at most.
const JITTER_MICROS_MAX: u64 = 500;

impl Network {
    /// Schedules a departure where something waits and nothing holds it.
    pub(super) fn pump(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (from, to) = (connection.end(side).node, connection.end(side.other()).node);
        let gather = match self.profile.pace {
            Pace::Uneven => Duration::from_micros(connection.dice.between(1, GATHER_MICROS_MAX)),
            Pace::Even => Duration::from_micros(GATHER_MICROS_MAX),
        };
        let end = connection.end(side);
        let idle = end.queued() == 0 && end.state != EndState::Closing && !end.ended;
        if idle || end.pumping {
            return;
        }
        if !end.watched {
            end.watched = true;
            self.timetable.push((now + self.limits.no_progress, NetworkEvent::Watched(id, side)));
        }
        if self.blocked.contains(&(from, to)) {
            return;
        }
        end.pumping = true;
        self.timetable.push((end.stalled_until.max(now) + gather, NetworkEvent::Departs(id, side)));
    }

    pub(super) fn departs(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (from, to) = (connection.end(side).node, connection.end(side.other()).node);
        connection.end(side).pumping = false;
        if self.blocked.contains(&(from, to)) {
            return;
        }
        if connection.end(side).stalled_until > now {
            return self.pump(id, side, now);
        }
        self.send_segment(id, side, now);
        self.pump(id, side, now);
    }

    fn send_segment(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let high_water = self.limits.send_queue_bytes_max;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pace = self.profile.pace;
        let jitter = match pace {
            Pace::Uneven => Duration::from_micros(connection.dice.between(0, JITTER_MICROS_MAX)),
            Pace::Even => Duration::ZERO,
        };
        let earliest = now + connection.latency + jitter;
        let mut dice = connection.dice.clone();
        let end = &mut connection.ends[side as usize];
        end.last_arrival = end.last_arrival.max(earliest);
        if end.queued() == 0 {
            return self.finish_stream(id, side, now);
        }
        let bytes = end.depart(&mut dice, pace, now);
        let arrival = end.last_arrival;
        let drained = end.drained(high_water).filter(|_| end.state == EndState::Up);
        let node = end.node;
        connection.dice = dice;
        self.timetable.push((arrival, NetworkEvent::Arrives(id, side.other(), bytes)));
        self.inputs.extend(drained.map(|input| (node, input)));
    }

    fn finish_stream(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        if end.state == EndState::Closing {
            return self.close(id, side, now);
        }
        if end.ended {
            end.ended = false;
            self.timetable.push((end.last_arrival, NetworkEvent::Ends(id, side.other())));
        }
    }

    /// An end closes: its process hears of it, the other side after what is on its way.
    pub(super) fn close(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        if end.state == EndState::Gone {
            return;
        }
        let (node, link, state) = (end.node, end.link, end.state);
        end.state = EndState::Gone;
        end.ended = true;
        end.clear();
        self.node(node).links.remove(&link);
        let input = match state {
            EndState::Coming => Input::DialFailed { link, reason: DialFailure::Unreachable },
            _ => Input::LinkDown { link },
        };
        self.inputs.push((node, input));
        self.pump(id, side, now);
        self.forget(id);
    }

    /// Drops a connection that neither side knows any more.
    fn forget(&mut self, id: ConnectionId) {
        let gone = |connection: &super::Connection| connection.ends.iter().all(|end| end.state == EndState::Gone);
        if self.connections.get(&id).is_some_and(gone) {
            self.connections.remove(&id);
        }
    }

    pub(super) fn flushed_or_not(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let closing = |connection: &mut super::Connection| connection.end(side).state == EndState::Closing;
        if self.connections.get_mut(&id).is_some_and(closing) {
            self.close(id, side, now);
        }
    }

    pub(super) fn watched(&mut self, id: ConnectionId, side: Side, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let no_progress = self.limits.no_progress;
        let end = connection.end(side);
        end.watched = false;
        if end.queued() == 0 || end.state == EndState::Gone {
            return;
        }
        let deadline = end.progress + no_progress;
        if deadline <= now {
            return self.close(id, side, now);
        }
        end.watched = true;
        self.timetable.push((deadline, NetworkEvent::Watched(id, side)));
    }

    pub(super) fn arrives(&mut self, id: ConnectionId, side: Side, bytes: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        if end.state != EndState::Up {
            return;
        }
        let node = end.node;
        end.parser.extend(bytes);
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            match connection.end(side).parser.next_frame(self.limits.frame_bytes_max) {
                Ok(Some(frame)) => self.receive(id, side, node, &frame, now),
                Ok(None) => return,
                Err(_) => {
                    self.refused_frames += 1;
                    return self.close(id, side, now);
                }
            }
        }
    }

    /// Decodes and checks a frame as a driver does.
    fn receive(&mut self, id: ConnectionId, side: Side, node: NodeId, frame: &Frame, now: Instant) {
        let Some(header) = frame.header() else { return };
        let Some(link) = self.connections.get_mut(&id).map(|connection| connection.end(side).link) else { return };
        let failure = match Message::decode(&header, &frame.payload()) {
            Ok(message) => match self.verifier.check(message) {
                Ok(message) => return self.inputs.push((node, Input::Received { link, header, message })),
                Err(_) => Failure::new(Reason::BadSignature, ""),
            },
            Err(DecodeError::UnknownKind(_)) => Failure::new(Reason::UnsupportedKind, ""),
            Err(DecodeError::UnknownVersion { .. }) => Failure::new(Reason::UnsupportedVersion, ""),
            Err(DecodeError::Malformed(_)) => Failure::new(Reason::Malformed, ""),
        };
        self.refused_frames += 1;
        if header.role == Role::Request {
            let answer = Frame::response(header.correlation, &failure);
            self.send(node, link, answer.bytes().clone(), now);
        }
    }
}
