//! What a live stream is made of: broadcast, track, group, frame. Nothing here looks into a payload.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize, Serializer};

use crate::ids::{ChannelId, DeviceId, Hash, StreamId};
use crate::records::Who;
use crate::signed::Content;
use crate::time::UnixMillis;

open_enum! {
    /// What a track carries. The lower number goes first where not everything can go.
    pub enum TrackKind {
        /// Sound.
        Audio = 1 => "audio",
        /// What the other tracks are, as it changes.
        Catalog = 2 => "catalog",
        /// Pictures.
        Video = 3 => "video",
    }
}

/// One track of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its number within the stream.
    pub track: u8,
    /// What it carries.
    pub kind: TrackKind,
    /// How its frames are encoded: `mjpeg`, `h264`, `opus`, ...
    #[serde(deserialize_with = "crate::bounded::text")]
    pub codec: String,
    /// What else a player needs to know: `640x480`, `48000/2`, ...
    #[serde(deserialize_with = "crate::bounded::text")]
    pub format: String,
    /// About so many bits a second.
    pub rate_bps: u32,
    /// About so many microseconds from frame to frame.
    pub interval_us: u32,
}

/// What a stream is, signed by who streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamDescription {
    /// The channel.
    pub channel: ChannelId,
    /// The stream; kept when its streamer drops and comes back.
    pub stream: StreamId,
    /// The device that signs its frames.
    pub device: DeviceId,
    /// Who streams.
    pub who: Who,
    /// For people.
    #[serde(deserialize_with = "crate::bounded::text")]
    pub title: String,
    /// Its tracks.
    #[serde(deserialize_with = "crate::bounded::tracks")]
    pub tracks: Vec<Track>,
    /// When it began.
    pub started: UnixMillis,
}

impl Content for StreamDescription {
    const DOMAIN: &'static str = "segment/stream/1";
}

/// Where a frame stands in its track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FramePlace {
    /// Its group; counts up, gaps are allowed.
    pub group: u64,
    /// Its number within the group; 0 is the keyframe.
    pub frame: u32,
}

/// What a frame is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct FrameFlags(u8);

impl FrameFlags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// Decodable by itself: it begins a group.
    pub const KEY: Self = Self(1);
    /// No other frame needs it.
    pub const DISCARDABLE: Self = Self(2);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn include(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Serialize for FrameFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("FrameFlags", &self.0)
    }
}

/// What a streamer signs of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameHeader {
    /// The stream.
    pub stream: StreamId,
    /// The track.
    pub track: u8,
    /// Where it stands.
    pub place: FramePlace,
    /// When it was captured, in microseconds since 1970 (UTC) by the streamer's clock.
    pub timestamp_us: u64,
    /// What it is good for.
    pub flags: FrameFlags,
    /// Bytes of its payload.
    pub size: u32,
    /// BLAKE3 of its payload.
    pub hash: Hash,
    /// The frame of its group that it builds on: the last before it that is not discardable. Of a keyframe 0.
    pub needs: u32,
    /// Frames of the track before it, since its streamer was started.
    pub count: u64,
}

impl Content for FrameHeader {
    const DOMAIN: &'static str = "segment/frame/1";
}

/// Admits a viewer to anybody who passes a stream on; signed by who coordinates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The channel.
    pub channel: ChannelId,
    /// The stream.
    pub stream: StreamId,
    /// The only device that may show this.
    pub viewer: DeviceId,
    /// When it ends.
    pub expires: UnixMillis,
}

impl Content for Ticket {
    const DOMAIN: &'static str = "segment/ticket/1";
}
