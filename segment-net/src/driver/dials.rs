//! Dials under way.

use std::collections::HashMap;
use std::sync::Arc;

use segment_core::contract::DialFailure;
use segment_core::{Dial, Input};
use segment_proto::{DeviceId, LinkId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tracing::debug;

use crate::transport::{Connection, DialError, Expected, Transport};

/// What came of a dial.
pub(super) type Dialled = (LinkId, Result<Connection, DialError>);

/// Dials, a few at once.
pub(super) struct Dials {
    transport: Arc<dyn Transport>,
    under_way: HashMap<LinkId, AbortHandle>,
    places: Arc<Semaphore>,
    results: mpsc::Sender<Dialled>,
}

impl Dials {
    pub(super) fn new(transport: Arc<dyn Transport>, dials_max: usize) -> (Self, mpsc::Receiver<Dialled>) {
        let (results, receiver) = mpsc::channel(dials_max.max(1));
        let places = Arc::new(Semaphore::new(dials_max));
        (Self { transport, under_way: HashMap::new(), places, results }, receiver)
    }

    pub(super) fn start(&mut self, dial: Dial) {
        let expected = dial.endpoint.key.map_or(Expected::Anyone, |key| Expected::Key(key.0));
        let dialling = self.transport.dial(dial.endpoint.address, expected);
        let (places, results) = (Arc::clone(&self.places), self.results.clone());
        let task = tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            let result = dialling.await;
            // A driver that is gone has no use for the connection.
            let _ = results.send((dial.link, result)).await;
        });
        self.under_way.insert(dial.link, task.abort_handle());
    }

    /// Gives a dial up; whether there was one.
    pub(super) fn cancel(&mut self, link: LinkId) -> bool {
        self.under_way.remove(&link).inspect(AbortHandle::abort).is_some()
    }

    /// The connection of a finished dial, or what to tell the machine; `None` if it was given up.
    pub(super) fn finish(&mut self, (link, result): Dialled) -> Option<Result<Connection, Input>> {
        self.under_way.remove(&link)?;
        Some(result.map_err(|error| {
            debug!(%link, %error, "dial failed");
            Input::DialFailed { link, reason: reason_of(&error) }
        }))
    }
}

impl Drop for Dials {
    fn drop(&mut self) {
        self.under_way.values().for_each(AbortHandle::abort);
    }
}

fn reason_of(error: &DialError) -> DialFailure {
    match error {
        DialError::WrongKey { seen, .. } => DialFailure::WrongKey(DeviceId(*seen)),
        DialError::NotSegment { .. } => DialFailure::Handshake,
        DialError::Refused { .. } | DialError::Unreachable { .. } | DialError::TimedOut { .. } => {
            DialFailure::Unreachable
        }
    }
}
