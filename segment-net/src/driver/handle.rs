//! The way to a running machine.

use std::fmt;

use segment_core::Machine;
use segment_proto::Now;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::sources::Call;
use crate::events::{EventHub, Events};
use crate::traffic::{Counters, Traffic};

/// The driver has stopped: nothing was done, or it is not known what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it has stopped; start it again")]
pub struct Stopped;

/// Reaches a machine from anywhere; clones reach the same.
pub struct Handle<M: Machine> {
    calls: mpsc::Sender<Call<M>>,
    events: EventHub<M::Event>,
    counters: Counters,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone(), events: self.events.clone(), counters: self.counters.clone() }
    }
}

impl<M: Machine> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl<M> Handle<M>
where
    M: Machine + 'static,
    M::Event: Clone,
{
    pub(super) fn new(calls: mpsc::Sender<Call<M>>, events: EventHub<M::Event>, counters: Counters) -> Self {
        Self { calls, events, counters }
    }

    /// Does something with the machine, between two inputs; what it then says is carried out.
    ///
    /// Dropping the future before its first wait is over does nothing; after that, the call is made
    /// all the same.
    ///
    /// # Errors
    /// [`Stopped`]: the driver is gone.
    pub async fn call<R, F>(&self, call: F) -> Result<R, Stopped>
    where
        F: FnOnce(&mut M, Now) -> R + Send + 'static,
        R: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call: Call<M> = Box::new(move |machine, now| {
            // Nobody waits any more: the call was made, its result is of no use.
            let _ = answer.send(call(machine, now));
        });
        self.calls.send(call).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }

    /// What has gone over its links.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.counters.get()
    }

    /// As [`Handle::events`], but only what is wanted, and no more of it at once than `max`.
    pub(crate) fn events_of(
        &self,
        max: usize,
        wants: impl Fn(&M::Event) -> bool + Send + Sync + 'static,
    ) -> Events<M::Event> {
        self.events.subscribe_to(max, wants)
    }

    /// Everything that the machine tells from now on. A consumer that holds more than
    /// [`crate::DriverLimits::events_max`] loses the oldest, and is told.
    #[must_use]
    pub fn events(&self) -> Events<M::Event> {
        self.events.subscribe()
    }
}
