//! A disk: transactions that take their time, may be lost at a crash, and may fail to sync.

use core::time::Duration;

use segment_core::{Fatal, LogId, OpId, StoreOperation, StoreOutcome};

use crate::dice::Dice;
use crate::image::Image;

/// Most operations that share one sync.
const GROUP_OPERATIONS_MAX: usize = 256;

/// How a disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskProfile {
    /// The shortest time of a batch.
    pub fastest: Duration,
    /// The longest.
    pub slowest: Duration,
    /// Of a thousand batches with writes, so many fail to sync.
    pub failing_permille: u64,
    /// Whether it does what it says.
    pub honesty: Honesty,
}

/// Whether a disk does what it says: all but the first are planted faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Honesty {
    /// What is performed is durable.
    #[default]
    Honest,
    /// A batch becomes durable only with the next one: what an operating system without a sync does.
    NeverSyncs,
    /// A crash may leave half of a transaction.
    TearsTransactions,
}

impl Default for DiskProfile {
    fn default() -> Self {
        Self {
            fastest: Duration::from_micros(50),
            slowest: Duration::from_millis(4),
            failing_permille: 0,
            honesty: Honesty::Honest,
        }
    }
}

/// A node's disk.
#[derive(Debug)]
pub struct Disk {
    durable: Image,
    /// What a disk that never syncs shows, as long as nothing crashes.
    cached: Option<Image>,
    running: Vec<(OpId, StoreOperation)>,
    waiting: Vec<(OpId, StoreOperation)>,
    unsynced: Vec<StoreOperation>,
    profile: DiskProfile,
    dice: Dice,
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(profile: DiskProfile, dice: Dice) -> Self {
        let cached = (profile.honesty == Honesty::NeverSyncs).then(Image::default);
        Self {
            durable: Image::default(),
            cached,
            running: Vec::new(),
            waiting: Vec::new(),
            unsynced: Vec::new(),
            profile,
            dice,
        }
    }

    /// What a crash now is sure to leave.
    #[must_use]
    pub fn durable(&self) -> &Image {
        &self.durable
    }

    /// Another image lies on it: an old one, a copy, or nothing at all. Nothing may be under way.
    pub fn replace(&mut self, image: Image) {
        if let Some(cached) = &mut self.cached {
            cached.clone_from(&image);
        }
        self.durable = image;
    }

    /// A bit of an entry flips. Whether there is such an entry.
    pub fn flip(&mut self, log: LogId, pos: u64) -> bool {
        if let Some(cached) = &mut self.cached {
            cached.flip(log, pos);
        }
        self.durable.flip(log, pos)
    }

    /// Changes how it behaves from the next batch on.
    pub fn set_failing(&mut self, permille: u64) {
        self.profile.failing_permille = permille;
    }

    /// Takes an operation; it waits for the batch that runs.
    pub fn submit(&mut self, op: OpId, operation: StoreOperation) {
        self.waiting.push((op, operation));
    }

    /// Starts the next batch where none runs and something waits. Says how long it takes.
    pub fn start(&mut self) -> Option<Duration> {
        if !self.running.is_empty() || self.waiting.is_empty() {
            return None;
        }
        let count = self.waiting.len().min(GROUP_OPERATIONS_MAX);
        self.running.extend(self.waiting.drain(..count));
        Some(self.dice.duration(self.profile.fastest, self.profile.slowest))
    }

    /// Ends the batch that runs: everything in it is durable.
    ///
    /// # Errors
    /// [`Fatal`]: the sync failed, the process has to stop.
    pub fn finish(&mut self) -> Result<Vec<(OpId, StoreOutcome)>, Fatal> {
        if self.has_writes() && self.dice.chance(self.profile.failing_permille) {
            return Err(Fatal("the sync failed".into()));
        }
        let Some(cached) = &mut self.cached else {
            let done = self.running.drain(..);
            return Ok(done.map(|(op, operation)| (op, self.durable.apply(&operation))).collect());
        };
        let unsynced: Vec<_> = self.unsynced.drain(..).collect();
        unsynced.iter().for_each(|operation| drop(self.durable.apply(operation)));
        self.unsynced.extend(self.running.iter().map(|(_, operation)| operation.clone()));
        Ok(self.running.drain(..).map(|(op, operation)| (op, cached.apply(&operation))).collect())
    }

    fn has_writes(&self) -> bool {
        self.running.iter().any(|(_, operation)| matches!(operation, StoreOperation::Write(_)))
    }

    /// The process is gone: of what was under way, the first few transactions are there, or none, or all.
    pub fn crash(&mut self) {
        self.waiting.clear();
        self.unsynced.clear();
        let running: Vec<_> = self.running.drain(..).collect();
        let kept = self.dice.index(running.len() + 1);
        if self.cached.is_none() {
            running.iter().take(kept).for_each(|(_, operation)| drop(self.durable.apply(operation)));
            self.tear(running.get(kept).map(|(_, operation)| operation));
        }
        if let Some(cached) = &mut self.cached {
            cached.clone_from(&self.durable);
        }
    }

    fn tear(&mut self, operation: Option<&StoreOperation>) {
        let Some(StoreOperation::Write(writes)) = operation else { return };
        if self.profile.honesty == Honesty::TearsTransactions {
            let half = writes[..writes.len() / 2].to_vec();
            self.durable.apply(&StoreOperation::Write(half));
        }
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}
