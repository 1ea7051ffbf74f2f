//! Who hosts which channel, as far as this program has seen.

use std::collections::{BTreeMap, BTreeSet};

use segment_core::peer::ChannelView;
use segment_core::peer::events::Serving;
use segment_proto::{ChannelId, DeviceId, EpochOwner};

/// See the module.
#[derive(Debug, Default)]
pub struct Holdings {
    /// Channels that this machine is to host.
    mine: BTreeSet<ChannelId>,
    /// Channels that others have hosted.
    theirs: BTreeSet<ChannelId>,
    /// Whose the last epoch was that was not the tracker's.
    hosts: BTreeMap<ChannelId, DeviceId>,
}

impl Holdings {
    /// As things stand when the program starts.
    pub fn new(views: &[ChannelView], here: DeviceId) -> Self {
        let is_mine = |view: &&ChannelView| view.record.host == here;
        let mine = views.iter().filter(is_mine).map(|view| view.record.channel).collect();
        let host_of = |view: &ChannelView| match view.epoch.as_ref()?.owner {
            EpochOwner::Host(device) => Some((view.record.channel, device)),
            EpochOwner::Tracker => None,
        };
        Self { mine, theirs: BTreeSet::new(), hosts: views.iter().filter_map(host_of).collect() }
    }

    /// A channel is served from somewhere.
    pub fn served(&mut self, channel: ChannelId, serving: Serving) {
        if matches!(serving, Serving::Host(_)) {
            self.mine.remove(&channel);
        }
        let is_elsewhere = matches!(serving, Serving::Host(_) | Serving::Copy);
        if is_elsewhere && !self.mine.contains(&channel) {
            self.theirs.insert(channel);
        }
    }

    /// A device hosts a channel; the one that did before.
    pub fn hosts(&mut self, channel: ChannelId, device: DeviceId) -> Option<DeviceId> {
        self.hosts.insert(channel, device)
    }

    /// Whether a channel has come to this machine from another; from now on it is here.
    pub fn has_come(&mut self, channel: ChannelId) -> bool {
        self.mine.insert(channel);
        self.theirs.remove(&channel)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OTHER: DeviceId = DeviceId([9; 32]);

    #[test]
    fn a_channel_comes_when_another_has_had_it() {
        let channel = ChannelId(Uuid::nil());
        let mut holdings = Holdings { mine: [channel].into(), ..Holdings::default() };
        holdings.served(channel, Serving::Copy);
        assert!(!holdings.has_come(channel), "read from the copy until it is hosted here again");
        holdings.served(channel, Serving::Host(OTHER));
        holdings.served(channel, Serving::Copy);
        assert!(holdings.has_come(channel) && !holdings.has_come(channel));
    }
}
