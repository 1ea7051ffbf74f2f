//! The steps of a verification, one after the other.

use alloc::boxed::Box;
use alloc::vec::Vec;

use segment_proto::messages::{ReadRange, Reseed, Subscribe, Unsubscribe};
use segment_proto::{ChannelId, Evidence, Hash, LinkId, Message, Now, Position, Reason, Request, RequestId};

use super::{Brought, Copy, CopyReport, VerifyRequest, VerifyTask, Verifying};
use crate::peer::Peer;
use crate::peer::context::{Answer, PeerTask, Purpose, Unanswered};
use crate::peer::errors::CommandError;
use crate::peer::events::{Reply, Serving, Source};
use crate::peer::requests::PeerRequest;
use crate::store::{StoreOutcome, StoredEntry, Write};
use crate::sync::verify::{Audit, Fault, close, sound};

impl Peer {
    /// Proves this peer's log of a channel and the other copies that can be reached, and heals what
    /// can be. Ends in one `PeerEvent::Replied` with `Reply::Verified`.
    ///
    /// # Errors
    /// [`CommandError::NotJoined`]; [`CommandError::Busy`] where one is under way for this channel.
    pub fn verify(&mut self, channel: ChannelId, now: Now) -> Result<RequestId, CommandError> {
        let now = self.core.session.corrected(now);
        if self.verifying.values().any(|verifying| verifying.log.channel == channel) {
            return Err(CommandError::Busy);
        }
        let replica = &self.channels.get(&channel).ok_or(CommandError::NotJoined)?.replica;
        let (log, from, before) = replica.kept();
        let receipt = replica.receipt().cloned();
        let tracker = self.core.session.link();
        let host = replica.link().filter(|_| matches!(replica.serving(), Serving::Host(_)));
        let copy = |link: LinkId| Copy::new(link, replica.link() != Some(link));
        let copies = tracker.into_iter().chain(host).map(copy).collect();
        let audit = Audit::new(from, receipt.as_ref().map_or(0, |receipt| receipt.at.pos), before);
        let mine = replica.head();
        let (mends, healed, ended) = (Vec::new(), 0, false);
        let verifying = Verifying { log, receipt, from, before, mine, audit, ended, mends, healed, copies };
        let id = self.core.random.request_id();
        self.verifying.insert(id, verifying);
        self.go_on_verifying(id, now);
        self.settle(now);
        Ok(id)
    }

    /// The next step, in the order that the module says.
    fn go_on_verifying(&mut self, id: RequestId, now: Now) {
        let (entries_max, bytes_max) = (self.core.limits.batch_entries_max, self.core.limits.batch_bytes_max);
        let Some(job) = self.verifying.get_mut(&id) else { return };
        if let Some(copy) = job.copies.iter().position(|copy| !copy.asked) {
            return self.ask_for_head(id, copy, now);
        }
        if let Some((from, to)) = job.audit.rest() {
            let read = job.read(from, to, entries_max, bytes_max);
            self.core.out.perform(PeerTask::Verify(id, VerifyTask::Audit), read);
            return;
        }
        if !job.ended {
            job.end_audit();
        }
        if !job.mends.is_empty() {
            return self.mend(id, now);
        }
        if let Some(copy) = job.copies.iter().position(|copy| copy.walk.is_some()) {
            return self.walk(id, copy, now);
        }
        self.end_verifying(id, now);
    }

    fn ask_copy<R: Request>(&mut self, id: RequestId, link: LinkId, request: &R, what: VerifyRequest, now: Now) {
        if self.core.cx(now).request(link, request, Purpose::Verify(id, what)).is_err() {
            let answer = Answer::Nothing(segment_proto::pending::NoAnswer::LinkLost);
            self.on_verify_answer(id, what, answer, now);
        }
    }

