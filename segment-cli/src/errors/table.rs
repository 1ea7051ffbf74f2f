//! What every reason means for a person and for a script.

use segment_proto::{Reason, Status};

use crate::exit::ExitCode;
use crate::named::named_enum;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The stable name.
    pub name: &'static str,
    /// The class.
    pub status: Status,
    /// How a script ends.
    pub exit: ExitCode,
    /// What happened, and what to do next.
    pub text: &'static str,
}

/// The row of a reason that came over the wire.
#[must_use]
pub const fn of_wire(reason: Reason) -> Row {
    let (exit, text) = meaning(reason);
    Row { name: reason.as_str(), status: reason.status(), exit, text }
}

const fn meaning(reason: Reason) -> (ExitCode, &'static str) {
    use ExitCode::{BadCommand, NoConnection, NotAllowed, NotFound, Refused};
    match reason {
        Reason::UnsupportedKind => {
            (Refused, "the other side does not know this request: nothing was done; it needs a newer version")
        }
        Reason::UnsupportedVersion => (
            Refused,
            "the other side does not know this form of the request: nothing was done; one of the two needs a newer version",
        ),
        Reason::ProtocolMismatch => (
            Refused,
            "the other side speaks another version of the protocol: not connected; update the older of the two",
        ),
        Reason::Malformed => {
            (Refused, "the other side could not read the request: nothing was done; report this as a bug")
        }
        Reason::TooLarge => (Refused, "that is longer than allowed: nothing was done; send it in parts"),
        Reason::BadSignature => (
            Refused,
            "a signature does not verify: nothing was accepted; report this, somebody may be forging messages",
        ),
        Reason::OutOfOrder => {
            (Refused, "the other side expected something else first: nothing was done; /disconnect and /connect again")
        }
        Reason::SlowDown => (Refused, "too fast: nothing was done; wait a moment and try again"),
        Reason::LimitReached => (Refused, "a limit of the tracker is reached: nothing was done; ask its operator"),
        Reason::StorageFailed => (Refused, "the other side's disk fails: nothing was kept; tell its operator"),
        Reason::ShuttingDown => {
            (NoConnection, "the other side is shutting down: nothing was done; try again in a moment")
        }
        Reason::LoginRequired => {
            (NotAllowed, "nobody is logged in: nothing was done; /login NAME, /register NAME or /guest")
        }
        Reason::WrongCredentials => (
            NotAllowed,
            "wrong name or wrong password: not logged in; try again, or /register (also where the tracker has lost the account)",
        ),
        Reason::SessionExpired => (
            NotAllowed,
            "the saved login is not good any more: /login NAME; where the tracker has lost the account, /register NAME makes it again",
        ),
        Reason::BadCertificate => (NotAllowed, "the host does not admit this session; /logout and /login again"),
        Reason::VisitorsMayOnlyRead => {
            (NotAllowed, "visitors may only read, and this takes a user: nothing was done; /register NAME to be one")
        }
        Reason::NoVisitors => (NotAllowed, "this channel takes no visitors; /register NAME or /login NAME to come in"),
        Reason::MembersOnly => (NotAllowed, "this channel is for its members; its owner can let you in with /allow"),
        Reason::MayNotSend => {
            (NotAllowed, "you may read here, not send: nothing was sent; the owner can change that with /allow")
        }
        Reason::MayNotStream => {
            (NotAllowed, "you may not stream here: nothing was started; the owner can change that with /allow")
        }
        Reason::OwnerOnly => {
            (NotAllowed, "only the owner of the channel may do this: nothing was changed; ask the owner")
        }
        Reason::NotTheAuthor => {
            (NotAllowed, "this message is signed by somebody else: it was not accepted; write it again")
        }
        Reason::UnsupportedAuth => {
            (Refused, "this tracker does not offer this way of logging in: not logged in; update this program")
        }
        Reason::NameTaken => {
            (Refused, "this name is taken, or looks like one that is: nothing was made; choose another one")
        }
        Reason::BadName => {
            (BadCommand, "this is not a name that can be used: nothing was made; use letters and digits")
        }
        Reason::BadPassword => (Refused, "a password has 8 to 256 bytes: nothing was made; choose another one"),
        Reason::NoSuchUser => (NotFound, "there is no such user: nothing was changed; look at /members"),
        Reason::NoSuchChannel => {
            (NotFound, "there is no such channel, or none that you may see; /channels lists those that you may")
        }
        Reason::NotHost => (Refused, "the channel is hosted elsewhere: nothing was done; /host shows where"),
        Reason::HostAway => (WAITING, "the host of the channel is away: it can be read, and what you write waits here"),
        Reason::OwnerMayNotHide => (
            Refused,
            "who is invisible does not host or stream: nothing was done; be online first, with /status online",
        ),
        Reason::Replaced => (
            NoConnection,
            "this profile runs elsewhere too: this session is closed; /connect takes it back; a copied profile is to be used once only",
        ),
        Reason::NotNow => (Refused, "this does not apply now: nothing was done"),
        Reason::Fenced => (
            Refused,
            "another copy of the channel has taken over: nothing was accepted here; it is tried again by itself",
        ),
        Reason::ChainMismatch => {
            (Refused, "the two copies of the channel differ: nothing was accepted; /host shows how far they agree")
        }
        Reason::Gone => (NotFound, "these messages are not kept any more"),
        Reason::BadEnvelope => (Refused, "the message breaks a limit: it was not sent; shorten it"),
        Reason::TailFull => (WAITING, "the tracker has confirmed nothing for a while: what you write waits here"),
        Reason::NoSuchStream => (NotFound, "there is no such stream, or it is over; /stream list shows those that run"),
        Reason::StreamerGone => (NoConnection, "the streamer went away and did not come back: the stream is over"),
        Reason::Unknown(_) => {
            (Refused, "the other side refuses for a reason that this version does not know; update this program")
        }
    }
}

