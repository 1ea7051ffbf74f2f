//! Who is connected, and whether anything is heard of them.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use segment_proto::{ChannelId, DeviceId, Instant, Limits, LinkId, Message, Reason, SessionId};

use crate::contract::Deadline;
use crate::random::Random;

/// How far somebody has come on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connected, and has not said hello.
    New,
    /// Has said hello.
    Greeted,
    /// A login is under way.
    LoggingIn,
    /// Logged in.
    LoggedIn(SessionId),
    /// Hung up: nothing is heard any more.
    Closing,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The key that TLS has proven.
    pub device: DeviceId,
    /// As the tracker sees it.
    pub address: SocketAddr,
    pub stage: Stage,
    /// Whether its send queue has room for pushes.
    pub writable: bool,
    /// Channels of whose changes it was not told for want of room. Bounded by those that one may join; policy: the
    /// lowest id goes.
    pub missed: BTreeSet<ChannelId>,
    /// Requests that wait for an operation.
    pub pending: usize,
    /// Its own generator: what happens on other links shifts nothing here.
    pub random: Random,
    /// Since when nobody is logged in; of no meaning while somebody is.
    stranger_since: Instant,
    heard: Instant,
    due: Instant,
}

impl Link {
    pub fn new(device: DeviceId, address: SocketAddr, random: Random, now: Instant) -> Self {
        let (stage, since) = (Stage::New, now);
        let missed = BTreeSet::new();
        Self {
            device,
            address,
            stage,
            writable: true,
            missed,
            pending: 0,
            random,
            stranger_since: since,
            heard: now,
            due: now,
        }
    }

    /// When it is given up: after a lease of silence; and strangers do not stay, however much they talk.
    fn ends(&self, limits: &Limits) -> Instant {
        let silent = self.heard + limits.lease;
        match self.stage {
            Stage::New => self.stranger_since + limits.lease,
            Stage::Greeted | Stage::LoggingIn => silent.min(self.stranger_since + limits.login_wait),
            Stage::LoggedIn(_) | Stage::Closing => silent,
        }
    }

    /// Hello first and once, then a login, then everything else.
    pub fn admits(&self, message: &Message) -> Result<(), Reason> {
        match (self.stage, message) {
            (Stage::New, Message::Hello(_)) => Ok(()),
            (Stage::New, _) | (_, Message::Hello(_)) => Err(Reason::OutOfOrder),
            (Stage::LoggedIn(_), _) => Ok(()),
            (
                _,
                Message::Ping(_)
                | Message::Register(_)
                | Message::RegisterAgain(_)
                | Message::Login(_)
                | Message::Guest(_)
                | Message::ResumeSession(_),
            ) => Ok(()),
            _ => Err(Reason::LoginRequired),
        }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Boxed, because ids grow, which leaves nearly half of each of the map's nodes empty.
    open: BTreeMap<LinkId, Box<Link>>,
    /// When to look at each again. One that was heard meanwhile is then put off, not with each message.
    due: BTreeSet<(Instant, LinkId)>,
}

impl Links {
    pub fn open(&mut self, id: LinkId, mut link: Link, limits: &Limits) {
        link.due = link.ends(limits);
        self.due.insert((link.due, id));
        self.open.insert(id, Box::new(link));
    }

    /// A link that is gone.
    pub fn close(&mut self, id: LinkId) -> Option<Link> {
        let link = self.open.remove(&id)?;
        self.due.remove(&(link.due, id));
        Some(*link)
    }

    /// A link that is being hung up: it is still there, but no longer listened to.
    pub fn retire(&mut self, id: LinkId) {
        if let Some(link) = self.open.get_mut(&id) {
            link.stage = Stage::Closing;
            self.due.remove(&(link.due, id));
        }
    }

    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.open.get(&id).map(Box::as_ref).filter(|link| link.stage != Stage::Closing)
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.open.get_mut(&id).map(Box::as_mut).filter(|link| link.stage != Stage::Closing)
    }

    pub fn contains(&self, id: LinkId) -> bool {
        self.open.contains_key(&id)
    }

    pub fn set_stage(&mut self, id: LinkId, stage: Stage) {
        let Some(link) = self.get_mut(id) else { return };
        if matches!(link.stage, Stage::LoggedIn(_)) {
            link.stranger_since = link.heard;
        }
        link.stage = stage;
    }

    /// Whether the link is listened to; if so, it was heard.
    pub fn hear(&mut self, id: LinkId, now: Instant) -> bool {
        self.get_mut(id).map(|link| link.heard = now).is_some()
    }

    pub fn is_writable(&self, id: LinkId) -> bool {
        self.get(id).is_some_and(|link| link.writable)
    }

    /// Those that have room now; the others are to be told of this channel once they have.
    pub fn with_room(
        &mut self,
        links: impl IntoIterator<Item = LinkId>,
        channel: ChannelId,
        limits: &Limits,
    ) -> Arc<[LinkId]> {
        let mut ready = Vec::new();
        for id in links {
            match self.get_mut(id) {
                Some(link) if link.writable => ready.push(id),
                Some(link) => {
                    link.missed.insert(channel);
                    while link.missed.len() > limits.joined_channels_max {
                        link.missed.pop_first();
                    }
                }
                None => {}
            }
        }
        ready.into()
    }

    /// When to call [`Self::overdue`].
    pub fn next(&self) -> Option<Deadline> {
        self.due.first().map(|(at, _)| Deadline::new(*at, "a lease"))
    }

    /// The links that are given up; they are not looked at again.
    pub fn overdue(&mut self, now: Instant, limits: &Limits) -> Vec<LinkId> {
        let mut overdue = Vec::new();
        while let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id));
            match self.open.get(&id).map(|link| link.ends(limits)) {
                Some(due) if due > now => self.look_again(id, due),
                Some(_) => overdue.push(id),
                None => {}
            }
        }
        overdue
    }

    /// Looks at a link again at a later time.
    pub fn look_again(&mut self, id: LinkId, due: Instant) {
        if let Some(link) = self.open.get_mut(&id) {
            link.due = due;
            self.due.insert((due, id));
        }
    }
}
