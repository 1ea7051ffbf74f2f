//! Which epoch is the newest: known by the tracker's signature only, kept on disk, shown to whoever serves.

use segment_proto::{EpochRecord, Evidence, Fence, Signed};

use crate::peer::context::Context;
use crate::peer::events::PeerEvent;
use crate::replica::{Replica, ReplicaTask};
use crate::rules::Rule;
use crate::sync::persist::{Meta, put_meta};

impl Replica {
    /// The newest that this replica holds of what the tracker has signed.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence { receipt: self.cache.receipt().cloned(), epoch: self.epoch.clone() }
    }

    /// The newest epoch that the tracker has signed, as far as is known here.
    pub(super) fn newest_fence(&self) -> Fence {
        self.epoch.as_ref().map_or(Fence::default(), |record| record.fence)
    }

    /// The newest epoch that the tracker has signed, as far as is known here.
    #[must_use]
    pub fn epoch(&self) -> Option<&EpochRecord> {
        self.epoch.as_deref()
    }

    /// Whether who serves the channel is behind the newest epoch known here: nothing is submitted to an older one.
    pub(super) fn is_outdated(&self, cx: &Context<'_>) -> bool {
        let served = self.attachment.as_ref().map_or(Fence::default(), |attachment| attachment.fence);
        served < self.newest_fence() && cx.rules.has(Rule::NewestEpoch)
    }

    /// Takes the epoch of whoever serves the channel, if the tracker has signed it.
    pub(super) fn learn_epoch(&mut self, record: &Signed<EpochRecord>, cx: &mut Context<'_>) {
        let genuine = cx.tracker_key.is_some_and(|key| record.is_signed_by(&key, &cx.identity.verifier()));
        if !genuine || record.channel != self.channel() {
            return;
        }
        if record.fence > self.newest_fence() {
            let put = put_meta(self.own_log(), Meta::Epoch, record);
            let task = self.task(ReplicaTask::Nothing);
            cx.out.write(task, alloc::vec![put]);
            self.epoch = Some(record.clone());
            self.cut_void(record, cx);
            let (fence, owner, base) = (record.fence, record.owner, record.base.pos);
            cx.out.event(PeerEvent::EpochChanged { channel: self.channel(), fence, owner, base });
        }
        if self.enter(record.fence, cx) {
            self.pump(cx);
        }
    }

    /// What older epochs have put behind the base of a newer one stands no more.
    fn cut_void(&mut self, record: &EpochRecord, cx: &mut Context<'_>) {
        let (tip, base) = (self.cache.tip(), record.base);
        let of_this_generation =
            self.cache.receipt().is_none_or(|receipt| receipt.fence.generation == record.fence.generation);
        if tip.pos <= base.pos || tip.epoch >= record.fence.epoch || !of_this_generation {
            return;
        }
        let parted_below = !self.cache.contains(base);
        self.cut(if parted_below { self.cache.committed() } else { base.pos }, cx);
    }

    /// Whoever serves the channel speaks of an epoch. Where that begins is not known: whether what is shown here stands
    /// in it is asked first, so that nothing goes ahead of what it answers.
    pub(super) fn learn_fence(&mut self, fence: Fence, cx: &mut Context<'_>) {
        if !self.enter(fence, cx) {
            return;
        }
        if self.cache.tip().pos > self.cache.committed() {
            return self.fetch_if_level(cx);
        }
        self.pump(cx);
    }

    /// What waits is for this epoch, if that is a newer one. Says whether it may go now.
    fn enter(&mut self, fence: Fence, cx: &mut Context<'_>) -> bool {
        let Some(attachment) = self.attachment.as_mut().filter(|attachment| fence > attachment.fence) else {
            return false;
        };
        attachment.fence = fence;
        self.outbox.forget_submits();
        self.outbox.retry_at = None;
        let waits = attachment.subscribe_at.is_some();
        self.carry_anew(cx);
        if waits {
            // What it did not have when it was asked, it may have now.
            self.subscribe(cx);
        }
        !waits
    }
}
