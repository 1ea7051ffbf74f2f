//! Live streams: announced through whoever serves the channel, carried from peer to peer.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::ids::{ChannelId, DeviceId, StreamId};
use crate::messages::DecodeError;
use crate::messages::payload::Payload;
use crate::records::Who;
use crate::signed::Signed;
use crate::status::Reason;
use crate::stream::{FrameHeader, FramePlace, StreamDescription, Ticket};

/// Begins a stream, or goes on with one after a break, at whoever coordinates it: the channel's host, or the
/// tracker while that is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartStream {
    /// What it is.
    pub description: Signed<StreamDescription>,
    /// How much the streamer can send, in kilobits a second.
    pub uplink_kbps: u32,
    /// Where it listens, at the address that the link comes from.
    pub port: u16,
    /// Or at this one.
    pub advertise: Option<IpAddr>,
}

/// Ends a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopStream {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
}

/// Asks for the streams of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStreams {
    /// The channel.
    pub channel: ChannelId,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRow {
    /// What it is.
    pub description: Signed<StreamDescription>,
    /// Who watch it, those who do not want to be seen not counted.
    pub viewers: u32,
    /// Whether its streamer is there; one that is not may come back within a minute.
    pub present: bool,
}

/// The streams of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPage {
    /// The channel.
    pub channel: ChannelId,
    /// All of them.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub rows: Vec<StreamRow>,
}

/// A stream has begun, or its streamer has gone or come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStarted {
    /// Which.
    pub row: StreamRow,
}

/// A stream has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStopped {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Why.
    pub reason: Reason,
}

/// Asks to watch; a [`Plan`] follows, now and whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// How much the viewer agrees to pass on, in kilobits a second. 0: nothing.
    pub relay_kbps: u32,
    /// Where it listens, at the address that the link comes from.
    pub port: u16,
    /// Or at this one.
    pub advertise: Option<IpAddr>,
    /// Whether others may see that it watches.
    pub listed: bool,
    /// From whom it has the stream already.
    pub parent: Option<DeviceId>,
}

/// Ends watching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatch {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
}

/// The receiver may not watch any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwatched {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Why.
    pub reason: Reason,
}

/// Somebody who passes a stream on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its key.
    pub device: DeviceId,
    /// Where it listens.
    pub address: SocketAddr,
}

/// From whom a viewer gets a stream. Of two plans the higher version counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Counts up.
    pub version: u32,
    /// From whom. Nobody has room: wait for the next plan.
    pub parent: Option<Node>,
    /// From whom else, the better one first; none of them gets the stream from the receiver.
    #[serde(deserialize_with = "crate::bounded::tracks")]
    pub backups: Vec<Node>,
    /// Shown to each of them.
    pub ticket: Signed<Ticket>,
    /// How often to report.
    pub report_ms: u32,
}

/// The last frame of a track that somebody has whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackPlace {
    /// The track.
    pub track: u8,
    /// The frame.
    pub place: FramePlace,
}

/// Asks a parent for a stream, from behind what the viewer has; where that is not to be had, from the newest keyframe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// Admits.
    pub ticket: Signed<Ticket>,
    /// What the viewer has.
    #[serde(deserialize_with = "crate::bounded::tracks")]
    pub after: Vec<TrackPlace>,
}

/// Shows whoever serves a newer ticket; all goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowTicket {
    /// It.
    pub ticket: Signed<Ticket>,
}

/// The viewer wants no more from this parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfollow {
    /// The stream.
    pub stream: StreamId,
}

/// The parent passes nothing on to this viewer, or soon will not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unserved {
    /// The stream.
    pub stream: StreamId,
    /// Why.
    pub reason: Reason,
}

/// A group begins, or goes on behind a gap. Said before its first chunk by each parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupHeader {
    /// The stream.
    pub stream: StreamId,
    /// The track.
    pub track: u8,
    /// The group.
    pub group: u64,
    /// The devices that it went through, the streamer first. Who finds itself there leaves that parent.
    #[serde(deserialize_with = "crate::bounded::path")]
    pub path: Vec<DeviceId>,
}

/// A piece of a frame. The same for all viewers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The stream.
    pub stream: StreamId,
    /// The track.
    pub track: u8,
    /// The frame.
    pub place: FramePlace,
    /// Counts the frame's chunks from 0.
    pub index: u16,
    /// What the streamer has signed; with the first chunk.
    pub header: Option<Signed<FrameHeader>>,
    /// The frame's next bytes.
    #[serde(serialize_with = "crate::readable::bytes")]
    pub payload: Bytes,
}

impl Chunk {
    /// This chunk in a frame of two parts: its payload is shared, not copied.
    #[must_use]
    pub fn to_frame(&self) -> Frame {
        let Self { stream, track, place, index, header, payload } = self;
        Frame::push_with_tail(Self::KIND, Self::VERSION, &(stream, track, place, index, header), payload)
    }

    /// As [`Message::decode`](super::Message::decode), but the payload is a part of `bytes` and no copy.
    ///
    /// # Errors
    /// As there.
    pub fn decode_shared(version: u8, bytes: &Bytes) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Borrowed<'a> {
            stream: StreamId,
            track: u8,
            place: FramePlace,
            index: u16,
            header: Option<Signed<FrameHeader>>,
            payload: &'a [u8],
        }
        if version != Self::VERSION {
            return Err(DecodeError::UnknownVersion { name: Self::NAME, version });
        }
        let (chunk, _) =
            postcard::take_from_bytes::<Borrowed<'_>>(bytes).map_err(|_| DecodeError::Malformed(Self::NAME))?;
        let Borrowed { stream, track, place, index, header, payload } = chunk;
        Ok(Self { stream, track, place, index, header, payload: bytes.slice_ref(payload) })
    }
}

/// The viewer has taken so much from this parent since it followed: what is under way is bounded by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The stream.
    pub stream: StreamId,
    /// Payload bytes.
    pub bytes: u64,
    /// How long ago the newest of them came.
    pub held_us: u32,
}

/// Says that a parent was silent, refused, or sent what its streamer has not signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLost {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Whom.
    pub parent: DeviceId,
    /// Who serves instead.
    pub instead: Option<DeviceId>,
}

/// How a viewer fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerFigures {
    /// Frames received whole.
    pub frames: u64,
    /// Frames that its parents left out, or that were not whole.
    pub dropped: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// From capture to here, the median of the last ones, in microseconds.
    pub delay_p50_us: u32,
    /// The same: 95 of 100 are below.
    pub delay_p95_us: u32,
    /// Devices between the streamer and this viewer.
    pub hops: u8,
    /// Viewers whom it serves.
    pub children: u32,
}

/// A viewer's report to whoever coordinates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerReport {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// From whom it has the stream.
    pub parent: Option<DeviceId>,
    /// How it fares.
    pub figures: ViewerFigures,
}

/// Asks who watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListViewers {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Behind this device.
    pub after: Option<DeviceId>,
}

/// One viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerRow {
    /// Who.
    pub who: Who,
    /// On which device.
    pub device: DeviceId,
    /// From whom.
    pub parent: Option<DeviceId>,
    /// Whether it passes the stream on if it is asked to.
    pub relays: bool,
    /// How it fares.
    pub figures: ViewerFigures,
}

/// Who watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerPage {
    /// By device.
    #[serde(deserialize_with = "crate::bounded::page")]
    pub rows: Vec<ViewerRow>,
    /// Whether there are more.
    pub more: bool,
}

/// Tells who passes a stream on that a device may not watch any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutOut {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// Who.
    pub viewer: DeviceId,
}
