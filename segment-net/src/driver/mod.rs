//! Runs a machine: the only task that touches it feeds it what happens outside, one thing after
//! another, and does what it says.

mod dials;
mod handle;
mod links;
mod passwords;
mod queue;
mod sources;
mod storing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

use segment_core::contract::DialFailure;
use segment_core::store::{Fatal, Store};
use segment_core::{Deadline, Haste, Input, Machine, OpId, Operation, Output};
use segment_proto::{LinkId, Now};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{error, info, trace, warn};

use crate::clock::Clock;
use crate::events::EventHub;
use crate::limits::DriverLimits;
use crate::link::Notice;
use crate::traffic::Counters;
use crate::transport::{Listener, Transport};
use dials::Dials;
pub use handle::{Handle, Stopped};
use links::Links;
use passwords::PasswordPool;
use sources::{Happened, Intake, Sources};
use storing::{Done, Job, StoreThread, performed};

/// What a driver is given to run a machine with.
pub struct Setup {
    /// How to dial.
    pub transport: Arc<dyn Transport>,
    /// Where others come in; `None` accepts nobody.
    pub listener: Option<Listener>,
    /// Where the machine keeps what must survive; it was restored from the same.
    pub store: Box<dyn Store>,
    /// What is held at most.
    pub limits: DriverLimits,
}

/// Why a driver stopped although nobody asked it to.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The disk failed: nothing more was acknowledged from then on. Free or replace it, then start again.
    #[error("stopped, because what was said could no longer be kept: {0}")]
    Store(#[from] Fatal),
    /// The store's thread could not be started: the system is short of threads or memory.
    #[error("the store's thread could not be started")]
    NoThread(#[source] io::Error),
    /// The store did not finish in time at shutdown; what was acknowledged is safe.
    #[error("the store did not finish in time; what was acknowledged is safe")]
    StoreBusy,
}

/// Sees every event in the driver's own task, before any consumer does: it misses none, and must be quick.
pub type Observer<E> = Box<dyn FnMut(&E) + Send>;

/// A machine with everything it needs.
pub struct Driver<M: Machine> {
    core: Core<M>,
    sources: Sources<M>,
}

impl<M> Driver<M>
where
    M: Machine + Send + 'static,
    M::Event: Clone + fmt::Debug + Send + 'static,
{
    /// Puts a machine and its surroundings together. Needs a tokio runtime around it.
    pub fn new(machine: M, setup: Setup) -> Result<(Self, Handle<M>), DriverError> {
        let limits = setup.limits;
        let (done_sender, done) = mpsc::unbounded_channel();
        let (call_sender, calls) = mpsc::channel(limits.calls_max);
        let counters = Counters::default();
        let (links, notices) = Links::new(limits.clone(), counters.clone());
        let (dials, dialled) = Dials::new(setup.transport, limits.dials_max);
        let events = EventHub::new(limits.events_max);
        let handle = Handle::new(call_sender, events.clone(), counters);
        let store = StoreThread::start(setup.store, limits.group_max, done_sender.clone());
        let clock = Clock::start();
        let core = Core {
            machine,
            clock,
            now: clock.now(),
            links,
            dials,
            passwords: PasswordPool::new(limits.password_threads, done_sender),
            store: store.map_err(DriverError::NoThread)?,
            events,
            observer: Box::new(|_| {}),
            inputs: VecDeque::new(),
            operations: 0,
            limits,
        };
        let sources = Sources { listener: setup.listener, notices, done, dialled, calls };
        Ok((Self { core, sources }, handle))
    }

    /// Shows every event to `observer` first.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer<M::Event>) -> Self {
        self.core.observer = observer;
        self
    }

    /// Runs until `shutdown` comes true, or the store fails. At shutdown, what is under way is
    /// finished and flushed, within [`DriverLimits::shutdown`].
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), DriverError> {
        let result = tokio::select! {
            failed = self.work() => Err(failed.into()),
            () = shutdown => Ok(()),
        };
        let result = match result {
            Ok(()) => self.wind_down().await,
            Err(failed) => {
                error!(error = %failed, "the machine stops");
                self.core.events.end();
                Err(failed)
            }
        };
        info!("driver stopped");
        result
    }

    async fn work(&mut self) -> Fatal {
        self.core.settle();
        loop {
            let happened = self.sources.next(self.core.intake(), self.core.due()).await;
            if let Err(fatal) = self.core.react(happened) {
                return fatal;
            }
        }
    }

    async fn wind_down(mut self) -> Result<(), DriverError> {
        let deadline = Instant::now() + self.core.limits.shutdown;
        if let Some(listener) = self.sources.listener.take() {
            listener.close().await;
        }
        self.sources.calls.close();
        while let Ok(call) = self.sources.calls.try_recv() {
            self.core.react(Happened::Called(call))?;
        }
        match timeout_at(deadline, self.finish()).await {
            Ok(finished) => finished?,
            Err(_) => warn!("shutdown took too long; some links were cut"),
        }
        self.core.events.end();
        let closing = timeout(self.core.limits.shutdown, self.core.store.finish());
        closing.await.map_err(|_| DriverError::StoreBusy)
    }

    /// First what was begun is written and answered, then every link is flushed and closed.
    async fn finish(&mut self) -> Result<(), Fatal> {
        while self.core.operations > 0 {
            let happened = self.sources.next(Intake::Held, None).await;
            self.core.react(happened)?;
        }
        self.core.links.close_all();
        while !self.core.links.is_empty() || self.core.operations > 0 {
            let happened = self.sources.next(Intake::Open, None).await;
            self.core.react(happened)?;
        }
        Ok(())
    }
}

