//! The state of the three kinds of machine.

use crate::envelope::{AuthorId, Envelope, Hash, Signer};
use crate::log::{Chain, Log};

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

/// A fencing token: (store generation, epoch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// Raised when the tracker learns that its disk went back.
    pub generation: u8,
    /// Raised whenever the owner changes.
    pub epoch: u8,
}

impl Fence {
    /// Of the first host.
    pub const FIRST: Self = Self { generation: 0, epoch: 1 };
}

/// A host: one process on one disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// Not, when the disk is lost.
    pub alive: bool,
    /// The generation of its log.
    pub generation: u8,
    /// The epoch that it sequences in; 0 is none.
    pub sequencing: u8,
    /// The highest epoch that it knows, durable.
    pub max_epoch: u8,
    /// Its log, with a provisional tail.
    pub log: Log,
    /// How much of the log is on disk.
    pub stored: u8,
    /// How much of the log it knows to be committed.
    pub committed: u8,
    /// Messages of tails that were cut, in log order, durable.
    pub resubmit: Vec<Envelope>,
    /// How often the process started: what a grant must answer.
    pub start: u8,
    /// It says hello, because it owns no epoch and wants one.
    pub hello: bool,
    /// How much of the log it has deleted.
    pub forgotten: u8,
}

impl Host {
    /// One with an empty log.
    #[must_use]
    pub fn new(sequencing: u8) -> Self {
        Self {
            alive: true,
            generation: 0,
            sequencing,
            max_epoch: sequencing,
            log: Log::default(),
            stored: 0,
            committed: 0,
            resubmit: Vec::new(),
            start: 0,
            hello: false,
            forgotten: 0,
        }
    }

    /// The fence of what it sequences.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        Fence { generation: self.generation, epoch: self.sequencing }
    }

    /// The part of its log that is on disk.
    #[must_use]
    pub fn durable(&self) -> Log {
        self.log.prefix(usize::from(self.stored))
    }

    /// Its committed prefix: what it can show a receipt for.
    #[must_use]
    pub fn receipts(&self) -> Log {
        self.log.prefix(usize::from(self.committed))
    }

    /// The frame that replicates the entry at a position.
    #[must_use]
    pub fn frame(&self, position: usize) -> Option<Frame> {
        let entry = self.log.get(position)?;
        let fence = Fence { generation: self.generation, epoch: entry.epoch };
        Some(Frame { fence, position: position as u8, before: self.log.chain(position), envelope: entry.envelope })
    }

    /// Cuts the log and takes over another in one transaction; what was cut goes behind the resubmit queue.
    pub fn take_over(&mut self, log: Log, resubmits: Resubmits) {
        if resubmits == Resubmits::WhatWasCut {
            for envelope in self.durable().envelopes() {
                if !self.resubmit.contains(&envelope) {
                    self.resubmit.push(envelope);
                }
            }
        }
        self.resubmit.retain(|envelope| !log.holds(envelope));
        self.stored = log.len() as u8;
        self.committed = log.len() as u8;
        self.log = log;
        self.sequencing = 0;
    }
}

/// What becomes of messages whose entries are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resubmits {
    /// They are sequenced again.
    WhatWasCut,
    /// They are dropped (only without `CutResubmits`).
    Nothing,
}

/// An entry on its way to the tracker; frames stay in the network for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Of its sequencer.
    pub fence: Fence,
    /// Where it stands.
    pub position: u8,
    /// The chain hash before it.
    pub before: Chain,
    /// What stands there.
    pub envelope: Envelope,
}

/// A submit on its way; copies stay in the network for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Copy {
    /// The epoch that it is meant for.
    pub fence: Fence,
    /// What is submitted.
    pub envelope: Envelope,
    /// Which way it goes.
    pub way: Way,
}

/// Which way a submit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// To whoever sequences.
    Direct,
    /// To the tracker, to be forwarded to the host.
    Forwarded,
}

/// Who sequences in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The tracker itself.
    Tracker,
    /// A host, which said hello from this process start.
    Host {
        /// Which one.
        host: u8,
        /// The hello's nonce.
        start: u8,
    },
}

/// Who owns an epoch, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EpochRecord {
    /// Which epoch.
    pub fence: Fence,
    /// Who sequences.
    pub owner: Owner,
    /// The length of the log when it began.
    pub base: u8,
    /// The chain hash of the log when it began.
    pub base_chain: Chain,
}

/// The tracker: the epoch authority and the commit point.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tracker {
    /// The epoch that it is in.
    pub current: EpochRecord,
    /// The epochs before, oldest first.
    pub past: Vec<EpochRecord>,
    /// The log; what is synced of it is committed.
    pub log: Log,
    /// How much of the log is on disk.
    pub synced: u8,
    /// How many epoch records are on disk.
    pub synced_epochs: u8,
    /// What a new generation left out and has to sequence again.
    pub losing: Vec<Envelope>,
    /// How much of the log it has deleted.
    pub forgotten: u8,
}

impl Tracker {
    /// With an empty log, while the first host owns epoch 1.
    #[must_use]
    pub fn new() -> Self {
        let owner = Owner::Host { host: 0, start: 0 };
        Self {
            current: EpochRecord { fence: Fence::FIRST, owner, base: 0, base_chain: Log::default().chain(0) },
            past: Vec::new(),
            log: Log::default(),
            synced: 0,
            synced_epochs: 1,
            losing: Vec::new(),
            forgotten: 0,
        }
    }

    /// Every epoch record, oldest first.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = EpochRecord> + '_ {
        self.past.iter().copied().chain([self.current])
    }

    /// The fence of the current epoch.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.current.fence
    }

    /// The host that owns the epoch.
    #[must_use]
    pub const fn owning_host(&self) -> Option<u8> {
        match self.current.owner {
            Owner::Tracker => None,
            Owner::Host { host, .. } => Some(host),
        }
    }

    /// The committed log.
    #[must_use]
    pub fn committed(&self) -> Log {
        self.log.prefix(usize::from(self.synced))
    }

    /// Whether everything is on disk.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        usize::from(self.synced) == self.log.len() && usize::from(self.synced_epochs) == self.past.len() + 1
    }

    /// Writes the next epoch record.
    pub fn open(&mut self, owner: Owner) {
        let fence = Fence { epoch: self.current.fence.epoch + 1, ..self.current.fence };
        self.past.push(self.current);
        self.current = self.record(fence, owner);
    }

    fn record(&self, fence: Fence, owner: Owner) -> EpochRecord {
        EpochRecord { fence, owner, base: self.log.len() as u8, base_chain: self.log.chain(self.log.len()) }
    }

    /// Forgets every epoch, and begins one of its own in a new generation.
    pub fn begin_generation(&mut self, fence: Fence) {
        self.past.clear();
        self.current = self.record(fence, Owner::Tracker);
        self.sync();
    }

    /// Puts everything on disk.
    pub fn sync(&mut self) {
        self.synced = self.log.len() as u8;
        self.synced_epochs = self.past.len() as u8 + 1;
    }

    /// Loses what is not on disk.
    pub fn crash(&mut self) {
        self.log.cut(usize::from(self.synced));
        while self.past.len() + 1 > usize::from(self.synced_epochs) {
            let Some(before) = self.past.pop() else { return };
            self.current = before;
        }
    }
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new()
    }
}
