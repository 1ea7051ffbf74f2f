//! Who gets what is new in a channel, and which of them can take it now.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use segment_proto::{DeviceId, LinkId, Position, UnixMillis, Who};

/// One who gets what is new.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Account or visitor.
    pub who: Who,
    /// The device that TLS has proven.
    pub device: DeviceId,
    /// When the certificate ends by which they came.
    pub expires: Option<UnixMillis>,
}

impl Subscriber {
    /// A subscriber.
    #[must_use]
    pub fn new(who: Who, device: DeviceId, expires: Option<UnixMillis>) -> Self {
        Self { who, device, expires }
    }
}

/// The subscribers of one channel, by link. One that lags is pushed nothing, and catches up by its own cursor.
#[derive(Debug, Default)]
pub struct Subscribers {
    by_link: BTreeMap<LinkId, Subscriber>,
    /// Links without room, whoever subscribes on them.
    full: BTreeSet<LinkId>,
    /// Behind which place the log was cut while a link had no room to be told.
    untold: BTreeMap<LinkId, Position>,
    /// Those that keep up; made when it is asked for, so that many may come at once.
    keeping: Option<Arc<[LinkId]>>,
}

impl Subscribers {
    /// Adds one, or renews it.
    pub fn insert(&mut self, link: LinkId, subscriber: Subscriber) -> Option<Subscriber> {
        self.keeping = None;
        self.by_link.insert(link, subscriber)
    }

    /// Removes one.
    pub fn remove(&mut self, link: LinkId) -> Option<Subscriber> {
        self.keeping = None;
        self.untold.remove(&link);
        self.by_link.remove(&link)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, link: LinkId) -> Option<&Subscriber> {
        self.by_link.get(&link)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (LinkId, &Subscriber)> {
        self.by_link.iter().map(|(link, subscriber)| (*link, subscriber))
    }

    /// Takes out all that match.
    pub fn remove_if(&mut self, mut leaves: impl FnMut(&Subscriber) -> bool) -> Vec<(LinkId, Subscriber)> {
        let links: Vec<LinkId> =
            self.iter().filter(|(_, subscriber)| leaves(subscriber)).map(|(link, _)| link).collect();
        links.into_iter().filter_map(|link| self.remove(link).map(|subscriber| (link, subscriber))).collect()
    }

    /// Those whose links drain, to be shared from frame to frame.
    pub fn keeping(&mut self) -> &Arc<[LinkId]> {
        let (by_link, full) = (&self.by_link, &self.full);
        self.keeping.get_or_insert_with(|| by_link.keys().filter(|link| !full.contains(link)).copied().collect())
    }

    /// A link is gone.
    pub fn forget_link(&mut self, link: LinkId) {
        self.full.remove(&link);
        self.untold.remove(&link);
    }

    /// The log was cut behind a place: who cannot be told now is told when there is room.
    pub fn note_cut(&mut self, at: Position) {
        for link in self.full.iter().filter(|link| self.by_link.contains_key(link)) {
            let behind = self.untold.entry(*link).or_insert(at);
            if at.pos < behind.pos {
                *behind = at;
            }
        }
    }

    /// Behind which place the log was cut since this link could be told, once.
    pub fn take_cut(&mut self, link: LinkId) -> Option<Position> {
        self.untold.remove(&link)
    }

    /// A link has crossed a mark. Says whether it can take pushes again after it could not.
    pub fn set_room(&mut self, link: LinkId, room: usize) -> bool {
        let changed = if room == 0 { self.full.insert(link) } else { self.full.remove(&link) };
        if changed {
            self.keeping = None;
        }
        changed && room > 0 && self.by_link.contains_key(&link)
    }

    /// Whether a link has no room, whoever subscribes on it.
    #[must_use]
    pub fn is_full(&self, link: LinkId) -> bool {
        self.full.contains(&link)
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_link.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_link.is_empty()
    }
}
