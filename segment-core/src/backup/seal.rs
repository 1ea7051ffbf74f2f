//! The last step of a handback: submits wait, so that the host can reach a head that stands still.

use core::time::Duration;

use segment_proto::Instant;

use crate::contract::Deadline;

/// How long submits wait at most for a host that takes over its last page.
const SEALED: Duration = Duration::from_secs(2);
/// After a seal that led to nothing: how long there is none.
const PAUSE: Duration = Duration::from_secs(10);

/// Whether submits wait for a host that is about to take over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seal {
    until: Option<Instant>,
    not_before: Option<Instant>,
}

impl Seal {
    /// Submits wait from now on. One that is on already is not made longer.
    pub fn begin(&mut self, now: Instant) {
        if self.until.is_none() && self.not_before.is_none_or(|at| at <= now) {
            self.until = Some(now + SEALED);
        }
    }

    /// Whether submits wait.
    pub fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// They do not wait any more. Says whether they did.
    pub fn lift(&mut self) -> bool {
        self.until.take().is_some()
    }

    /// Its time may be up. Says whether submits do not wait any more because of that.
    pub fn expire(&mut self, now: Instant) -> bool {
        if self.until.is_none_or(|until| until > now) {
            return false;
        }
        self.not_before = Some(now + PAUSE);
        self.lift()
    }

    /// When its time is up.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.until.map(|at| Deadline::new(at, "submits wait for a host"))
    }
}
