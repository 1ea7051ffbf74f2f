//! A copy that is shown more than it has: its disk has lost something, and says nothing of it.
//!
//! Whoever reads, writes or hosts shows the newest that this tracker has signed for them. A receipt above the
//! own head, one that is not on the own chain, or an epoch above the own: each proves a loss. What was lost
//! is asked of whoever showed it, stands apart until its chain leads to the receipt, and then takes its place
//! in a new generation; what this copy has sequenced meanwhile is sequenced again behind it.

use core::time::Duration;

use alloc::boxed::Box;
use alloc::vec::Vec;

use segment_proto::messages::{Lost, Reseed, Reseeded};
use segment_proto::{
    EpochOwner, EpochRecord, Evidence, Fence, Instant, LinkId, Message, Position, Reason, Receipt, Signed,
};

use crate::backup::joining::{Joining, Queue};
use crate::backup::{Backup, BackupTask};
use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::rules::Rule;
use crate::store::{LogId, LogRole, Operation, StoreOperation, StoreOutcome, StoredEntry, Write};
use crate::tracker::context::Context;

/// So long is waited for what was lost; then the channel goes on with what is here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an operation of a recovery is for.
#[derive(Debug)]
pub enum RecoveryTask {
    /// The own entry at the place of a receipt that somebody on this link has shown.
    Compare(LinkId, Signed<Receipt>),
    /// The own entry at the place behind which the first page begins.
    Common(Asker, Reseed),
    /// Entries to be folded or queued.
    Read,
    /// What was handed to the store before is on disk.
    Wait,
    /// All of it is in its place.
    Joined,
    /// The entry on which the acceptance of a queued message depends.
    Queue(u64),
    /// Nobody waits.
    Nothing,
}

/// What is being done about a loss.
#[derive(Debug, Default)]
pub struct Recovery {
    pub(super) state: State,
    /// The next epoch is of a new generation, above this one.
    pub(super) above: Option<Fence>,
    /// What the own branch has, to be sequenced again.
    pub(super) queue: Queue,
}

#[derive(Debug, Default)]
pub(super) enum State {
    /// Nothing is known to be lost.
    #[default]
    Sound,
    /// What was lost is being brought.
    Asking(Box<Asking>),
    /// It is here, and being put in its place.
    Joining(Box<Joining>),
}

#[derive(Debug)]
pub(super) struct Asking {
    target: Signed<Receipt>,
    holder: LinkId,
    until: Instant,
    /// What both logs share, and the last place that is staged.
    staged: Option<(Position, Position)>,
}

impl Recovery {
    /// Whether nobody sequences until it is over.
    pub fn is_under_way(&self) -> bool {
        !matches!(self.state, State::Sound)
    }

    /// When the patience ends.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        match &self.state {
            State::Asking(asking) => Some(Deadline::new(asking.until, "what was lost is not brought")),
            State::Sound | State::Joining(_) => None,
        }
    }
}

/// What a message shows.
pub(super) fn shown_in(message: &Message) -> Option<&Evidence> {
    match message {
        Message::Subscribe(m) => Some(&m.evidence),
        Message::Sync(m) => Some(&m.evidence),
        Message::Submit(m) => Some(&m.evidence),
        Message::HostHello(m) => Some(&m.evidence),
        _ => None,
    }
}

impl Backup {
    /// Somebody shows the newest that they hold.
    pub(super) fn on_shown(&mut self, link: LinkId, evidence: &Evidence, cx: &mut Context<'_>) {
        if !cx.rules.has(Rule::ShownLossOpens) {
            return;
        }
        let epoch = evidence.epoch.as_ref().filter(|record| self.is_own_record(record, cx));
        if let Some(fence) = epoch.map(|record| record.fence).filter(|fence| *fence > self.newest_fence()) {
            self.recovery.above = self.recovery.above.max(Some(fence));
        }
        if let Some(receipt) = evidence.receipt.as_ref().filter(|receipt| self.is_own_receipt(receipt, cx)) {
            self.on_receipt_shown(link, receipt, cx);
        }
        self.open_if_lost(cx);
    }

    /// What was lost is nothing but epochs, or is not to be had.
    pub(super) fn open_if_lost(&mut self, cx: &mut Context<'_>) {
        if self.recovery.above.is_some() && !self.is_deciding() {
            self.write_epoch(EpochOwner::Tracker, None, cx);
        }
    }

    /// Whether it is not decided yet who sequences: nobody does.
    pub(super) fn is_deciding(&self) -> bool {
        self.next_epoch.is_some() || self.recovery.is_under_way()
    }

    fn newest_fence(&self) -> Fence {
        self.next_epoch.as_ref().map_or(self.log.fence(), |record| record.fence)
    }

