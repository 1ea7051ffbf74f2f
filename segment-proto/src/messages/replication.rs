//! Between a channel's host and the tracker.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::epoch::{EpochRecord, Fence, Receipt};
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
    /// The highest receipt it holds.
    pub receipt: Option<Signed<Receipt>>,
    /// The newest epoch record it holds.
    pub epoch: Option<Signed<EpochRecord>>,
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

/// The tracker holds new messages back, so that the host can reach its head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The channel.
    pub channel: ChannelId,
    /// The last place before the seal.
    pub head: Position,
}

/// The folded log below the retained entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowSnapshot {
    /// Signed by the tracker.
    pub snapshot: Signed<Snapshot>,
}
