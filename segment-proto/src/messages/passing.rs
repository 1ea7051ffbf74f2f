//! What is said about streams by those who cannot, or do not want to, be linked to a channel's host.

use core::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::frame::{Frame, Header, LENGTH_BYTES};
use crate::ids::{ChannelId, DeviceId};
use crate::messages::{DecodeError, Message};
use crate::records::Who;

/// Hands on to a channel's host what a session has said to the tracker about streams. Only a tracker is believed this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardStream {
    /// The channel.
    pub channel: ChannelId,
    /// The tracker's name for whoever spoke.
    pub session: u64,
    /// Who that is.
    pub who: Who,
    /// On which device.
    pub device: DeviceId,
    /// Where they come from; nothing where that is nobody's business.
    pub seen: Option<IpAddr>,
    /// The frame as it came. Empty: the session is gone.
    #[serde(serialize_with = "crate::readable::bytes")]
    pub frame: Bytes,
}

/// What a channel's host has to say to such a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnStream {
    /// The channel.
    pub channel: ChannelId,
    /// As in [`ForwardStream`].
    pub session: u64,
    /// The frame as it is to go.
    #[serde(serialize_with = "crate::readable::bytes")]
    pub frame: Bytes,
}

/// A message that is carried in another, and its frame.
///
/// # Errors
/// [`DecodeError`]: it is no frame, or no message that is known here.
pub fn carried(bytes: &Bytes) -> Result<(Header, Message, Frame), DecodeError> {
    let body = bytes.get(LENGTH_BYTES..).unwrap_or_default();
    let frame = Frame::from_body(body).ok_or(DecodeError::Malformed("Frame"))?;
    let header = frame.header().ok_or(DecodeError::Malformed("Frame"))?;
    Ok((header, Message::decode(&header, &frame.payload())?, frame))
}