/// Everything that acts; what makes it act is in [`Sources`].
struct Core<M: Machine> {
    machine: M,
    clock: Clock,
    now: Now,
    links: Links,
    dials: Dials,
    passwords: PasswordPool,
    store: StoreThread,
    events: EventHub<M::Event>,
    observer: Observer<M::Event>,
    inputs: VecDeque<Input>,
    operations: usize,
    limits: DriverLimits,
}

impl<M> Core<M>
where
    M: Machine,
    M::Event: Clone + fmt::Debug,
{
    fn intake(&self) -> Intake {
        if self.operations < self.limits.operations_max { Intake::Open } else { Intake::Held }
    }

    fn due(&self) -> Option<Instant> {
        let machine = self.machine.poll_timeout().map(|Deadline { at, .. }| self.clock.runtime_instant(at));
        machine.into_iter().chain(self.links.due()).min()
    }

    /// All of it happens at one moment.
    fn react(&mut self, happened: Happened<M>) -> Result<(), Fatal> {
        self.now = self.clock.now();
        match happened {
            Happened::Notices(notices) => {
                notices.into_iter().for_each(|(link, notice)| self.on_notice(link, notice));
            }
            Happened::Done(Done::Performed(done)) => self.on_performed(done),
            Happened::Done(Done::Failed(fatal)) => return Err(fatal),
            Happened::Accepted(connection) => {
                let input = self.links.accept(connection);
                input.into_iter().for_each(|input| self.feed(input));
            }
            Happened::Dialled(dialled) => self.on_dialled(dialled),
            Happened::Called(call) => {
                call(&mut self.machine, self.now);
                self.carry_out_all();
            }
            Happened::Due => self.on_due(),
        }
        self.settle();
        Ok(())
    }

    fn on_notice(&mut self, link: LinkId, notice: Notice) {
        match notice {
            Notice::Received(messages) => {
                for (header, message) in messages {
                    // What one message brings about may be the end of its link.
                    if self.links.is_heard(link) {
                        self.links.hear(link, header.kind);
                        self.feed(Input::Received { link, header, message });
                    }
                }
            }
            Notice::Room(room) if self.links.is_heard(link) => self.feed(Input::Writable { link, room }),
            Notice::Down(end) if self.links.forget(link, &end) => self.feed(Input::LinkDown { link }),
            Notice::Room(_) | Notice::Down(_) => {}
        }
    }

    fn on_performed(&mut self, done: Vec<(OpId, segment_core::Outcome)>) {
        self.operations = self.operations.saturating_sub(done.len());
        done.into_iter().map(performed).for_each(|input| self.feed(input));
    }

    fn on_dialled(&mut self, dialled: dials::Dialled) {
        let link = dialled.0;
        let input = match self.dials.finish(dialled) {
            None => return,
            Some(Ok(connection)) => self.links.start(link, connection),
            Some(Err(failed)) => failed,
        };
        self.feed(input);
    }

    fn on_due(&mut self) {
        self.links.release();
        let Some(deadline) = self.machine.poll_timeout().filter(|deadline| deadline.at <= self.now.mono) else {
            return;
        };
        trace!(why = deadline.why, "due");
        self.machine.handle_timeout(self.now);
        self.carry_out_all();
    }

    fn feed(&mut self, input: Input) {
        trace!(?input);
        self.machine.handle_input(input, self.now);
        self.carry_out_all();
    }

    fn carry_out_all(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            trace!(?output);
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output<M::Event>) {
        match output {
            Output::Transmit { to, frame } => self.links.stage(&to, frame),
            Output::Dial(dial) => self.dials.start(dial),
            Output::Hangup { link, reason } => self.hang_up(link, reason),
            Output::Perform { op, operation, haste } => self.perform(op, operation, haste),
            Output::Event(event) => {
                (self.observer)(&event);
                self.events.publish(&event);
            }
        }
    }

    fn hang_up(&mut self, link: LinkId, reason: segment_proto::Reason) {
        tracing::debug!(%link, ?reason, "hanging up");
        if !self.links.close(link) && self.dials.cancel(link) {
            self.inputs.push_back(Input::DialFailed { link, reason: DialFailure::Unreachable });
        }
    }

    fn perform(&mut self, op: OpId, operation: Operation, haste: Haste) {
        self.operations += 1;
        match Job::from(operation) {
            Job::Store(operation) => self.store.perform(op, operation, haste),
            Job::Password(job) => self.passwords.perform(op, job),
        }
    }

    /// Hands staged frames to the writers, and tells the machine what that brings about.
    fn settle(&mut self) {
        self.carry_out_all();
        self.links.flush(&mut self.inputs);
        while let Some(input) = self.inputs.pop_front() {
            self.feed(input);
            self.links.flush(&mut self.inputs);
        }
    }
}
