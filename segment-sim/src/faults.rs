//! What goes wrong, and when it is put right again.

use core::time::Duration;

use crate::checkers::TRACKER;
use crate::network::{NodeId, Notice, Side};
use crate::swarm::FaultKind;
use crate::user::Mood;
use crate::world::{Plan, World};

/// A sync fails for so many of a thousand batches, once it is that disk's turn.
const FAILING_PERMILLE: u64 = 1_000;
/// A fuse is at most so long, in outputs.
const FUSE_OUTPUTS_MAX: u64 = 200;

impl World {
    /// One fault, and the next is planned.
    pub(crate) fn go_wrong(&mut self) {
        if self.mood == Mood::Quiet {
            return;
        }
        let wait = self.dice.duration(Duration::from_millis(50), self.swarm.calm * 2);
        self.fleet.plan_in(wait, Plan::Fault);
        if let Some(kind) = self.dice.pick(&self.swarm.faults).copied() {
            self.faults += 1;
            self.inflict(kind);
        }
        self.fleet.deliver(&mut self.checkers);
    }

    fn some_node(&mut self) -> NodeId {
        let nodes = self.all_nodes();
        self.dice.pick(&nodes).copied().unwrap_or(TRACKER)
    }

    fn some_time(&mut self) -> Duration {
        let most = *self.dice.pick(&[200, 1_000, 4_000, 12_000]).unwrap_or(&1_000);
        self.dice.duration(Duration::from_millis(10), Duration::from_millis(most))
    }

    fn inflict(&mut self, kind: FaultKind) {
        let node = self.some_node();
        match kind {
            FaultKind::Crash => self.crash(node, Notice::Reset),
            FaultKind::PowerFailure => self.crash(node, Notice::HalfOpen),
            FaultKind::CrashBetweenEffects => {
                let outputs = self.dice.between(1, FUSE_OUTPUTS_MAX);
                self.fleet.light_fuse(node, u32::try_from(outputs).unwrap_or(1));
            }
            FaultKind::BreakLink => self.break_link(Notice::Reset),
            FaultKind::HalfOpen => self.break_link(Notice::HalfOpen),
            FaultKind::Stall => self.stall_link(),
            FaultKind::Partition => self.part(node, Side::Dialler),
            FaultKind::OneWayPartition => self.part(node, Side::Listener),
            FaultKind::NoInbound => {
                self.fleet.network.set_accepts(node, false);
                let time = self.some_time();
                self.fleet.plan_in(time, Plan::Accept(node));
            }
            FaultKind::FailedSync => self.fleet.disk(node).set_failing(FAILING_PERMILLE),
        }
    }

    /// A process dies, and starts again after a while.
    pub fn crash(&mut self, node: NodeId, notice: Notice) {
        if self.fleet.machine(node).is_some() {
            self.fleet.crash(node, notice);
            self.plan_start(node);
        }
    }

    pub(crate) fn plan_start(&mut self, node: NodeId) {
        self.fleet.disk(node).set_failing(0);
        let time = self.some_time();
        self.fleet.plan_in(time, Plan::Start(node));
    }

    fn break_link(&mut self, notice: Notice) {
        let now = self.now();
        let connections = self.fleet.network.connections();
        if let Some(id) = self.dice.pick(&connections).copied() {
            self.fleet.network.break_connection(id, notice, now);
        }
    }

    fn stall_link(&mut self) {
        let until = self.now() + self.some_time();
        let connections = self.fleet.network.connections();
        let side = if self.dice.chance(500) { Side::Dialler } else { Side::Listener };
        if let Some(id) = self.dice.pick(&connections).copied() {
            self.fleet.network.stall(id, side, until);
        }
    }

    /// Parts a node from another: both ways, or only one.
    fn part(&mut self, node: NodeId, ways: Side) {
        let (other, time) = (self.some_node(), self.some_time());
        if other == node {
            return;
        }
        self.block(node, other, time);
        if ways == Side::Dialler {
            self.block(other, node, time);
        }
    }

    /// Nothing goes from one node to another for a while.
    pub fn block(&mut self, from: NodeId, to: NodeId, time: Duration) {
        self.fleet.network.block(from, to);
        self.fleet.plan_in(time, Plan::Unblock(from, to));
    }

    /// Nothing goes wrong any more, and nobody writes any more.
    pub fn heal(&mut self) {
        self.mood = Mood::Quiet;
        self.checkers.idle.clear();
        let now = self.now();
        self.fleet.network.heal(now);
        for node in self.all_nodes() {
            self.fleet.network.set_accepts(node, true);
            self.fleet.disk(node).set_failing(0);
            self.fleet.light_fuse(node, 0);
            self.start(node);
        }
        self.fleet.deliver(&mut self.checkers);
    }
}
