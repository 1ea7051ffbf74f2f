//! A host's state.

use super::{Fence, Frame};
use crate::envelope::Envelope;
use crate::log::Log;

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
