//! What is under way from a parent that was let go. Asked again, it sends that first: a stale word of it must not count
//! as its answer, or a parent that serves is let go for one that may refuse.

use core::time::Duration;

use segment_proto::messages::Unfollow;
use segment_proto::{Instant, LinkId};

use super::Parents;
use crate::stream::StreamContext;

/// So long it is waited for the end of what is under way. Whoever watches no longer does not say it.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A link on which the end of what is under way has not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    /// So often it was let go, and has not said so.
    ends: u32,
    until: Instant,
}

impl Parents {
    /// Wants no more of what comes on a link. Whoever sends it says when that is all.
    pub(super) fn let_go(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        cx.send(link, &Unfollow { stream: self.stream });
        let drain = self.drains.entry(link).or_insert(Drain { ends: 0, until: cx.now.mono });
        (drain.ends, drain.until) = (drain.ends.saturating_add(1), cx.now.mono + DRAIN_MAX);
    }

    /// What was under way has come.
    pub(super) fn on_end(&mut self, link: LinkId) {
        let Some(drain) = self.drains.get_mut(&link) else { return };
        drain.ends -= 1;
        if drain.ends == 0 {
            self.drains.remove(&link);
        }
    }

    /// Whether what comes on a link was asked for before.
    pub(super) fn is_stale(&self, link: LinkId, now: Instant) -> bool {
        self.drains.get(&link).is_some_and(|drain| now < drain.until)
    }
}
