//! The logs in a store, and what stands at their places.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{ChannelId, Entry, Hash, Position};

/// Which copy of a channel's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogRole {
    /// The host's: the primary.
    Host = 1,
    /// The tracker's.
    Backup = 2,
    /// A member's: it may have holes.
    Cache = 3,
    /// What is being put together, and belongs to no log until all of it is proven.
    Staging = 4,
    /// What a reader has of an older generation, until it is brought to the new one.
    Aside = 5,
}

/// One log in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId {
    /// The channel.
    pub channel: ChannelId,
    /// Which copy of it.
    pub role: LogRole,
}

impl LogId {
    /// The prefix of the keys of all records that belong to this log.
    #[must_use]
    pub fn prefix(&self) -> [u8; 17] {
        let mut prefix = [0; 17];
        prefix[..16].copy_from_slice(self.channel.as_bytes());
        prefix[16] = self.role as u8;
        prefix
    }

    /// The key of a record that belongs to this log.
    #[must_use]
    pub fn key(&self, suffix: &[u8]) -> Bytes {
        let mut key = Vec::with_capacity(17 + suffix.len());
        key.extend_from_slice(&self.prefix());
        key.extend_from_slice(suffix);
        key.into()
    }
}

/// An entry with the hashes that its writer has computed already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// The hash of its envelope.
    pub hash: Hash,
    /// The chain at it.
    pub chain: Hash,
}

impl StoredEntry {
    /// Computes both hashes.
    #[must_use]
    pub fn new(entry: Entry, before: &Hash) -> Self {
        let hash = entry.envelope.hash();
        let chain = entry.chain_with(before, &hash);
        Self { entry, hash, chain }
    }

    /// Its place.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { pos: self.entry.pos, epoch: self.entry.epoch, chain: self.chain }
    }
}

/// What a read gives that has both limits: as many entries from the front as fit them, but at least one.
pub fn fitting<'a>(
    entries: impl Iterator<Item = &'a StoredEntry>,
    entries_max: usize,
    bytes_max: usize,
) -> Vec<StoredEntry> {
    let mut bytes = 0;
    let fits = |stored: &&StoredEntry| {
        let is_first = bytes == 0;
        bytes += stored.entry.wire_bytes();
        is_first || bytes <= bytes_max
    };
    entries.take(entries_max).take_while(fits).cloned().collect()
}
