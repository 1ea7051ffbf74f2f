//! A host that comes and goes all the time gets its epoch back only after a growing pause.

use alloc::collections::VecDeque;
use core::time::Duration;

use segment_proto::Instant;

/// So many grants in a minute are no flapping yet.
const GRANTS: usize = 3;
/// Without a grant for so long, all is forgotten.
const CALM: Duration = Duration::from_secs(60);
/// The first pause; each doubles the one before.
const PAUSE_FIRST: Duration = Duration::from_secs(10);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// How often the channel was handed back lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flapping {
    /// The newest, at most [`GRANTS`].
    grants: VecDeque<Instant>,
    /// The last pause, while it flaps.
    pause: Option<Duration>,
    until: Option<Instant>,
}

impl Flapping {
    /// Whether the next grant may be given now. Asked only by a host that is level.
    ///
    /// # Errors
    /// How long the host has to wait for it.
    pub fn check(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.until {
            return if until > now { Err(until.since(now)) } else { Ok(()) };
        }
        if self.grants.back().is_none_or(|last| now.since(*last) >= CALM) {
            *self = Self::default();
        }
        let many = self.grants.len() >= GRANTS && self.grants.front().is_some_and(|first| now.since(*first) < CALM);
        if !many && self.pause.is_none() {
            return Ok(());
        }
        let pause = self.pause.map_or(PAUSE_FIRST, |last| (last * 2).min(PAUSE_MAX));
        (self.pause, self.until) = (Some(pause), Some(now + pause));
        Err(pause)
    }

    /// One is given.
    pub fn granted(&mut self, now: Instant) {
        self.until = None;
        self.grants.push_back(now);
        if self.grants.len() > GRANTS {
            self.grants.pop_front();
        }
    }

    /// Whether a grant would be refused now.
    pub fn is_paused(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }
}
