//! What comes to a machine, and how its step ends.

use segment_core::{Fatal, Input, Machine, Outcome};
use segment_proto::Instant;

use super::{Fleet, Happening, Watch};
use crate::network::{NodeId, Notice};

/// Outputs of one call of a machine; more is a machine that never ends.
const OUTPUTS_MAX: usize = 100_000;

impl<M: Machine<Event: core::fmt::Debug>, P> Fleet<M, P> {
    pub(super) fn wake(&mut self, node: NodeId, start: u32, at: Instant, watch: &mut impl Watch<M>) {
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

    pub(super) fn disk_done(&mut self, node: NodeId, start: u32, watch: &mut impl Watch<M>) {
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

    pub(super) fn die(&mut self, node: NodeId) {
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

    pub(super) fn feed(&mut self, node: NodeId, input: Input, watch: &mut impl Watch<M>) {
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
    pub(super) fn settle(&mut self, node: NodeId, watch: &mut impl Watch<M>) {
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

    pub(super) fn arm(&mut self, node: NodeId) {
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
