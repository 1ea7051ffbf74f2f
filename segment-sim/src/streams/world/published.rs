//! What the streamer has sent.

use std::collections::BTreeMap;

use segment_proto::{FrameFlags, FramePlace};

/// Every frame that was pushed.
#[derive(Debug, Default)]
pub(in crate::streams) struct Published(BTreeMap<(u8, FramePlace), FrameFlags>);

impl Published {
    pub(super) fn add(&mut self, track: u8, place: FramePlace, flags: FrameFlags) {
        self.0.insert((track, place), flags);
    }

    /// The frames of a track between two of them.
    pub(in crate::streams) fn between(
        &self,
        track: u8,
        before: FramePlace,
        place: FramePlace,
    ) -> impl Iterator<Item = FrameFlags> {
        let first = FramePlace { frame: before.frame + 1, ..before };
        self.0.range((track, first)..(track, place.max(first))).map(|(_, flags)| *flags)
    }
}
