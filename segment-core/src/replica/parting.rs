//! Who is removed may never read the log that has removed them. Where that is a newer generation's, what they have written
//! may not stand in it, and nobody tells them: so they ask the tracker where it parts from theirs. What they have
//! written themselves behind that waits again, and the rest is put aside until they are let in again.

use core::time::Duration;

use segment_proto::messages::{Sync, SyncPage};
use segment_proto::{Instant, LinkId, Message, Reason};

use crate::peer::context::{Context, Unanswered};
use crate::replica::cache::Keeper;
use crate::replica::generations::{CommonSearch, Why};
use crate::replica::{Replica, Wanted};
use crate::rules::Rule;

/// Between two times of asking.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A tracker that is asked where logs part.
#[derive(Debug, Default)]
pub(super) struct Parting {
    /// On this link; once on each, for a tracker that has lost something comes with another.
    asked_on: Option<LinkId>,
    /// When to ask once more.
    pub again_at: Option<Instant>,
}

impl Replica {
    /// Nobody serves the channel, for this account is no member of it: the tracker on this link says whether that
    /// concerns what stands here.
    pub(crate) fn ask_where_parted(&mut self, tracker: Option<LinkId>, cx: &mut Context<'_>) {
        if self.parting.asked_on != tracker {
            self.parting = Parting { asked_on: tracker, again_at: None };
            // Who was asked as a server has nothing to answer any more.
            self.attachments += 1;
            self.ask_parting(cx);
        }
    }

    pub(super) fn forget_parting(&mut self) {
        self.parting = Parting::default();
    }

    /// The tracker's link, for who is served by its copy or asks it where logs part.
    pub(super) fn tracker_link(&self) -> Option<LinkId> {
        self.parting.asked_on.or_else(|| self.link_to_copy())
    }

    /// The tracker has what it was brought, or wants no more of it.
    pub(super) fn ask_parting_later(&mut self, cx: &Context<'_>) {
        self.parting.again_at = self.parting.asked_on.map(|_| cx.now.mono + ASK_AGAIN);
    }

    pub(super) fn ask_parting(&mut self, cx: &mut Context<'_>) {
        self.parting.again_at = None;
        let may_write = cx.login.is_some_and(|login| !login.who.is_visitor());
        let is_free = self.cache.keeper == Keeper::Replica && !self.is_crossing();
        let Some(receipt) =
            self.cache.receipt().filter(|_| may_write && is_free && cx.rules.has(Rule::RemovedTakesBack))
        else {
            return;
        };
        let (at, generation, evidence) = (receipt.at, receipt.fence.generation, self.evidence());
        let sync = Sync { channel: self.channel(), at, generation, evidence };
        let Some(link) = self.parting.asked_on else { return };
        if cx.request(link, &sync, self.purpose(Wanted::Parting)).is_err() {
            self.ask_parting_later(cx);
        }
    }

    /// Who is not told where they part has everything that counts, or less.
    pub(super) fn on_parting(&mut self, answered: Result<Message, Unanswered>, cx: &mut Context<'_>) {
        match answered {
            Ok(Message::SyncPage(page)) => self.leave_generation(&page, cx),
            Err(Unanswered::Refused(failure)) if failure.reason != Reason::NotNow => {}
            _ => self.ask_parting_later(cx),
        }
    }

    fn leave_generation(&mut self, page: &SyncPage, cx: &mut Context<'_>) {
        if let Some(newest) = page.diverged.last() {
            self.learn_epoch(newest, cx);
        }
        if self.is_of_older_generation() && !self.is_crossing() {
            let bases = page.diverged.iter().map(|record| record.base);
            self.begin_crossing(CommonSearch::new(Why::Leave, page.head, bases), cx);
        }
    }
}