    fn ask_for_head(&mut self, id: RequestId, index: usize, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (channel, Some(copy)) = (job.log.channel, job.copies.get_mut(index)) else { return };
        copy.asked = true;
        let link = copy.link;
        let login = self.core.session.login.as_ref();
        let subscribe = Subscribe {
            channel,
            certificate: login.map(|login| login.certificate.clone()),
            device: login.and_then(|login| login.device.clone()),
            evidence: Evidence::default(),
        };
        self.ask_copy(id, link, &subscribe, VerifyRequest::Head(index), now);
    }

    fn mend(&mut self, id: RequestId, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let Some(mend) = job.mends.last() else { return };
        let Some(copy) = job.copies.get(mend.copy) else {
            job.mends.pop();
            return self.go_on_verifying(id, now);
        };
        let (gap, link) = (mend.gap, copy.link);
        let next = gap.from + mend.entries.len() as u64;
        if next <= gap.to {
            let range = ReadRange { channel: job.log.channel, from: next, to: gap.to };
            return self.ask_copy(id, link, &range, VerifyRequest::Fetch, now);
        }
        let behind = job.read(gap.to + 1, gap.to + 1, 1, usize::MAX);
        self.core.out.perform(PeerTask::Verify(id, VerifyTask::Behind), behind);
    }

    fn walk(&mut self, id: RequestId, index: usize, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (channel, known) = (job.log.channel, job.committed());
        let Some(copy) = job.copies.get_mut(index) else { return };
        let to = copy.walk_to(known);
        let Some((from, _)) = copy.walk.filter(|(from, _)| *from <= to) else {
            copy.walk = None;
            return self.go_on_verifying(id, now);
        };
        let link = copy.link;
        self.ask_copy(id, link, &ReadRange { channel, from, to }, VerifyRequest::Walk(index), now);
    }

    fn end_verifying(&mut self, id: RequestId, now: Now) {
        let Some(job) = self.verifying.remove(&id) else { return };
        let channel = job.log.channel;
        let serving = self.channels.get(&channel).and_then(|channel| channel.replica.link());
        for copy in job.copies.iter().filter(|copy| copy.for_this && copy.report.is_some()) {
            if serving != Some(copy.link) {
                // Where the link is gone, so is the subscription.
                let _ = self.core.request(copy.link, &Unsubscribe { channel }, PeerRequest::Unsubscribe, now);
            }
        }
        self.core.reply(id, Ok(Reply::Verified(Box::new(job.report(channel)))));
    }

    /// An operation of a verification is done.
    pub(in crate::peer) fn on_verify_performed(
        &mut self,
        id: RequestId,
        task: VerifyTask,
        outcome: StoreOutcome,
        now: Now,
    ) {
        let verifier = self.core.identity.verifier();
        let Some(job) = self.verifying.get_mut(&id) else { return };
        match (task, outcome) {
            (VerifyTask::Audit, StoreOutcome::Entries { entries, .. }) => job.audit.take(&entries, &verifier),
            (VerifyTask::Audit, _) => job.audit.miss(Fault::Damaged),
            (VerifyTask::Behind, StoreOutcome::Entries { entries, .. }) => {
                return self.close_gap(id, entries.first(), now);
            }
            (VerifyTask::Behind, _) => return self.close_gap(id, None, now),
            (VerifyTask::Closed(count), _) => job.healed += count,
            (VerifyTask::Bring(copy), StoreOutcome::Entries { entries, .. }) => {
                return self.bring(id, copy, entries, now);
            }
            (VerifyTask::Bring(copy), _) => {
                if let Some(copy) = job.copies.get_mut(copy) {
                    copy.walk = None;
                }
            }
        }
        self.go_on_verifying(id, now);
    }

    fn close_gap(&mut self, id: RequestId, behind: Option<&StoredEntry>, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (log, committed) = (job.log, job.committed());
        let end = job.receipt.as_ref().map(|receipt| receipt.at.chain);
        let Some(mend) = job.mends.last_mut() else { return };
        let end = end.filter(|_| mend.gap.to == committed);
        let Some(entries) = close(&mend.gap, core::mem::take(&mut mend.entries), behind, end) else {
            mend.try_next_copy();
            return self.go_on_verifying(id, now);
        };
        job.mends.pop();
        let task = PeerTask::Verify(id, VerifyTask::Closed(entries.len() as u64));
        self.core.out.write(task, alloc::vec![Write::Append { log, entries }]);
    }

