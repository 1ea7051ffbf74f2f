//! What a peer tells its embedder.

mod replies;

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use segment_proto::messages::{ChannelRow, DeliveryStep, Failure, StreamRow, UserRow};
use segment_proto::{
    AccountId, ChannelId, DeviceId, EpochOwner, Fence, LinkId, MessageKey, Reason, RequestId, Rights, SessionId,
    StreamId, Token, Who,
};

use crate::contract::{DialFailure, Direction};
use crate::peer::context::Unanswered;
use crate::stream::MediaFrame;

pub use replies::{ChannelMessage, Content, Reply, Serving, Source, Stage, Transfer};

/// What a peer tells its embedder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// A link has come up.
    LinkUp {
        /// Its name.
        link: LinkId,
        /// To whom.
        source: Source,
        /// Their key.
        peer: DeviceId,
        /// Their address.
        address: SocketAddr,
        /// Who opened it.
        direction: Direction,
    },
    /// A link has gone.
    LinkLost {
        /// Its name.
        link: LinkId,
        /// To whom.
        source: Source,
    },
    /// A dial has failed.
    DialFailed {
        /// To whom.
        source: Source,
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: DialFailure,
    },
    /// The tracker is connected; its key is to be pinned.
    TrackerConnected {
        /// Its key.
        key: DeviceId,
        /// Its address.
        address: SocketAddr,
    },
    /// The tracker is not connected any more.
    TrackerLost {
        /// When it is dialled again; `None`: not by itself.
        retry_in: Option<Duration>,
    },
    /// A session has begun, or was resumed by itself after a reconnect.
    LoggedIn {
        /// As whom.
        who: Who,
        /// The session.
        session: SessionId,
        /// To be kept in place of an earlier one: resumes the session without a password.
        token: Token,
    },
    /// The session is over, as the embedder has asked: what was kept of it is to be forgotten.
    LoggedOut,
    /// This session was closed because the same device logged in elsewhere. It does not reconnect by itself.
    Replaced,
    /// The session token was not good any more: log in with the password.
    LoginNeeded(Failure),
    /// A request has ended.
    Replied {
        /// As the command returned it.
        id: RequestId,
        /// How.
        reply: Result<Reply, Unanswered>,
    },
    /// Somebody has come.
    UserCame(UserRow),
    /// Somebody has gone.
    UserGone {
        /// Who.
        who: Who,
        /// Which of their sessions.
        session: SessionId,
    },
    /// A joined channel's record, rights or host have changed.
    ChannelChanged(ChannelRow),
    /// A joined channel is served from elsewhere now.
    ServedFrom {
        /// The channel.
        channel: ChannelId,
        /// From where.
        serving: Serving,
    },
    /// What this session may do in a channel.
    RightsChanged {
        /// The channel.
        channel: ChannelId,
        /// From now on.
        rights: Rights,
    },
    /// This session may not see the channel any more.
    Removed {
        /// The channel.
        channel: ChannelId,
        /// Why.
        reason: Reason,
    },
    /// New messages, in order; own ones are among them.
    Received {
        /// The channel.
        channel: ChannelId,
        /// Dense.
        messages: Vec<ChannelMessage>,
        /// From where they came.
        source: Source,
        /// How.
        transfer: Transfer,
    },
    /// An own message has come further.
    MessageStage {
        /// Which.
        key: MessageKey,
        /// How far.
        stage: Stage,
        /// Its place, once it has one.
        pos: Option<u64>,
    },
    /// An own message has another key from now on: another stands in its place in the log, and it was signed again, or
    /// found there under that key.
    MessageSignedAgain {
        /// Its key until now.
        old: MessageKey,
        /// Its key from now on.
        new: MessageKey,
    },
    /// An own message was refused for good.
    MessageRefused {
        /// Which.
        key: MessageKey,
        /// Why.
        reason: Reason,
        /// What it said, so that it can be written again.
        text: Option<String>,
    },
    /// Everything up to here is committed.
    CommittedUpTo {
        /// The channel.
        channel: ChannelId,
        /// The place.
        pos: u64,
    },
    /// How far a channel is delivered.
    Delivered {
        /// The channel.
        channel: ChannelId,
        /// Accounts that count.
        of: u32,
        /// Each says how many of them have everything up to a place on disk, highest place first.
        steps: Vec<DeliveryStep>,
    },
    /// Older messages were removed by the channel's policy: here where it is hosted here, else where it is read.
    OlderRemoved {
        /// The channel.
        channel: ChannelId,
        /// The first place that is kept.
        below: u64,
        /// How many are kept.
        kept: u64,
    },
    /// Who sequences has changed, by what the tracker has signed.
    EpochChanged {
        /// The channel.
        channel: ChannelId,
        /// The new epoch.
        fence: Fence,
        /// Who sequences in it.
        owner: EpochOwner,
        /// The last place before it.
        base: u64,
    },
    /// Messages shown as provisional are void: what stands behind `pos` comes again.
    CutBehind {
        /// The channel.
        channel: ChannelId,
        /// The last place that stands.
        pos: u64,
    },
    /// This peer may sequence a channel that it hosts.
    Hosting {
        /// The channel.
        channel: ChannelId,
        /// In this epoch.
        fence: Fence,
        /// The last place before the tracker's epoch, which this one follows.
        since: u64,
        /// The last place before this one: what stands between the two was taken over.
        base: u64,
    },
    /// This peer may not sequence it any more.
    HostingStopped {
        /// The channel.
        channel: ChannelId,
    },
    /// The tracker had lost a channel that is hosted here, and has taken it back; its messages are brought behind it.
    ChannelRestored {
        /// The channel.
        channel: ChannelId,
    },
    /// The tracker has lost a channel that is hosted here, and does not take it back. It is asked on; until then
    /// nobody else reads the channel, and it may be left.
    ChannelNotRestored {
        /// The channel.
        channel: ChannelId,
        /// Why not.
        failure: Failure,
    },
    /// The tracker has lost that this account is a member of a channel: its disk was put back from a copy that is older. The
    /// account joins again by itself once the channel's host is there; until then what is written waits.
    MembershipLost {
        /// The channel.
        channel: ChannelId,
    },
    /// The account is a member again.
    MembershipRestored {
        /// The channel.
        channel: ChannelId,
    },
    /// Messages have moved: for the connection log. One event per batch and direction, not per receiver.
    Transferred {
        /// The channel.
        channel: ChannelId,
        /// From or to where.
        with: Source,
        /// How.
        transfer: Transfer,
        /// First and last place, or 0 where they have none yet.
        first: u64,
        /// See `first`.
        last: u64,
    },
    /// A member of a hosted channel has subscribed or gone.
    MemberLink {
        /// The channel.
        channel: ChannelId,
        /// Who.
        account: AccountId,
        /// Their name.
        who: Who,
        /// Whether they came.
        came: bool,
    },
    /// A stream has begun in a channel, or its streamer has gone for a while or come back.
    StreamStarted {
        /// The channel.
        channel: ChannelId,
        /// What it is.
        row: StreamRow,
    },
    /// A stream is over. One that was watched or sent here is not any more.
    StreamStopped {
        /// The channel.
        channel: ChannelId,
        /// Which.
        stream: StreamId,
        /// Why.
        reason: Reason,
    },
    /// A stream may not be watched here any more.
    StreamLost {
        /// The channel.
        channel: ChannelId,
        /// Which.
        stream: StreamId,
        /// Why.
        reason: Reason,
    },
    /// A watched stream comes from somebody else now; from nobody for a moment, where `to` is nothing.
    StreamParent {
        /// Which.
        stream: StreamId,
        /// Who it was.
        from: Option<DeviceId>,
        /// Who it is.
        to: Option<DeviceId>,
    },
    /// A frame of a watched stream is here: whole, and its streamer's.
    FrameReady {
        /// The stream.
        stream: StreamId,
        /// The frame.
        frame: MediaFrame,
    },
    /// Somebody wanted to read a channel where a copy is damaged: `Peer::verify` names the places, and heals what it can.
    DamageFound {
        /// The channel.
        channel: ChannelId,
        /// Whose copy.
        at: Source,
    },
    /// Something that should not happen did: for logs and tests.
    Suspicious {
        /// What.
        what: &'static str,
    },
}
