//! What the peer's own requests are for.

use alloc::vec::Vec;

use segment_proto::messages::Presence;
use segment_proto::{ChannelId, DeviceId, Instant, LinkId, StreamId};

/// Who wanted a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginBy {
    /// The embedder, who awaits a reply.
    Embedder,
    /// This peer, after a reconnect.
    Itself,
}

/// What a request of the peer itself is for. Those of an embedder end in `PeerEvent::Replied`.
#[derive(Debug)]
pub enum PeerRequest {
    /// The first one on a link.
    Hello(LinkId),
    /// A login of any kind.
    Login {
        /// Who wanted it.
        by: LoginBy,
        /// How to be seen.
        presence: Presence,
    },
    /// Where this peer can be dialled.
    Announce,
    /// A fresh certificate.
    Renew,
    /// A sign of life.
    KeepAlive,
    /// The channels that this account has joined, page by page.
    Refresh,
    /// Whose devices these are.
    Devices(Vec<DeviceId>),
    /// A channel that the tracker does not list.
    FindMissing(ChannelId),
    /// The joining again of a visitor in a new session, or of a member whom the tracker has lost.
    Rejoin(ChannelId),
    /// The end of a subscription.
    Unsubscribe,
    /// An embedder's ping.
    Ping(Instant),
    /// An embedder's logout.
    Logout,
    /// An embedder's change of presence.
    SetStatus(Presence),
    /// An embedder's look at a list, a user or a channel.
    Look,
    /// An embedder's new channel, or one to join.
    Join,
    /// An embedder's new stream.
    StartStream(StreamId),
    /// An embedder's watching.
    Watch(StreamId),
    /// Whoever serves a channel now is told of a stream.
    StreamAgain(StreamId),
    /// An embedder's leaving.
    Leave(ChannelId),
}

impl PeerRequest {
    /// What is asked, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Login { .. } => "log in",
            Self::Announce => "announce the address",
            Self::Renew => "renew the certificate",
            Self::KeepAlive => "keep alive",
            Self::Refresh => "which channels are joined",
            Self::Devices(_) => "whose devices these are",
            Self::FindMissing(_) => "find a channel that is not listed",
            Self::Rejoin(_) => "join again",
            Self::Unsubscribe => "unsubscribe",
            Self::Ping(_) => "ping",
            Self::Logout => "log out",
            Self::SetStatus(_) => "change the status",
            Self::Look => "look at a list",
            Self::Join => "join a channel",
            Self::StartStream(_) => "start a stream",
            Self::Watch(_) => "watch a stream",
            Self::StreamAgain(_) => "tell of a stream",
            Self::Leave(_) => "leave a channel",
        }
    }
}
