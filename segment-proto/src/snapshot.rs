//! A log's prefix, folded.

use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use crate::access::Access;
use crate::ids::ChannelId;
use crate::log::{Position, Row};
use crate::readable::Hex;
use crate::signed::Content;

/// Everything up to a place, folded: what a reader needs who cannot have the entries any more. Signed by the tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The channel.
    pub channel: ChannelId,
    /// The place.
    pub at: Position,
    /// The generation.
    pub generation: u32,
    /// The rows at that place.
    #[serde(deserialize_with = "crate::bounded::members")]
    pub rows: Vec<Row>,
    /// The folded rights at that place, as [`Access`] encodes itself.
    #[serde(serialize_with = "readable_access")]
    pub access: Bytes,
}

impl Content for Snapshot {
    const DOMAIN: &'static str = "segment/snapshot/1";
}

fn readable_access<S: Serializer>(access: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return serializer.serialize_bytes(access);
    }
    match postcard::from_bytes::<Access>(access) {
        Ok(access) => access.serialize(serializer),
        Err(_) => Hex(access).serialize(serializer),
    }
}
