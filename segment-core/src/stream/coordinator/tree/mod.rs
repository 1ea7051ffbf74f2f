//! Who gets a stream from whom: a tree from the streamer down, as flat as those who pass it on allow.

mod backups;
mod finding;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use segment_proto::DeviceId;

use crate::rules::Rules;

/// Candidates for a backup, or for a place, that are looked at.
const TRIES: usize = 32;
/// Viewers with too few backups that are looked at whenever somebody comes or goes.
const LACKING_TRIED: usize = 8;
/// Parents that a viewer has lost, of which it is remembered. Policy: the one that was lost longest ago is forgotten.
const LOST_MAX: usize = 8;
/// One device in the tree.
#[derive(Debug)]
struct Place {
    /// Viewers that it may be given.
    capacity: usize,
    depth: u32,
    parent: Option<DeviceId>,
    children: BTreeSet<DeviceId>,
    backups: Vec<DeviceId>,
    /// The parents that it has lost, the last one last: it is put there again only where there is no other.
    lost: Vec<DeviceId>,
}

impl Place {
    fn new(capacity: usize) -> Self {
        Self { capacity, depth: 0, parent: None, children: BTreeSet::new(), backups: Vec::new(), lost: Vec::new() }
    }

    fn has_room(&self) -> bool {
        self.children.len() < self.capacity
    }

    fn lose(&mut self, parent: DeviceId) {
        self.lost.retain(|lost| *lost != parent);
        if self.lost.len() == LOST_MAX {
            self.lost.remove(0);
        }
        self.lost.push(parent);
    }
}

/// The tree of one stream.
#[derive(Debug)]
pub struct Tree {
    root: DeviceId,
    rules: Rules,
    places: BTreeMap<DeviceId, Place>,
    /// Those with room, the highest first.
    open: BTreeSet<(u32, DeviceId)>,
    /// Those who pass nothing on, the highest first: whoever does takes their place.
    leaves: BTreeSet<(u32, DeviceId)>,
    /// Those for whom there is no room.
    waiting: BTreeSet<DeviceId>,
    /// Those with too few backups.
    lacking: BTreeSet<DeviceId>,
    /// Whose backup somebody is.
    backing: BTreeMap<DeviceId, BTreeSet<DeviceId>>,
    /// Those whose parent or backups are others now.
    changed: BTreeSet<DeviceId>,
}

impl Tree {
    /// The streamer alone, who serves so many itself.
    #[must_use]
    pub fn new(root: DeviceId, direct: usize, rules: Rules) -> Self {
        let mut tree = Self {
            root,
            rules,
            places: BTreeMap::from([(root, Place::new(direct))]),
            open: BTreeSet::new(),
            leaves: BTreeSet::new(),
            waiting: BTreeSet::new(),
            lacking: BTreeSet::new(),
            backing: BTreeMap::new(),
            changed: BTreeSet::new(),
        };
        tree.index(root);
        tree
    }

    /// The parent of a viewer.
    #[must_use]
    pub fn parent(&self, device: &DeviceId) -> Option<DeviceId> {
        self.places.get(device)?.parent
    }

    /// The backups of a viewer.
    #[must_use]
    pub fn backups(&self, device: &DeviceId) -> &[DeviceId] {
        self.places.get(device).map(|place| place.backups.as_slice()).unwrap_or_default()
    }

    /// Hops from the streamer.
    #[must_use]
    pub fn depth(&self, device: &DeviceId) -> Option<u32> {
        self.places.get(device).filter(|place| place.parent.is_some()).map(|place| place.depth)
    }

    /// Viewers that a device serves.
    #[must_use]
    pub fn children(&self, device: &DeviceId) -> usize {
        self.places.get(device).map_or(0, |place| place.children.len())
    }

