//! Keeping one link up: dial, greet, wait, dial again.

use core::time::Duration;

use segment_proto::{Instant, Limits, LinkId};

use crate::contract::{Deadline, Dial, Endpoint};
use crate::random::Random;

/// Waits that double, each with jitter, so that those who lost the same server do not come back at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now: between the half and the whole of a step that doubles.
    pub(crate) fn next(&mut self, random: &mut Random, limits: &Limits) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let step = limits.reconnect_first.saturating_mul(factor).min(limits.reconnect_max);
        self.failures = (self.failures + 1).min(31);
        let half = step / 2;
        half + Duration::from_micros(random.below(u64::try_from(half.as_micros()).unwrap_or(u64::MAX) + 1))
    }

    fn reset(&mut self) {
        self.failures = 0;
    }
}

/// How far the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialState {
    /// Nothing is tried before this moment.
    Waiting(Instant),
    /// Dialled; the driver answers.
    Dialling(LinkId),
    /// Up; the welcome is awaited.
    Greeting(LinkId),
    /// Welcomed.
    Up {
        /// The link.
        link: LinkId,
        /// Since when.
        since: Instant,
    },
}

/// Keeps one link up.
#[derive(Debug)]
pub(crate) struct Dialler {
    pub(crate) endpoint: Endpoint,
    state: DialState,
    backoff: Backoff,
}

impl Dialler {
    /// Dials as soon as [`Self::due`] is asked.
    pub(crate) fn new(endpoint: Endpoint, now: Instant) -> Self {
        Self { endpoint, state: DialState::Waiting(now), backoff: Backoff::default() }
    }

    pub(crate) fn state(&self) -> DialState {
        self.state
    }

    /// The link, however far it is.
    pub(crate) fn link(&self) -> Option<LinkId> {
        match self.state {
            DialState::Waiting(_) => None,
            DialState::Dialling(link) | DialState::Greeting(link) | DialState::Up { link, .. } => Some(link),
        }
    }

    /// The link, once it was welcomed.
    pub(crate) fn up(&self) -> Option<LinkId> {
        match self.state {
            DialState::Up { link, .. } => Some(link),
            _ => None,
        }
    }

    /// Whether to dial now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, DialState::Waiting(until) if until <= now)
    }

    pub(crate) fn deadline(&self, why: &'static str) -> Option<Deadline> {
        match self.state {
            DialState::Waiting(until) => Some(Deadline::new(until, why)),
            _ => None,
        }
    }

    /// Dials under a fresh name.
    pub(crate) fn dial(&mut self, link: LinkId) -> Dial {
        self.state = DialState::Dialling(link);
        Dial { link, endpoint: self.endpoint }
    }

    pub(crate) fn on_link_up(&mut self, link: LinkId) {
        self.state = DialState::Greeting(link);
    }

    pub(crate) fn on_welcome(&mut self, link: LinkId, now: Instant) {
        self.state = DialState::Up { link, since: now };
    }

    /// The dial failed or the link is lost: how long until the next try. A link that was good for a while starts over.
    pub(crate) fn on_lost(&mut self, now: Instant, random: &mut Random, limits: &Limits) -> Duration {
        if matches!(self.state, DialState::Up { since, .. } if now.since(since) >= limits.stable_link) {
            self.backoff.reset();
        }
        let wait = self.backoff.next(random, limits);
        self.state = DialState::Waiting(now + wait);
        wait
    }
}
