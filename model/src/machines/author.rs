//! An author's state.

use super::Fence;
use crate::envelope::{AuthorId, Envelope, Hash, Signer};
use crate::log::Log;

/// What an author's disk holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuthorDisk {
    /// The counters.
    pub signer: Signer,
    /// Own envelopes that are not final yet, in the order of signing.
    pub outbox: Vec<Envelope>,
}

/// A member or the owner, who writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Author {
    /// Who.
    pub id: AuthorId,
    /// Not, when the disk is lost.
    pub alive: bool,
    /// What is on disk, or on its way there.
    pub disk: AuthorDisk,
    /// What is really on disk, while the author has gone ahead of it (only without `OutboxBeforeSubmit`).
    pub synced: Option<Box<AuthorDisk>>,
    /// A backup of the disk.
    pub backup: Option<Box<AuthorDisk>>,
    /// Whether the backup was restored.
    pub restored: bool,
    /// How many contents were written.
    pub written: u8,
    /// Entries of others that were displayed, or signed on, before they were committed.
    pub held: Vec<Envelope>,
    /// Whether B has seen what it will answer.
    pub displayed: bool,
    /// The committed entries read so far (kept only where the tracker's disk may go back).
    pub cache: Log,
    /// The generation of these entries' positions.
    pub cache_generation: u8,
    /// The newest fence known.
    pub known: Fence,
}

impl Author {
    /// One who has written nothing.
    #[must_use]
    pub fn new(id: AuthorId) -> Self {
        Self {
            id,
            alive: true,
            disk: AuthorDisk::default(),
            synced: None,
            backup: None,
            restored: false,
            written: 0,
            held: Vec::new(),
            displayed: false,
            cache: Log::default(),
            cache_generation: 0,
            known: Fence::FIRST,
        }
    }

    /// Hears of a sequencer's fence, and reads its committed log as far as that continues what was read before.
    pub fn reads(&mut self, committed: Log, fence: Fence, keeps: bool) {
        if keeps && committed.starts_with(&self.cache) {
            self.takes_numbering(committed, fence);
        }
        self.known = self.known.max(fence);
    }

    /// Takes over the log of a generation, with its positions.
    pub fn takes_numbering(&mut self, committed: Log, fence: Fence) {
        self.cache = committed;
        self.cache_generation = self.cache_generation.max(fence.generation);
        self.known = self.known.max(fence);
    }

    /// Whether this author can bring the envelope with a hash.
    #[must_use]
    pub fn piece(&self, hash: Hash) -> Option<Envelope> {
        let own = self.disk.outbox.iter().chain(&self.held).copied();
        own.chain(self.cache.envelopes()).find(|envelope| envelope.hash() == hash)
    }
}
