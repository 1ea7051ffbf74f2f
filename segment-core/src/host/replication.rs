//! Copying to the tracker: what is on this disk goes up once, in order, and comes back as receipts.

use core::time::Duration;

use alloc::vec::Vec;

use segment_proto::messages::{Replicate, ReplicateRefused};
use segment_proto::{Entry, Instant, Receipt, Signed};

use crate::contract::Deadline;
use crate::host::{Host, HostTask};
use crate::peer::context::Context;
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::Rule;
use crate::sync::fanout::batches;
use crate::sync::persist::{Meta, put_changes, put_meta};

/// How long to wait before sending again what was refused twice; it doubles.
const SEND_AGAIN: Duration = Duration::from_millis(500);
/// As often at most.
const DOUBLINGS_MAX: u32 = 6;

/// How far the copying has come.
#[derive(Clone, Copy, Debug)]
pub struct Replication {
    pub(super) sent: u64,
    /// How often the tracker has refused what follows this place.
    refused: (u64, u32),
    again_at: Option<Instant>,
}

impl Replication {
    /// From behind a place that the tracker has.
    pub const fn from(sent: u64) -> Self {
        Self { sent, refused: (0, 0), again_at: None }
    }

    /// When to send again what was refused.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.again_at.map(|at| Deadline::new(at, "host copies again"))
    }

    /// Begins again behind a place. Once at once; a tracker that refuses for ever is not asked all the time.
    fn refused_behind(&mut self, pos: u64, now: Instant) {
        self.sent = pos;
        let times = if self.refused.0 == pos { self.refused.1.saturating_add(1) } else { 1 };
        self.refused = (pos, times);
        let wait = |doublings: u32| SEND_AGAIN * 2_u32.pow(doublings.min(DOUBLINGS_MAX));
        self.again_at = times.checked_sub(2).map(|doublings| now + wait(doublings));
    }
}

impl Host {
    /// Sends up what the tracker lacks, a window of it: at most half a send queue is under way.
    pub(super) fn replicate(&mut self, cx: &mut Context<'_>) {
        let Some((link, fence)) = self.tenure.replicating_to().filter(|(link, _)| !self.members.is_full(*link)) else {
            return;
        };
        if self.replication.again_at.is_some() {
            return;
        }
        let to = if cx.rules.has(Rule::StoreBeforeReplicate) { self.log.durable() } else { self.log.head().pos };
        self.replication.sent = self.replication.sent.max(self.log.committed());
        let from = self.replication.sent + 1;
        let under_way = self.log.slice(self.log.committed() + 1, self.replication.sent);
        let mut bytes: usize = under_way.iter().flat_map(|(_, stored)| stored).map(|s| s.entry.wire_bytes()).sum();
        let Some((mut before, stored)) = self.log.slice(from, to).filter(|_| from <= to) else {
            return;
        };
        for batch in batches(&stored, cx.limits) {
            if bytes > cx.limits.send_queue_bytes_max / 2 {
                break;
            }
            bytes += batch.iter().map(|stored| stored.entry.wire_bytes()).sum::<usize>();
            let entries: Vec<Entry> = batch.iter().map(|stored| stored.entry.clone()).collect();
            let (first, last) = (self.replication.sent + 1, self.replication.sent + entries.len() as u64);
            cx.out.push(link, &Replicate { channel: self.record.channel, fence, before, entries });
            before = batch.last().map_or(before, |stored| stored.chain);
            self.replication.sent = last;
            let (channel, with, transfer) = (self.record.channel, Source::Tracker, Transfer::Replicated);
            cx.out.event(PeerEvent::Transferred { channel, with, transfer, first, last });
        }
    }

    /// A receipt moves the watermark only where this log has the same chain at its place.
    pub(super) fn on_committed(&mut self, receipt: Signed<Receipt>, cx: &mut Context<'_>) {
        if !self.is_genuine(&receipt, cx) {
            return cx.out.event(PeerEvent::Suspicious { what: "a receipt that the tracker did not sign" });
        }
        if receipt.at.pos <= self.log.committed() {
            return;
        }
        let on_chain = self.log.position_at(receipt.at.pos) == Some(receipt.at);
        if !on_chain && cx.rules.has(Rule::ReceiptOnChain) {
            return self.give_up(cx);
        }
        let changed = self.log.commit(receipt.clone(), cx.rules);
        let mut writes = put_changes(self.log.id, self.log.base(), &changed);
        writes.push(put_meta(self.log.id, Meta::Receipt, &receipt));
        writes.extend(self.resubmit.take_settled(&self.log, cx.rules));
        let task = self.task(HostTask::Nothing);
        cx.out.note(task, writes);
        if self.submits.is_writing() {
            // One piece for each member, not two: what is being written is told soon.
            self.owes_watermarks = true;
        } else {
            self.tell_watermarks(cx);
        }
        self.retain(cx);
        if self.log.provisional() == 0 {
            self.resubmit(cx);
        }
        self.replicate(cx);
    }

    pub(super) fn is_genuine(&self, receipt: &Signed<Receipt>, cx: &Context<'_>) -> bool {
        let signed = cx.tracker_key.is_some_and(|key| receipt.is_signed_by(&key, &cx.identity.verifier()));
        signed && receipt.channel == self.record.channel
    }

    pub(super) fn on_replicate_refused(&mut self, refused: &ReplicateRefused, cx: &mut Context<'_>) {
        if self.tenure.owned() != Some(refused.fence) {
            return;
        }
        if self.log.position_at(refused.head.pos) != Some(refused.head) {
            return self.give_up(cx);
        }
        self.replication.refused_behind(refused.head.pos, cx.now.mono);
        self.replicate(cx);
    }

    pub(super) fn replication_timeout(&mut self, cx: &mut Context<'_>) {
        if self.replication.again_at.is_some_and(|at| at <= cx.now.mono) {
            self.replication.again_at = None;
            self.replicate(cx);
        }
    }
}
