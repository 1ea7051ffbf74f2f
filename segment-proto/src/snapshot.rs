//! A log's prefix, folded.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, Hash};
use crate::log::Position;
use crate::signed::Content;

/// Stands for everything up to a place: rows, rights and epochs, as bytes that are fetched in parts. Signed by the tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The channel.
    pub channel: ChannelId,
    /// The place.
    pub at: Position,
    /// The generation.
    pub generation: u32,
    /// How many bytes the fold has.
    pub size: u64,
    /// Their BLAKE3 hash.
    pub digest: Hash,
}

impl Content for Snapshot {
    const DOMAIN: &'static str = "segment/snapshot/1";
}