    fn is_own_record(&self, record: &Signed<EpochRecord>, cx: &Context<'_>) -> bool {
        let news = record.fence > self.newest_fence();
        news && record.channel == self.channel() && record.is_signed_by(&cx.identity.device(), &cx.identity.verifier())
    }

    /// One of an older generation binds nobody: its messages come as messages, from whoever has them.
    fn is_own_receipt(&self, receipt: &Signed<Receipt>, cx: &Context<'_>) -> bool {
        let current = receipt.fence.generation >= self.log.fence().generation;
        let news = self.log.receipt().is_none_or(|own| own.at != receipt.at || receipt.fence > own.fence);
        current
            && news
            && receipt.channel == self.channel()
            && receipt.is_signed_by(&cx.identity.device(), &cx.identity.verifier())
    }

    fn on_receipt_shown(&mut self, link: LinkId, receipt: &Signed<Receipt>, cx: &mut Context<'_>) {
        if receipt.fence > self.newest_fence() {
            self.recovery.above = self.recovery.above.max(Some(receipt.fence));
        }
        match self.log.position_at(receipt.at.pos) {
            Some(own) if own == receipt.at => {}
            // What stood there is gone by the owner's policy: nothing can be said against it.
            None if receipt.at.pos < self.log.below().pos => {}
            None if receipt.at.pos < self.log.head().pos => self.compare(link, receipt, cx),
            _ => self.on_loss(link, receipt.clone(), cx),
        }
    }

    fn compare(&mut self, link: LinkId, receipt: &Signed<Receipt>, cx: &mut Context<'_>) {
        let read = read_one(self.log.id, receipt.at.pos);
        cx.out.perform(self.task(BackupTask::Recovery(RecoveryTask::Compare(link, receipt.clone()))), read);
    }

    /// What was committed once is not here: asks for it whoever has shown that they have it.
    fn on_loss(&mut self, link: LinkId, receipt: Signed<Receipt>, cx: &mut Context<'_>) {
        let (until, staged) = match &self.recovery.state {
            State::Joining(_) => return,
            State::Asking(asking) if is_above(&asking.target, &receipt) => return,
            State::Asking(asking) if asking.target.at == receipt.at && ![link, NOBODY].contains(&asking.holder) => {
                return;
            }
            // Who brings it goes on where they are.
            State::Asking(asking) if asking.target.at == receipt.at && asking.holder == link => {
                (asking.until, asking.staged)
            }
            State::Asking(asking) => (asking.until, None),
            State::Sound => (cx.now.mono + PATIENCE, None),
        };
        let known = Some(receipt.fence.max(self.newest_fence()));
        self.recovery.above = self.recovery.above.max(known);
        let generation = self.next_fence().generation;
        let lost = Lost { channel: self.channel(), generation, epochs: self.log.epochs(), head: self.log.head() };
        cx.out.push(link, &lost);
        self.recovery.state = State::Asking(Box::new(Asking { target: receipt, holder: link, until, staged }));
    }

    /// A page of what was lost.
    pub(super) fn on_reseed(&mut self, from: Asker, reseed: Reseed, cx: &mut Context<'_>) {
        let expected = self.next_fence().generation;
        let State::Asking(asking) = &self.recovery.state else {
            return self.on_mend(from, reseed, cx);
        };
        if reseed.generation != expected || reseed.receipt.at != asking.target.at || asking.holder != from.link {
            return cx.out.fail(from, Reason::NotNow, "something else is asked for");
        }
        match asking.staged {
            Some((_, at)) if at == reseed.after => self.stage(from, &reseed, cx),
            _ if self.log.position_at(reseed.after.pos) == Some(reseed.after) => {
                self.begin_staging(from, &reseed, cx);
            }
            _ if reseed.after.pos < self.log.head().pos => {
                let read = read_one(self.log.id, reseed.after.pos);
                cx.out.perform(self.task(BackupTask::Recovery(RecoveryTask::Common(from, reseed))), read);
            }
            _ => cx.out.fail(from, Reason::ChainMismatch, "begin where both logs agree"),
        }
    }

    fn begin_staging(&mut self, from: Asker, reseed: &Reseed, cx: &mut Context<'_>) {
        if let State::Asking(asking) = &mut self.recovery.state {
            asking.staged = Some((reseed.after, reseed.after));
            let erase = alloc::vec![Write::Erase { log: staging(self.log.id) }];
            cx.out.write(self.task(BackupTask::Recovery(RecoveryTask::Nothing)), erase);
            self.stage(from, reseed, cx);
        }
    }

