//! Taking over what the tracker has: in pages, then in one transaction.

use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Diverged, Failure};
use segment_proto::{Position, Reason, Receipt, Signed, SignedEnvelope};

use crate::host::replication::Replication;
use crate::host::staging::{Staged, Staging, join};
use crate::host::tenure::Phase;
use crate::host::{Company, Host, HostTask};
use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::Rule;
use crate::store::Write;
use crate::sync::persist::{Meta, put_changes, put_epoch, put_meta};

/// How long an author waits whose submit was cut off.
const CUT_RETRY_MS: u32 = 200;

impl Host {
    pub(super) fn on_adopt(&mut self, adopt: Adopt, cx: &mut Context<'_>) {
        if Some(adopt.nonce) != self.tenure.nonce || self.tenure.tracker.is_none() {
            return;
        }
        match self.tenure.phase {
            Phase::Owning(fence) | Phase::Replicating(fence) => {
                let current = adopt.epochs.last().is_some_and(|record| record.fence == fence);
                if current && self.contains(adopt.head) { self.resume(fence, &adopt, cx) } else { self.give_up(cx) }
            }
            Phase::Greeting => self.on_adopt_page(&adopt, cx),
            Phase::Idle | Phase::Adopting | Phase::AwaitingGrant | Phase::Granted => {}
        }
    }

    fn on_adopt_page(&mut self, adopt: &Adopt, cx: &mut Context<'_>) {
        if self.waits_for_reader(adopt) {
            return self.on_refused_by_tracker(cx);
        }
        if let Some(snapshot) = &adopt.snapshot {
            return self.fetch_snapshot(snapshot.clone(), cx);
        }
        if self.contains(adopt.head) && adopt.head.pos >= self.log.committed() {
            self.tenure.staging = None;
            let nothing = Staging::new(adopt.head, self.log.base().clone());
            return self.adopt(nothing, adopt, cx);
        }
        let under_way = self.tenure.staging.take();
        let begin = || Staging::new(self.committed_position(), self.log.base().clone());
        let mut staging = under_way.unwrap_or_else(begin);
        let behind = adopt.head.pos < self.log.committed();
        let is_anew = staging.common.pos < self.log.committed();
        if (behind && !is_anew) || staging.take(adopt, cx.rules).is_err() {
            if self.is_superseded_by(adopt) && !is_anew {
                return self.stage_anew(cx);
            }
            cx.out.event(PeerEvent::Suspicious { what: "the tracker's log does not continue this host's receipt" });
            return self.on_refused_by_tracker(cx);
        }
        if staging.at == adopt.head && is_anew {
            return self.leave_branch(staging, adopt.clone(), cx);
        }
        if staging.at == adopt.head {
            return self.adopt(staging, adopt, cx);
        }
        let after = staging.at;
        let task = self.task(HostTask::Nothing);
        cx.out.write(task, staging.put_page(self.log.id));
        self.tenure.staging = Some(staging);
        self.say_hello(after, cx);
    }

    pub(super) fn contains(&self, position: Position) -> bool {
        self.log.position_at(position.pos) == Some(position)
    }

    /// One transaction: cut, keep what is cut for later, take what the tracker has.
    pub(super) fn adopt(&mut self, staging: Staging, adopt: &Adopt, cx: &mut Context<'_>) {
        let common = staging.common;
        let staged = staging.finish(self.log.id);
        let receipt = adopt.receipt.as_ref().filter(|receipt| self.is_genuine(receipt, cx));
        if staged.is_long && receipt.is_none_or(|receipt| receipt.at != adopt.head) {
            cx.out.event(PeerEvent::Suspicious { what: "the tracker has no receipt for its own head" });
            return self.on_refused_by_tracker(cx);
        }
        let is_anew = common.pos < self.log.committed();
        let receipt = receipt.cloned();
        let mut writes = core::mem::take(&mut self.void);
        writes.extend(self.cut_behind(common, cx));
        self.tell_adopted(common, adopt.head, cx);
        if is_anew {
            writes.extend(self.replace_log(staged, receipt, adopt));
            return self.end_adoption(writes, adopt, cx);
        }
        match receipt.filter(|_| staged.is_long) {
            Some(receipt) => writes.extend(self.take_over(staged, receipt)),
            None => writes.extend(self.append_page(staged, adopt, cx)),
        }
        self.end_adoption(writes, adopt, cx);
    }

