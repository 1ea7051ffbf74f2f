//! What messages carry, whatever their kind.

use segment_proto::messages::{ChannelRow, FateCode};
use segment_proto::{ChannelId, ChannelRecord, Entry, EpochRecord, Evidence, Hash, Message, Position, Receipt, Signed};

/// Entries of a channel in a message.
#[derive(Clone, Copy, Debug)]
pub struct CarriedEntries<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// The chain before the first, where the message says it.
    pub before: Option<Hash>,
    /// Dense.
    pub entries: &'a [Entry],
}

/// The entries that a message carries.
#[must_use]
pub fn entries(message: &Message) -> Option<CarriedEntries<'_>> {
    let (channel, before, entries) = match message {
        Message::Entries(m) => (m.channel, Some(m.before), &m.entries),
        Message::EntryPage(m) => (m.channel, Some(m.before), &m.entries),
        Message::SyncPage(m) => (m.channel, Some(m.before), &m.entries),
        Message::Replicate(m) => (m.channel, Some(m.before), &m.entries),
        Message::Adopt(m) => (m.channel, None, &m.entries),
        _ => return None,
    };
    (!entries.is_empty()).then_some(CarriedEntries { channel, before, entries })
}

/// The last place on its sender's disk that a message claims.
#[must_use]
pub fn head(message: &Message) -> Option<(ChannelId, Position)> {
    match message {
        Message::Subscribed(m) => Some((m.channel, m.head)),
        Message::EntryPage(m) => Some((m.channel, m.head)),
        Message::SyncPage(m) => Some((m.channel, m.head)),
        Message::Adopt(m) => Some((m.channel, m.head)),
        Message::Adopted(m) => Some((m.channel, m.at)),
        Message::HostHello(m) => Some((m.channel, m.tip)),
        _ => None,
    }
}

/// The receipt that a message carries.
#[must_use]
pub fn receipt(message: &Message) -> Option<&Signed<Receipt>> {
    match message {
        Message::Subscribe(m) => m.evidence.receipt.as_ref(),
        Message::Subscribed(m) => m.receipt.as_ref(),
        Message::Watermarks(m) => m.receipt.as_ref(),
        Message::EntryPage(m) => m.receipt.as_ref(),
        Message::SyncPage(m) => m.receipt.as_ref(),
        Message::Submit(m) => m.evidence.receipt.as_ref(),
        Message::Sync(m) => m.evidence.receipt.as_ref(),
        Message::Reseed(m) => Some(&m.receipt),
        Message::HostHello(m) => m.evidence.receipt.as_ref(),
        Message::Adopt(m) => m.receipt.as_ref(),
        Message::Committed(m) => Some(&m.receipt),
        _ => None,
    }
}

/// The epoch records that a message carries.
pub fn epochs(message: &Message) -> impl Iterator<Item = &Signed<EpochRecord>> {
    let (many, one): (&[Signed<EpochRecord>], Option<&Signed<EpochRecord>>) = match message {
        Message::Adopt(m) => (&m.epochs, None),
        Message::SyncPage(m) => (&m.diverged, None),
        Message::Grant(m) => (&[], Some(&m.record)),
        Message::Fenced(m) => (&[], Some(&m.record)),
        Message::Subscribed(m) => (&[], m.epoch.as_ref()),
        Message::ChannelFound(m) => (&[], m.epoch.as_ref()),
        Message::Lost(m) => (&m.epochs, None),
        Message::HostHello(m) => (&[], m.evidence.epoch.as_ref()),
        Message::Subscribe(m) => (&[], m.evidence.epoch.as_ref()),
        Message::Submit(m) => (&[], m.evidence.epoch.as_ref()),
        Message::Sync(m) => (&[], m.evidence.epoch.as_ref()),
        _ => (&[], None),
    };
    many.iter().chain(one)
}

/// The newest that a peer shows to whom it speaks to.
#[must_use]
pub fn evidence(message: &Message) -> Option<(ChannelId, &Evidence)> {
    match message {
        Message::Subscribe(m) => Some((m.channel, &m.evidence)),
        Message::Sync(m) => Some((m.channel, &m.evidence)),
        Message::Submit(m) => Some((m.channel, &m.evidence)),
        _ => None,
    }
}

/// The last place that a message acknowledges as committed.
#[must_use]
pub fn committed_fates(message: &Message) -> Option<(ChannelId, u64)> {
    let Message::Submitted(m) = message else { return None };
    let committed = m.fates.iter().filter(|fate| fate.code == FateCode::Committed);
    committed.map(|fate| fate.pos).max().map(|pos| (m.channel, pos))
}

/// The channel records that a message carries.
pub fn records(message: &Message) -> impl Iterator<Item = &Signed<ChannelRecord>> {
    let rows: &[ChannelRow] = match message {
        Message::ChannelPage(m) => &m.rows,
        Message::ChannelFound(m) => core::slice::from_ref(&m.row),
        Message::ChannelChanged(m) => core::slice::from_ref(&m.row),
        _ => &[],
    };
    rows.iter().map(|row| &row.record)
}
