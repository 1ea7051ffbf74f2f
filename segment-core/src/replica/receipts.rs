//! How far the channel is stored and committed, as the serving side says and the tracker has signed.

use segment_proto::messages::Watermarks;
use segment_proto::{Receipt, Signed};

use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Serving};
use crate::replica::cache::{ChainCheck, Watermark};
use crate::replica::{Replica, ReplicaTask};
use crate::rules::Rule;
use crate::sync::persist::{Meta, put_meta};

impl Replica {
    pub(super) fn on_watermarks(&mut self, marks: &Watermarks, cx: &mut Context<'_>) {
        self.learn_fence(marks.fence, cx);
        if self.is_outdated(cx) {
            return;
        }
        if let Some(receipt) = &marks.receipt {
            self.on_receipt(receipt.clone(), cx);
        }
        // A host has cut where it has less than this cache; a copy has what is committed only.
        let tip = self.cache.tip().pos;
        let is_copy = self.serving() == Serving::Copy;
        if marks.stored > tip || (marks.stored < tip && !is_copy) {
            self.fetch_if_level(cx);
        }
    }

    /// A receipt counts only if the tracker has signed it and this replica's own chain is the same at its place.
    pub(super) fn on_receipt(&mut self, receipt: Signed<Receipt>, cx: &mut Context<'_>) {
        if self.cache.knows(&receipt) {
            return;
        }
        let genuine = cx.tracker_key.is_some_and(|key| receipt.is_signed_by(&key, &cx.identity.verifier()));
        let void = receipt.fence.generation < self.newest_fence().generation;
        if !genuine || void || receipt.channel != self.channel() {
            return;
        }
        let check = if cx.rules.has(Rule::ReceiptOnChain) { ChainCheck::Required } else { ChainCheck::Skipped };
        match self.cache.watermark(receipt, check) {
            Watermark::Waits => {}
            Watermark::OffChain => self.on_parted(cx),
            Watermark::Moved(pos) => {
                if let Some(receipt) = self.cache.receipt() {
                    let put = put_meta(self.own_log(), Meta::Receipt, receipt);
                    let task = self.task(ReplicaTask::Nothing);
                    cx.out.note(task, alloc::vec![put]);
                }
                cx.out.event(PeerEvent::CommittedUpTo { channel: self.channel(), pos });
                self.carried_up_to(pos, cx);
                self.settle(cx);
                self.on_room(cx);
                self.on_access_committed(pos, cx);
            }
        }
    }

    /// An access entry stands in the cache: asks what it means for this session, where that was not told already.
    pub(super) fn on_access(&mut self, pos: u64, cx: &mut Context<'_>) {
        self.access_at = pos;
        if let Some(attachment) = self.attachment.as_mut().filter(|attachment| attachment.told.head < pos) {
            attachment.told.head = pos;
            self.subscribe(cx);
        }
        self.on_access_committed(self.cache.committed(), cx);
    }

    /// A committed access entry may have moved the own row: the next message has to build on that.
    fn on_access_committed(&mut self, committed: u64, cx: &mut Context<'_>) {
        let (at, attachment) = (self.access_at, self.attachment.as_mut());
        if at > committed {
            return;
        }
        if let Some(attachment) = attachment.filter(|attachment| attachment.told.committed < at) {
            attachment.told.committed = at;
            self.subscribe(cx);
        }
    }
}