    fn end_adoption(&mut self, mut writes: Vec<Write>, adopt: &Adopt, cx: &mut Context<'_>) {
        writes.extend(self.adopt_epochs(adopt, cx));
        writes.extend(self.resubmit.take_settled(&self.log, cx.rules));
        self.replication = Replication::from(self.log.head().pos);
        // What changes who may read may stand in a page that is in memory no more.
        self.remove_who_may_not_read(cx);
        self.tenure.phase = Phase::Adopting;
        let task = self.task(HostTask::Adopted(self.submits.cuts));
        cx.out.write(task, writes);
    }

    /// Cuts the tail: its messages wait to be sequenced again, and everybody is told before anything else.
    pub(super) fn cut_behind(&mut self, common: Position, cx: &mut Context<'_>) -> Vec<Write> {
        let voided = self.log.cut(common.pos, cx.rules);
        self.cursors.cut(common.pos);
        self.tell_diverged(common, &voided, cx);
        for asker in self.submits.cut() {
            cx.out.fail_with(asker, &Failure::retry_after(Reason::NotNow, CUT_RETRY_MS));
        }
        let mut writes = Vec::new();
        if self.company == Company::None {
            writes.push(Write::Cut { log: self.log.id, from: common.pos + 1 });
        }
        if cx.rules.has(Rule::CutResubmits) {
            writes.extend(self.resubmit.add(&self.log, voided));
        }
        writes
    }

    /// What fits one page goes through memory.
    fn append_page(&mut self, staged: Staged, adopt: &Adopt, cx: &Context<'_>) -> Vec<Write> {
        for stored in &staged.page {
            self.log.append(stored.clone(), cx.rules);
        }
        let append = Write::Append { log: self.log.id, entries: staged.page };
        core::iter::once(append).chain(self.adopt_receipt(adopt, cx)).collect()
    }

    /// What does not is on disk; only its last page is in memory. All of it is committed.
    fn take_over(&mut self, staged: Staged, receipt: Signed<Receipt>) -> Vec<Write> {
        let mut writes: Vec<Write> = join(self.log.id, &staged.page).into();
        writes.extend(staged.changes);
        writes.push(put_meta(self.log.id, Meta::Receipt, &receipt));
        self.log.take_over(staged.fold, staged.page, receipt);
        writes
    }

    fn adopt_receipt(&mut self, adopt: &Adopt, cx: &Context<'_>) -> Vec<Write> {
        let news = |at: Position| at.pos > self.log.committed() && self.contains(at);
        let Some(receipt) = adopt.receipt.clone().filter(|receipt| news(receipt.at) && self.is_genuine(receipt, cx))
        else {
            return Vec::new();
        };
        let put = put_meta(self.log.id, Meta::Receipt, &receipt);
        let changed = self.log.commit(receipt, cx.rules);
        put_changes(self.log.id, self.log.base(), &changed).into_iter().chain([put]).collect()
    }

    fn adopt_epochs(&mut self, adopt: &Adopt, cx: &Context<'_>) -> Vec<Write> {
        let mut writes = Vec::new();
        for record in &adopt.epochs {
            if record.fence > self.log.fence() && self.is_by_tracker(record, cx) {
                writes.extend(put_epoch(&self.log, record));
                self.log.push_epoch(record.clone());
            }
        }
        self.tenure.max_fence = self.tenure.max_fence.max(self.log.fence());
        writes.push(put_meta(self.log.id, Meta::Fence, &self.tenure.max_fence));
        writes
    }

    fn tell_diverged(&mut self, common: Position, voided: &[SignedEnvelope], cx: &mut Context<'_>) {
        if !voided.is_empty() && cx.rules.has(Rule::SayDiverged) {
            let diverged = Diverged { channel: self.channel(), fence: self.tenure.max_fence, at: common };
            cx.out.transmit_many(self.members.keeping(), segment_proto::Frame::push(&diverged));
            self.members.note_cut(common);
        }
    }

    fn tell_adopted(&self, common: Position, head: Position, cx: &mut Context<'_>) {
        if head.pos > common.pos {
            let (channel, with, transfer) = (self.channel(), Source::Tracker, Transfer::Adopted);
            cx.out.event(PeerEvent::Transferred { channel, with, transfer, first: common.pos + 1, last: head.pos });
        }
    }
}
