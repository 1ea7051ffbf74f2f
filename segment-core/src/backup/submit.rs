//! Writing at the copy: sequenced here in the tracker's epochs, handed on in the host's.

use segment_proto::messages::{Failure, Fenced, Forward, Submit, Submitted};
use segment_proto::{AccountId, EpochOwner, Frame, LinkId, Reason};

use crate::backup::{Backup, BackupTask};
use crate::outbox::Asker;
use crate::rules::{Rule, Rules};
use crate::store::{Operation, StoreOperation, StoredEntry};
use crate::sync::accept::Found;
use crate::sync::sequencer::{BUSY_RETRY_MS, SubmitJob, Submitter, is_meant_for};
use crate::tracker::context::{Caller, Context};

/// Submits of one channel that wait until it is decided who sequences. Policy: `slow_down`.
const HELD_MAX: usize = 128;

/// A submit that waits until it is decided who sequences.
#[derive(Debug)]
pub struct Held {
    from: Asker,
    by: Submitter,
    submit: Submit,
}

/// Who takes envelopes at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sequencing {
    /// This copy.
    Here,
    /// The host, on this link.
    Host(LinkId),
    /// Nobody: it is the host's epoch, and the host is away.
    Nobody,
    /// That is being decided.
    Undecided,
}

impl Backup {
    /// Needs no right and no subscription: the fate of one's own keys is everybody's to ask.
    pub(super) fn on_submit(&mut self, from: Asker, caller: &Caller, submit: Submit, cx: &mut Context<'_>) {
        if caller.who.account == AccountId::NOBODY {
            return cx.out.fail(from, Reason::VisitorsMayOnlyRead, "");
        }
        let by = Submitter { account: caller.who.account, device: caller.device };
        self.take_submit(Held { from, by, submit }, cx);
    }

    fn take_submit(&mut self, held: Held, cx: &mut Context<'_>) {
        if let Err(failure) = self.sequencer.check_room(&held.submit, cx.limits) {
            return cx.out.fail_with(held.from, &failure);
        }
        let (meant, own) = (held.submit.fence, self.log.fence());
        match self.sequencing(cx.rules) {
            Sequencing::Undecided => self.hold(held, cx),
            Sequencing::Nobody if meant <= own => {
                self.hold(held, cx);
                self.write_epoch(EpochOwner::Tracker, None, cx);
            }
            Sequencing::Nobody => self.say_fenced(held.from, cx),
            _ if !is_meant_for(meant, own, cx.rules) => self.say_fenced(held.from, cx),
            Sequencing::Host(link) => self.forward(link, held, cx),
            Sequencing::Here => {
                let job = SubmitJob::new(held.from, held.by, held.submit, cx.terms());
                self.run_submit(job, None, cx);
            }
        }
    }

    fn sequencing(&self, rules: Rules) -> Sequencing {
        if self.is_deciding() || self.seal.is_on() {
            return Sequencing::Undecided;
        }
        let owner = self.log.epoch().map(|record| record.owner);
        if owner == Some(EpochOwner::Tracker) || (owner.is_some() && !rules.has(Rule::HostEpochIsTheHosts)) {
            return Sequencing::Here;
        }
        self.host().map_or(Sequencing::Nobody, Sequencing::Host)
    }

    fn hold(&mut self, held: Held, cx: &mut Context<'_>) {
        if self.held.len() >= HELD_MAX {
            return cx.out.fail_with(held.from, &Failure::retry_after(Reason::SlowDown, BUSY_RETRY_MS));
        }
        self.held.push(held);
    }

    /// It is decided who sequences: what waited for that is taken.
    pub(super) fn release_held(&mut self, cx: &mut Context<'_>) {
        for held in core::mem::take(&mut self.held) {
            self.take_submit(held, cx);
        }
    }

    /// Nothing that this link has asked for is waited for any more.
    pub(super) fn forget_held(&mut self, link: LinkId) {
        self.held.retain(|held| held.from.link != link);
    }

    fn say_fenced(&mut self, from: Asker, cx: &mut Context<'_>) {
        if let Some(record) = self.log.epoch() {
            cx.out.push(from.link, &Fenced { record: record.clone() });
        }
        cx.out.fail(from, Reason::Fenced, "meant for another epoch");
    }

    /// Keeps nothing of it: what comes of it is what the host answers, or nothing.
    fn forward(&mut self, link: LinkId, Held { from, by, submit }: Held, cx: &mut Context<'_>) {
        let Submit { channel, fence, envelopes, authors, .. } = submit;
        let forward = Forward { channel, fence, account: by.account, device: by.device, envelopes, authors };
        let id = cx.random.request_id();
        let frame = Frame::request(id, &forward);
        if frame.len() > cx.limits.frame_bytes_max {
            return cx.out.fail(from, Reason::TooLarge, "bring fewer at once");
        }
        if self.readers.is_full(link) || cx.forwards.begin(id, link, from, cx.now.mono, cx.limits).is_err() {
            return cx.out.fail_with(from, &Failure::retry_after(Reason::NotNow, BUSY_RETRY_MS));
        }
        cx.out.transmit(link, frame);
    }

    /// A lookup has ended; perhaps the epoch has too.
    pub(super) fn on_looked_up(&mut self, job: SubmitJob, found: Option<StoredEntry>, cx: &mut Context<'_>) {
        self.sequencer.looked_up();
        // What was begun before a seal is ended: the host waits for it.
        if self.is_deciding() || job.fence != self.log.fence() {
            return cx.out.fail_with(job.asker, &Failure::retry_after(Reason::NotNow, BUSY_RETRY_MS));
        }
        self.run_submit(job, Some(found), cx);
        self.answer_hello(cx);
    }

    fn run_submit(&mut self, job: SubmitJob, found: Found, cx: &mut Context<'_>) {
        if let Some((lookup, job)) = self.sequencer.run(&mut self.log, job, found, cx.terms()) {
            let find = StoreOperation::Find { log: self.log.id, lookup };
            cx.out.perform(self.task(BackupTask::LookedUp(job)), Operation::Store(find));
        }
        self.flush(cx);
        self.answer_waiting(cx);
    }

    /// The disk is the commit point here: what is on it is committed.
    pub(super) fn answer_waiting(&mut self, cx: &mut Context<'_>) {
        let durable = if cx.rules.has(Rule::StoreBeforeFate) { self.log.durable() } else { u64::MAX };
        let (channel, fence) = (self.channel(), self.log.fence());
        for (asker, fates) in self.sequencer.answers(&self.log, durable) {
            cx.out.answer(asker, &Submitted { channel, fence, fates });
        }
    }
}
