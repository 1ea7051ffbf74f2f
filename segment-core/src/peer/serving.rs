//! From where each joined channel is served: its host where that can be reached, else the tracker's copy.

use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use segment_proto::messages::{Node, Presence, Unsubscribe};
use segment_proto::{ChannelId, DeviceId, LinkId, Now};

use crate::peer::Peer;
use crate::peer::channels::{Channel, HostPresence, Membership};
use crate::peer::context::LOCAL;
use crate::peer::events::{PeerEvent, Serving};
use crate::peer::hosts::Reach;
use crate::peer::links::LinkRole;
use crate::peer::requests::PeerRequest;
use crate::stream::is_dialable;

/// What decides from where a channel is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// Whether anybody is logged in, or was when the tracker was last there, and is a member.
    pub(crate) membership: Membership,
    /// The host, where that is another device.
    pub(crate) host: HostSituation,
    /// The tracker link, where this session is logged in on it.
    pub(crate) tracker: Option<LinkId>,
}

/// The host as one of its members sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostSituation {
    /// This process.
    Here,
    /// Another device.
    There(DeviceId, Reach),
}

/// From where a channel is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this link.
    On(LinkId, Serving),
    /// From nowhere.
    Nowhere,
    /// Its host may answer any moment: all stays as it is until then.
    Undecided,
}

/// Decides.
pub(crate) fn place(situation: Situation) -> Place {
    if situation.membership != Membership::Joined {
        return Place::Nowhere;
    }
    match situation.host {
        HostSituation::Here => Place::On(LOCAL, Serving::Here),
        HostSituation::There(host, Reach::Up(link)) => Place::On(link, Serving::Host(host)),
        HostSituation::There(_, Reach::Trying) => Place::Undecided,
        HostSituation::There(_, Reach::Away) => {
            situation.tracker.map_or(Place::Nowhere, |link| Place::On(link, Serving::Copy))
        }
    }
}

impl Peer {
    /// Decides for every channel, and dials what has to be dialled for that.
    pub(super) fn plan(&mut self, now: Now) {
        self.settle_hosting(now);
        let wanted = self.wanted_hosts(now);
        for link in self.hosts.want(&wanted, now.mono, &self.core.limits) {
            self.say_goodbye(link, now);
        }
        self.dial_hosts(now);
        let places: BTreeMap<ChannelId, Place> =
            self.channels.iter().map(|(id, channel)| (*id, place(self.situation(channel, now)))).collect();
        for (channel, place) in places {
            self.serve(channel, place, now);
        }
    }

    pub(super) fn dial_hosts(&mut self, now: Now) {
        while let Some(dialler) = self.hosts.due(now.mono) {
            let dial = dialler.dial(self.links.next_id());
            self.core.out.dial(dial);
        }
    }

    /// The hosts to be linked to. Who is invisible is seen by the tracker, and by those from whom it has a stream; while
    /// the tracker is away, hosts are looked for where they last were.
    fn wanted_hosts(&self, now: Now) -> BTreeMap<DeviceId, SocketAddr> {
        let session = &self.core.session;
        if session.login.is_none() || self.closing {
            return BTreeMap::new();
        }
        if session.presence == Presence::Invisible {
            return self.stream_sources().collect();
        }
        let blind = session.link().is_none();
        let own = self.core.identity.device();
        self.channels
            .iter()
            .filter(|(_, channel)| channel.replica.record().host != own && channel.membership == Membership::Joined)
            .filter(|(_, channel)| match channel.presence {
                HostPresence::There => true,
                HostPresence::Doubtful(_) => self.is_linked(channel, now),
                HostPresence::Away => blind,
            })
            .filter_map(|(_, channel)| Some((channel.replica.record().host, channel.address?)))
            .chain(self.stream_sources())
            .collect()
    }

    /// Those from whom streams are to come, where they can be dialled. A host that streams knows no address of its own:
    /// it is where its channel is.
    fn stream_sources(&self) -> impl Iterator<Item = (DeviceId, SocketAddr)> {
        let host = |channel: &ChannelId, device: DeviceId| {
            let channel = self.channels.get(channel).filter(|channel| channel.replica.record().host == device)?;
            channel.address
        };
        let dialled = move |(channel, node): (ChannelId, Node)| {
            let address = if is_dialable(&node) { Some(node.address) } else { host(&channel, node.device) };
            Some((node.device, address?))
        };
        self.streams.wanted().filter_map(dialled).filter(|(device, _)| !self.has_dialled_us(device))
    }

