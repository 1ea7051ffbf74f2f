//! Below whom a viewer goes: as high as there is room, and not where it was lost.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use segment_proto::DeviceId;

use super::{Place, TRIES, Tree};

/// Viewers that are moved up whenever somebody comes or goes.
const LIFTED: usize = 16;

/// A place below somebody.
struct Opening {
    parent: DeviceId,
    /// Who has it now, and to whom they go instead.
    moved: Option<(DeviceId, DeviceId)>,
}

impl Tree {
    pub(super) fn find_parent(&mut self, device: DeviceId) {
        let lost = self.lost(&device);
        let is_new = |candidate: &DeviceId| !lost.contains(candidate) && !self.is_below(candidate, &device);
        let room = self.open.iter().find(|(_, candidate)| is_new(candidate)).copied();
        let relays = self.places.get(&device).is_some_and(Place::has_room);
        let is_higher = |(depth, leaf): &(u32, DeviceId)| {
            let is_below = self.is_below(leaf, &device);
            let is_lost = self.parent(leaf).is_some_and(|parent| lost.contains(&parent));
            room.is_none_or(|(open, _)| *depth <= open) && !is_below && !is_lost
        };
        let leaf = self.leaves.iter().take(TRIES).find(|leaf| relays && is_higher(leaf)).copied();
        match (leaf, room) {
            (Some((_, leaf)), _) => self.displace(leaf, device),
            (None, Some((_, parent))) => self.attach(device, parent),
            (None, None) => self.find_another(device),
        }
    }

    /// Everybody that has room was lost by this one. It takes the place of somebody who has not lost them; else it goes
    /// back to whom it has lost first.
    fn find_another(&mut self, device: DeviceId) {
        let is_good = |place: &DeviceId| self.is_fed(place) && !self.is_below(place, &device);
        let lost = self.lost(&device);
        let others = self.highest().into_iter().filter(|place| !lost.contains(place));
        let mut places = others.chain(lost.iter().copied()).filter(is_good);
        let Some(Opening { parent, moved }) = places.find_map(|place| self.opening(place)) else {
            self.waiting.insert(device);
            self.changed.insert(device);
            return;
        };
        if let Some((other, _)) = moved {
            self.detach(&other);
        }
        self.attach(device, parent);
        if let Some((other, room)) = moved {
            self.attach(other, room);
        }
    }

    /// How a place below somebody is had: they have room, or one of theirs can go elsewhere.
    fn opening(&self, parent: DeviceId) -> Option<Opening> {
        if self.places.get(&parent)?.has_room() {
            return Some(Opening { parent, moved: None });
        }
        let mut others = self.children_of(parent).take(TRIES);
        let moved = others.find_map(|other| Some((other, self.room_for(&other)?)))?;
        Some(Opening { parent, moved: Some(moved) })
    }

    /// Some of those at the top, the streamer first.
    fn highest(&self) -> Vec<DeviceId> {
        let mut highest = alloc::vec![self.root];
        let mut at = 0;
        while let Some(next) = highest.get(at).copied().filter(|_| highest.len() < TRIES) {
            highest.extend(self.children_of(next).take(TRIES));
            at += 1;
        }
        highest.truncate(TRIES);
        highest
    }

    /// Room with somebody whom a viewer has not lost, and who does not hang on it.
    fn room_for(&self, device: &DeviceId) -> Option<DeviceId> {
        let lost = self.lost(device);
        let mut open = self.open.iter().take(TRIES).map(|(_, open)| *open);
        open.find(|open| !lost.contains(open) && !self.is_below(open, device))
    }

    fn children_of(&self, device: DeviceId) -> impl Iterator<Item = DeviceId> {
        self.places.get(&device).into_iter().flat_map(|place| place.children.iter().copied())
    }

    pub(super) fn lost(&self, device: &DeviceId) -> &[DeviceId] {
        self.places.get(device).map(|place| place.lost.as_slice()).unwrap_or_default()
    }

    /// Whoever passes the stream on takes the place of somebody who does not, and serves them.
    fn displace(&mut self, leaf: DeviceId, relay: DeviceId) {
        let Some(parent) = self.parent(&leaf) else { return };
        self.detach(&leaf);
        self.attach(relay, parent);
        self.attach(leaf, relay);
    }

    /// Those who hang deepest get the room that is higher up: whoever has found another parent by itself has not looked
    /// how deep that is.
    pub(super) fn lift(&mut self) {
        for _ in 0..LIFTED {
            let Some((device, parent)) = self.too_deep() else { return };
            self.detach(&device);
            self.attach(device, parent);
        }
    }

    /// Somebody who hangs deeper than there is room, and whose.
    fn too_deep(&self) -> Option<(DeviceId, DeviceId)> {
        let deepest = |those: &BTreeSet<(u32, DeviceId)>| those.iter().rev().take(TRIES).copied().collect::<Vec<_>>();
        let mut deep = deepest(&self.open);
        deep.extend(deepest(&self.leaves));
        deep.sort_unstable_by_key(|(depth, _)| core::cmp::Reverse(*depth));
        deep.into_iter().find_map(|(depth, device)| {
            let lost = self.lost(&device);
            let mut higher = self.open.iter().take(TRIES).take_while(|(open, _)| open + 1 < depth);
            higher.find(|(_, open)| !lost.contains(open)).map(|(_, open)| (device, *open))
        })
    }
}
