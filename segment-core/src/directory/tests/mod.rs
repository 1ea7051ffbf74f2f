#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::string::{String, ToString};

use super::Directory;

mod accounts;
mod channels;
mod guarding;
mod hello;
mod lists;
mod logins;
mod presence;
mod restart;
mod sessions;
mod visitors;

impl Directory {
    /// Nobody is here, and nothing is under way.
    pub fn assert_idle(&mut self) {
        assert!(self.audience.but(segment_proto::LinkId(0)).is_empty());
        assert_eq!(shown(&self.links), shown(&super::links::Links::default()));
        assert_eq!(shown(&self.sessions), shown(&super::sessions::Sessions::default()));
        assert!(shown(&self.guard).ends_with("hashes: 0 }"), "{:?}", self.guard);
        assert!(self.notices.is_empty());
    }

    /// What is in memory is what is on disk, and nothing more: no name is taken, no place reserved.
    pub fn assert_same(&self, restored: &Self) {
        let names = |of: &Self| shown(&of.accounts).split(", last:").next().map(ToString::to_string);
        assert_eq!(names(self), names(restored));
        assert_eq!(shown(&self.devices), shown(&restored.devices));
        assert_eq!(shown(&self.channels), shown(&restored.channels));
        assert_eq!(shown(&self.members), shown(&restored.members));
    }
}

fn shown(value: &impl core::fmt::Debug) -> String {
    alloc::format!("{value:?}")
}
