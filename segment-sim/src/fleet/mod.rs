//! Machines in one virtual world: each with its disk, its clock and its links.

mod effects;
mod stepping;
mod watch;

use core::time::Duration;

use segment_core::{Input, Machine, OpId, Outcome};
use segment_proto::{Instant, Now};

use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::{Disk, DiskProfile};
use crate::image::Image;
use crate::network::{Network, NetworkEvent, NodeId, Notice};
use crate::queue::Queue;
use crate::trace::Trace;
pub use watch::{Scene, Watch};

/// What comes next in the world. `P` is what its owner has planned.
#[derive(Debug)]
enum Happening<P> {
    Network(NetworkEvent),
    Wake(NodeId, u32, Instant),
    DiskDone(NodeId, u32),
    Computed(NodeId, u32, OpId, Box<Outcome>),
    Resumed(NodeId),
    Plan(P),
}

/// What a step of the world was.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<P> {
    /// Something inside.
    Inside,
    /// Something that was planned is due.
    Plan(P),
}

/// A node's process.
#[derive(Debug)]
struct Process<M> {
    machine: Option<M>,
    start: u32,
    clock: Clock,
    wake: Option<Instant>,
    fuse: Option<u32>,
    /// Stopped until then: it hears nothing, and nothing is forgotten.
    paused: Option<Instant>,
    held: Vec<Input>,
}

/// Machines, network, disks, clock and trace.
pub struct Fleet<M: Machine, P> {
    queue: Queue<Happening<P>>,
    /// The connections; faults are put in here.
    pub network: Network,
    /// The hash of everything that happens.
    pub trace: Trace,
    /// Nodes whose processes have died by themselves: by a burnt fuse or a failed sync.
    pub died: Vec<NodeId>,
    processes: Vec<Process<M>>,
    disks: Vec<Disk>,
    dice: Dice,
}

impl<M: Machine<Event: core::fmt::Debug>, P> Fleet<M, P> {
    /// A world without nodes.
    #[must_use]
    pub fn new(network: Network, trace: Trace, dice: Dice) -> Self {
        Self {
            queue: Queue::default(),
            network,
            trace,
            died: Vec::new(),
            processes: Vec::new(),
            disks: Vec::new(),
            dice,
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.queue.now()
    }

    /// Adds a node, without a process.
    pub fn add_node(&mut self, device: segment_proto::DeviceId, disk: DiskProfile, clock: Clock) -> NodeId {
        let node = self.network.add_node(device, true);
        self.disks.push(Disk::new(disk, self.dice.child("disk", u64::from(node.0))));
        self.processes.push(Process {
            machine: None,
            start: 0,
            clock,
            wake: None,
            fuse: None,
            paused: None,
            held: Vec::new(),
        });
        node
    }

    /// Plans something.
    pub fn plan_in(&mut self, delay: Duration, plan: P) {
        self.queue.push_in(delay, Happening::Plan(plan));
    }

    /// Plans something for a moment.
    pub fn plan_at(&mut self, at: Instant, plan: P) {
        self.queue.push(at, Happening::Plan(plan));
    }

    /// What bystanders see.
    #[must_use]
    pub fn scene(&self) -> Scene<'_> {
        Scene { now: self.queue.now(), network: &self.network, disks: &self.disks }
    }

    /// A node's disk.
    pub fn disk(&mut self, node: NodeId) -> &mut Disk {
        &mut self.disks[usize::from(node.0)]
    }

    /// A node's machine, while its process runs.
    #[must_use]
    pub fn machine(&self, node: NodeId) -> Option<&M> {
        self.processes[usize::from(node.0)].machine.as_ref()
    }

    fn process(&mut self, node: NodeId) -> &mut Process<M> {
        &mut self.processes[usize::from(node.0)]
    }

    /// A node's clocks.
    #[must_use]
    pub fn clock(&self, node: NodeId) -> Now {
        self.processes[usize::from(node.0)].clock.read(self.queue.now())
    }

    /// A node's wall clock jumps.
    pub fn jump_clock(&mut self, node: NodeId, by_ms: i64) {
        self.process(node).clock.wall_offset_ms += by_ms;
        self.trace.note(self.queue.now(), node, format_args!("clock jumps by {by_ms} ms"));
    }

