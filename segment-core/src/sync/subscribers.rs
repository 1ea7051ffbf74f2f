//! Who gets what is new in a channel, and which of them can take it now.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use segment_proto::{DeviceId, LinkId, UnixMillis, Who};

/// Whether a link drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Keeping,
    Lagging,
}

/// One who gets what is new.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Account or visitor.
    pub who: Who,
    /// The device that TLS has proven.
    pub device: DeviceId,
    /// When the certificate ends by which they came.
    pub expires: Option<UnixMillis>,
    pace: Pace,
}

impl Subscriber {
    /// A subscriber whose link drains.
    #[must_use]
    pub fn new(who: Who, device: DeviceId, expires: Option<UnixMillis>) -> Self {
        Self { who, device, expires, pace: Pace::Keeping }
    }
}

/// The subscribers of one channel, by link. One that lags is pushed nothing, and catches up by its own cursor.
#[derive(Debug)]
pub struct Subscribers {
    by_link: BTreeMap<LinkId, Subscriber>,
    /// Links without room, whoever subscribes on them.
    full: BTreeSet<LinkId>,
    keeping: Arc<[LinkId]>,
}

impl Default for Subscribers {
    fn default() -> Self {
        Self { by_link: BTreeMap::new(), full: BTreeSet::new(), keeping: Arc::new([]) }
    }
}

impl Subscribers {
    fn refresh(&mut self) {
        self.keeping = self
            .by_link
            .iter()
            .filter(|(_, subscriber)| subscriber.pace == Pace::Keeping)
            .map(|(link, _)| *link)
            .collect();
    }

    /// Adds one, or renews it.
    pub fn insert(&mut self, link: LinkId, mut subscriber: Subscriber) -> Option<Subscriber> {
        if self.full.contains(&link) {
            subscriber.pace = Pace::Lagging;
        }
        let old = self.by_link.insert(link, subscriber);
        self.refresh();
        old
    }

    /// Removes one.
    pub fn remove(&mut self, link: LinkId) -> Option<Subscriber> {
        let removed = self.by_link.remove(&link)?;
        self.refresh();
        Some(removed)
    }

    /// A link is gone.
    pub fn forget_link(&mut self, link: LinkId) {
        self.full.remove(&link);
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
    #[must_use]
    pub fn keeping(&self) -> &Arc<[LinkId]> {
        &self.keeping
    }

    /// A link has crossed a mark. Says whether it can take pushes again after it could not.
    pub fn set_room(&mut self, link: LinkId, room: usize) -> bool {
        if room == 0 {
            self.full.insert(link);
        } else {
            self.full.remove(&link);
        }
        let Some(subscriber) = self.by_link.get_mut(&link) else {
            return false;
        };
        let pace = if room == 0 { Pace::Lagging } else { Pace::Keeping };
        let resumed = subscriber.pace == Pace::Lagging && pace == Pace::Keeping;
        subscriber.pace = pace;
        self.refresh();
        resumed
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
