//! Answering reads: from memory where the log has the entries there, else from the store; a range always from the store.

use alloc::format;
use alloc::vec::Vec;

use segment_proto::limits::ENVELOPE_BYTES_MAX;
use segment_proto::messages::{EntryPage, Failure, OwnEntries, ReadOwn, ReadRange, ReadTail, Sync, SyncPage};
use segment_proto::{DeviceId, Entry, Fence, Hash, Limits, Message, Position, Reason};

use crate::outbox::Asker;
use crate::store::{Operation, StoreOperation, StoredEntry};
use crate::sync::log::ChannelLog;
use crate::sync::verify::sound;

/// Places that one search for an author goes through. Policy: the author asks on from `searched`.
const SEARCH_PLACES_MAX: u64 = 4_096;

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
    /// What this device itself has written.
    Own {
        /// The device.
        device: DeviceId,
        /// First place.
        from: u64,
        /// Last place.
        to: u64,
    },
}

impl PageRequest {
    /// The request in a message of this device about this log.
    #[must_use]
    pub fn from_message(message: &Message, device: DeviceId, log: &ChannelLog) -> Option<Self> {
        match message {
            Message::ReadTail(ReadTail { count, .. }) => Some(Self::Tail { count: u64::from(*count) }),
            Message::ReadRange(ReadRange { from, to, .. }) => Some(Self::Range { from: *from, to: *to }),
            Message::Sync(Sync { at, .. }) => Some(Self::After(*at)),
            Message::ReadOwn(ReadOwn { from, .. }) => Some(Self::own(device, *from, log)),
            _ => None,
        }
    }

    /// Fixed here, so that what is said to have been searched is what was searched.
    fn own(device: DeviceId, from: u64, log: &ChannelLog) -> Self {
        let from = from.max(1);
        Self::Own { device, from, to: log.durable().min(from.saturating_add(SEARCH_PLACES_MAX - 1)) }
    }

