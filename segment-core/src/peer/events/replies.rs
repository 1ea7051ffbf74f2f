//! What channels, messages and answers look like to an embedder.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{ChannelPage, ChannelRow, MemberPage, StreamPage, UserFound, UserPage, ViewerPage};
use segment_proto::{AccessChange, AccountId, ChannelId, DeviceId, MessageKey, SessionId, Token, UnixMillis, Who};

use crate::peer::verifying::Verified;

/// From where something came, for the connection log and for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The channel's host.
    Host(DeviceId),
    /// The tracker's copy.
    Tracker,
    /// Another member (a submit at a host comes from its author).
    Peer(DeviceId),
    /// This process.
    Local,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// On this device's disk.
    Queued,
    /// On the host's disk; its order is provisional.
    Stored,
    /// On the tracker's disk; its order is final.
    Committed,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// A change of rights.
    Access(AccessChange),
    /// Something that this build cannot read.
    Unreadable,
    /// Not what its author has written: this device's disk has damaged it. `Peer::verify` heals it.
    Damaged,
}

/// A message of a channel, as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMessage {
    /// Its place.
    pub pos: u64,
    /// Its name.
    pub key: MessageKey,
    /// The account that the envelope claims; `author` says whether that is true.
    pub account: AccountId,
    /// Who wrote it, by a record that the tracker signed; `None` where no valid one could be had.
    pub author: Option<Who>,
    /// When its author says it was written.
    pub sent: UnixMillis,
    /// The epoch in which it was sequenced.
    pub epoch: u32,
    /// When it was sequenced.
    pub sequenced: UnixMillis,
    /// What it says.
    pub content: Content,
    /// Stored or committed.
    pub stage: Stage,
}

impl ChannelMessage {
    /// What it says, where it is a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Access(_) | Content::Unreadable | Content::Damaged => None,
        }
    }
}

/// How messages came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Pushed as they were written.
    Live,
    /// Fetched to catch up or to be shown.
    Fetched,
    /// Sent by this peer to a sequencer.
    Submitted,
    /// Copied to the tracker.
    Replicated,
    /// Taken from the tracker by a returning host.
    Adopted,
}

/// Where a joined channel is served from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// From this process: it is hosted here.
    Here,
    /// From its host.
    Host(DeviceId),
    /// From the tracker's copy: what is written goes to the tracker.
    Copy,
    /// From nowhere: only the cache can be read.
    Nowhere,
}

/// The end of a request that an embedder made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "replies are handed over one at a time, never kept")]
pub enum Reply {
    /// Nothing more to say.
    Done,
    /// Logged in.
    LoggedIn {
        /// As whom.
        who: Who,
        /// The session.
        session: SessionId,
        /// To be kept: resumes the session without a password.
        token: Token,
    },
    /// A page of users.
    Users(UserPage),
    /// A page of channels.
    Channels(ChannelPage),
    /// A page of members.
    Members(MemberPage),
    /// An account.
    User(UserFound),
    /// A channel that was found, created or joined.
    Channel(ChannelRow),
    /// Messages, oldest first; `more` says that older ones exist.
    History {
        /// The channel.
        channel: ChannelId,
        /// Dense.
        messages: Vec<ChannelMessage>,
        /// Whether there are older ones.
        more: bool,
        /// From where they came.
        source: Source,
    },
    /// The streams of a channel.
    Streams(StreamPage),
    /// A page of viewers.
    Viewers(ViewerPage),
    /// What a verification has found.
    Verified(Box<Verified>),
    /// The round trip to the tracker.
    Pong(Duration),
}
