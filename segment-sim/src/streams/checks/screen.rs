//! What one viewer has shown.

use std::collections::BTreeMap;

use segment_core::stream::MediaFrame;
use segment_proto::{FrameFlags, FramePlace};

use super::Broken;
use crate::streams::world::Published;

/// What one viewer has shown.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    last: BTreeMap<u8, FramePlace>,
    /// When the newest frame was captured.
    pub(crate) newest_us: u64,
    /// When a frame was shown last.
    pub(crate) shown_at: Option<u64>,
}

/// What was left out before a frame that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Frames.
    pub(crate) frames: usize,
    /// One of them is needed by others.
    pub(crate) needed: bool,
    /// How long nothing was shown.
    pub(crate) gap_us: u64,
}

impl Screen {
    /// The last frame of a track.
    pub(crate) fn last(&self, track: u8) -> Option<FramePlace> {
        self.last.get(&track).copied()
    }

    /// Looks at a frame that is shown.
    pub(crate) fn show(&mut self, frame: &MediaFrame, published: &Published, now: u64) -> Result<Missed, Broken> {
        let gap_us = self.shown_at.replace(now).map_or(0, |shown| now - shown);
        let before = self.last.insert(frame.track, frame.place);
        self.newest_us = self.newest_us.max(frame.timestamp_us);
        if frame.payload != payload(frame.timestamp_us, frame.payload.len()) {
            return Err(Broken::Genuine);
        }
        let Some(before) = before else {
            return if frame.place.frame == 0 { Ok(Missed::default()) } else { Err(Broken::Decodable) };
        };
        let missed: Vec<FrameFlags> = published.between(frame.track, before, frame.place).collect();
        let needed = missed.iter().any(|flags| !flags.include(FrameFlags::DISCARDABLE));
        let builds = frame.place.frame == 0 || (before.group == frame.place.group && !needed);
        if before >= frame.place || !builds {
            return Err(Broken::Decodable);
        }
        Ok(Missed { frames: missed.len(), needed, gap_us })
    }
}

/// The payload of a frame: its timestamp, over and over.
pub(crate) fn payload(timestamp_us: u64, size: usize) -> bytes::Bytes {
    let mut payload = vec![0; size];
    payload.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&timestamp_us.to_be_bytes()[..chunk.len()]));
    payload.into()
}
