//! What a line asks for, understood.

use segment_proto::messages::Presence;
use segment_proto::{ChannelName, Rights, UserName, View, Visitors};
use segment_store::SearchQuery;

use super::StreamRequest;
use crate::config::Key;
use crate::config::{Notify, NotifyWhen};
use crate::named::named_enum;
use crate::names::MessageRef;
use crate::url::TrackerUrl;

/// A command with its typed parts. Where a channel is `None`, the current one is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `/connect`
    Connect {
        /// `None`: the one of the profile.
        url: Option<TrackerUrl>,
    },
    /// `/disconnect`
    Disconnect,
    /// `/register`
    Register {
        /// The new account.
        name: UserName,
    },
    /// `/login`
    Login {
        /// The account.
        name: UserName,
    },
    /// `/guest`
    Guest {
        /// `None`: one is made up.
        name: Option<UserName>,
    },
    /// `/logout`
    Logout,
    /// `/whoami`
    Whoami,
    /// `/status`
    Status {
        /// `None`: only show it.
        presence: Option<Presence>,
    },
    /// `/quit`
    Quit,
    /// `/channels`
    Channels {
        /// Which ones.
        filter: ChannelFilter,
    },
    /// `/create`
    Create {
        /// The new channel.
        channel: ChannelName,
        /// Who may see and read it.
        view: View,
        /// What visitors may do.
        visitors: Visitors,
    },
    /// `/join`
    Join {
        /// Which one.
        channel: ChannelName,
    },
    /// `/leave`
    Leave {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/switch`
    Switch {
        /// The new current channel.
        channel: ChannelName,
    },
    /// `/members`
    Members {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/info`
    Info {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/allow`
    Allow {
        /// Who.
        user: UserName,
        /// Where.
        channel: Option<ChannelName>,
        /// What.
        rights: Rights,
    },
    /// `/deny`
    Deny {
        /// Who.
        user: UserName,
        /// Where.
        channel: Option<ChannelName>,
    },
    /// `/kick`
    Kick {
        /// Who.
        user: UserName,
        /// Where.
        channel: Option<ChannelName>,
    },
    /// `/view`
    View {
        /// Which one.
        channel: Option<ChannelName>,
        /// Who may see and read it from now on; `None`: as it is.
        view: Option<View>,
        /// What visitors may do from now on; `None`: as it is.
        visitors: Option<Visitors>,
    },
    /// `/verify`
    Verify {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/retain`
    Retain {
        /// Which one.
        channel: Option<ChannelName>,
        /// How much from now on; `None`: shows how much.
        keep: Option<Keep>,
    },
    /// `/host`
    Host {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/host move`
    MoveHost {
        /// Which one.
        channel: Option<ChannelName>,
        /// To whose device.
        user: UserName,
    },
    /// `/sync`
    Sync {
        /// Which one.
        channel: Option<ChannelName>,
    },
    /// `/send`, and plain text at the prompt
    Send {
        /// Where to.
        channel: Option<ChannelName>,
        /// `None`: as configured.
        wait: Option<Wait>,
        /// Never empty.
        text: String,
    },
    /// `/outbox`
    Outbox {
        /// What to do with it.
        action: OutboxAction,
    },
    /// `/history`
    History {
        /// Which one.
        channel: Option<ChannelName>,
        /// How many messages.
        last: Option<u32>,
        /// Where to look.
        from: HistoryFrom,
    },
    /// `/unread`
    Unread {
        /// What to do with it.
        action: UnreadAction,
    },
    /// `/notify`
    Notify {
        /// What of it.
        request: NotifyRequest,
    },
    /// `/search`
    Search {
        /// `None`: every channel that may be read.
        channel: Option<ChannelName>,
        /// How many hits.
        last: Option<u32>,
        /// What.
        query: SearchQuery,
    },
    /// `/stream`
    Stream {
        /// Where.
        channel: Option<ChannelName>,
        /// What to do.
        request: StreamRequest,
    },
    /// `/peers`
    Peers,
    /// `/stats`
    Stats,
    /// `/debug`
    Debug {
        /// `None`: all of them.
        channel: Option<ChannelName>,
    },
    /// `/ping`
    Ping,
    /// `/log`
    Log {
        /// How many records.
        last: Option<u32>,
    },
    /// `/clear`
    Clear,
    /// `/help`
    Help {
        /// A command, without its slash.
        topic: Option<String>,
    },
    /// `/version`
    Version,
    /// `/set`
    Set {
        /// What to do with the settings.
        request: SetRequest,
    },
    /// `/alias`
    Alias {
        /// What to do with the aliases.
        request: AliasRequest,
    },
}

/// What to do with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRequest {
    /// Show all.
    ShowAll,
    /// Show one.
    Show(Key),
    /// Keep a checked value.
    Change(Key, String),
    /// Take the profile's value away.
    Reset(Key),
}

/// What to do with the aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasRequest {
    /// Show all.
    List,
    /// Show one.
    Show(String),
    /// Keep one.
    Define {
        /// Its name.
        name: String,
        /// The beginning of a line.
        text: String,
    },
    /// Forget one.
    Remove(String),
}

impl Command {
    /// Whether the answer may be longer than a screen.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        matches!(
            self,
            Self::Help { .. }
                | Self::History { .. }
                | Self::Search { .. }
                | Self::Unread { .. }
                | Self::Channels { .. }
                | Self::Members { .. }
                | Self::Peers
                | Self::Log { .. }
        )
    }
}

named_enum! {
    /// How far a message must have come before a send counts as done.
    Wait {
        /// On the disk of the channel's host.
        Stored = "stored",
        /// On the disk of host and tracker.
        Committed = "committed",
    }
}

/// What to do with what is unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadAction {
    /// List the channels.
    List,
    /// Go where most is unread.
    Next,
    /// Take it as read, in one channel or in all.
    Clear(Option<ChannelName>),
}

/// What of announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyRequest {
    /// Change and show them.
    Change(NotifyChange),
    /// Announce something now.
    Test,
}

/// What of announcements changes; nothing said: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyChange {
    /// How.
    pub by: Option<Notify>,
    /// Of what.
    pub when: Option<NotifyWhen>,
    /// Seconds without a key.
    pub away: Option<u32>,
}

/// Which messages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFrom {
    /// The newest.
    Newest,
    /// Those before this one.
    Before(MessageRef),
    /// Those on both sides of this one.
    Around(MessageRef),
}

/// Which channels are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelFilter {
    /// All that one may know of.
    All,
    /// Those that one owns.
    Mine,
    /// Those joined.
    Joined,
}

/// What to do with the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxAction {
    /// Show what waits.
    List,
    /// Try again now.
    Retry(OutboxItem),
    /// Forget it; it is never sent.
    Drop(OutboxItem),
}

/// Which messages of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxItem {
    /// All of them.
    All,
    /// The one with this id (or a beginning of it), as listed.
    One(String),
}

/// How much of a channel is kept; nothing said: all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Messages.
    pub last: Option<u32>,
    /// Days.
    pub days: Option<u32>,
    /// Mebibytes.
    pub mib: Option<u32>,
}
