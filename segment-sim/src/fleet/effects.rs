//! What a machine's outputs do to the world: frames to the network, operations to the disk, events to who watches.

use segment_core::{Machine, OpId, Operation, Output, Recipients};
use segment_proto::{Frame, LinkId, Message};

use super::{Fleet, Happening, Watch};
use crate::network::NodeId;
use crate::password;

impl<M: Machine<Event: core::fmt::Debug>, P> Fleet<M, P> {
    pub(super) fn carry_out(&mut self, node: NodeId, output: Output<M::Event>, watch: &mut impl Watch<M>) {
        let now = self.queue.now();
        match output {
            Output::Transmit { to, frame } => self.transmit(node, &to, &frame, watch),
            Output::Dial(dial) => {
                self.trace.note(now, node, format_args!("dial {dial:?}"));
                self.network.dial(node, dial, now);
            }
            Output::Hangup { link, reason } => {
                self.trace.note(now, node, format_args!("hangup {link} {reason}"));
                self.network.hangup(node, link, now);
            }
            Output::Perform { op, operation, .. } => self.perform(node, op, operation),
            Output::Event(event) => {
                self.trace.note(now, node, format_args!("event {event:?}"));
                watch.told(self.scene(), node, event);
            }
        }
    }

    fn transmit(&mut self, node: NodeId, to: &Recipients, frame: &Frame, watch: &mut impl Watch<M>) {
        let now = self.queue.now();
        let links = match to {
            Recipients::One(link) => core::slice::from_ref(link),
            Recipients::Many(links) => links,
        };
        let bytes = frame.bytes();
        self.trace.note_bytes(now, node, &bytes, || describe(links, frame));
        watch.transmitted(self.scene(), node, links, frame);
        for link in links {
            self.network.send(node, *link, bytes.clone(), now);
        }
    }

    fn perform(&mut self, node: NodeId, op: OpId, operation: Operation) {
        let now = self.queue.now();
        let start = self.process(node).start;
        match operation {
            Operation::Store(operation) => {
                self.trace.note(now, node, format_args!("perform {} {}", op.0, crate::image::name_of(&operation)));
                self.disk(node).submit(op, operation);
                self.run_disk(node);
            }
            slow => {
                self.trace.note(now, node, format_args!("perform {} password", op.0));
                let (outcome, delay) = password::compute(&slow);
                self.queue.push_in(delay, Happening::Computed(node, start, op, Box::new(outcome)));
            }
        }
    }

    pub(super) fn run_disk(&mut self, node: NodeId) {
        let start = self.process(node).start;
        if let Some(delay) = self.disk(node).start() {
            self.queue.push_in(delay, Happening::DiskDone(node, start));
        }
    }
}

fn describe(links: &[LinkId], frame: &Frame) -> String {
    let Some(header) = frame.header() else { return "-> ?".into() };
    let message = Message::decode(&header, &frame.payload());
    let text = message.map_or_else(|error| error.to_string(), |message| message.to_json());
    format!("-> {links:?} {:?} {text}", header.role)
}
