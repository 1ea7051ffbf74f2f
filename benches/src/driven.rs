//! A machine on its store, without a driver: what it is asked is counted, and so is the processor time that it takes.
//!
//! There is no network, no TLS and no check of signatures, and passwords are not hashed: what is left is what a machine
//! decides, encodes and hands to its store, which is where anything would grow.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use segment_core::contract::{Direction, Endpoint};
use segment_core::peer::{Peer, PeerConfig};
use segment_core::tracker::{Tracker, TrackerConfig};
use segment_core::{Dial, Input, Machine, OpId, Operation, Outcome, Output, Recipients, Rules, Store, StoreOperation};
use segment_proto::frame::Role;
use segment_proto::{
    DeviceId, Frame, Header, Identity, Instant, Limits, LinkId, Message, Now, RequestId, UnixMillis, Verifier,
};

use crate::machine::thread_cpu;

/// When every measurement begins.
pub const START: Now = Now { mono: Instant(1_000_000), wall: UnixMillis(1_700_000_000_000) };
/// The tracker's key.
pub const TRACKER: DeviceId = DeviceId([0xee; 32]);
/// A machine that has not come to rest after so many rounds never will.
const ROUNDS_MAX: usize = 100_000;

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// Processor time of the machine.
    pub machine: Duration,
    /// Processor time of the store.
    pub store: Duration,
    /// Inputs, commands and timeouts.
    pub inputs: u64,
    /// Operations for the store.
    pub operations: u64,
    /// Frames that were encoded.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Links on which they were queued.
    pub queued: u64,
}

/// A frame on its way.
#[derive(Clone, Debug)]
pub struct Sent {
    /// To whom.
    pub to: Recipients,
    /// What.
    pub frame: Frame,
}

/// A machine with its store.
pub struct Driven<M: Machine> {
    /// The machine.
    pub machine: M,
    /// Where it keeps what must survive.
    pub store: Box<dyn Store>,
    /// The time, which passes only when it is told to.
    pub now: Now,
    /// What was done so far.
    pub work: Work,
    /// What came out and was not taken.
    pub sent: Vec<Sent>,
    /// Whom it wants to dial.
    pub dials: Vec<Dial>,
    /// Writes that wait for [`Self::settle`]: they are one batch, as a driver makes one.
    waiting: Vec<(OpId, StoreOperation)>,
    done: VecDeque<(OpId, Outcome)>,
}

/// A tracker as its store has it.
///
/// # Errors
/// The store cannot be read.
pub fn tracker(mut store: Box<dyn Store>, limits: Limits, seed: u8) -> Result<Driven<Tracker>> {
    let identity = Identity::simulated(TRACKER);
    let config =
        TrackerConfig { identity, limits, rules: Rules::all(), seed: [seed; 32], software: "bench".to_owned() };
    Ok(Driven::new(Tracker::restore(config, &mut store)?, store))
}

/// A peer as its store has it.
///
/// # Errors
/// The store cannot be read.
pub fn peer(mut store: Box<dyn Store>, device: DeviceId, limits: Limits) -> Result<Driven<Peer>> {
    let identity = Identity::simulated(device);
    let config = PeerConfig { identity, limits, rules: Rules::all(), seed: [9; 32], software: "bench".to_owned() };
    Ok(Driven::new(Peer::restore(config, &mut store)?, store))
}

impl<M: Machine> Driven<M> {
    /// At rest.
    pub fn new(machine: M, store: Box<dyn Store>) -> Self {
        let (sent, dials, waiting, done) = (Vec::new(), Vec::new(), Vec::new(), VecDeque::new());
        Self { machine, store, now: START, work: Work::default(), sent, dials, waiting, done }
    }

    /// A command, or anything else that is done to the machine.
    pub fn call<T>(&mut self, call: impl FnOnce(&mut M, Now) -> T) -> T {
        let (began, now) = (thread_cpu(), self.now);
        let result = call(&mut self.machine, now);
        let mut outputs = Vec::new();
        while let Some(output) = self.machine.poll_output() {
            outputs.push(output);
        }
        let _ = self.machine.poll_timeout();
        self.work.machine += thread_cpu().saturating_sub(began);
        self.work.inputs += 1;
        outputs.into_iter().for_each(|output| self.carry_out(output));
        result
    }

    /// Something happens.
    pub fn feed(&mut self, input: Input) {
        self.call(|machine, now| machine.handle_input(input, now));
    }

    /// A link comes up.
    pub fn link_up(&mut self, link: LinkId, direction: Direction, device: DeviceId, address: std::net::SocketAddr) {
        self.feed(Input::LinkUp { link, direction, peer: device, address });
    }

