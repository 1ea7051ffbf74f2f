//! The own messages on their way: on disk before the first byte leaves, kept until they are committed or refused for good.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{Fence, LinkId, MessageKey, Reason, Row, SignedEnvelope};

use crate::peer::context::{Context, Unanswered};
use crate::peer::events::{PeerEvent, Stage, Transfer};
use crate::replica::fork::unknown_row;
use crate::replica::outbox::{Item, Progress, Submission, delete};
use crate::replica::{Outgoing, Replica, ReplicaTask, Wanted};
use crate::rules::Rule;
use crate::store::StoredEntry;

/// How long to wait before trying again where nobody has said.
const TRY_AGAIN: Duration = Duration::from_millis(500);

impl Replica {
    pub(super) fn on_queued(&mut self, key: MessageKey, cx: &mut Context<'_>) {
        let Some(item) = self.outbox.get(key).filter(|item| item.progress == Progress::Unwritten) else {
            return;
        };
        item.progress = Progress::Waiting;
        cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Queued, pos: None });
        self.pump(cx);
    }

    /// Sends what waits, in order: to the host, or to the tracker, which hands it on or sequences it itself.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>) {
        self.pump_carry(cx);
        if self.outbox.retry_at.is_some() || self.search.is_some() || self.carry.is_ahead() {
            return;
        }
        let Some((link, fence)) = self.submits_to(cx) else {
            return;
        };
        let Some((submission, envelopes)) = self.outbox.take_batch(fence, cx.limits) else {
            return;
        };
        let (channel, with, transfer) = (self.channel(), self.source(), Transfer::Submitted);
        cx.out.event(PeerEvent::Transferred { channel, with, transfer, first: 0, last: 0 });
        let submit = Submit::new(channel, fence, envelopes);
        if cx.request(link, &submit, self.purpose(Wanted::Submit(submission))).is_err() {
            self.outbox.forget_submits();
            self.try_again(TRY_AGAIN, cx);
        }
    }

    /// Where what is written goes now, and for which epoch it is meant.
    pub(super) fn submits_to(&self, cx: &Context<'_>) -> Option<(LinkId, Fence)> {
        let attachment = self.attachment.as_ref().filter(|attachment| attachment.is_level())?;
        let known = attachment.fence != Fence::default() && !self.is_outdated(cx);
        known.then_some((attachment.link, attachment.fence))
    }

    pub(super) fn try_again(&mut self, after: Duration, cx: &Context<'_>) {
        let at = cx.now.mono + after;
        self.outbox.awaits_commit = false;
        self.outbox.retry_at = Some(self.outbox.retry_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn on_submitted(&mut self, submission: &Submission, submitted: Submitted, cx: &mut Context<'_>) {
        if self.attachment.as_ref().is_some_and(|attachment| submission.fence < attachment.fence) {
            // What was said in an epoch that is over may be void: all of it has gone again.
            return;
        }
        for fate in &submitted.fates {
            self.on_fate(fate, submitted.fence, cx);
        }
        if self.outbox.not_submitted(submission) && self.outbox.retry_at.is_none() {
            self.try_again(TRY_AGAIN, cx);
        }
        self.settle(cx);
        self.pump(cx);
        self.doubt_shown(cx);
    }

    fn on_fate(&mut self, fate: &Fate, fence: Fence, cx: &mut Context<'_>) {
        if self.outbox.get(fate.key).is_none() {
            // Settled since it was submitted.
            return;
        }
        match fate.code {
            FateCode::Stored | FateCode::Committed => self.on_stored_at(fate.key, fate.pos, cx),
            FateCode::Refused => self.on_refused(fate, cx),
            FateCode::Forgotten => self.give_up_one(fate.key, Reason::Gone, cx),
            FateCode::SlowDown => self.on_slow_down(fate, cx),
            FateCode::Fork => self.on_fork(fate, fence, cx),
            FateCode::Expected => self.on_expected(fate, cx),
            FateCode::Unknown(_) => self.try_again(TRY_AGAIN, cx),
        }
    }

    /// Where the tail is full, a commit makes room long before the time is over.
    fn on_slow_down(&mut self, fate: &Fate, cx: &Context<'_>) {
        let awaits_commit =
            fate.reason == Some(Reason::TailFull) && (self.outbox.retry_at.is_none() || self.outbox.awaits_commit);
        self.try_again(Duration::from_millis(u64::from(fate.retry_after_ms.max(10))), cx);
        self.outbox.awaits_commit = awaits_commit;
    }

    /// More is committed than before.
    pub(super) fn on_room(&mut self, cx: &mut Context<'_>) {
        if core::mem::take(&mut self.outbox.awaits_commit) {
            self.retry(cx);
        }
    }

    /// The sequencer has it there. What stands up to the tip was seen; what was not is on a chain that is cut.
    fn on_stored_at(&mut self, key: MessageKey, pos: u64, cx: &mut Context<'_>) {
        let tip = self.cache.tip().pos;
        let Some(item) = self.outbox.get(key).filter(|item| !item.seen) else {
            return;
        };
        if pos <= tip {
            item.unplace();
            return self.try_again(TRY_AGAIN, cx);
        }
        let news = item.pos != Some(pos);
        (item.progress, item.pos) = (Progress::Placed, Some(pos));
        if news {
            cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Stored, pos: Some(pos) });
        }
    }

    /// An entry stands in the cache: perhaps it is an own one.
    pub(super) fn on_placed(&mut self, stored: &StoredEntry, cx: &mut Context<'_>) {
        let key = stored.entry.envelope.key;
        if key.device != cx.identity.device() {
            return;
        }
        let pos = stored.entry.pos;
        // Where this disk was put back, another message may stand under the same key.
        let Some(item) = self.outbox.get(key).filter(|item| item.envelope.hash() == stored.hash) else {
            return;
        };
        let news = item.pos != Some(pos);
        (item.progress, item.pos, item.seen) = (Progress::Placed, Some(pos), true);
        if news {
            cx.out.event(PeerEvent::MessageStage { key, stage: Stage::Stored, pos: Some(pos) });
        }
    }

    /// Lets go of what is committed on the own chain.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        let committed = if cx.rules.has(Rule::OutboxUntilCommitted) { self.cache.committed() } else { u64::MAX };
        let log = self.own_log();
        let settled = self.outbox.take_settled(committed);
        if settled.is_empty() {
            return;
        }
        let task = self.task(ReplicaTask::Nothing);
        cx.out.note(task, settled.iter().map(|item| delete(log, item.number)).collect());
        for Item { envelope, pos, .. } in settled {
            cx.out.event(PeerEvent::MessageStage { key: envelope.key, stage: Stage::Committed, pos });
        }
        self.end_doubt();
        self.pump(cx);
    }

    /// A refusal by an access entry is final once that is committed.
    fn on_refused(&mut self, fate: &Fate, cx: &mut Context<'_>) {
        let reason = fate.reason.unwrap_or(Reason::MayNotSend);
        if matches!(reason, Reason::BadEnvelope | Reason::NotTheAuthor) {
            return self.refuse_one(fate.key, reason, cx);
        }
        if fate.pos <= self.cache.committed() || !cx.rules.has(Rule::FinalRefusal) {
            return self.refuse(fate.key, reason, cx);
        }
        self.try_again(TRY_AGAIN, cx);
    }

    /// Gives up a message for good, and nothing else: what follows one of which nobody knows has a fate of its own. To
    /// sign that again, for it does not stand in what is kept of the log, might say it twice.
    fn give_up_one(&mut self, key: MessageKey, reason: Reason, cx: &mut Context<'_>) {
        let log = self.own_log();
        let given_up = self.outbox.take_if(|item| item.envelope.key == key);
        let writes = given_up.iter().map(|item| delete(log, item.number)).collect();
        self.give_up(given_up, reason, writes, cx);
    }

    /// Gives up a message for good. What builds on it is signed again, where it does not stand in the log already.
    fn refuse_one(&mut self, key: MessageKey, reason: Reason, cx: &mut Context<'_>) {
        self.give_up_one(key, reason, cx);
        if let Some(row) = unknown_row(cx) {
            self.search(row, cx);
        }
    }

    /// An own message that was settled, and does not stand in the log of a new generation.
    pub(super) fn take_back(&mut self, envelope: SignedEnvelope, cx: &mut Context<'_>) {
        if self.outbox.get(envelope.key).is_some() {
            return;
        }
        let task = self.task(ReplicaTask::SignedAgain(alloc::vec![envelope.key]));
        let write = self.outbox.take_back(self.own_log(), envelope);
        cx.out.write(task, alloc::vec![write]);
    }

    /// Gives up a message for good, and those that build on it.
    fn refuse(&mut self, key: MessageKey, reason: Reason, cx: &mut Context<'_>) {
        let Some(index) = self.outbox.items.iter().position(|item| item.envelope.key == key) else {
            return;
        };
        let (given_up, writes) = self.outbox.take_from(self.own_log(), index);
        self.give_up(given_up, reason, writes, cx);
        // The chain of what was refused ends: the next message builds on the row that the log has.
        self.subscribe(cx);
    }

    pub(super) fn on_not_submitted(&mut self, submission: &Submission, unanswered: &Unanswered, cx: &mut Context<'_>) {
        if !self.outbox.not_submitted(submission) {
            // A newer epoch is known since: it has gone again.
            return;
        }
        let Unanswered::Refused(failure) = unanswered else {
            return self.try_again(TRY_AGAIN, cx);
        };
        match failure.reason {
            // The newer epoch was not pushed, or is not genuine.
            Reason::Fenced => self.subscribe(cx),
            Reason::OutOfOrder | Reason::BadCertificate => self.subscribe_later(cx),
            _ => {}
        }
        let wait = Duration::from_millis(u64::from(failure.retry_after_ms));
        self.try_again(if wait.is_zero() { TRY_AGAIN } else { wait }, cx);
    }

    /// The committed row of this device: what the next message builds on. Where an access entry has
    /// moved it, and the sequencer has said in this epoch that what waits does not stand in its log, what was
    /// signed before is refused.
    pub(super) fn learn_row(&mut self, row: &Row, fence: Option<Fence>, cx: &mut Context<'_>) {
        let moved = row.seq == 0 && row.incarnation > 0 && fence.is_some();
        let barred = |item: &Item| moved && item.is_open() && item.barred_in == fence && item.envelope.prev != row.hash;
        if self.outbox.items.iter().any(barred) {
            self.search(*row, cx);
        }
        if let Some(write) = self.outbox.learn_row(self.own_log(), row) {
            let task = self.task(ReplicaTask::Nothing);
            cx.out.write(task, alloc::vec![write]);
        }
    }

    /// The own messages on their way, oldest first.
    pub fn outgoing(&self) -> impl Iterator<Item = Outgoing> + '_ {
        self.outbox.items.iter().map(|item| Outgoing {
            key: item.envelope.key,
            stage: if item.pos.is_some() { Stage::Stored } else { Stage::Queued },
            pos: item.pos,
            text: item.envelope.text().map(Into::into),
            sent: item.envelope.sent,
        })
    }

    /// Drops the messages that were never sent, or those from one of them on: later ones build on it. Says which.
    /// What was on its way before a restart may have been sent, and stays.
    pub fn drop_outgoing(&mut self, key: Option<MessageKey>, cx: &mut Context<'_>) -> Vec<MessageKey> {
        let first = self.outbox.items.iter().position(|item| match key {
            Some(key) => item.envelope.key == key,
            None => item.progress <= Progress::Waiting,
        });
        let Some(index) = first else {
            return Vec::new();
        };
        if self.outbox.items.range(index..).any(|item| item.progress > Progress::Waiting) {
            return Vec::new();
        }
        let (dropped, writes) = self.outbox.take_from(self.own_log(), index);
        let task = self.task(ReplicaTask::Nothing);
        cx.out.write(task, writes);
        dropped.into_iter().map(|item| item.envelope.key).collect()
    }

    /// Tries now, whatever is waited for.
    pub fn retry(&mut self, cx: &mut Context<'_>) {
        self.outbox.retry_at = None;
        self.pump(cx);
    }
}