const WAITING: ExitCode = ExitCode::WaitingInOutbox;

named_enum! {
    /// Reasons of this program itself, beside those of the grammar.
    LocalReason {
        /// There is no connection to a tracker.
        NotConnected = "not_connected",
        /// A dial came to nothing.
        Unreachable = "unreachable",
        /// No answer in time.
        NoAnswer = "no_answer",
        /// Too many requests at once.
        Busy = "busy",
        /// Another tracker's profile.
        OtherTracker = "other_tracker",
        /// No channel was named, and none is the current one.
        NoCurrentChannel = "no_current_channel",
        /// The channel is not joined.
        NotJoined = "not_joined",
        /// As many channels are joined as may be.
        TooManyChannels = "too_many_channels",
        /// A hosted channel cannot be left.
        HostedHere = "hosted_here",
        /// The owner's rights are the owner's.
        OwnRights = "own_rights",
        /// Own messages wait.
        Unsent = "unsent",
        /// The outbox is full.
        OutboxFull = "outbox_full",
        /// The message is too long.
        TooLong = "too_long",
        /// The message waits in the outbox.
        Waiting = "waiting_in_outbox",
        /// No such message in the outbox.
        NoSuchItem = "no_such_item",
        /// The message may have been sent already.
        OnItsWay = "on_its_way",
        /// No such alias.
        NoSuchAlias = "no_such_alias",
        /// No such message in the channel.
        NoSuchMessage = "no_such_message",
        /// No password could be had.
        NoPassword = "no_password",
        /// The profile cannot be used.
        Profile = "profile",
        /// Messages on the disk are not what was written there.
        Damaged = "damaged",
        /// The settings cannot be used.
        Settings = "settings",
        /// A program that is needed is not installed.
        MissingProgram = "missing_program",
        /// There is nothing by the name of a source.
        NoSource = "no_source",
        /// A source gives nothing that can be streamed.
        Source = "source",
        /// What was to show or keep a stream does not.
        Sink = "sink",
        /// The terminal shows no pictures.
        NoScreen = "no_screen",
        /// Several streams may be meant.
        WhichStream = "which_stream",
        /// A stream of this title is sent from here, or watched here already.
        StreamsAlready = "streams_already",
        /// Nothing is sent or watched here.
        NoOwnStream = "no_own_stream",
        /// A script cannot be read.
        Script = "script",
        /// The program cannot start.
        Start = "start",
        /// The disk failed, or the program is ending.
        Stopped = "stopped",
        /// Whoever read the output has gone.
        Unread = "unread",
    }
}

