//! When each channel wants to be called, and whether it is hosted here: looked at again only where something was done
//! to it, so that what comes in for one channel does not cost a walk over all.

use alloc::collections::{BTreeMap, BTreeSet};

use segment_proto::{ChannelId, Instant};

use super::Channel;
use crate::contract::{Deadline, earliest};

/// The deadlines of all channels.
#[derive(Debug, Default)]
pub(super) struct Due {
    first: BTreeSet<(Instant, ChannelId)>,
    known: BTreeMap<ChannelId, Deadline>,
    hosted: BTreeSet<ChannelId>,
    /// Those to which something may have been done since.
    touched: BTreeSet<ChannelId>,
    /// Channels that were looked at.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Due {
    /// Something may be done to a channel.
    pub(super) fn touch(&mut self, id: ChannelId) {
        self.touched.insert(id);
    }

    /// Something may be done to all of them.
    pub(super) fn touch_all<'a>(&mut self, ids: impl Iterator<Item = &'a ChannelId>) {
        self.touched.extend(ids);
    }

    /// Looks at those again to which something was done.
    pub(super) fn settle(&mut self, channels: &BTreeMap<ChannelId, Channel>) {
        let touched = core::mem::take(&mut self.touched);
        for id in &touched {
            let channel = channels.get(id);
            self.set(*id, channel.and_then(|channel| earliest(channel.deadlines())));
            match channel.is_some_and(|channel| channel.host.is_some()) {
                true => self.hosted.insert(*id),
                false => self.hosted.remove(id),
            };
            #[cfg(test)]
            (self.looks += 1);
        }
    }

    fn set(&mut self, id: ChannelId, deadline: Option<Deadline>) {
        let before = match deadline {
            Some(deadline) => self.known.insert(id, deadline),
            None => self.known.remove(&id),
        };
        if before.map(|deadline| deadline.at) != deadline.map(|deadline| deadline.at) {
            before.map(|deadline| self.first.remove(&(deadline.at, id)));
            deadline.map(|deadline| self.first.insert((deadline.at, id)));
        }
    }

    /// The first deadline of all.
    pub(super) fn deadline(&self, channels: &BTreeMap<ChannelId, Channel>) -> Option<Deadline> {
        let settled = self.first.iter().find(|(_, id)| !self.touched.contains(id));
        let settled = settled.and_then(|(_, id)| self.known.get(id).copied());
        let touched = self.touched.iter().filter_map(|id| channels.get(id)).flat_map(Channel::deadlines);
        earliest(touched.chain([settled]))
    }

    /// Whether any channel is hosted here.
    pub(super) fn hosts_any(&self, channels: &BTreeMap<ChannelId, Channel>) -> bool {
        let hosts = |id: &ChannelId| channels.get(id).is_some_and(|channel| channel.host.is_some());
        self.hosted.iter().any(|id| !self.touched.contains(id)) || self.touched.iter().any(hosts)
    }
}