    /// Whether only who reads the channel may ask this. Authors may always see what they wrote.
    #[must_use]
    pub fn needs_subscription(&self) -> bool {
        !matches!(self, Self::Own { .. })
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
    if let PageRequest::Own { device, from, to } = request {
        return begin_own(log, device, (from, to), fence, limits);
    }
    let (from, to) = range(log, request, limits);
    if let Some(gone) = gone(log, request, fence) {
        return Serve::Ready(gone, (0, 0));
    }
    if from > to {
        return ready(log, request, fence, Hash::ZERO, Vec::new());
    }
    if let Some((before, entries)) = in_memory(log, request, (from, to)) {
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

/// A range is read from disk, so that whoever goes through a copy finds what is damaged there.
fn in_memory(log: &ChannelLog, request: PageRequest, (from, to): (u64, u64)) -> Option<(Hash, Vec<&StoredEntry>)> {
    log.slice(from, to).filter(|_| !matches!(request, PageRequest::Range { .. }))
}

/// Who has written nothing here costs no search.
fn begin_own(log: &ChannelLog, device: DeviceId, (from, to): (u64, u64), fence: Fence, limits: &Limits) -> Serve {
    if from > to || !log.fold().has_row(device) {
        return Serve::Ready(own_entries(log, fence, Vec::new(), log.durable()), (0, 0));
    }
    Serve::Read(Operation::Store(StoreOperation::ReadAuthor {
        log: log.id,
        device,
        from,
        to,
        entries_max: limits.batch_entries_max,
        bytes_max: limits.batch_bytes_max,
    }))
}

/// Where not even the largest entry would have fitted any more, there may be more before `to`.
fn searched(entries: &[Entry], to: u64, limits: &Limits) -> u64 {
    let bytes: usize = entries.iter().map(Entry::wire_bytes).sum();
    let full = entries.len() >= limits.batch_entries_max || bytes + ENVELOPE_BYTES_MAX + 96 > limits.batch_bytes_max;
    entries.last().filter(|_| full).map_or(to, |entry| entry.pos)
}

fn own_entries(log: &ChannelLog, fence: Fence, entries: Vec<Entry>, searched: u64) -> Message {
    OwnEntries { channel: log.id.channel, fence, entries, searched, head: log.durable() }.into()
}

/// Ends a read with what the store gave; what was cut meanwhile is left out.
#[must_use]
pub fn finish(
    log: &ChannelLog,
    request: PageRequest,
    fence: Fence,
    before: Hash,
    entries: Vec<StoredEntry>,
    limits: &Limits,
) -> (Message, Served) {
    let stands = |stored: &StoredEntry| {
        let pos = stored.entry.pos;
        pos <= log.durable() && log.position_at(pos).is_none_or(|position| position == stored.position())
    };
    // Where the place before is gone, its chain is still known.
    let first = entries.first().map_or(0, |stored| stored.entry.pos);
    let before = first.checked_sub(1).map_or(before, |pos| log.chain_before_page(pos, before));
    let (read, wanted) = (entries.len(), range(log, request, limits));
    let whole = if request.needs_subscription() { sound(before, entries) } else { unharmed(entries) };
    let is_harmed = whole.len() < read && whole.iter().all(stands);
    let entries: Vec<StoredEntry> = whole.into_iter().take_while(stands).collect();
    if is_harmed && (entries.is_empty() || !request.needs_subscription())
        || (read == 0 && wanted.0 <= wanted.1 && request.needs_subscription())
    {
        return (damaged(wanted.0), (0, 0));
    }
    let entries: Vec<Entry> = entries.into_iter().map(|stored| stored.entry).collect();
    if let PageRequest::Own { to, .. } = request {
        let searched = searched(&entries, to.min(log.durable()), limits);
        return (own_entries(log, fence, entries, searched), (0, 0));
    }
    match ready(log, request, fence, before, entries) {
        Serve::Ready(message, served) => (message, served),
        Serve::Read(_) => (Message::Done(segment_proto::messages::Done {}), (0, 0)),
    }
}

/// What is not as it was written is never served: the reader is told, and goes elsewhere.
#[must_use]
pub fn damaged(pos: u64) -> Message {
    Failure::new(Reason::StorageFailed, &format!("this copy is damaged at !{pos}: /verify can heal it")).into()
}

/// Whether this is what [`damaged`] says.
#[must_use]
pub fn is_damaged(message: &Message) -> bool {
    matches!(message, Message::Failure(failure) if failure.reason == Reason::StorageFailed)
}

/// Entries that are not dense are only as good as their own hashes.
fn unharmed(entries: Vec<StoredEntry>) -> Vec<StoredEntry> {
    entries.into_iter().take_while(|stored| stored.entry.envelope.hash() == stored.hash).collect()
}

/// Below what is kept there is nothing to give: the reader is told where it begins.
fn gone(log: &ChannelLog, request: PageRequest, fence: Fence) -> Option<Message> {
    let below = log.below().pos;
    match request {
        PageRequest::After(at) if at.pos < below => {
            let (channel, head, receipt) = (log.id.channel, log.durable_position(), log.receipt().cloned());
            let (before, entries, diverged) = (log.below().chain, Vec::new(), Vec::new());
            Some(SyncPage { channel, fence, before, entries, head, receipt, diverged, first: below + 1 }.into())
        }
        PageRequest::Range { to, .. } if (1..=below).contains(&to) => {
            Some(Failure::new(Reason::Gone, &format!("the channel begins at !{}", below + 1)).into())
        }
        _ => None,
    }
}

fn range(log: &ChannelLog, request: PageRequest, limits: &Limits) -> (u64, u64) {
    let durable = log.durable();
    let (most, first) = (limits.batch_entries_max as u64, log.below().pos + 1);
    match request {
        PageRequest::Tail { count } => {
            let wanted = count + durable.saturating_sub(log.committed());
            ((durable + 1).saturating_sub(wanted.min(most)).max(first), durable)
        }
        PageRequest::Range { from, to } => {
            let from = from.max(first);
            (from, to.min(durable).min(from.saturating_add(most - 1)))
        }
        PageRequest::Own { from, to, .. } => (from, to),
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
    Serve::Ready(
        SyncPage { channel, fence, before, entries, head, receipt, diverged, first: log.below().pos + 1 }.into(),
        served,
    )
}