    /// A node's process hears nothing for a while.
    pub fn pause(&mut self, node: NodeId, lasting: Duration) {
        let until = self.queue.now() + lasting;
        let process = self.process(node);
        if process.machine.is_none() || process.paused.is_some_and(|paused| paused >= until) {
            return;
        }
        process.paused = Some(until);
        self.queue.push(until, Happening::Resumed(node));
        self.trace.note(self.queue.now(), node, format_args!("paused"));
    }

    /// Nobody is paused any more.
    pub fn resume_all(&mut self, watch: &mut impl Watch<M>) {
        for index in 0..self.processes.len() {
            let node = NodeId(u16::try_from(index).unwrap_or(0));
            self.process(node).paused = self.process(node).paused.map(|_| Instant(0));
            self.resume(node, watch);
        }
    }

    fn resume(&mut self, node: NodeId, watch: &mut impl Watch<M>) {
        let now = self.queue.now();
        let process = self.process(node);
        if process.paused.is_none_or(|paused| paused > now) {
            return;
        }
        process.paused = None;
        process.wake = None;
        self.trace.note(now, node, format_args!("goes on"));
        self.arm(node);
        for input in core::mem::take(&mut self.process(node).held) {
            self.feed(node, input, watch);
        }
    }

    fn is_paused(&self, node: NodeId) -> bool {
        self.processes[usize::from(node.0)].paused.is_some()
    }

    /// Starts a node's process from what is on its disk.
    ///
    /// # Errors
    /// What `restore` says.
    pub fn start<E>(
        &mut self,
        node: NodeId,
        restore: impl FnOnce(&mut Image, [u8; 32]) -> Result<M, E>,
        watch: &mut impl Watch<M>,
    ) -> Result<(), E> {
        let start = self.process(node).start + 1;
        let number = u64::from(node.0) << 32 | u64::from(start);
        let mut dice = self.dice.child("process", number);
        let mut image = self.disk(node).durable().clone();
        let machine = restore(&mut image, dice.bytes())?;
        self.network.start(node);
        let now = self.queue.now();
        let process = self.process(node);
        process.start = start;
        process.clock.begin(now, dice.between(1, 1 << 40));
        process.wake = None;
        process.fuse = None;
        process.paused = None;
        process.held.clear();
        process.machine = Some(machine);
        self.trace.note(self.queue.now(), node, format_args!("start {start}"));
        self.settle(node, watch);
        Ok(())
    }

    /// Ends a node's process, as a power failure does.
    pub fn crash(&mut self, node: NodeId, notice: Notice) {
        if self.process(node).machine.take().is_none() {
            return;
        }
        let now = self.queue.now();
        self.process(node).paused = None;
        self.process(node).held.clear();
        self.trace.note(now, node, format_args!("crash"));
        self.disk(node).crash();
        self.network.crash(node, notice, now);
    }

    /// Lets a node's process die after so many more outputs: between any two effects. 0: it does not.
    pub fn light_fuse(&mut self, node: NodeId, outputs: u32) {
        self.process(node).fuse = (outputs > 0).then_some(outputs);
    }

    /// Calls a command of a node's machine, if its process runs.
    pub fn call<R>(
        &mut self,
        node: NodeId,
        watch: &mut impl Watch<M>,
        command: impl FnOnce(&mut M, Now) -> R,
    ) -> Option<R> {
        if self.is_paused(node) {
            return None;
        }
        let now = self.clock(node);
        let result = command(self.process(node).machine.as_mut()?, now);
        self.settle(node, watch);
        self.deliver(watch);
        Some(result)
    }

    /// Lets the next thing happen; `None` when nothing is left until then.
    pub fn step(&mut self, until: Instant, watch: &mut impl Watch<M>) -> Option<Step<P>> {
        match self.queue.pop_until(until)? {
            Happening::Plan(plan) => return Some(Step::Plan(plan)),
            Happening::Network(event) => {
                let now = self.queue.now();
                self.network.handle(event, now);
            }
            Happening::Wake(node, start, at) => self.wake(node, start, at, watch),
            Happening::Resumed(node) => self.resume(node, watch),
            Happening::DiskDone(node, start) => self.disk_done(node, start, watch),
            Happening::Computed(node, start, op, outcome) => {
                if self.process(node).start == start {
                    self.feed(node, Input::Performed { op, outcome: *outcome }, watch);
                }
            }
        }
        self.deliver(watch);
        Some(Step::Inside)
    }
}