    /// A request comes in.
    ///
    /// # Errors
    /// It is signed by nobody.
    pub fn request(&mut self, link: LinkId, message: impl Into<Message>) -> Result<()> {
        let message = message.into();
        let correlation = RequestId::from_random([1; 16]);
        let header = Header { version: 1, role: Role::Request, kind: message.kind(), correlation };
        let message = Verifier::simulated().check(message)?;
        self.feed(Input::Received { link, header, message });
        Ok(())
    }

    /// A frame comes in.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn receive(&mut self, link: LinkId, frame: &Frame) -> Result<()> {
        let (header, message) = read(frame)?;
        let message = Verifier::simulated().check(message)?;
        self.feed(Input::Received { link, header, message });
        Ok(())
    }

    /// Everything is written, and what follows from that has happened.
    ///
    /// # Errors
    /// The store has failed, or it never ends.
    pub fn settle(&mut self) -> Result<()> {
        for _ in 0..ROUNDS_MAX {
            if let Some((op, outcome)) = self.done.pop_front() {
                self.feed(Input::Performed { op, outcome });
            } else if self.waiting.is_empty() {
                return Ok(());
            } else {
                self.write()?;
            }
        }
        bail!("a machine does not come to rest");
    }

    fn write(&mut self) -> Result<()> {
        let (ops, batch): (Vec<OpId>, Vec<StoreOperation>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        let began = thread_cpu();
        let outcomes = self.store.perform(&batch)?;
        self.work.store += thread_cpu().saturating_sub(began);
        self.work.operations += batch.len() as u64;
        ensure!(outcomes.len() == ops.len(), "a store answered {} of {}", outcomes.len(), ops.len());
        self.done.extend(ops.into_iter().zip(outcomes.into_iter().map(Outcome::Store)));
        Ok(())
    }

    /// Lets time pass, with the timeouts that fall into it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub fn pass(&mut self, time: Duration) -> Result<()> {
        let end = Now { mono: self.now.mono + time, wall: self.now.wall.plus(time) };
        for _ in 0..ROUNDS_MAX {
            let due = self.machine.poll_timeout().filter(|deadline| deadline.at <= end.mono);
            let Some(due) = due else {
                self.now = end;
                return Ok(());
            };
            let ahead = due.at.max(self.now.mono).since(self.now.mono);
            self.now = Now { mono: self.now.mono + ahead, wall: self.now.wall.plus(ahead) };
            self.call(|machine, now| machine.handle_timeout(now));
            self.settle()?;
        }
        bail!("a timer rings without end");
    }

    fn carry_out(&mut self, output: Output<M::Event>) {
        match output {
            Output::Transmit { to, frame } => {
                self.work.frames += 1;
                self.work.bytes += frame.bytes().len() as u64;
                self.work.queued += match &to {
                    Recipients::One(_) => 1,
                    Recipients::Many(links) => links.len() as u64,
                };
                self.sent.push(Sent { to, frame });
            }
            Output::Dial(dial) => self.dials.push(dial),
            Output::Perform { op, operation: Operation::Store(operation), .. } => self.waiting.push((op, operation)),
            Output::Perform { op, operation: Operation::HashPassword { secret, .. }, .. } => {
                self.done.push_back((op, Outcome::PasswordHashed(secret.0)));
            }
            Output::Perform { op, operation: Operation::VerifyPassword { secret, hash }, .. } => {
                self.done.push_back((op, Outcome::PasswordVerified(secret.0 == hash)));
            }
            Output::Hangup { .. } | Output::Event(_) => {}
        }
    }

    /// The last answer on a link among what came out; all of it is taken.
    ///
    /// # Errors
    /// There is none.
    pub fn answer(&mut self, link: LinkId) -> Result<Message> {
        let sent = std::mem::take(&mut self.sent);
        let answers = sent.iter().filter(|sent| sent.to == Recipients::One(link)).map(|sent| read(&sent.frame));
        let answers: Vec<(Header, Message)> = answers.collect::<Result<_>>()?;
        let answer = answers.into_iter().rev().find(|(header, _)| header.role == Role::Response);
        answer.map(|(_, message)| message).context("no answer")
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// There is none.
    pub fn ask(&mut self, link: LinkId, message: impl Into<Message>) -> Result<Message> {
        self.request(link, message)?;
        self.settle()?;
        self.answer(link)
    }
}

/// What a frame says.
///
/// # Errors
/// It cannot be read.
pub fn read(frame: &Frame) -> Result<(Header, Message)> {
    let header = frame.header().context("a header")?;
    let message = Message::decode(&header, &frame.payload())?;
    Ok((header, message))
}

/// Where somebody is.
#[must_use]
pub fn endpoint(device: DeviceId, port: u16) -> Endpoint {
    Endpoint { address: std::net::SocketAddr::from(([127, 0, 0, 1], port)), key: Some(device) }
}
