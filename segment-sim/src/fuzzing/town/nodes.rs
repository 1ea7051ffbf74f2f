//! The machines: what they have begun, their clocks and their ends.

use std::time::Duration;

use segment_core::peer::{Peer, PeerConfig};
use segment_core::rules::Rules;
use segment_core::tracker::{Tracker, TrackerConfig};
use segment_core::{Input, Machine, OpId, Outcome};
use segment_proto::{Identity, Limits};

use super::{NAMES, NODES, Node, TRACKER, Town, device};
use crate::image::Image;
use crate::password;
use crate::process::Process;

pub(super) fn start(node: usize, starts: u8, disk: &mut Image) -> Process {
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
    pub(super) fn complete(&mut self, node: usize, at: usize) {
        let Some((op, operation)) = self.nodes[node].under_way.remove(at) else { return };
        let outcome = match &operation {
            segment_core::Operation::Store(operation) => Outcome::Store(self.nodes[node].disk.apply(operation)),
            other => password::compute(other).0,
        };
        self.feed(node, Input::Performed { op, outcome });
    }

    pub(super) fn complete_all(&mut self, node: usize) {
        for _ in 0..self.nodes[node].under_way.len() {
            self.complete(node, 0);
        }
    }

    /// Passwords are done by other threads than the store's, in any order.
    pub(super) fn complete_password(&mut self, node: usize) {
        let is_password =
            |(_, operation): &(OpId, segment_core::Operation)| !matches!(operation, segment_core::Operation::Store(_));
        if let Some(at) = self.nodes[node].under_way.iter().rposition(is_password) {
            self.complete(node, at);
        }
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall = self.now.wall.plus(time);
        (0..NODES).for_each(|node| self.wake(node));
    }

    /// After a wake that was due, the next is later.
    pub(super) fn wake(&mut self, node: usize) {
        self.nodes[node].process.handle_timeout(self.now);
        self.drain(node);
        if let Some(deadline) = self.nodes[node].process.poll_timeout() {
            let why = deadline.why;
            assert!(deadline.at > self.now.mono, "{} was woken and is still due: {why}", NAMES[node]);
        }
    }

    /// What was under way is lost, and so are the links.
    pub(super) fn restart(&mut self, node: usize) {
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
}