    /// The deepest viewer.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.places.values().map(|place| place.depth).max().unwrap_or_default()
    }

    /// Whose plan has changed since this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<DeviceId> {
        core::mem::take(&mut self.changed)
    }

    /// Those who get the stream from a device now have to know where it is.
    pub fn touch(&mut self, device: &DeviceId) {
        let children = self.places.get(device).into_iter().flat_map(|place| &place.children);
        let backed = self.backing.get(device).into_iter().flatten();
        self.changed.extend(children.chain(backed).copied());
    }

    /// A viewer comes, who passes the stream on to so many.
    pub fn join(&mut self, device: DeviceId, capacity: usize, has: Option<DeviceId>) {
        if device == self.root || self.places.contains_key(&device) {
            return;
        }
        self.places.insert(device, Place::new(capacity));
        self.changed.insert(device);
        let kept = has.filter(|has| self.places.get(has).is_some_and(|place| place.has_room() && self.is_fed(has)));
        match kept {
            Some(parent) => self.attach(device, parent),
            None => self.find_parent(device),
        }
        self.fill();
    }

    /// Who has lost this device may be put there again: it is back.
    pub fn forgive(&mut self, device: &DeviceId) {
        self.places.values_mut().for_each(|place| place.lost.retain(|lost| lost != device));
    }

    /// Whether a device has the stream.
    fn is_fed(&self, device: &DeviceId) -> bool {
        *device == self.root || self.parent(device).is_some()
    }

    /// A viewer goes.
    pub fn leave(&mut self, device: &DeviceId) {
        if *device == self.root {
            return;
        }
        let Some(place) = self.places.get(device) else { return };
        let orphans: Vec<DeviceId> = place.children.iter().copied().collect();
        self.detach(device);
        self.set_backups(*device, Vec::new());
        self.unindex(device);
        for orphan in &orphans {
            self.detach(orphan);
        }
        self.places.remove(device);
        self.waiting.remove(device);
        self.lacking.remove(device);
        self.changed.remove(device);
        orphans.into_iter().for_each(|orphan| self.find_parent(orphan));
        for backed in self.backing.remove(device).unwrap_or_default() {
            self.choose_backups(backed);
        }
        self.fill();
    }

    /// A viewer has lost its parent, and perhaps has another already.
    pub fn lose(&mut self, device: &DeviceId, parent: DeviceId, instead: Option<DeviceId>) {
        if self.parent(device) != Some(parent) {
            return;
        }
        self.detach(device);
        if let Some(place) = self.places.get_mut(device) {
            place.lose(parent);
        }
        let is_good = |to: &DeviceId| *to != parent && self.is_fed(to) && !self.is_below(to, device);
        let highest = self.open.iter().find(|(_, open)| *open != parent).map_or(0, |(depth, _)| *depth);
        let is_open =
            |to: &DeviceId| self.places.get(to).is_some_and(|place| place.has_room() && place.depth <= highest + 1);
        match instead.filter(|to| is_good(to) && is_open(to)) {
            Some(to) => self.attach(*device, to),
            None => self.find_parent(*device),
        }
        self.changed.insert(*device);
        self.fill();
    }

    /// Whether `device` is `top`, or gets the stream through it.
    fn is_below(&self, device: &DeviceId, top: &DeviceId) -> bool {
        let mut at = Some(*device);
        while let Some(current) = at {
            if current == *top {
                return true;
            }
            at = self.parent(&current);
        }
        false
    }

    /// Those who wait are given what room there is.
    pub fn fill(&mut self) {
        while let Some(device) = self.waiting.pop_first() {
            self.find_parent(device);
            if self.waiting.contains(&device) {
                break;
            }
        }
        self.lift();
        let lacking: Vec<DeviceId> = self.lacking.iter().copied().take(LACKING_TRIED).collect();
        lacking.into_iter().for_each(|device| self.choose_backups(device));
    }

    fn attach(&mut self, device: DeviceId, parent: DeviceId) {
        self.unindex(&parent);
        let depth = self.places.get(&parent).map_or(0, |place| place.depth) + 1;
        if let Some(place) = self.places.get_mut(&parent) {
            place.children.insert(device);
        }
        self.index(parent);
        if let Some(place) = self.places.get_mut(&device) {
            place.parent = Some(parent);
        }
        self.waiting.remove(&device);
        self.sink(device, depth);
        self.changed.insert(device);
        self.choose_backups(device);
    }

    fn detach(&mut self, device: &DeviceId) {
        self.unindex(device);
        let parent = self.places.get_mut(device).and_then(|place| place.parent.take());
        if let Some(parent) = parent {
            self.unindex(&parent);
            if let Some(place) = self.places.get_mut(&parent) {
                place.children.remove(device);
            }
            self.index(parent);
        }
    }

    /// A subtree is at another depth now. Who had a backup that is in it may not have it any more.
    fn sink(&mut self, device: DeviceId, depth: u32) {
        let mut below = alloc::vec![(device, depth)];
        while let Some((device, depth)) = below.pop() {
            self.unindex(&device);
            if let Some(place) = self.places.get_mut(&device) {
                place.depth = depth;
                below.extend(place.children.iter().map(|child| (*child, depth + 1)));
            }
            self.index(device);
            let backed = self.backing.get(&device).into_iter().flatten();
            let bad: Vec<DeviceId> = backed.filter(|backed| self.is_below(&device, backed)).copied().collect();
            bad.into_iter().for_each(|backed| self.choose_backups(backed));
        }
    }

    fn index(&mut self, device: DeviceId) {
        let Some(place) = self.places.get(&device) else { return };
        let is_fed = place.parent.is_some() || device == self.root;
        if is_fed && place.has_room() {
            self.open.insert((place.depth, device));
        }
        if is_fed && place.capacity == 0 {
            self.leaves.insert((place.depth, device));
        }
    }

    fn unindex(&mut self, device: &DeviceId) {
        if let Some(place) = self.places.get(device) {
            self.open.remove(&(place.depth, *device));
            self.leaves.remove(&(place.depth, *device));
        }
    }
}