/// The row of a reason of this program itself.
#[must_use]
pub const fn of_local(reason: LocalReason) -> Row {
    let (status, exit, text) = local_meaning(reason);
    Row { name: reason.as_str(), status, exit, text }
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each reason")]
const fn local_meaning(reason: LocalReason) -> (Status, ExitCode, &'static str) {
    use ExitCode::{BadCommand, NoConnection, NotFound, Refused};
    use Status::{RequestError, ServerError};
    match reason {
        LocalReason::NotConnected => (
            ServerError,
            NoConnection,
            "there is no connection to a tracker: nothing was asked; /connect, or wait until it is there again",
        ),
        LocalReason::Unreachable => (
            ServerError,
            NoConnection,
            "the tracker cannot be reached: nothing was asked; check the address, it is tried again by itself",
        ),
        LocalReason::NoAnswer => {
            (ServerError, NoConnection, "no answer came: it may or may not have been done; look before you try again")
        }
        LocalReason::Busy => {
            (ServerError, Refused, "too many requests are under way: this one was not sent; wait for answers first")
        }
        LocalReason::OtherTracker => (
            RequestError,
            Refused,
            "this profile belongs to another tracker: not connected; use another profile with -P",
        ),
        LocalReason::NoCurrentChannel => (
            RequestError,
            BadCommand,
            "no channel is the current one: nothing was sent; name one, or /join #channel first",
        ),
        LocalReason::NotJoined => {
            (RequestError, NotFound, "you have not joined this channel: nothing was done; /join it first")
        }
        LocalReason::TooManyChannels => {
            (RequestError, Refused, "as many channels are joined as may be: /leave one first")
        }
        LocalReason::HostedHere => (
            RequestError,
            Refused,
            "this channel is hosted here, so it cannot be left: its messages would have no home",
        ),
        LocalReason::OwnRights => {
            (RequestError, Refused, "the rights of a channel's owner cannot be changed: nothing was done")
        }
        LocalReason::Unsent => (
            RequestError,
            Refused,
            "messages of yours are not committed yet and would be lost: not left; wait, or /outbox drop all",
        ),
        LocalReason::OutboxFull => {
            (ServerError, Refused, "too many messages wait already: this one was not taken; wait, or /outbox drop")
        }
        LocalReason::TooLong => (RequestError, Refused, "the message is too long: it was not sent; send it in parts"),
        LocalReason::Waiting => (
            ServerError,
            WAITING,
            "the message is kept on this machine and goes out by itself when the channel can be reached",
        ),
        LocalReason::NoSuchItem => (RequestError, NotFound, "no message of this id waits; /outbox lists those that do"),
        LocalReason::NoSuchAlias => (
            RequestError,
            NotFound,
            "there is no alias of this name: nothing was changed; /alias lists those that there are",
        ),
        LocalReason::OnItsWay => (
            ServerError,
            Refused,
            "it may have been sent already: not dropped; it goes out when the channel can be reached",
        ),
        LocalReason::NoSuchMessage => {
            (RequestError, NotFound, "there is no message of this number here; /history shows the newest")
        }
        LocalReason::NoPassword => (
            RequestError,
            Refused,
            "there is no password: nothing was sent; use --password-cmd or SEGMENT_PASSWORD, or ask at a terminal",
        ),
        LocalReason::MissingProgram => (
            ServerError,
            Refused,
            "a program that this needs is not installed: nothing was done; install it and try again",
        ),
        LocalReason::NoSource => {
            (RequestError, NotFound, "there is no such file or camera: nothing is streamed; check its name")
        }
        LocalReason::Source => (ServerError, Refused, "the source gives nothing that can be streamed; try another one"),
        LocalReason::Sink => (ServerError, Refused, "the stream cannot be shown or kept there; name another place"),
        LocalReason::NoScreen => {
            (RequestError, Refused, "this is no terminal that shows pictures: not watched; use --out FILE, or --play")
        }
        LocalReason::WhichStream => (
            RequestError,
            BadCommand,
            "several streams may be meant: nothing was done; name one, by number, @user or title",
        ),
        LocalReason::StreamsAlready => (
            RequestError,
            Refused,
            "this stream is sent or watched here already: nothing was done; /stream stop ends it",
        ),
        LocalReason::NoOwnStream => {
            (RequestError, NotFound, "nothing is sent or watched here; /stream list shows what runs in the channel")
        }
        LocalReason::Profile => (RequestError, Refused, "the profile cannot be used"),
        LocalReason::Damaged => (
            RequestError,
            Refused,
            "not everything holds, nor could all be healed; /verify again when host and tracker are there",
        ),
        LocalReason::Settings => (RequestError, BadCommand, "the settings cannot be used"),
        LocalReason::Script => (RequestError, BadCommand, "the script cannot be read"),
        LocalReason::Start => (ServerError, Refused, "the program cannot start"),
        LocalReason::Unread => {
            (ServerError, ExitCode::Unread, "nobody reads the output any more: what was left was not done")
        }
        LocalReason::Stopped => {
            (ServerError, Refused, "the program is ending or its disk has failed: nothing was done; start it again")
        }
    }
}
