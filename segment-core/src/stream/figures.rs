//! How a viewer fares.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use segment_proto::messages::ViewerFigures;
use segment_proto::{Now, UnixMillis};

use crate::stream::MediaFrame;

/// Delays that are remembered.
const DELAYS_MAX: usize = 256;

/// Counts and delays.
#[derive(Debug, Default)]
pub struct Figures {
    frames: u64,
    bytes: u64,
    delays: VecDeque<u32>,
}

impl Figures {
    /// A frame is here.
    pub(crate) fn note(&mut self, frame: &MediaFrame, now: Now) {
        self.frames += 1;
        self.bytes += frame.payload.len() as u64;
        if self.delays.len() == DELAYS_MAX {
            self.delays.pop_front();
        }
        let UnixMillis(wall) = now.wall;
        let delay = wall.saturating_mul(1_000).saturating_sub(frame.timestamp_us);
        self.delays.push_back(u32::try_from(delay).unwrap_or(u32::MAX));
    }

    /// All of them.
    #[must_use]
    pub fn all(&self, dropped: u64, hops: usize, children: usize) -> ViewerFigures {
        let mut sorted: Vec<u32> = self.delays.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default();
        ViewerFigures {
            frames: self.frames,
            dropped,
            bytes: self.bytes,
            delay_p50_us: at(50),
            delay_p95_us: at(95),
            hops: u8::try_from(hops).unwrap_or(u8::MAX),
            children: u32::try_from(children).unwrap_or(u32::MAX),
        }
    }
}
