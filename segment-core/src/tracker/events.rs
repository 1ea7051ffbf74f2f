//! What a tracker tells its embedder.

use core::fmt;
use core::net::SocketAddr;

use segment_proto::{ChannelId, DeviceId, Fence, LinkId, Reason, SessionId, Who};

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// By its user, who cannot resume it.
    LoggedOut,
    /// With its link; it can be resumed.
    LinkLost,
    /// By its lease: nothing was heard. It can be resumed.
    LeaseExpired,
    /// The same device came again, on another link.
    Replaced,
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoggedOut => "logged out",
            Self::LinkLost => "link lost",
            Self::LeaseExpired => "lease expired",
            Self::Replaced => "replaced",
        })
    }
}

/// What a tracker tells its embedder; all of it is for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackerEvent {
    /// A link has come up.
    LinkUp {
        /// Its name.
        link: LinkId,
        /// The other side's key.
        peer: DeviceId,
        /// Its address.
        address: SocketAddr,
    },
    /// A link has gone.
    LinkLost {
        /// Its name.
        link: LinkId,
        /// The other side's key.
        peer: DeviceId,
    },
    /// Somebody has logged in.
    LoggedIn {
        /// Who.
        who: Who,
        /// Their session.
        session: SessionId,
    },
    /// A session has ended.
    SessionEnded {
        /// Whose.
        who: Who,
        /// Which.
        session: SessionId,
        /// How.
        end: SessionEnd,
    },
    /// A request was refused.
    Refused {
        /// On which link.
        link: LinkId,
        /// Why.
        reason: Reason,
    },
    /// A channel was created.
    ChannelCreated {
        /// Which.
        channel: ChannelId,
    },
    /// A channel's host has come or gone.
    HostPresence {
        /// Which channel.
        channel: ChannelId,
        /// Whether it is there.
        present: bool,
    },
    /// The owner of a channel has named another host.
    HostMoved {
        /// Which channel.
        channel: ChannelId,
        /// The device that is to host it.
        to: DeviceId,
    },
    /// Entries were stored from the host.
    Replicated {
        /// Which channel.
        channel: ChannelId,
        /// The host.
        from: DeviceId,
        /// First place.
        first: u64,
        /// Last place.
        last: u64,
    },
    /// The tracker sequences: the host of a channel is away, and somebody has written.
    TookOver {
        /// Which channel.
        channel: ChannelId,
        /// The tracker's epoch.
        fence: Fence,
    },
    /// Entries of the tracker's own epoch were stored.
    Sequenced {
        /// Which channel.
        channel: ChannelId,
        /// First place.
        first: u64,
        /// Last place.
        last: u64,
    },
    /// Somebody wanted to read a channel where the copy is damaged: whoever has what stood there heals it with
    /// `Peer::verify`.
    DamageFound {
        /// Which channel.
        channel: ChannelId,
    },
    /// Entries that the disk had damaged were put right with what somebody brought.
    Healed {
        /// Which channel.
        channel: ChannelId,
        /// First place.
        first: u64,
        /// Last place.
        last: u64,
    },
    /// Entries went by the owner's policy.
    Trimmed {
        /// Which channel.
        channel: ChannelId,
        /// The last place that is gone.
        to: u64,
    },
    /// Entries were served from the copy.
    Served {
        /// Which channel.
        channel: ChannelId,
        /// To whom.
        to: DeviceId,
        /// First place.
        first: u64,
        /// Last place.
        last: u64,
    },
}
