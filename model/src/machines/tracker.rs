//! The tracker's state.

use super::Fence;
use crate::envelope::Envelope;
use crate::log::{Chain, Log};

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