    /// Own entries go to a copy that is damaged there; it takes them only if they fit its chain.
    fn bring(&mut self, id: RequestId, index: usize, entries: Vec<StoredEntry>, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (channel, receipt) = (job.log.channel, job.receipt.clone());
        let Some(copy) = job.copies.get_mut(index) else { return };
        let (Some((next, chain)), Some(receipt)) = (copy.walk, receipt) else { return };
        let after = Position { pos: next - 1, epoch: 0, chain };
        let entries = sound(chain, entries).into_iter().map(|stored| stored.entry).collect();
        let link = copy.link;
        let reseed = Reseed { channel, generation: receipt.fence.generation, after, entries, receipt };
        self.ask_copy(id, link, &reseed, VerifyRequest::Bring(index), now);
    }

    /// A request of a verification has ended.
    pub(in crate::peer) fn on_verify_answer(&mut self, id: RequestId, what: VerifyRequest, answer: Answer, now: Now) {
        let Some(job) = self.verifying.get_mut(&id) else { return };
        match (what, answer.into_result()) {
            (VerifyRequest::Head(copy), Ok(Message::Subscribed(subscribed))) => {
                let committed = subscribed.receipt.as_ref().map_or(0, |receipt| receipt.at.pos);
                self.note_head(id, copy, subscribed.head, committed);
            }
            (VerifyRequest::Fetch, answer) => job.fetched(answer.ok()),
            (VerifyRequest::Walk(copy), answer) => return self.on_walked(id, copy, answer, now),
            // Whether it helped is seen when the place is asked for again.
            (VerifyRequest::Head(_) | VerifyRequest::Bring(_), _) => {}
        }
        self.go_on_verifying(id, now);
    }

    fn note_head(&mut self, id: RequestId, index: usize, head: Position, committed: u64) {
        let tracker = self.core.session.link();
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (from, channel) = (job.from, job.log.channel);
        let host = self.channels.get(&channel).map(|channel| channel.replica.record().host);
        let Some(copy) = job.copies.get_mut(index) else { return };
        let at = match host {
            Some(host) if Some(copy.link) != tracker => Source::Host(host),
            _ => Source::Tracker,
        };
        let (bad, healed) = (Vec::new(), 0);
        copy.report = Some(CopyReport { at, head, committed, checked_to: from - 1, bad, healed });
    }

    fn on_walked(&mut self, id: RequestId, index: usize, answer: Result<Message, Unanswered>, now: Now) {
        let (entries_max, bytes_max) = (self.core.limits.batch_entries_max, self.core.limits.batch_bytes_max);
        let Some(job) = self.verifying.get_mut(&id) else { return };
        let (known, end) = (job.committed(), job.receipt.as_ref().map_or(Hash::ZERO, |receipt| receipt.at.chain));
        let Some(copy) = job.copies.get_mut(index) else { return };
        let to = copy.walk_to(known);
        match answer {
            Ok(Message::EntryPage(page)) => copy.take(page, known, end),
            Err(Unanswered::Refused(failure)) if failure.reason == Reason::StorageFailed => copy.is_damaged(),
            _ => copy.walk = None,
        }
        let count = match copy.brought {
            Brought::Nothing => None,
            Brought::One(_) => Some(1),
            Brought::Page(_) => Some(entries_max),
        };
        let (Some(count), Some((next, _))) = (count, copy.walk) else {
            return self.go_on_verifying(id, now);
        };
        let read = job.read(next, to, count, bytes_max);
        self.core.out.perform(PeerTask::Verify(id, VerifyTask::Bring(index)), read);
    }
}
