//! A host that does not own the epoch, and will not soon, brings its cut messages to whoever does: through
//! the tracker, in order, as a member would.

use core::time::Duration;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::messages::{Fate, FateCode, Submit, Submitted};
use segment_proto::{DeviceId, DeviceRecord, EpochOwner, Fence, Instant, Message, Reason, Signed, SignedEnvelope};

use crate::contract::Deadline;
use crate::host::{Host, HostRequest, HostTask};
use crate::peer::context::{Context, Purpose, Unanswered};
use crate::rules::Rule;
use crate::store::{Lookup, Operation, StoreOperation, StoredEntry};

/// How long to wait where nothing came of it, at first; it doubles.
const DRAIN_AGAIN: Duration = Duration::from_millis(500);
/// As often at most.
const DOUBLINGS_MAX: u32 = 5;

/// How far the draining has come.
#[derive(Debug, Default)]
pub struct Draining {
    under_way: bool,
    again_at: Option<Instant>,
    /// Rounds in which nothing left the queue.
    vain: u32,
    /// Up to where the channel is committed, as this device's reader knows while its host is not the owner.
    committed: u64,
}

impl Draining {
    /// When the next round begins.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.again_at.map(|at| Deadline::new(at, "host brings cut messages again"))
    }

    fn later(&mut self, now: Instant, at_least: Duration) {
        let wait = DRAIN_AGAIN * 2_u32.pow(self.vain.min(DOUBLINGS_MAX));
        self.vain += 1;
        self.again_at = Some(now + wait.max(at_least));
    }
}

impl Host {
    /// Begins another round, where there is something to bring and somebody to bring it to.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) {
        let Some(link) = self.tenure.tracker.filter(|_| self.tenure.is_guest() && cx.rules.has(Rule::GuestDrains))
        else {
            return;
        };
        if self.draining.under_way || self.draining.again_at.is_some() {
            return;
        }
        let envelopes = self.resubmit.front(cx.limits);
        if envelopes.is_empty() {
            return;
        }
        let fence = self.newest_epoch().map_or(Fence::default(), |record| record.fence);
        let authors = authors(&envelopes, cx);
        let submit = Submit { authors, evidence: self.evidence(), ..Submit::new(self.channel(), fence, envelopes) };
        let purpose = Purpose::Host(self.channel(), HostRequest::Drain);
        self.draining.under_way = cx.request(link, &submit, purpose).is_ok();
        if !self.draining.under_way {
            self.draining.later(cx.now.mono, Duration::ZERO);
        }
    }

    pub(super) fn drain_timeout(&mut self, cx: &mut Context<'_>) {
        if self.draining.again_at.take_if(|at| *at <= cx.now.mono).is_some() {
            self.drain(cx);
        }
    }

    /// Whoever has the epoch has answered, or nobody has.
    pub(super) fn on_drained(&mut self, answered: Result<Message, Unanswered>, cx: &mut Context<'_>) {
        self.draining.under_way = false;
        match answered {
            Ok(Message::Submitted(submitted)) => self.on_drain_fates(&submitted, cx),
            Err(Unanswered::Refused(failure)) if failure.reason == Reason::Fenced && self.draining.vain == 0 => {
                // Its record has come before this answer.
                self.draining.vain = 1;
                self.drain(cx);
            }
            Err(Unanswered::Refused(failure)) => {
                self.draining.later(cx.now.mono, Duration::from_millis(u64::from(failure.retry_after_ms)));
            }
            _ => self.draining.later(cx.now.mono, Duration::ZERO),
        }
    }

    fn on_drain_fates(&mut self, submitted: &Submitted, cx: &mut Context<'_>) {
        let waiting = self.resubmit.len();
        let mut wait = 0;
        for fate in &submitted.fates {
            self.on_drain_fate(fate, submitted.fence, cx);
            wait = wait.max(fate.retry_after_ms);
        }
        if self.resubmit.len() < waiting {
            self.draining.vain = 0;
            return self.drain(cx);
        }
        self.draining.later(cx.now.mono, Duration::from_millis(u64::from(wait)));
    }

    /// What is stored is not committed, and what is refused may be so by an entry that is cut: both are asked again.
    fn on_drain_fate(&mut self, fate: &Fate, fence: Fence, cx: &mut Context<'_>) {
        let Some(number) = self.resubmit.number(&fate.key) else {
            return;
        };
        let by_committed_log = self.is_trackers(fence);
        match fate.code {
            FateCode::Committed | FateCode::Forgotten => self.let_go(number, cx),
            FateCode::Refused if by_committed_log || fate.pos <= self.known_committed() => {
                self.let_go_with_followers(number, cx)
            }
            FateCode::Fork if by_committed_log => self.let_go_with_followers(number, cx),
            FateCode::Fork => {
                // Final once the author's chain that stands in its way is committed.
                let Some(row) = fate.row else { return };
                let find = StoreOperation::Find { log: self.log.id, lookup: Lookup::Hash(row.hash) };
                cx.out.perform(self.task(HostTask::InTheWay(number)), Operation::Store(find));
            }
            _ => {}
        }
    }

    pub(super) fn on_in_the_way(&mut self, number: u64, found: Option<&StoredEntry>, cx: &mut Context<'_>) {
        if found.is_some_and(|stored| stored.entry.pos <= self.known_committed()) {
            self.let_go_with_followers(number, cx);
        }
    }

    /// A tracker's log is committed as a whole.
    fn is_trackers(&self, fence: Fence) -> bool {
        self.newest_epoch().is_some_and(|record| record.fence == fence && record.owner == EpochOwner::Tracker)
    }

    fn known_committed(&self) -> u64 {
        self.log.committed().max(self.draining.committed)
    }

    /// In which generation its reader on this device is level.
    pub fn learn_reader(&mut self, generation: Option<u32>) {
        self.reader_in = generation;
    }

    /// Up to where the channel is committed, as its reader on this device knows.
    pub fn learn_committed(&mut self, pos: u64) {
        self.draining.committed = self.draining.committed.max(pos);
    }
}

/// Whose devices these are, for who does not know their authors.
fn authors(envelopes: &[SignedEnvelope], cx: &Context<'_>) -> Vec<Signed<DeviceRecord>> {
    let known = envelopes.iter().filter_map(|envelope| {
        let device = envelope.key.device;
        cx.authors.record(&device).map(|record| (device, record.clone()))
    });
    known.collect::<BTreeMap<DeviceId, _>>().into_values().collect()
}
