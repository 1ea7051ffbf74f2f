//! From whom a viewer goes on when its parent is gone.

use alloc::vec::Vec;

use segment_proto::DeviceId;

use super::{TRIES, Tree};
use crate::rules::Rule;

/// Warm backups of each viewer.
const BACKUPS: usize = 2;

impl Tree {
    pub(super) fn choose_backups(&mut self, device: DeviceId) {
        let Some(parent) = self.parent(&device) else { return self.set_backups(device, Vec::new()) };
        let start = (self.places.get(&parent).map_or(0, |place| place.depth), spread(&device));
        let open = self.open.range(start..).chain(self.open.range(..start)).map(|(_, open)| *open).take(TRIES);
        let up = [self.parent(&parent), Some(self.root)].into_iter().flatten();
        let candidates: Vec<DeviceId> = open.chain(up).filter(|other| self.may_back(other, &device, &parent)).collect();
        let lost = self.lost(&device);
        // Best is who does not depend on the parent either, and was not lost.
        let is_apart =
            |other: &DeviceId| (parent == self.root || !self.is_below(other, &parent)) && !lost.contains(other);
        let (apart, rest): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_apart);
        let mut backups: Vec<DeviceId> = Vec::new();
        for other in apart.into_iter().chain(rest) {
            if backups.len() < BACKUPS && !backups.contains(&other) {
                backups.push(other);
            }
        }
        self.set_backups(device, backups);
    }

    fn may_back(&self, other: &DeviceId, device: &DeviceId, parent: &DeviceId) -> bool {
        let outside = !self.is_below(other, device) || !self.rules.has(Rule::BackupOutsideSubtree);
        other != parent && other != device && outside
    }

    pub(super) fn set_backups(&mut self, device: DeviceId, backups: Vec<DeviceId>) {
        let Some(place) = self.places.get_mut(&device) else { return };
        if backups.len() < BACKUPS {
            self.lacking.insert(device);
        } else {
            self.lacking.remove(&device);
        }
        if place.backups == backups {
            return;
        }
        let old = core::mem::replace(&mut place.backups, backups.clone());
        for other in old {
            if let Some(backed) = self.backing.get_mut(&other) {
                backed.remove(&device);
            }
        }
        for other in backups {
            self.backing.entry(other).or_default().insert(device);
        }
        self.changed.insert(device);
    }
}

/// Where to begin to look, so that not everybody has the same backups.
fn spread(device: &DeviceId) -> DeviceId {
    DeviceId(*blake3::hash(device.as_bytes()).as_bytes())
}
