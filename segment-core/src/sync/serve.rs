//! Answering reads: from memory where the log has the entries there, else from the store.

use alloc::vec::Vec;

use segment_proto::messages::{EntryPage, ReadRange, ReadTail, Sync, SyncPage};
use segment_proto::{Entry, Fence, Hash, Limits, Message, Position};

use crate::outbox::Asker;
use crate::store::{Operation, StoreOperation, StoredEntry};
use crate::sync::log::ChannelLog;

/// What a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRequest {
    /// The newest entries.
    Tail {
        /// How many committed ones.
        count: u64,
    },
    /// Some older ones.
    Range {
        /// First place.
        from: u64,
        /// Last place.
        to: u64,
    },
    /// What follows a place that the reader has.
    After(Position),
}

impl PageRequest {
    /// The request in a message, and its channel's.
    #[must_use]
    pub fn from_message(message: &Message) -> Option<Self> {
        match message {
            Message::ReadTail(ReadTail { count, .. }) => Some(Self::Tail { count: u64::from(*count) }),
            Message::ReadRange(ReadRange { from, to, .. }) => Some(Self::Range { from: *from, to: *to }),
            Message::Sync(Sync { at, .. }) => Some(Self::After(*at)),
            _ => None,
        }
    }
}

/// A page that waits for the store.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Who asked.
    pub asker: Asker,
    /// For what.
    pub request: PageRequest,
}

/// How to go on with a read. Taken apart as soon as it is made, so that its size does not matter.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Serve {
    /// Answer this.
    Ready(Message, Served),
    /// Read this, then call [`finish`].
    Read(Operation),
}

/// First and last place of what was served; zero where nothing was.
pub type Served = (u64, u64);

/// Begins a read. Only what is on disk is served.
#[must_use]
pub fn begin(log: &ChannelLog, request: PageRequest, fence: Fence, limits: &Limits) -> Serve {
    let (from, to) = range(log, request, limits);
    if from > to {
        return ready(log, request, fence, Hash::ZERO, Vec::new());
    }
    if let Some((before, entries)) = log.slice(from, to) {
        let entries = fit(entries.into_iter().map(|stored| stored.entry.clone()), limits);
        return ready(log, request, fence, before, entries);
    }
    Serve::Read(Operation::Store(StoreOperation::Read {
        log: log.id,
        from,
        to,
        entries_max: limits.batch_entries_max,
        bytes_max: limits.batch_bytes_max,
    }))
}

/// Ends a read with what the store gave; what was cut meanwhile is left out.
#[must_use]
pub fn finish(
    log: &ChannelLog,
    request: PageRequest,
    fence: Fence,
    before: Hash,
    entries: Vec<StoredEntry>,
) -> (Message, Served) {
    let stands = |stored: &StoredEntry| {
        let pos = stored.entry.pos;
        pos <= log.durable() && log.position_at(pos).is_none_or(|position| position == stored.position())
    };
    let entries = entries.into_iter().take_while(stands).map(|stored| stored.entry).collect();
    match ready(log, request, fence, before, entries) {
        Serve::Ready(message, served) => (message, served),
        Serve::Read(_) => (Message::Done(segment_proto::messages::Done {}), (0, 0)),
    }
}

fn range(log: &ChannelLog, request: PageRequest, limits: &Limits) -> (u64, u64) {
    let durable = log.durable();
    let most = limits.batch_entries_max as u64;
    match request {
        PageRequest::Tail { count } => {
            let wanted = count + durable.saturating_sub(log.committed());
            ((durable + 1).saturating_sub(wanted.min(most)).max(1), durable)
        }
        PageRequest::Range { from, to } => (from.max(1), to.min(durable).min(from.saturating_add(most - 1))),
        PageRequest::After(at) => (at.pos.saturating_add(1), durable.min(at.pos.saturating_add(most))),
    }
}

fn fit(entries: impl Iterator<Item = Entry>, limits: &Limits) -> Vec<Entry> {
    let mut bytes = 0;
    entries
        .take_while(|entry| {
            bytes += entry.wire_bytes();
            bytes <= limits.batch_bytes_max || bytes == entry.wire_bytes()
        })
        .collect()
}

fn ready(log: &ChannelLog, request: PageRequest, fence: Fence, before: Hash, entries: Vec<Entry>) -> Serve {
    let served = (entries.first().map_or(0, |entry| entry.pos), entries.last().map_or(0, |entry| entry.pos));
    let (channel, head, receipt) = (log.id.channel, log.durable_position(), log.receipt().cloned());
    let PageRequest::After(at) = request else {
        return Serve::Ready(EntryPage { channel, fence, before, entries, head, receipt }.into(), served);
    };
    let parted = at.pos > head.pos
        || (!entries.is_empty() && before != at.chain)
        || (at.pos == head.pos && at.chain != head.chain);
    let (entries, diverged) = if parted { (Vec::new(), log.epochs()) } else { (entries, Vec::new()) };
    let served = if parted { (0, 0) } else { served };
    Serve::Ready(SyncPage { channel, fence, before, entries, head, receipt, diverged, first: 1 }.into(), served)
}
