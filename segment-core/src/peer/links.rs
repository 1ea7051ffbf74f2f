//! The open links of a peer, and when each has to be pinged or given up.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use segment_proto::{DeviceId, Instant, Limits, LinkId};

use crate::contract::{Deadline, Direction, earliest};
use crate::peer::events::Source;

/// What the other side of a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkRole {
    /// The tracker.
    Tracker,
    /// The host of channels that this peer has joined.
    Host,
    /// Somebody who dialled this peer: a member of a channel hosted here.
    Member,
}

/// One open link.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) role: LinkRole,
    pub(crate) peer: DeviceId,
    pub(crate) address: SocketAddr,
    pub(crate) direction: Direction,
    pub(crate) since: Instant,
    /// Whether hello and welcome were exchanged.
    pub(crate) greeted: bool,
    /// Whether a channel here has admitted a member on it.
    admitted: bool,
    heard: Instant,
    pinged: Instant,
}

impl Link {
    pub(crate) fn new(role: LinkRole, direction: Direction, peer: DeviceId, address: SocketAddr, now: Instant) -> Self {
        Self { role, peer, address, direction, since: now, greeted: false, admitted: false, heard: now, pinged: now }
    }

    pub(crate) fn source(&self) -> Source {
        match self.role {
            LinkRole::Tracker => Source::Tracker,
            LinkRole::Host => Source::Host(self.peer),
            LinkRole::Member => Source::Peer(self.peer),
        }
    }

    /// When the other side was last heard of.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    fn ping_at(&self, rhythm: &Rhythm) -> Option<Deadline> {
        let pings = self.greeted && self.role != LinkRole::Member;
        pings.then(|| Deadline::new(self.pinged + rhythm.interval(self.role), "ping"))
    }

    fn wants(&self, at: Instant, rhythm: &Rhythm) -> bool {
        self.silent_at(rhythm).at == at || self.ping_at(rhythm).is_some_and(|ping| ping.at == at)
    }

    fn silent_at(&self, rhythm: &Rhythm) -> Deadline {
        if !self.greeted {
            return Deadline::new(self.since + rhythm.greeting, "greeting");
        }
        let silent = Deadline::new(self.heard + rhythm.silence(self.role), "silent link");
        if self.role != LinkRole::Member || self.admitted {
            return silent;
        }
        let stranger = Deadline::new(self.since + rhythm.login_wait, "a stranger");
        if stranger.at < silent.at { stranger } else { silent }
    }
}

/// How often links are pinged, and how long they may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    tracker: Duration,
    others: Duration,
    greeting: Duration,
    login_wait: Duration,
    silence_min: Duration,
}

impl Rhythm {
    /// The rhythm of a peer that hosts channels.
    pub(crate) fn hosting(limits: &Limits) -> Self {
        Self { tracker: limits.host_ping, ..Self::joined(limits) }
    }

    /// The rhythm of a peer that hosts none.
    pub(crate) fn joined(limits: &Limits) -> Self {
        Self {
            tracker: limits.ping,
            others: limits.ping,
            greeting: limits.request_timeout,
            login_wait: limits.login_wait,
            silence_min: limits.silence_min,
        }
    }

    fn interval(&self, role: LinkRole) -> Duration {
        if role == LinkRole::Tracker { self.tracker } else { self.others }
    }

    fn silence(&self, role: LinkRole) -> Duration {
        (self.interval(role) * 3).max(self.silence_min)
    }
}

/// What is due on the links.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LinksDue {
    pub(crate) ping: Vec<LinkId>,
    pub(crate) silent: Vec<LinkId>,
}

/// The open links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    open: BTreeMap<LinkId, Link>,
    dialled: u64,
    /// Nothing is due before, in this rhythm. What is heard only moves deadlines back: looking too early costs nothing
    /// but a walk, and each input does not cost one.
    next: Option<(Rhythm, Option<Deadline>)>,
    /// Walks over all links.
    #[cfg(test)]
    pub(crate) walks: core::cell::Cell<usize>,
}

impl Links {
    /// A name for a link to be; 0 is the local one.
    pub(crate) fn next_id(&mut self) -> LinkId {
        self.dialled += 1;
        LinkId(self.dialled)
    }

    pub(crate) fn insert(&mut self, id: LinkId, link: Link) {
        self.open.insert(id, link);
        self.look_at(id);
    }

    /// A link has other deadlines than before: perhaps the next one of all.
    fn look_at(&mut self, id: LinkId) {
        if let (Some((rhythm, next)), Some(link)) = (&mut self.next, self.open.get(&id)) {
            *next = earliest([*next, link.ping_at(rhythm), Some(link.silent_at(rhythm))]);
        }
    }

    pub(crate) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let removed = self.open.remove(&id)?;
        let is_its_own =
            |(rhythm, next): &(Rhythm, Option<Deadline>)| next.is_some_and(|next| removed.wants(next.at, rhythm));
        // Found anew with the next look: once for each link that goes, at most.
        self.next = self.next.take_if(|next| !is_its_own(next));
        Some(removed)
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.open.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.open.iter().map(|(id, link)| (*id, link))
    }

    pub(crate) fn ids(&self) -> Vec<LinkId> {
        self.open.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Something came in; the link as it was before.
    pub(crate) fn on_heard(&mut self, id: LinkId, now: Instant) -> Option<Link> {
        let link = self.open.get_mut(&id)?;
        link.heard = now;
        Some(link.clone())
    }

    pub(crate) fn set_greeted(&mut self, id: LinkId) {
        if let Some(link) = self.open.get_mut(&id) {
            link.greeted = true;
        }
        self.look_at(id);
    }

    pub(crate) fn set_admitted(&mut self, id: LinkId) {
        if let Some(link) = self.open.get_mut(&id) {
            link.admitted = true;
        }
    }

    /// What is due now; the pings count as sent.
    pub(crate) fn take_due(&mut self, now: Instant, rhythm: &Rhythm) -> LinksDue {
        let mut due = LinksDue::default();
        let next = self.deadline(rhythm);
        if next.is_none_or(|deadline| deadline.at > now) {
            self.next = Some((*rhythm, next));
            return due;
        }
        for (id, link) in &mut self.open {
            if link.silent_at(rhythm).at <= now {
                due.silent.push(*id);
            } else if link.ping_at(rhythm).is_some_and(|deadline| deadline.at <= now) {
                link.pinged = now;
                due.ping.push(*id);
            }
        }
        self.next = Some((*rhythm, self.walk(rhythm)));
        due
    }

    /// After every call: the next deadline is known without a walk from then on.
    pub(crate) fn look_again(&mut self, rhythm: &Rhythm) {
        self.next = Some((*rhythm, self.deadline(rhythm)));
    }

    pub(crate) fn deadline(&self, rhythm: &Rhythm) -> Option<Deadline> {
        match &self.next {
            Some((known, next)) if known == rhythm => *next,
            _ => self.walk(rhythm),
        }
    }

    fn walk(&self, rhythm: &Rhythm) -> Option<Deadline> {
        #[cfg(test)]
        self.walks.set(self.walks.get() + 1);
        earliest(self.open.values().flat_map(|link| [link.ping_at(rhythm), Some(link.silent_at(rhythm))]))
    }
}
