//! What others show: the newest that the tracker has signed, whoever brings it.
//!
//! A host learns of its successor from the tracker, but also from any member, and then needs no tracker
//! to know that it has to stop.

use segment_proto::{EpochRecord, Evidence, Message, Receipt, Signed};

use crate::host::Host;
use crate::peer::context::Context;
use crate::rules::Rule;

/// What somebody has shown, next to what this host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing that this host does not know.
    Known,
    /// A newer epoch: somebody else sequences, or will.
    NewerEpoch,
    /// A receipt that is not on the chain here: who holds it knows more of the channel than this host.
    ForeignReceipt,
}

/// What a member's message shows.
pub(super) fn shown_in(message: &Message) -> Option<&Evidence> {
    match message {
        Message::Subscribe(subscribe) => Some(&subscribe.evidence),
        Message::Sync(sync) => Some(&sync.evidence),
        Message::Submit(submit) => Some(&submit.evidence),
        _ => None,
    }
}

impl Host {
    /// Takes what was shown. A host that is behind it stops at once.
    pub(super) fn on_shown(&mut self, evidence: &Evidence, cx: &mut Context<'_>) -> Shown {
        if !cx.rules.has(Rule::ShownStops) {
            return Shown::Known;
        }
        let epoch = evidence.epoch.as_ref().filter(|record| self.is_newer(record, cx));
        let foreign = evidence.receipt.as_ref().is_some_and(|receipt| self.is_foreign(receipt, cx));
        if let Some(record) = epoch {
            self.tenure.heard_of = Some(record.clone());
        }
        let shown = match epoch {
            _ if foreign => Shown::ForeignReceipt,
            Some(_) => Shown::NewerEpoch,
            None => Shown::Known,
        };
        if shown != Shown::Known && self.tenure.owned().is_some() {
            self.give_up(cx);
        }
        shown
    }

    pub(super) fn is_newer(&self, record: &Signed<EpochRecord>, cx: &Context<'_>) -> bool {
        let known = self.tenure.heard_of.as_ref().map_or(self.tenure.max_fence, |record| record.fence);
        record.fence > known.max(self.tenure.max_fence) && self.is_by_tracker(record, cx)
    }

    /// One of an older generation binds nobody any more; what is below the memory of this log was
    /// checked when it was committed here.
    fn is_foreign(&self, receipt: &Signed<Receipt>, cx: &Context<'_>) -> bool {
        if receipt.fence.generation < self.log.fence().generation {
            return false;
        }
        let above = receipt.at.pos > self.log.head().pos;
        let elsewhere = self.log.position_at(receipt.at.pos).is_some_and(|position| position != receipt.at);
        (above || elsewhere) && self.is_genuine(receipt, cx)
    }
}