    /// What to think of a host that the tracker has lost. Who has owed this peer an answer for as long as patience lasts
    /// need not be waited for once more.
    pub(super) fn lost_host(&self, host: &DeviceId, now: Now) -> HostPresence {
        let patience = self.core.limits.host_patience;
        let Reach::Up(link) = self.hosts.reach(host, now.mono) else {
            return HostPresence::Doubtful(now.mono + patience);
        };
        let heard = self.links.get(link).map_or(now.mono, |link| link.heard());
        match self.core.oldest_request(link) {
            Some(asked) if asked.max(heard) + patience <= now.mono => HostPresence::Away,
            _ => HostPresence::Doubtful(now.mono + patience),
        }
    }

    /// Streams come and go on a link whoever has dialled it.
    fn has_dialled_us(&self, device: &DeviceId) -> bool {
        *device == self.core.identity.device()
            || self.links.iter().any(|(_, link)| link.peer == *device && link.role == LinkRole::Member)
    }

    fn is_linked(&self, channel: &Channel, now: Now) -> bool {
        matches!(self.hosts.reach(&channel.replica.record().host, now.mono), Reach::Up(_))
    }

    fn situation(&self, channel: &Channel, now: Now) -> Situation {
        let session = &self.core.session;
        let record = channel.replica.record();
        let host = match &channel.host {
            Some(_) if channel.replica.is_kept_by_host() => HostSituation::Here,
            Some(_) => HostSituation::There(record.host, Reach::Away),
            // A link to it is there for a stream only.
            None if session.presence == Presence::Invisible => HostSituation::There(record.host, Reach::Away),
            None if channel.refused_until.is_some() => HostSituation::There(record.host, Reach::Away),
            None => HostSituation::There(record.host, self.reach(channel, now)),
        };
        let membership = match session.account() {
            None => Membership::Ended,
            Some(account) if channel.host.is_some() && channel.hosts_for != Some(account) => Membership::Ended,
            Some(_) => channel.membership,
        };
        Situation { membership, host, tracker: session.link() }
    }

    /// Where the tracker is about to say where a host is now, that is waited for.
    fn reach(&self, channel: &Channel, now: Now) -> Reach {
        let record = channel.replica.record();
        match self.hosts.reach(&record.host, now.mono) {
            Reach::Away if self.channels.is_refreshing(&record.channel) => Reach::Trying,
            reach => reach,
        }
    }

    fn serve(&mut self, id: ChannelId, place: Place, now: Now) {
        let (link, serving) = match place {
            Place::Undecided => return,
            Place::Nowhere => (None, Serving::Nowhere),
            Place::On(link, serving) => (Some(link), serving),
        };
        if self.channels.get(&id).is_some_and(|channel| channel.replica.link() != link) {
            self.unserve(&id, now);
        }
        let tracker = self.core.session.link();
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if link.is_none() {
            let removed = tracker.filter(|_| channel.membership != Membership::Joined);
            channel.replica.ask_where_parted(removed, &mut self.core.cx(now));
        }
        if let Some(link) = link.filter(|link| channel.replica.link() != Some(*link)) {
            channel.replica.attach(link, serving, &mut self.core.cx(now));
        }
        if channel.told != serving {
            channel.told = serving;
            self.core.out.event(PeerEvent::ServedFrom { channel: id, serving });
        }
    }

    /// Nobody serves a channel any more; who did is told, if the link is still there.
    pub(super) fn unserve(&mut self, id: &ChannelId, now: Now) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        let Some(link) = channel.replica.link() else { return };
        channel.replica.detach(&mut self.core.cx(now));
        if link == LOCAL || self.links.get(link).is_some() {
            // One that cannot be sent ends with the link, as all subscriptions do.
            let _ = self.core.request(link, &Unsubscribe { channel: *id }, PeerRequest::Unsubscribe, now);
        }
    }
}
