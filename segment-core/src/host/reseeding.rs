//! The tracker has lost what this host has: brings it, page by page, up to the receipt that proves it.

use alloc::vec::Vec;

use segment_proto::messages::{Lost, Reseed};
use segment_proto::{Entry, Hash, Message, Position, Receipt, Signed};

use crate::host::tenure::Phase;
use crate::host::{Host, HostRequest, HostTask};
use crate::peer::context::{Context, Purpose, Unanswered};
use crate::peer::events::PeerEvent;
use crate::store::{Operation, StoreOperation, StoredEntry};

/// What is being brought.
#[derive(Debug)]
pub struct Reseeding {
    generation: u32,
    receipt: Signed<Receipt>,
    /// The last place that the tracker has.
    at: Position,
}

impl Host {
    /// Nothing is sequenced in an epoch that the tracker does not know any more.
    pub(super) fn on_lost(&mut self, lost: &Lost, cx: &mut Context<'_>) {
        let is_under_way = self.reseeding.as_ref().is_some_and(|reseeding| reseeding.generation == lost.generation);
        let Some(receipt) = self.log.receipt().filter(|_| !is_under_way).cloned() else {
            return;
        };
        if self.tenure.owned().is_some() {
            self.tenure.phase = Phase::Idle;
            cx.out.event(PeerEvent::HostingStopped { channel: self.channel() });
        }
        let at = self.common_with(lost, receipt.at.pos);
        self.reseeding = Some(Reseeding { generation: lost.generation, receipt, at });
        self.read_reseed(cx);
    }

    /// The last place that both are known to share.
    fn common_with(&self, lost: &Lost, committed: u64) -> Position {
        if lost.head.pos <= committed && self.contains(lost.head) {
            return lost.head;
        }
        let own = self.log.epochs();
        let is_shared = |base: &Position| base.pos <= committed && own.iter().any(|record| record.base == *base);
        lost.epochs.iter().rev().map(|record| record.base).find(is_shared).unwrap_or(Position::START)
    }

    fn read_reseed(&mut self, cx: &mut Context<'_>) {
        let Some(Reseeding { receipt, at, .. }) = &self.reseeding else {
            return;
        };
        let read = StoreOperation::Read {
            log: self.log.id,
            from: at.pos + 1,
            to: receipt.at.pos,
            entries_max: cx.limits.batch_entries_max,
            bytes_max: cx.limits.batch_bytes_max,
        };
        cx.out.perform(self.task(HostTask::Reseed), Operation::Store(read));
    }

    pub(super) fn on_reseed_read(&mut self, before: Hash, stored: Vec<StoredEntry>, cx: &mut Context<'_>) {
        let Some(Reseeding { generation, receipt, at }) = &self.reseeding else {
            return;
        };
        let before = self.log.chain_before_page(at.pos, before);
        let Some(link) = self.tenure.tracker.filter(|_| before == at.chain && !stored.is_empty()) else {
            self.reseeding = None;
            return self.on_refused_by_tracker(cx);
        };
        let entries: Vec<Entry> = stored.into_iter().map(|stored| stored.entry).collect();
        let (channel, after, receipt) = (self.channel(), *at, receipt.clone());
        let reseed = Reseed { channel, generation: *generation, after, entries, receipt };
        if cx.request(link, &reseed, Purpose::Host(channel, HostRequest::Reseed)).is_err() {
            self.reseeding = None;
            self.on_refused_by_tracker(cx);
        }
    }

    /// Goes on behind what the tracker has; when it has all, asks for an epoch of its generation.
    pub(super) fn on_reseeded(&mut self, answered: Result<Message, Unanswered>, cx: &mut Context<'_>) {
        let Some(mut reseeding) = self.reseeding.take() else {
            return;
        };
        let Ok(Message::Reseeded(reseeded)) = answered else {
            return self.on_refused_by_tracker(cx);
        };
        if reseeded.next.pos <= reseeding.at.pos {
            return self.on_refused_by_tracker(cx);
        }
        reseeding.at = reseeded.next;
        if reseeded.next.pos >= reseeding.receipt.at.pos {
            return self.greet(cx);
        }
        self.reseeding = Some(reseeding);
        self.read_reseed(cx);
    }
}
