//! The link to the tracker: wanted from `connect` until `disconnect`, and dialled again by itself.

use core::time::Duration;

use segment_proto::{Instant, Limits, LinkId, RequestId};

use crate::contract::{Deadline, Endpoint};
use crate::peer::dialler::{DialState, Dialler};
use crate::random::Random;

/// How the tracker can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerState {
    /// Nobody wants it to be.
    Idle,
    /// Not: it is dialled again at this moment.
    Waiting(Instant),
    /// Not yet.
    Connecting,
    /// Connected; nobody is logged in.
    Connected,
    /// Connected and logged in.
    LoggedIn,
}

/// The link to the tracker.
#[derive(Debug, Default)]
pub(crate) struct TrackerLink {
    dialler: Option<Dialler>,
    /// The embedder's `connect` that has not ended yet.
    wanted_by: Option<RequestId>,
}

impl TrackerLink {
    /// Wants a link to this endpoint, from now on.
    pub(crate) fn want(&mut self, endpoint: Endpoint, by: RequestId, now: Instant) {
        self.dialler = Some(Dialler::new(endpoint, now));
        self.wanted_by = Some(by);
    }

    /// Wants none any more.
    pub(crate) fn stop(&mut self) {
        self.dialler = None;
    }

    /// The `connect` that waits for this; asked once.
    pub(crate) fn take_wanted_by(&mut self) -> Option<RequestId> {
        self.wanted_by.take()
    }

    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        self.dialler.as_ref().map(|dialler| dialler.endpoint)
    }

    /// The link, once it was welcomed.
    pub(crate) fn up(&self) -> Option<LinkId> {
        self.dialler.as_ref().and_then(Dialler::up)
    }

    /// The link, however far it is.
    pub(crate) fn link(&self) -> Option<LinkId> {
        self.dialler.as_ref().and_then(Dialler::link)
    }

    pub(crate) fn dialler_mut(&mut self) -> Option<&mut Dialler> {
        self.dialler.as_mut()
    }

    pub(crate) fn is_dialling(&self, link: LinkId) -> bool {
        self.dialler.as_ref().is_some_and(|dialler| dialler.state() == DialState::Dialling(link))
    }

    /// The link is lost: how long until the next try, if there is to be one.
    pub(crate) fn on_lost(&mut self, now: Instant, random: &mut Random, limits: &Limits) -> Option<Duration> {
        self.dialler.as_mut().map(|dialler| dialler.on_lost(now, random, limits))
    }

    pub(crate) fn state(&self, logged_in: Option<LinkId>) -> TrackerState {
        match self.dialler.as_ref().map(Dialler::state) {
            None => TrackerState::Idle,
            Some(DialState::Waiting(until)) => TrackerState::Waiting(until),
            Some(DialState::Dialling(_) | DialState::Greeting(_)) => TrackerState::Connecting,
            Some(DialState::Up { link, .. }) if logged_in == Some(link) => TrackerState::LoggedIn,
            Some(DialState::Up { .. }) => TrackerState::Connected,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.dialler.as_ref().and_then(|dialler| dialler.deadline("dial the tracker"))
    }
}
