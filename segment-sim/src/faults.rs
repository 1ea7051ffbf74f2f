//! What goes wrong, and when it is put right again.

use core::time::Duration;

use crate::dice::Dice;
use crate::image::Image;
use crate::network::{ConnectionId, NodeId, Notice, Side};
use crate::scenario::{FaultKind, Happening};
use crate::user::Mood;
use crate::world::{Plan, World};

/// A sync fails for so many of a thousand batches, once it is that disk's turn.
const FAILING_PERMILLE: u64 = 1_000;
/// A fuse is at most so long, in outputs.
const FUSE_OUTPUTS_MAX: u64 = 200;
/// How long a process that has died by itself stays dead.
pub(crate) const SHORT: Duration = Duration::from_millis(900);

/// What a goodbye takes.
const GOODBYE: Duration = Duration::from_millis(300);
/// The farthest jump of a wall clock: four minutes, less than the tolerance of certificates.
const JUMP_MILLIS_MAX: i64 = 240_000;

/// In which directions nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    Both,
    Out,
}

impl World {
    /// Something goes wrong.
    pub(crate) fn inflict(&mut self, kind: FaultKind, happening: &Happening) {
        let Happening { node, lasting, draw, .. } = *happening;
        if !self.has_node(node) {
            return;
        }
        let mut dice = Dice::new(draw);
        match kind {
            FaultKind::Crash => self.crash_for(node, Notice::Reset, lasting),
            FaultKind::PowerFailure => self.crash_for(node, Notice::HalfOpen, lasting),
            FaultKind::CrashBetweenEffects => {
                let outputs = dice.between(1, FUSE_OUTPUTS_MAX);
                self.fleet.light_fuse(node, u32::try_from(outputs).unwrap_or(1));
            }
            FaultKind::BreakLink => self.break_link(node, Notice::Reset, &mut dice),
            FaultKind::HalfOpen => self.break_link(node, Notice::HalfOpen, &mut dice),
            FaultKind::Stall => self.stall_link(node, lasting, &mut dice),
            FaultKind::Partition => self.part(happening, Ways::Both),
            FaultKind::OneWayPartition => self.part(happening, Ways::Out),
            FaultKind::NoInbound => {
                self.fleet.network.set_accepts(node, false);
                self.fleet.plan_in(lasting, Plan::Accept(node));
            }
            FaultKind::FailedSync => self.fleet.disk(node).set_failing(FAILING_PERMILLE),
            FaultKind::Away => self.go_away(node, lasting),
            FaultKind::Flap => self.break_all(node),
            FaultKind::Pause => self.fleet.pause(node, lasting),
            FaultKind::ClockJump => {
                let by = JUMP_MILLIS_MAX.min(i64::try_from(dice.between(0, 1 << 20)).unwrap_or(0));
                let by = if dice.chance(500) { by } else { -by };
                self.fleet.jump_clock(node, by);
                self.fleet.plan_in(lasting, Plan::Jump(node, -by));
            }
            FaultKind::OldImage => {
                let image = self.kept.get(&node).cloned();
                self.replace_disk(node, image, lasting);
            }
            FaultKind::Gone => self.go_for_good(node),
            FaultKind::LostDisk => self.replace_disk(node, Some(Image::default()), lasting),
            FaultKind::Twin => {
                let copy = self.fleet.disk(node).durable().clone();
                self.start_twin(node, copy);
            }
            FaultKind::FlippedBit => self.flip_bit(node, &mut dice),
            FaultKind::BareTwin => self.start_twin(node, Image::default()),
        }
    }

    /// A process dies, and starts again after a while.
    pub fn crash(&mut self, node: NodeId, notice: Notice) {
        self.crash_for(node, notice, SHORT);
    }

    /// A process dies, and starts again then.
    pub fn crash_for(&mut self, node: NodeId, notice: Notice, lasting: Duration) {
        if self.fleet.machine(node).is_some() {
            self.fleet.crash(node, notice);
            self.plan_start(node, lasting);
        }
    }

    pub(crate) fn plan_start(&mut self, node: NodeId, lasting: Duration) {
        self.fleet.disk(node).set_failing(0);
        self.fleet.plan_in(lasting, Plan::Start(node));
    }

    /// A user says goodbye; their process ends once that is said.
    fn go_away(&mut self, node: NodeId, lasting: Duration) {
        self.command(node, |peer, now| peer.shutdown(now));
        self.fleet.plan_in(GOODBYE, Plan::End(node, lasting));
    }

    /// A process ends for ever, and nobody is told.
    fn go_for_good(&mut self, node: NodeId) {
        self.fleet.crash(node, Notice::HalfOpen);
        self.gone.insert(node);
        self.checkers.on_gone(node);
    }

    /// A user says goodbye for ever.
    pub(crate) fn leave_for_good(&mut self, node: NodeId) {
        self.go_away(node, Duration::ZERO);
        self.gone.insert(node);
        self.checkers.on_gone(node);
    }

    fn break_all(&mut self, node: NodeId) {
        let now = self.now();
        for (id, side) in self.fleet.network.connections_of(node) {
            self.fleet.network.break_connection(id, side, Notice::Reset, now);
        }
    }

    /// A process dies; what lies on its disk after that is something else. Without an image the disk stays as it is.
    fn replace_disk(&mut self, node: NodeId, image: Option<Image>, lasting: Duration) {
        self.crash_for(node, Notice::Reset, lasting);
        if let Some(image) = image {
            self.fleet.disk(node).replace(image);
            let device = self.fleet.network.device(node);
            self.checkers.on_disk_replaced(node, &device);
        }
    }

    fn some_connection(&self, node: NodeId, dice: &mut Dice) -> Option<(ConnectionId, Side)> {
        dice.pick(&self.fleet.network.connections_of(node)).copied()
    }

    fn break_link(&mut self, node: NodeId, notice: Notice, dice: &mut Dice) {
        let now = self.now();
        if let Some((id, side)) = self.some_connection(node, dice) {
            let side = if dice.chance(500) { side } else { side.other() };
            self.fleet.network.break_connection(id, side, notice, now);
        }
    }

    fn stall_link(&mut self, node: NodeId, lasting: Duration, dice: &mut Dice) {
        let until = self.now() + lasting;
        if let Some((id, side)) = self.some_connection(node, dice) {
            self.fleet.network.stall(id, side, until);
        }
    }

    fn part(&mut self, happening: &Happening, ways: Ways) {
        let Happening { node, lasting, draw, with, .. } = *happening;
        let others: Vec<NodeId> = self.all_nodes().into_iter().filter(|other| *other != node).collect();
        let named = with.filter(|with| others.contains(with));
        let Some(other) = named.or_else(|| Dice::new(draw).pick(&others).copied()) else { return };
        self.block(node, other, lasting);
        if ways == Ways::Both {
            self.block(other, node, lasting);
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
        self.fleet.resume_all(&mut self.checkers);
        if let Some(liar) = self.shape.liar {
            self.go_for_good(liar);
        }
        self.leave_to_twin();
        for node in self.all_nodes() {
            self.fleet.network.set_accepts(node, true);
            self.fleet.disk(node).set_failing(0);
            self.fleet.light_fuse(node, 0);
            self.start(node);
        }
        self.fleet.deliver(&mut self.checkers);
    }
}
