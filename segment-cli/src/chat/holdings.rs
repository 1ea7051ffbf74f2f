//! What this machine has of its channels, so that a host that is back counts what is new to it only.

use std::collections::{BTreeMap, BTreeSet};

use segment_core::peer::ChannelView;
use segment_proto::{ChannelId, DeviceId};

/// See the module.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The last place before others went on without this machine.
    here: BTreeMap<ChannelId, u64>,
    /// The last place that was received.
    received: BTreeMap<ChannelId, u64>,
    /// Channels that this machine is to host.
    mine: BTreeSet<ChannelId>,
    /// Channels that others have hosted.
    theirs: BTreeSet<ChannelId>,
    sequenced: BTreeSet<ChannelId>,
}

impl Holdings {
    /// As things stand when the program starts.
    pub fn new(views: &[ChannelView], here: DeviceId) -> Self {
        let of = |view: &ChannelView| (view.record.channel, view.head.pos);
        let is_mine = |view: &&ChannelView| view.record.host == here;
        let mine = views.iter().filter(is_mine).map(|view| view.record.channel).collect();
        Self { here: views.iter().map(of).collect(), received: views.iter().map(of).collect(), mine, ..Self::default() }
    }

    /// A channel is served from elsewhere.
    pub fn served_elsewhere(&mut self, channel: ChannelId) {
        if !self.mine.contains(&channel) {
            self.theirs.insert(channel);
        }
    }

    /// Messages have come up to a place.
    pub fn received(&mut self, channel: ChannelId, pos: u64) {
        let last = self.received.entry(channel).or_default();
        *last = pos.max(*last);
        // What comes while a channel of this machine is written by the tracker is what will be taken over.
        if !self.mine.contains(&channel) || self.sequenced.contains(&channel) {
            self.here.insert(channel, *last);
        }
    }

    /// This machine sequences a channel.
    pub fn sequences(&mut self, channel: ChannelId) {
        self.sequenced.insert(channel);
    }

    /// It does so no more.
    pub fn reads(&mut self, channel: ChannelId) {
        self.sequenced.remove(&channel);
        let last = self.received.get(&channel).copied().unwrap_or_default();
        self.here.insert(channel, last);
    }

    /// Whether a channel has come to this machine from another; from now on it is here.
    pub fn has_come(&mut self, channel: ChannelId) -> bool {
        self.mine.insert(channel);
        self.theirs.remove(&channel)
    }

    /// How many of these places are new to this machine.
    pub fn new_of(&self, channel: &ChannelId, first: u64, last: u64) -> u64 {
        let here = self.here.get(channel).copied().unwrap_or_default();
        (last + 1).saturating_sub(first.max(here + 1))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_came_while_others_wrote_is_taken_over() {
        let channel = ChannelId(Uuid::nil());
        let mut moved = Holdings::default();
        moved.served_elsewhere(channel);
        moved.received(channel, 50);
        assert_eq!(moved.new_of(&channel, 1, 52), 2, "a reader that becomes the host has most of it already");

        assert!(moved.has_come(channel) && !moved.has_come(channel));

        let mut back = Holdings { here: [(channel, 50)].into(), mine: [channel].into(), ..Holdings::default() };
        back.received(channel, 56);
        assert_eq!(back.new_of(&channel, 51, 56), 6, "read while the tracker wrote");
        back.sequences(channel);
        back.received(channel, 60);
        back.reads(channel);
        assert_eq!(back.new_of(&channel, 1, 61), 1, "an old disk is shown again what it had");
    }
}
