//! Taking over what the tracker has: in pages, then in one transaction.

use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Diverged, Failure};
use segment_proto::{Position, Reason, SignedEnvelope};

use crate::host::replication::Replication;
use crate::host::tenure::Phase;
use crate::host::{Host, HostTask};
use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::Rule;
use crate::store::{StoredEntry, Write};
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
        let common = if self.contains(adopt.head) { adopt.head } else { self.committed_position() };
        if common.pos < self.log.committed() || !self.stage(common, adopt) {
            cx.out.event(PeerEvent::Suspicious { what: "the tracker's log does not continue this host's receipt" });
            return self.on_refused_by_tracker(cx);
        }
        let staged = self.tenure.staged.last().map_or(common, StoredEntry::position);
        if staged != adopt.head {
            return self.say_hello(staged, cx);
        }
        self.adopt(common, adopt, cx);
    }

    fn contains(&self, position: Position) -> bool {
        self.log.position_at(position.pos) == Some(position)
    }

    /// Keeps a page of what the tracker has. Says whether it continues what is kept already.
    fn stage(&mut self, common: Position, adopt: &Adopt) -> bool {
        if common == adopt.head {
            return true;
        }
        let mut at = self.tenure.staged.last().map_or(common, StoredEntry::position);
        for entry in adopt.entries.iter().filter(|entry| entry.pos > at.pos).cloned().collect::<Vec<_>>() {
            if entry.pos != at.pos + 1 {
                return false;
            }
            let stored = StoredEntry::new(entry, &at.chain);
            at = stored.position();
            self.tenure.staged.push(stored);
        }
        at == adopt.head || (at.pos < adopt.head.pos && !adopt.entries.is_empty())
    }

    /// One transaction: cut, keep what is cut for later, take what the tracker has.
    fn adopt(&mut self, common: Position, adopt: &Adopt, cx: &mut Context<'_>) {
        let staged = core::mem::take(&mut self.tenure.staged);
        let voided = self.log.cut(common.pos, cx.rules);
        self.tell_diverged(common, &voided, cx);
        for asker in self.submits.cut() {
            cx.out.fail_with(asker, &Failure::retry_after(Reason::NotNow, CUT_RETRY_MS));
        }
        self.tell_adopted(&staged, cx);
        let mut writes = alloc::vec![Write::Cut { log: self.log.id, from: common.pos + 1 }];
        if cx.rules.has(Rule::CutResubmits) {
            writes.extend(self.resubmit.add(&self.log, voided));
        }
        for stored in &staged {
            self.log.append_stored(stored.clone(), cx.rules);
        }
        writes.push(Write::Append { log: self.log.id, entries: staged });
        writes.extend(self.adopt_receipt(adopt, cx));
        writes.extend(self.adopt_epochs(adopt, cx));
        writes.extend(self.resubmit.take_settled(&self.log, cx.rules));
        self.replication = Replication::from(self.log.head().pos);
        self.tenure.phase = Phase::Adopting;
        let task = self.task(HostTask::Adopted(self.submits.cuts));
        cx.out.write(task, writes);
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
        }
    }

    fn tell_adopted(&self, staged: &[StoredEntry], cx: &mut Context<'_>) {
        if let (Some(first), Some(last)) = (staged.first(), staged.last()) {
            let (channel, with, transfer) = (self.channel(), Source::Tracker, Transfer::Adopted);
            let (first, last) = (first.entry.pos, last.entry.pos);
            cx.out.event(PeerEvent::Transferred { channel, with, transfer, first, last });
        }
    }
}
