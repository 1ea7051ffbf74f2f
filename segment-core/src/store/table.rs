//! The tables of records in a store.

/// A table of records; keys are ordered bytes, values are the machines' own encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// Tracker: accounts.
    Account = 1,
    /// Tracker: whose devices.
    Device = 2,
    /// Tracker: sessions that may resume.
    Session = 3,
    /// Tracker: channels.
    Channel = 4,
    /// Tracker: who has joined what.
    Member = 5,
    /// Peer: channels that it has joined or hosts.
    Joined = 32,
    /// Peer: device records of authors.
    Author = 33,
    /// Either: single values.
    Setting = 34,
    /// Of a log: the authors' rows. Key prefix [`LogId::prefix`](super::LogId::prefix), as in all that follow.
    Row = 64,
    /// Of a log: epoch records.
    Epoch = 65,
    /// Of a log: single values.
    LogMeta = 66,
    /// Of a log: the author's own messages on their way.
    Outgoing = 67,
    /// Of a log: cut messages that wait to be sequenced again.
    Resubmit = 68,
    /// Of a log: how far each account has it on disk.
    Cursor = 69,
    /// Of a log: its snapshot, in parts.
    Snapshot = 70,
    /// Of a log: the author's own messages that are refused, until the author was told.
    Refused = 71,
}

impl Table {
    /// The tables whose keys begin with a log's prefix.
    pub const OF_LOGS: &'static [Self] = &[
        Self::Row,
        Self::Epoch,
        Self::LogMeta,
        Self::Outgoing,
        Self::Resubmit,
        Self::Cursor,
        Self::Snapshot,
        Self::Refused,
    ];
}
