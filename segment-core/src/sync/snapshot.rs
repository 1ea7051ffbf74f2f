//! What stands for a log's prefix once its entries are gone: the fold over it, and how its end is known.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::limits::SNAPSHOT_PART_BYTES_MAX;
use segment_proto::{EpochRecord, Fence, Hash, Identity, Receipt, Row, Signed, Snapshot};
use serde::{Deserialize, Serialize};

use crate::store::{LogId, Table, Write};
use crate::sync::fold::{Fold, RightsFold};
use crate::sync::log::ChannelLog;
use crate::sync::persist::{Meta, decode, encode, put_meta};

/// Largest snapshot that is taken from anybody. Policy: a larger one is not fetched.
pub const SNAPSHOT_BYTES_MAX: u64 = 64 << 20;

/// Everything that a log's prefix has led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// The rows of all who have ever written: never forgotten.
    pub rows: Vec<Row>,
    /// The rights.
    pub rights: RightsFold,
    /// The epochs, oldest first.
    pub epochs: Vec<Signed<EpochRecord>>,
    /// The receipt for the place.
    pub receipt: Signed<Receipt>,
}

impl Folded {
    /// The fold at the last committed place.
    #[must_use]
    pub fn of(log: &ChannelLog) -> Option<Self> {
        let rows = log.base().rows().copied().collect();
        let (rights, epochs) = (log.base().rights().clone(), log.epochs());
        Some(Self { rows, rights, epochs, receipt: log.receipt()?.clone() })
    }

    /// The bytes, and what the tracker says of them.
    #[must_use]
    pub fn sign(&self, fence: Fence, identity: &Identity) -> (Signed<Snapshot>, Bytes) {
        let bytes = encode(self);
        let (channel, at, generation) = (self.receipt.channel, self.receipt.at, fence.generation);
        let (size, digest) = (bytes.len() as u64, digest(&bytes));
        (Signed::new(Snapshot { channel, at, generation, size, digest }, identity), bytes)
    }

    /// The fold in these bytes, if they are the snapshot's.
    #[must_use]
    pub fn open(snapshot: &Snapshot, bytes: &[u8]) -> Option<Self> {
        let folded: Self = decode(bytes).filter(|_| digest(bytes) == snapshot.digest)?;
        (folded.receipt.at == snapshot.at && folded.receipt.channel == snapshot.channel).then_some(folded)
    }

    /// As a log begins with it.
    #[must_use]
    pub fn fold(&self) -> Fold {
        Fold::from_parts(self.rights.clone(), self.rows.iter().copied())
    }
}

fn digest(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

/// The key of a part.
#[must_use]
pub fn part_key(log: LogId, part: u64) -> Bytes {
    log.key(&part.to_be_bytes())
}

/// Writes a snapshot, in parts, in place of one of `before` bytes.
#[must_use]
pub fn put_snapshot(log: LogId, snapshot: &Signed<Snapshot>, bytes: &Bytes, before: u64) -> Vec<Write> {
    let table = Table::Snapshot;
    let parts = bytes.len().div_ceil(SNAPSHOT_PART_BYTES_MAX);
    let part = |n: usize| {
        let end = bytes.len().min((n + 1) * SNAPSHOT_PART_BYTES_MAX);
        Write::Put { table, key: part_key(log, n as u64), value: bytes.slice(n * SNAPSHOT_PART_BYTES_MAX..end) }
    };
    let old = before.div_ceil(SNAPSHOT_PART_BYTES_MAX as u64);
    let surplus = (parts as u64..old).map(|n| Write::Delete { table, key: part_key(log, n) });
    (0..parts).map(part).chain(surplus).chain([put_meta(log, Meta::Snapshot, snapshot)]).collect()
}
