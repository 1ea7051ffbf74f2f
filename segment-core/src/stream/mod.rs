//! Live streams, carried from device to device: broadcast > track > group > frame, cut into chunks.
//!
//! A [`Publisher`] signs frames, a [`Viewer`] checks them and passes them on if it has agreed to, and a [`Coordinator`]
//! says who gets a stream from whom. What is sent is kept once, in a [`Ring`]; each viewer is a cursor into it, so that
//! nobody is waited for and a slow viewer costs nobody else anything. These machines know links by their ids and
//! devices by their keys; whoever holds them finds the one for the other.

use alloc::collections::VecDeque;

use bytes::Bytes;
use segment_proto::limits::StreamLimits;
use segment_proto::messages::{GroupHeader, Node};
use segment_proto::{DeviceId, Frame, FrameFlags, FramePlace, Identity, LinkId, Now, Payload, Reason, StreamId, Track};

use crate::rules::Rules;

pub mod admission;
pub mod coordinator;
pub mod fanout;
pub mod figures;
pub mod intake;
pub mod pacing;
pub mod parents;
pub mod policy;
pub mod publisher;
pub mod ring;
pub mod subscriber;
pub mod viewer;

#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use coordinator::{Coordinator, Told};
pub use publisher::{Publisher, PushError};
pub use ring::Ring;
pub use viewer::Viewer;

/// A whole frame, as a source gives it and a sink takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFrame {
    /// Its track.
    pub track: u8,
    /// Where it stands in its track.
    pub place: FramePlace,
    /// When it was captured, in microseconds since 1970 (UTC) by the streamer's clock.
    pub timestamp_us: u64,
    /// What it is good for.
    pub flags: FrameFlags,
    /// Its bytes.
    pub payload: Bytes,
}

/// What a stream's machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamOutput {
    /// Queue a frame on a link.
    Send(LinkId, Frame),
    /// Tell whoever coordinates the stream.
    Report(Frame),
    /// Tell the embedder, of this stream.
    Event(StreamId, StreamEvent),
}

/// What a stream's machine tells its embedder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// A frame is here, whole and its streamer's.
    Frame(MediaFrame),
    /// The stream comes from somebody else now.
    ParentChanged {
        /// Who it was.
        from: Option<DeviceId>,
        /// Who it is; nobody for now.
        to: Option<DeviceId>,
    },
    /// A parent was left because it sent what it must not.
    ParentLeft {
        /// Who.
        parent: DeviceId,
        /// Why.
        reason: Reason,
    },
}

/// What a stream's machine is handed with each call.
pub struct StreamContext<'a> {
    /// Where outputs go.
    pub out: &'a mut VecDeque<StreamOutput>,
    /// The limits.
    pub limits: &'a StreamLimits,
    /// The rules.
    pub rules: Rules,
    /// This device.
    pub identity: &'a Identity,
    /// The time.
    pub now: Now,
}

impl StreamContext<'_> {
    pub(crate) fn send<P: Payload>(&mut self, link: LinkId, payload: &P) {
        self.out.push_back(StreamOutput::Send(link, Frame::push(payload)));
    }

    pub(crate) fn report<P: Payload>(&mut self, payload: &P) {
        self.out.push_back(StreamOutput::Report(Frame::push(payload)));
    }

    pub(crate) fn event(&mut self, stream: StreamId, event: StreamEvent) {
        self.out.push_back(StreamOutput::Event(stream, event));
    }
}

/// The name of a stream: the same for the same title on the same device, so that a streamer that was killed goes on
/// with the stream that it had.
#[must_use]
pub fn stream_id(channel: &segment_proto::ChannelId, device: &DeviceId, title: &str) -> StreamId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"segment/stream-id/1\0").update(channel.as_bytes()).update(device.as_bytes());
    hasher.update(title.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    StreamId::from_random(bytes)
}

/// The way of a stream as its next receiver is told it.
#[derive(Clone, Debug)]
pub(crate) struct Way(alloc::vec::Vec<DeviceId>);

impl Way {
    /// It begins here.
    pub(crate) fn begin(device: DeviceId) -> Self {
        Self(alloc::vec![device])
    }

    /// It goes on here; not for ever.
    pub(crate) fn go_on(path: &[DeviceId], device: DeviceId) -> Self {
        Self(path.iter().copied().chain([device]).collect())
    }

    pub(crate) fn header(&self, stream: StreamId, track: u8, group: u64) -> Frame {
        Frame::push(&GroupHeader { stream, track, group, path: self.0.clone() })
    }
}

/// Of an uplink so much is used.
const USED_PERCENT: u64 = 80;

/// So many copies of a stream an uplink carries.
pub(crate) fn copies(uplink_kbps: u32, tracks: &[Track]) -> usize {
    let rate_bps = tracks.iter().map(|track| u64::from(track.rate_bps)).sum::<u64>().max(1);
    usize::try_from(u64::from(uplink_kbps) * 1_000 * USED_PERCENT / 100 / rate_bps).unwrap_or(usize::MAX)
}

/// Whether this is where somebody can be dialled.
pub(crate) fn is_dialable(node: &Node) -> bool {
    node.address.port() != 0
}
