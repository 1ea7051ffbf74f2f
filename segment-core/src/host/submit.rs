//! Sequencing at the host: who may submit, what is written, where answers and copies go.

use segment_proto::messages::{Failure, Fenced, Submit, Submitted};
use segment_proto::{AccountId, Reason, SignedEnvelope};

use crate::host::{Host, HostTask};
use crate::outbox::Asker;
use crate::peer::context::{Context, LOCAL};
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::Rule;
use crate::store::{Operation, StoreOperation, StoredEntry, Write};
use crate::sync::accept::Found;
use crate::sync::sequencer::{BUSY_RETRY_MS, SubmitJob, Submitter, is_meant_for};

impl Host {
    pub(super) fn on_submit(&mut self, from: Asker, submit: Submit, cx: &mut Context<'_>) {
        let Some(member) = self.members.get(from.link) else {
            return cx.out.fail(from, Reason::OutOfOrder, "subscribe first");
        };
        let by = Submitter { account: member.who.account, device: member.device };
        if self.is_expired(from.link, cx) {
            return cx.out.fail(from, Reason::BadCertificate, "expired");
        }
        if by.account == AccountId::NOBODY {
            return cx.out.fail(from, Reason::VisitorsMayOnlyRead, "");
        }
        if !self.may_judge(from, &submit, cx) {
            return;
        }
        if from.link != LOCAL && !submit.envelopes.is_empty() {
            let (channel, with) = (self.channel(), Source::Peer(by.device));
            cx.out.event(PeerEvent::Transferred { channel, with, transfer: Transfer::Live, first: 0, last: 0 });
        }
        let job = SubmitJob::new(from, by, submit, cx.terms());
        self.run_submit(job, None, cx);
    }

    /// Whether this host sequences in the epoch that is meant, and has room; else that is answered.
    pub(super) fn may_judge(&mut self, from: Asker, submit: &Submit, cx: &mut Context<'_>) -> bool {
        let Some(fence) = self.tenure.owned() else {
            cx.out.fail_with(from, &Failure::retry_after(Reason::NotNow, BUSY_RETRY_MS));
            return false;
        };
        if !is_meant_for(submit.fence, fence, cx.rules) {
            if let Some(record) = self.log.epoch() {
                cx.out.push(from.link, &Fenced { record: record.clone() });
            }
            cx.out.fail(from, Reason::Fenced, "meant for another epoch");
            return false;
        }
        if let Err(failure) = self.submits.check_room(submit, cx.limits) {
            cx.out.fail_with(from, &failure);
            return false;
        }
        true
    }

    /// A lookup has ended; perhaps the epoch has too.
    pub(super) fn on_looked_up(&mut self, job: SubmitJob, found: Option<StoredEntry>, cx: &mut Context<'_>) {
        self.submits.looked_up();
        if self.tenure.owned() != Some(job.fence) {
            return cx.out.fail_with(job.asker, &Failure::retry_after(Reason::NotNow, BUSY_RETRY_MS));
        }
        self.run_submit(job, Some(found), cx);
    }

    pub(super) fn run_submit(&mut self, job: SubmitJob, found: Found, cx: &mut Context<'_>) {
        if let Some((lookup, job)) = self.submits.run(&mut self.log, job, found, cx.terms()) {
            let find = StoreOperation::Find { log: self.log.id, lookup };
            cx.out.perform(self.task(HostTask::LookedUp(job)), Operation::Store(find));
        }
        self.flush(cx);
        self.answer_waiting(cx);
    }

    /// Gives an envelope the next place; it is written with the next flush.
    pub(super) fn sequence(&mut self, envelope: SignedEnvelope, cx: &mut Context<'_>) {
        let epoch = self.tenure.owned().map_or(0, |fence| fence.epoch);
        self.submits.sequence(&mut self.log, envelope, epoch, cx.terms());
    }

    /// Writes what is unwritten.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        let Some(entries) = self.submits.begin_write() else {
            return;
        };
        let task = self.task(HostTask::Stored { last: self.log.head().pos, cuts: self.submits.cuts });
        cx.out.write(task, alloc::vec![Write::Append { log: self.log.id, entries }]);
        if !cx.rules.has(Rule::StoreBeforeReplicate) {
            self.replicate(cx);
        }
    }

    pub(super) fn on_stored(&mut self, last: u64, cuts: u64, cx: &mut Context<'_>) {
        if cuts == self.submits.cuts {
            self.take_stored(last, cx);
        }
        if core::mem::take(&mut self.owes_watermarks) {
            self.tell_watermarks(cx);
        }
    }

    fn take_stored(&mut self, last: u64, cx: &mut Context<'_>) {
        self.submits.end_write();
        let from = self.log.durable() + 1;
        self.log.set_durable(last);
        self.flush(cx);
        self.answer_waiting(cx);
        self.fan_out(from, last, cx);
        self.replicate(cx);
    }

    fn answer_waiting(&mut self, cx: &mut Context<'_>) {
        let durable = if cx.rules.has(Rule::StoreBeforeStored) { self.log.durable() } else { u64::MAX };
        let (channel, fence) = (self.channel(), self.tenure.owned().unwrap_or_default());
        for (asker, fates) in self.submits.answers(&self.log, durable) {
            cx.out.answer(asker, &Submitted { channel, fence, fates });
        }
    }
}
