//! Machines in one virtual world: each with its disk, its clock and its links.

mod effects;

use core::time::Duration;

use segment_core::{Fatal, Input, Machine, OpId, Outcome};
use segment_proto::{Frame, Header, Instant, LinkId, Message, Now};

use crate::clock::Clock;
use crate::dice::Dice;
use crate::disk::{Disk, DiskProfile};
use crate::image::Image;
use crate::network::{Network, NetworkEvent, NodeId, Notice};
use crate::queue::Queue;
use crate::trace::Trace;

/// Outputs of one call of a machine; more is a machine that never ends.
const OUTPUTS_MAX: usize = 100_000;

/// What a bystander sees when something happens.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The time of the world.
    pub now: Instant,
    /// All connections.
    pub network: &'a Network,
    disks: &'a [Disk],
}

impl<'a> Scene<'a> {
    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.disks.len()).unwrap_or(u16::MAX)).map(NodeId)
    }

    /// What is durable at a node at this instant.
    #[must_use]
    pub fn durable(&self, node: NodeId) -> &'a Image {
        self.disks[usize::from(node.0)].durable()
    }
}

/// Who looks on, sees everything and changes nothing.
pub trait Watch<M: Machine> {
    /// A frame leaves a node.
    fn transmitted(&mut self, scene: Scene<'_>, node: NodeId, to: &[LinkId], frame: &Frame);
    /// A message reaches a machine.
    fn received(&mut self, scene: Scene<'_>, node: NodeId, link: LinkId, header: &Header, message: &Message);
    /// A machine tells its embedder.
    fn told(&mut self, scene: Scene<'_>, node: NodeId, event: M::Event);
    /// A machine has ended a step.
    fn stepped(&mut self, scene: Scene<'_>, node: NodeId, machine: &M);
    /// The contract between machine and driver was broken.
    fn broke_contract(&mut self, scene: Scene<'_>, node: NodeId, what: String);
}

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

    fn wake(&mut self, node: NodeId, start: u32, at: Instant, watch: &mut impl Watch<M>) {
        if self.process(node).start != start || self.process(node).wake != Some(at) || self.is_paused(node) {
            return;
        }
        self.process(node).wake = None;
        let now = self.clock(node);
        let Some(machine) = self.process(node).machine.as_mut() else { return };
        if machine.poll_timeout().is_none_or(|deadline| deadline.at > now.mono) {
            return self.arm(node);
        }
        machine.handle_timeout(now);
        self.trace.note(self.queue.now(), node, format_args!("timeout"));
        self.settle(node, watch);
        let late = self.machine(node).and_then(Machine::poll_timeout).filter(|deadline| deadline.at <= now.mono);
        if let Some(deadline) = late {
            watch.broke_contract(self.scene(), node, format!("a deadline stays in the past: {}", deadline.why));
            self.crash(node, Notice::Reset);
        }
    }

    fn disk_done(&mut self, node: NodeId, start: u32, watch: &mut impl Watch<M>) {
        if self.process(node).start != start || self.process(node).machine.is_none() {
            return;
        }
        if let Some(until) = self.process(node).paused {
            return self.queue.push(until, Happening::DiskDone(node, start));
        }
        match self.disk(node).finish() {
            Ok(outcomes) => {
                self.run_disk(node);
                for (op, outcome) in outcomes {
                    self.feed(node, Input::Performed { op, outcome: Outcome::Store(outcome) }, watch);
                }
            }
            Err(Fatal(_)) => self.die(node),
        }
    }

    fn die(&mut self, node: NodeId) {
        self.crash(node, Notice::Reset);
        self.died.push(node);
    }

    /// Hands everything that has come in to the machines, one thing after another.
    pub fn deliver(&mut self, watch: &mut impl Watch<M>) {
        loop {
            for (at, event) in core::mem::take(&mut self.network.timetable) {
                self.queue.push(at, Happening::Network(event));
            }
            if self.network.inputs.is_empty() {
                return;
            }
            for (node, input) in core::mem::take(&mut self.network.inputs) {
                self.feed(node, input, watch);
            }
        }
    }

    fn feed(&mut self, node: NodeId, input: Input, watch: &mut impl Watch<M>) {
        let now = self.clock(node);
        if self.machine(node).is_none() {
            return;
        }
        if self.is_paused(node) {
            return self.process(node).held.push(input);
        }
        self.note_input(node, &input, watch);
        if let Some(machine) = self.process(node).machine.as_mut() {
            machine.handle_input(input, now);
        }
        self.settle(node, watch);
    }

    fn note_input(&mut self, node: NodeId, input: &Input, watch: &mut impl Watch<M>) {
        let now = self.queue.now();
        match input {
            Input::Received { link, header, message } => {
                let name = message.get().name();
                self.trace.note(now, node, format_args!("<- {link} {name} {:?}", header.role));
                watch.received(self.scene(), node, *link, header, message.get());
            }
            Input::Writable { link, room } => {
                self.trace.note(now, node, format_args!("{link} has room for {room}"));
                self.network.on_told_room(node, *link, *room);
            }
            Input::Performed { op, .. } => self.trace.note(now, node, format_args!("performed {}", op.0)),
            other => self.trace.note(now, node, format_args!("{other:?}")),
        }
    }

    /// Does what a machine wants done, then sees when it wants to be called again.
    fn settle(&mut self, node: NodeId, watch: &mut impl Watch<M>) {
        for _ in 0..OUTPUTS_MAX {
            let Some(output) = self.process(node).machine.as_mut().and_then(Machine::poll_output) else {
                return self.end_step(node, watch);
            };
            if self.burn(node) {
                return self.die(node);
            }
            self.carry_out(node, output, watch);
        }
        watch.broke_contract(self.scene(), node, "outputs without end".into());
        self.crash(node, Notice::Reset);
    }

    fn burn(&mut self, node: NodeId) -> bool {
        let Some(fuse) = &mut self.process(node).fuse else { return false };
        *fuse = fuse.saturating_sub(1);
        *fuse == 0
    }

    fn end_step(&mut self, node: NodeId, watch: &mut impl Watch<M>) {
        self.arm(node);
        if let Some(machine) = self.machine(node) {
            watch.stepped(self.scene(), node, machine);
        }
    }

    fn arm(&mut self, node: NodeId) {
        let process = self.process(node);
        let Some(deadline) = process.machine.as_ref().and_then(Machine::poll_timeout) else { return };
        let at = process.clock.world_time(deadline.at);
        if process.wake.is_some_and(|wake| wake <= at) {
            return;
        }
        process.wake = Some(at);
        let start = process.start;
        self.queue.push(at, Happening::Wake(node, start, at));
    }
}
