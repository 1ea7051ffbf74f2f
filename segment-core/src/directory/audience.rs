//! Who hears of others.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use segment_proto::LinkId;

/// The links of all users that take pushes: listed once, and shared until it changes.
#[derive(Debug, Default)]
pub(super) struct Audience {
    links: BTreeSet<LinkId>,
    shared: Option<Arc<[LinkId]>>,
}

impl Audience {
    pub fn add(&mut self, link: LinkId) {
        if self.links.insert(link) {
            self.shared = None;
        }
    }

    pub fn remove(&mut self, link: LinkId) {
        if self.links.remove(&link) {
            self.shared = None;
        }
    }

    /// Everybody but one.
    pub fn but(&mut self, link: LinkId) -> Arc<[LinkId]> {
        if self.links.contains(&link) {
            return self.links.iter().copied().filter(|other| *other != link).collect();
        }
        self.shared.get_or_insert_with(|| self.links.iter().copied().collect()).clone()
    }
}