    /// The chain alone proves it: that it leads to what this tracker has signed is looked at when it is whole.
    fn stage(&mut self, from: Asker, reseed: &Reseed, cx: &mut Context<'_>) {
        let id = self.log.id;
        let State::Asking(asking) = &mut self.recovery.state else {
            return;
        };
        let Asking { target, staged: Some((common, at)), .. } = asking.as_mut() else {
            return;
        };
        let mut page = Vec::with_capacity(reseed.entries.len());
        for entry in reseed.entries.iter().filter(|entry| entry.pos <= target.at.pos) {
            if entry.pos != at.pos + 1 || entry.envelope.key.channel != id.channel {
                return cx.out.fail(from, Reason::ChainMismatch, "not dense");
            }
            let stored = StoredEntry::new(entry.clone(), &at.chain);
            *at = stored.position();
            page.push(stored);
        }
        let (common, at, target) = (*common, *at, target.clone());
        if page.is_empty() || (at.pos == target.at.pos && at != target.at) {
            self.forget_staged();
            return cx.out.fail(from, Reason::ChainMismatch, "this does not lead to the receipt");
        }
        let append = alloc::vec![Write::Append { log: staging(id), entries: page }];
        cx.out.write(self.task(BackupTask::Recovery(RecoveryTask::Nothing)), append);
        cx.out.answer(from, &Reseeded { channel: id.channel, next: at });
        if at == target.at {
            self.join(common, target, cx);
        }
    }

    fn forget_staged(&mut self) {
        if let State::Asking(asking) = &mut self.recovery.state {
            asking.staged = None;
        }
    }

    /// Nothing more is to be had: goes on with what is here, in a generation of its own.
    pub(super) fn open_generation(&mut self, cx: &mut Context<'_>) {
        self.recovery.state = State::Sound;
        self.open_if_lost(cx);
    }

    /// The fence of the next epoch: above the own, and in a new generation where more than the own was shown.
    pub(super) fn next_fence(&self) -> Fence {
        let own = self.log.fence();
        match self.recovery.above {
            None => Fence { generation: own.generation.max(1), epoch: own.epoch + 1 },
            Some(above) => {
                Fence { generation: above.generation.max(own.generation) + 1, epoch: above.epoch.max(own.epoch) + 1 }
            }
        }
    }

    /// An epoch has begun.
    pub(super) fn settle_recovery(&mut self) {
        let generation = self.log.fence().generation;
        self.recovery.above.take_if(|above| above.generation < generation);
    }

    pub(super) fn recovery_timeout(&mut self, cx: &mut Context<'_>) {
        if self.recovery.poll_timeout().is_some_and(|deadline| deadline.at <= cx.now.mono) {
            self.open_generation(cx);
        }
    }

    /// Who was to bring it is gone: the next who shows it is asked.
    pub(super) fn forget_holder(&mut self, link: LinkId) {
        if let State::Asking(asking) = &mut self.recovery.state
            && asking.holder == link
        {
            (asking.holder, asking.staged) = (NOBODY, None);
        }
    }

    pub(super) fn on_recovery(&mut self, task: RecoveryTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        match (task, outcome) {
            (RecoveryTask::Compare(link, receipt), StoreOutcome::Entries { entries, .. }) => {
                let own = entries.first().map(StoredEntry::position);
                if own.is_some_and(|own| own != receipt.at) && self.is_own_receipt(&receipt, cx) {
                    self.on_loss(link, receipt, cx);
                }
            }
            (RecoveryTask::Common(from, reseed), StoreOutcome::Entries { entries, .. }) => {
                if entries.first().map(StoredEntry::position) == Some(reseed.after) {
                    return self.begin_staging(from, &reseed, cx);
                }
                cx.out.fail(from, Reason::ChainMismatch, "begin where both logs agree");
            }
            (RecoveryTask::Read, StoreOutcome::Entries { entries, .. }) => self.on_joining_read(entries, cx),
            (RecoveryTask::Wait, _) => self.read_on(cx),
            (RecoveryTask::Joined, _) => self.on_joined(cx),
            (RecoveryTask::Queue(number), StoreOutcome::Found(found)) => {
                self.take_queued(number, Some(found), cx);
                self.flush(cx);
            }
            _ => {}
        }
    }
}

/// No link has this name on a tracker: its links are numbered from 1.
const NOBODY: LinkId = LinkId(0);

fn is_above(known: &Receipt, shown: &Receipt) -> bool {
    (known.fence.generation, known.at.pos) > (shown.fence.generation, shown.at.pos)
}

fn read_one(log: LogId, pos: u64) -> Operation {
    Operation::Store(StoreOperation::Read { log, from: pos, to: pos, entries_max: 1, bytes_max: usize::MAX })
}

pub(super) fn staging(log: LogId) -> LogId {
    LogId { channel: log.channel, role: LogRole::Staging }
}
