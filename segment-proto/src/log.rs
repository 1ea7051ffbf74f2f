//! The log of a channel: entries, their chain, and the rows that are folded from them.

use serde::{Deserialize, Serialize};

use crate::envelope::SignedEnvelope;
use crate::ids::{AccountId, DeviceId, Hash};
use crate::time::UnixMillis;

/// A place in a log, with the hash that fixes everything up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Dense from 1 over the channel's whole life; 0 is before the first entry.
    pub pos: u64,
    /// The epoch of the entry at `pos`.
    pub epoch: u32,
    /// The chain at `pos`.
    pub chain: Hash,
}

impl Position {
    /// Before the first entry.
    pub const START: Self = Self { pos: 0, epoch: 0, chain: Hash::ZERO };
}

/// An envelope in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The place.
    pub pos: u64,
    /// The epoch in which it was sequenced.
    pub epoch: u32,
    /// When it was sequenced, by the sequencer's clock: a label.
    pub sequenced: UnixMillis,
    /// What its author signed.
    pub envelope: SignedEnvelope,
}

impl Entry {
    /// The chain at this entry: BLAKE3(chain before, pos, epoch, sequenced, hash of the envelope), integers little-endian.
    #[must_use]
    pub fn chain(&self, before: &Hash) -> Hash {
        self.chain_with(before, &self.envelope.hash())
    }

    /// As [`Self::chain`], for who has hashed the envelope already.
    #[must_use]
    pub fn chain_with(&self, before: &Hash, envelope: &Hash) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&before.0);
        hasher.update(&self.pos.to_le_bytes());
        hasher.update(&self.epoch.to_le_bytes());
        hasher.update(&self.sequenced.0.to_le_bytes());
        hasher.update(&envelope.0);
        Hash(*hasher.finalize().as_bytes())
    }

    /// The place with the chain that `before` leads to.
    #[must_use]
    pub fn position(&self, before: &Hash) -> Position {
        Position { pos: self.pos, epoch: self.epoch, chain: self.chain(before) }
    }

    /// Its size in a frame, in bytes, rounded up.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        self.envelope.bytes().len() + 64 + 32
    }
}

/// Where an author stands in a log: a fold over the log, never forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The author's device.
    pub device: DeviceId,
    /// Its account.
    pub account: AccountId,
    /// Incarnation of the last envelope; 0 before the first.
    pub incarnation: u32,
    /// Its sequence number within the incarnation.
    pub seq: u64,
    /// Its hash: what the next envelope has to name as its `prev`.
    pub hash: Hash,
}

impl Row {
    /// The row of who has written nothing yet.
    #[must_use]
    pub const fn empty(device: DeviceId, account: AccountId) -> Self {
        Self { device, account, incarnation: 0, seq: 0, hash: Hash::ZERO }
    }
}
