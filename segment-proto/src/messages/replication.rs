//! Between a channel's host and the tracker.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::epoch::{EpochRecord, Evidence, Fence, Receipt};
use crate::ids::{ChannelId, Hash, Nonce};
use crate::log::{Entry, Position};
use crate::signed::Signed;
use crate::snapshot::Snapshot;

/// A host that owns no epoch asks for one, and shows what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHello {
    /// The channel.
    pub channel: ChannelId,
    /// Of this process start; a grant that answers another is not taken.
    pub nonce: Nonce,
    /// The highest fence that the host has on disk.
    pub max_fence: Fence,
    /// Its last place.
    pub tip: Position,
    /// Messages that wait to be sequenced again.
    pub resubmit: u32,
    /// The newest that the host holds.
    pub evidence: Evidence,
    /// Ask for the page that follows this place; [`Position::START`] with the first request.
    pub after: Position,
}

/// What the tracker has, for the host to take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopt {
    /// The channel.
    pub channel: ChannelId,
    /// The nonce of the hello that this answers.
    pub nonce: Nonce,
    /// The tracker's newest epochs, oldest first.
    #[serde(deserialize_with = "crate::bounded::epochs")]
    pub epochs: Vec<Signed<EpochRecord>>,
    /// The tracker's last place.
    pub head: Position,
    /// The last place that both share: the host cuts what it has behind it.
    pub common: Position,
    /// What follows that place, a page of it.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
    /// The receipt for the head.
    pub receipt: Option<Signed<Receipt>>,
    /// Where the common prefix ends below the retained log: what stands for everything up to its place.
    pub snapshot: Option<Signed<Snapshot>>,
}

/// The host has, in one transaction, cut its tail and appended what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// The channel.
    pub channel: ChannelId,
    /// The nonce of its hello.
    pub nonce: Nonce,
    /// The generation that it adopted.
    pub generation: u32,
    /// Its last place, now equal to the tracker's.
    pub at: Position,
}

/// The host may sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The nonce of the hello that this answers.
    pub nonce: Nonce,
    /// The epoch, its owner and its base.
    pub record: Signed<EpochRecord>,
}

/// Entries for the tracker to store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicate {
    /// The channel.
    pub channel: ChannelId,
    /// The host's epoch.
    pub fence: Fence,
    /// The chain before the first of them.
    pub before: Hash,
    /// Dense.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
}

/// The tracker has it on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Up to where.
    pub receipt: Signed<Receipt>,
}

/// The sender's epoch is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fenced {
    /// The epoch now.
    pub record: Signed<EpochRecord>,
}

/// The replicated entries do not continue the tracker's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicateRefused {
    /// The channel.
    pub channel: ChannelId,
    /// The epoch in which they were sent.
    pub fence: Fence,
    /// The tracker's last place: go on from there, or say hello again where it is not yours.
    pub head: Position,
}

/// The tracker's disk has lost what it was just shown: whoever holds it is to bring it with [`Reseed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The channel.
    pub channel: ChannelId,
    /// The generation that the tracker has opened for that.
    pub generation: u32,
    /// What it has of the epochs, oldest first: where the bases are on the holder's chain, the logs agree.
    #[serde(deserialize_with = "crate::bounded::epochs")]
    pub epochs: Vec<Signed<EpochRecord>>,
    /// Its last place.
    pub head: Position,
}

/// A page of what the tracker has lost, from behind a place that both have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseed {
    /// The channel.
    pub channel: ChannelId,
    /// The generation that asked for it.
    pub generation: u32,
    /// The place before the first entry.
    pub after: Position,
    /// Dense.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub entries: Vec<Entry>,
    /// The receipt that proves the whole of it.
    pub receipt: Signed<Receipt>,
}

/// How far the tracker has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseeded {
    /// The channel.
    pub channel: ChannelId,
    /// The next page is to follow this place; nothing more is needed where it is the receipt's, or above.
    pub next: Position,
}

/// Asks for a part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSnapshot {
    /// The channel.
    pub channel: ChannelId,
    /// Its place.
    pub pos: u64,
    /// The first byte wanted.
    pub offset: u64,
}

/// A part of a snapshot's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPart {
    /// The channel.
    pub channel: ChannelId,
    /// Its place.
    pub pos: u64,
    /// The place of the first byte.
    pub offset: u64,
    /// At most [`crate::limits::SNAPSHOT_PART_BYTES_MAX`]; empty behind the end.
    #[serde(serialize_with = "crate::readable::bytes")]
    pub bytes: Bytes,
}
