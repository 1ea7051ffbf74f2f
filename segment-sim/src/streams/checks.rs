//! What must hold in a world of streams.

use std::collections::HashMap;

use segment_core::stream::MediaFrame;
use segment_proto::FramePlace;

use super::world::INTERVAL_US;

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// A frame was shown without the one that it builds on, or out of order.
    Decodable,
    /// A frame was shown that is not the streamer's.
    Genuine,
    /// More is under way, or kept, than may be.
    Bounded,
    /// A message waited too long beside the stream.
    MessagesFirst,
    /// A viewer with a good link has lost frames of a steady stream.
    Complete,
    /// A viewer does not see the present.
    Present,
    /// The stream goes in a circle.
    NoLoop,
    /// The streamer sends more copies than its uplink carries.
    Copies,
    /// A deadline stayed in the past.
    Contract,
}

/// Something that was broken, when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub broken: Broken,
    /// When, in microseconds.
    pub at: u64,
    /// By which node.
    pub node: usize,
}

/// What one viewer has shown.
#[derive(Debug, Default)]
pub(super) struct Screen {
    last: HashMap<u8, FramePlace>,
    /// Frames that never came.
    pub(super) lost: u64,
    pub(super) newest_us: u64,
    /// The longest time without a frame.
    pub(super) longest_gap_us: u64,
    shown_at: Option<u64>,
}

impl Screen {
    /// Looks at a frame that is shown.
    pub(super) fn show(&mut self, frame: &MediaFrame, now: u64) -> Result<(), Broken> {
        let before = self.last.insert(frame.track, frame.place);
        if let Some(shown_at) = self.shown_at.replace(now) {
            self.longest_gap_us = self.longest_gap_us.max(now - shown_at);
            self.lost += (frame.timestamp_us.saturating_sub(self.newest_us) / INTERVAL_US).saturating_sub(1);
        }
        self.newest_us = frame.timestamp_us;
        if !payload_is_genuine(frame) {
            return Err(Broken::Genuine);
        }
        let FramePlace { group, frame: number } = frame.place;
        match before {
            Some(before) if before >= frame.place => Err(Broken::Decodable),
            Some(_) if number == 0 => Ok(()),
            Some(before) if before.group == group && before.frame + 1 == number => Ok(()),
            None if number == 0 => Ok(()),
            _ => Err(Broken::Decodable),
        }
    }
}

/// The payload of a frame: its timestamp, over and over.
pub(super) fn payload(timestamp_us: u64, size: usize) -> bytes::Bytes {
    let mut payload = vec![0; size];
    payload.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&timestamp_us.to_be_bytes()[..chunk.len()]));
    payload.into()
}

fn payload_is_genuine(frame: &MediaFrame) -> bool {
    frame.payload == payload(frame.timestamp_us, frame.payload.len())
}
