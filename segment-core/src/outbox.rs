//! Where a machine and its children put their outputs, in the order of their calls.
//!
//! A parent hands its outbox down with each call, so nothing has to be drained upwards, and an
//! operation remembers in one place who waits for it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use segment_proto::messages::{Encoder, Failure};
use segment_proto::{Frame, LinkId, Message, Payload, Reason, RequestId};

use crate::contract::{Dial, Haste, OpId, Output, Recipients};
use crate::store::{Operation, StoreOperation, Write};

/// The outputs of one machine, and what its operations under way are for.
#[derive(Debug)]
pub struct Outbox<E, T> {
    outputs: VecDeque<Output<E>>,
    tasks: BTreeMap<OpId, T>,
    next_op: u64,
}

impl<E, T> Default for Outbox<E, T> {
    fn default() -> Self {
        Self { outputs: VecDeque::new(), tasks: BTreeMap::new(), next_op: 1 }
    }
}

impl<E, T> Outbox<E, T> {
    /// The next output.
    pub fn pop(&mut self) -> Option<Output<E>> {
        self.outputs.pop_front()
    }

    /// A frame for one link.
    pub fn transmit(&mut self, link: LinkId, frame: Frame) {
        self.outputs.push_back(Output::Transmit { to: Recipients::One(link), frame });
    }

    /// A frame for many links; nothing where there are none.
    pub fn transmit_many(&mut self, links: &Arc<[LinkId]>, frame: Frame) {
        if !links.is_empty() {
            self.outputs.push_back(Output::Transmit { to: Recipients::Many(links.clone()), frame });
        }
    }

    /// A push to one link.
    pub fn push<P: Payload>(&mut self, link: LinkId, payload: &P) {
        self.transmit(link, Frame::push(payload));
    }

    /// The answer to a request. A push cannot be answered, and is not.
    pub fn answer<P: Payload>(&mut self, to: Asker, payload: &P) {
        if !to.id.is_none() {
            self.transmit(to.link, Frame::response(to.id, payload));
        }
    }

    /// As [`Self::answer`], where the kind is decided at run time.
    pub fn answer_message(&mut self, to: Asker, message: &Message) {
        if !to.id.is_none() {
            self.transmit(to.link, message.encode(AsResponse(to.id)));
        }
    }

    /// The failure of a request.
    pub fn fail(&mut self, to: Asker, reason: Reason, detail: &str) {
        self.fail_with(to, &Failure::new(reason, detail));
    }

    /// As [`Self::fail`], with everything said.
    pub fn fail_with(&mut self, to: Asker, failure: &Failure) {
        self.answer(to, failure);
    }

    /// Opens a link.
    pub fn dial(&mut self, dial: Dial) {
        self.outputs.push_back(Output::Dial(dial));
    }

    /// Closes a link.
    pub fn hangup(&mut self, link: LinkId, reason: Reason) {
        self.outputs.push_back(Output::Hangup { link, reason });
    }

    /// Tells the embedder.
    pub fn event(&mut self, event: E) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Starts an operation; `task` comes back from [`Self::take_task`] when it is done.
    pub fn perform(&mut self, task: T, operation: Operation) -> OpId {
        self.start(task, operation, Haste::AtOnce)
    }

    fn start(&mut self, task: T, operation: Operation, haste: Haste) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        self.tasks.insert(op, task);
        self.outputs.push_back(Output::Perform { op, operation, haste });
        op
    }

    /// Starts a transaction.
    pub fn write(&mut self, task: T, writes: alloc::vec::Vec<Write>) -> OpId {
        self.perform(task, Operation::Store(StoreOperation::Write(writes)))
    }

    /// Starts a transaction that nobody waits for.
    pub fn note(&mut self, task: T, writes: alloc::vec::Vec<Write>) -> OpId {
        self.start(task, Operation::Store(StoreOperation::Write(writes)), Haste::WithTheNext)
    }

    /// What a finished operation was for.
    pub fn take_task(&mut self, op: OpId) -> Option<T> {
        self.tasks.remove(&op)
    }

    /// Operations under way.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.tasks.len()
    }
}

/// A message as the answer to a request.
pub(crate) struct AsResponse(pub(crate) RequestId);

impl Encoder for AsResponse {
    fn encode<P: Payload>(self, payload: &P) -> Frame {
        Frame::response(self.0, payload)
    }
}

/// Who awaits an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker {
    /// The link.
    pub link: LinkId,
    /// The request.
    pub id: RequestId,
}

/// A message with who sent it: what a child gets to handle.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The link, and the request where it is one.
    pub from: Asker,
    /// What it says.
    pub message: Message,
}
