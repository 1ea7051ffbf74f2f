//! What an embedder can see without asking anybody.

use core::net::SocketAddr;

use segment_proto::messages::Presence;
use segment_proto::{
    ChannelId, ChannelRecord, DeviceId, EpochRecord, Instant, LinkId, Position, Rights, Signed, UnixMillis, Who,
};

use crate::contract::Direction;
use crate::host::{Host, HostReport};
use crate::peer::Peer;
use crate::peer::channels::{Channel, HostPresence, Membership};
use crate::peer::errors::CommandError;
use crate::peer::events::{Serving, Source};
use crate::peer::tracker_link::TrackerState;
use crate::replica::{DeliveredTo, Outgoing};

/// A joined channel, for people.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// What it is.
    pub record: Signed<ChannelRecord>,
    /// From where it is served.
    pub serving: Serving,
    /// Whose device hosts it, as far as is known here.
    pub host: Option<Who>,
    /// Whether this device hosts it.
    pub hosted: bool,
    /// Whether this account is a member, or was until the tracker lost it; where not, only the cache is left.
    pub member: bool,
    /// Whether the tracker has lost the membership: the account joins again by itself once the channel's host is there.
    pub missed: bool,
    /// Whether its host is there, by what the tracker said last.
    pub host_present: bool,
    /// What this session may do in it.
    pub rights: Rights,
    /// The first place in the cache; one behind the last where nothing is cached.
    pub low: u64,
    /// The last place in the cache.
    pub head: Position,
    /// The last committed place.
    pub committed: u64,
    /// The newest epoch that the tracker has signed, as far as is known here.
    pub epoch: Option<EpochRecord>,
    /// Own messages that are not committed yet.
    pub waiting: usize,
    /// Whether everything that its server had was fetched.
    pub level: bool,
}

impl ChannelView {
    fn of(channel: &Channel, host: Option<Who>) -> Self {
        let replica = &channel.replica;
        Self {
            record: replica.record().clone(),
            serving: channel.told,
            host,
            hosted: channel.host.is_some(),
            member: channel.membership != Membership::Ended,
            missed: channel.membership == Membership::Missed,
            host_present: channel.presence == HostPresence::There,
            rights: replica.rights(),
            low: replica.low(),
            head: replica.head(),
            committed: replica.committed(),
            epoch: replica.epoch().cloned(),
            waiting: channel.waiting(),
            level: replica.is_level(),
        }
    }
}

/// An open link, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Its name.
    pub link: LinkId,
    /// To whom.
    pub source: Source,
    /// Their key.
    pub peer: DeviceId,
    /// Their address.
    pub address: SocketAddr,
    /// Who opened it.
    pub direction: Direction,
    /// Since when.
    pub since: Instant,
}

/// Who this peer is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoAmI {
    /// Account or visitor.
    pub who: Who,
    /// How this session is seen.
    pub presence: Presence,
    /// This device.
    pub device: DeviceId,
    /// Until when hosts admit this session without asking the tracker.
    pub admitted_until: UnixMillis,
}

impl Peer {
    /// Who is logged in, or was when the tracker was last there.
    #[must_use]
    pub fn whoami(&self) -> Option<WhoAmI> {
        let session = &self.core.session;
        session.login.as_ref().map(|login| WhoAmI {
            who: login.who.clone(),
            presence: session.presence,
            device: self.core.identity.device(),
            admitted_until: login.certificate.expires,
        })
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.core.identity.device()
    }

    /// How the tracker can be reached.
    #[must_use]
    pub fn tracker_state(&self) -> TrackerState {
        self.tracker.state(self.core.session.link())
    }

    /// The tracker's key, once it was seen.
    #[must_use]
    pub fn tracker_key(&self) -> Option<DeviceId> {
        self.core.session.tracker_key
    }

    /// The joined channels.
    pub fn channels(&self) -> impl Iterator<Item = ChannelView> {
        self.channels.iter().map(|(_, channel)| self.view_of(channel))
    }

    /// One of them.
    #[must_use]
    pub fn channel(&self, channel: ChannelId) -> Option<ChannelView> {
        self.channels.get(&channel).map(|channel| self.view_of(channel))
    }

    pub(crate) fn view_of(&self, channel: &Channel) -> ChannelView {
        let device = channel.replica.record().host;
        let host = match device == self.core.identity.device() {
            true => self.core.session.who().cloned(),
            false => self.core.authors.record(&device).map(|record| record.who.clone()),
        };
        ChannelView::of(channel, host)
    }

    /// How a channel stands that is hosted here.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`], [`CommandError::NotHosted`].
    pub fn host_report(&self, channel: ChannelId) -> Result<HostReport, CommandError> {
        let joined = self.channels.get(&channel).ok_or(CommandError::NotJoined)?;
        joined.host.as_ref().map(Host::report).ok_or(CommandError::NotHosted)
    }

    /// Own messages of a channel on their way, oldest first.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`].
    pub fn outgoing(&self, channel: ChannelId) -> Result<impl Iterator<Item = Outgoing> + '_, CommandError> {
        let joined = self.channels.get(&channel).ok_or(CommandError::NotJoined)?;
        Ok(joined.replica.outgoing())
    }

    /// How many members have the message at a place on their disks, as far as is known.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`].
    pub fn delivered(&self, channel: ChannelId, pos: u64) -> Result<Option<DeliveredTo>, CommandError> {
        let joined = self.channels.get(&channel).ok_or(CommandError::NotJoined)?;
        Ok(joined.replica.delivered(pos))
    }

    /// The open links.
    pub fn links(&self) -> impl Iterator<Item = LinkView> {
        self.links.iter().map(|(id, link)| LinkView {
            link: id,
            source: link.source(),
            peer: link.peer,
            address: link.address,
            direction: link.direction,
            since: link.since,
        })
    }

    /// Requests under way.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.core.pending.len()
    }

    /// Answers that came too late, or that nobody had asked for.
    #[must_use]
    pub fn stray_answers(&self) -> u64 {
        self.core.pending.stray_answers()
    }

    /// Operations under way.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.core.out.operations()
    }
}
