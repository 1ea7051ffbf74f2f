//! Owning an epoch: asking for one, taking over what the tracker has, giving it up.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Adopted, Diverged, Failure, Grant, HostHello};
use segment_proto::{EpochOwner, EpochRecord, Fence, Instant, LinkId, Nonce, Position, Reason, Signed, SignedEnvelope};

use crate::contract::Deadline;
use crate::host::replication::Replication;
use crate::host::{Host, HostRequest, HostTask};
use crate::peer::context::{Context, Purpose};
use crate::peer::events::{PeerEvent, Source, Transfer};
use crate::rules::{Rule, Rules};
use crate::store::{StoredEntry, Table, Write};
use crate::sync::persist::{Loaded, Meta, encode, put_changes, put_epoch, put_meta};
use crate::sync::{ChannelLog, Verdict, accept};

/// How long to wait before asking the tracker again.
const ASK_AGAIN: core::time::Duration = core::time::Duration::from_millis(500);

/// Whether this host may sequence, and what it does about it.
#[derive(Debug, Default)]
pub struct Tenure {
    phase: Phase,
    tracker: Option<LinkId>,
    nonce: Option<Nonce>,
    /// The highest fence on disk.
    pub max_fence: Fence,
    ask_again: Option<Instant>,
    staged: Vec<StoredEntry>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No epoch, nothing under way.
    #[default]
    Idle,
    /// `HostHello` is sent.
    Greeting,
    /// What the tracker has is being written.
    Adopting,
    /// `Adopted` is sent.
    AwaitingGrant,
    /// The record of the own epoch is being written.
    Granted,
    /// This host sequences; the tracker is away, or being greeted.
    Owning(Fence),
    /// This host sequences, and the tracker takes the copy.
    Replicating(Fence),
}

impl Tenure {
    /// The epoch in which this host sequences.
    pub fn owned(&self) -> Option<Fence> {
        match self.phase {
            Phase::Owning(fence) | Phase::Replicating(fence) => Some(fence),
            _ => None,
        }
    }

    /// Where copies go.
    pub fn replicating_to(&self) -> Option<(LinkId, Fence)> {
        match self.phase {
            Phase::Replicating(fence) => self.tracker.map(|link| (link, fence)),
            _ => None,
        }
    }

    /// When to ask the tracker again.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.ask_again.map(|at| Deadline::new(at, "host asks the tracker again"))
    }
}

/// Cut messages that wait to be sequenced again, in log order; on disk until they are settled.
#[derive(Debug, Default)]
pub struct Resubmit {
    items: BTreeMap<u64, SignedEnvelope>,
}

impl Resubmit {
    pub(super) fn restore(loaded: &Loaded) -> Self {
        Self { items: loaded.values::<(u64, SignedEnvelope)>(Table::Resubmit).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds what a cut has voided, behind what waits already.
    fn add(&mut self, log: &ChannelLog, voided: Vec<SignedEnvelope>) -> Vec<Write> {
        let mut writes = Vec::new();
        for envelope in voided {
            if self.items.values().any(|waiting| waiting.key == envelope.key) {
                continue;
            }
            let number = self.items.last_key_value().map_or(1, |(last, _)| last + 1);
            let (key, value) = (log.id.key(&number.to_be_bytes()), encode(&(number, &envelope)));
            writes.push(Write::Put { table: Table::Resubmit, key, value });
            self.items.insert(number, envelope);
        }
        writes
    }

    /// Takes out what is committed, or can never be accepted by the committed log.
    pub(super) fn take_settled(&mut self, log: &ChannelLog, rules: Rules) -> Vec<Write> {
        let committed = log.committed();
        let settled =
            self.items.extract_if(.., |_, envelope| match accept(log, envelope, &envelope.hash(), &None, rules) {
                Verdict::Duplicate { pos, .. } | Verdict::Refused { pos, .. } => pos <= committed,
                Verdict::Fork(_) => log.head().pos == committed,
                Verdict::Accept | Verdict::Expected(_) | Verdict::Unknown(_) => false,
            });
        let delete = |(number, _): (u64, SignedEnvelope)| Write::Delete {
            table: Table::Resubmit,
            key: log.id.key(&number.to_be_bytes()),
        };
        settled.map(delete).collect()
    }
}

impl Host {
    /// The tracker is there, and this session is logged in: asks for an epoch.
    pub fn on_tracker_up(&mut self, link: LinkId, cx: &mut Context<'_>) {
        self.tenure.tracker = Some(link);
        if !cx.rules.has(Rule::FreshEpoch) {
            self.resume_without_asking(cx);
        }
        self.say_hello(self.committed_position(), cx);
    }

    /// The planted fault of [`Rule::FreshEpoch`]: goes on in the epoch that is on disk.
    fn resume_without_asking(&mut self, cx: &mut Context<'_>) {
        let own = EpochOwner::Host(cx.identity.device());
        let fence = self.log.epoch().filter(|record| record.owner == own).map(|record| record.fence);
        if let (Phase::Idle, Some(fence)) = (self.tenure.phase, fence) {
            self.tenure.phase = Phase::Replicating(fence);
        }
    }

    /// The tracker is gone. The epoch, if there is one, is kept: its tail is bounded.
    pub fn on_tracker_down(&mut self, _cx: &mut Context<'_>) {
        self.tenure.tracker = None;
        self.tenure.ask_again = None;
        self.tenure.phase = match self.tenure.phase {
            Phase::Owning(fence) | Phase::Replicating(fence) => Phase::Owning(fence),
            // The write goes on; its end finds no tracker, and the next hello asks anew.
            Phase::Idle | Phase::Greeting | Phase::Adopting | Phase::AwaitingGrant | Phase::Granted => Phase::Idle,
        };
    }

    pub(super) fn tenure_timeout(&mut self, cx: &mut Context<'_>) {
        if self.tenure.ask_again.is_some_and(|at| at <= cx.now.mono) {
            self.tenure.ask_again = None;
            self.say_hello(self.committed_position(), cx);
        }
    }

    fn committed_position(&self) -> Position {
        self.log.receipt().map_or(Position::START, |receipt| receipt.at)
    }

    fn say_hello(&mut self, after: Position, cx: &mut Context<'_>) {
        let Some(link) = self.tenure.tracker else {
            return;
        };
        if self.tenure.owned().is_none() {
            self.tenure.phase = Phase::Greeting;
        }
        if after == self.committed_position() {
            self.tenure.staged.clear();
        }
        let nonce = *self.tenure.nonce.get_or_insert_with(|| cx.random.nonce());
        let hello = HostHello {
            channel: self.channel(),
            nonce,
            max_fence: self.tenure.max_fence,
            tip: self.log.durable_position(),
            resubmit: u32::try_from(self.resubmit.len()).unwrap_or(u32::MAX),
            receipt: self.log.receipt().cloned(),
            epoch: self.log.epoch().cloned(),
            after,
        };
        let purpose = Purpose::Host(self.channel(), HostRequest::Hello);
        if cx.request(link, &hello, purpose).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    pub(super) fn on_refused_by_tracker(&mut self, cx: &mut Context<'_>) {
        if self.tenure.tracker.is_some() {
            self.tenure.ask_again = Some(cx.now.mono + ASK_AGAIN);
        }
    }

    pub(super) fn on_adopt(&mut self, adopt: Adopt, cx: &mut Context<'_>) {
        if Some(adopt.nonce) != self.tenure.nonce || self.tenure.tracker.is_none() {
            return;
        }
        if matches!(self.tenure.phase, Phase::Adopting | Phase::AwaitingGrant | Phase::Granted) {
            return;
        }
        if let Some(owned) = self.tenure.owned() {
            if adopt.epochs.last().is_some_and(|record| record.fence == owned) && self.contains(adopt.head) {
                return self.resume(owned, &adopt, cx);
            }
            return self.give_up(cx);
        }
        let common = if self.contains(adopt.head) { adopt.head } else { self.committed_position() };
        if !self.stage(common, &adopt) {
            cx.out.event(PeerEvent::Suspicious { what: "the tracker's log does not continue this host's receipt" });
            return self.on_refused_by_tracker(cx);
        }
        let staged = self.tenure.staged.last().map_or(common, StoredEntry::position);
        if staged != adopt.head {
            return self.say_hello(staged, cx);
        }
        self.adopt(common, &adopt, cx);
    }

    fn contains(&self, position: Position) -> bool {
        self.log.position_at(position.pos) == Some(position)
    }

    /// The same process, its epoch still current: nothing is cut.
    fn resume(&mut self, fence: Fence, adopt: &Adopt, cx: &mut Context<'_>) {
        self.tenure.phase = Phase::Replicating(fence);
        self.replication = Replication::from(adopt.head.pos);
        if let Some(receipt) = &adopt.receipt {
            self.on_committed(receipt.clone(), cx);
        }
        self.replicate(cx);
    }

    /// Keeps a page of what the tracker has. Says whether it continues what is kept already.
    fn stage(&mut self, common: Position, adopt: &Adopt) -> bool {
        if common == adopt.head {
            return true;
        }
        let mut at = self.tenure.staged.last().map_or(common, StoredEntry::position);
        for entry in &adopt.entries {
            if entry.pos <= at.pos {
                continue;
            }
            if entry.pos != at.pos + 1 {
                return false;
            }
            let stored = StoredEntry::new(entry.clone(), &at.chain);
            at = stored.position();
            self.tenure.staged.push(stored);
        }
        at == adopt.head || !adopt.entries.is_empty()
    }

    /// One transaction: cut, keep what is cut for later, take what the tracker has.
    fn adopt(&mut self, common: Position, adopt: &Adopt, cx: &mut Context<'_>) {
        let staged = core::mem::take(&mut self.tenure.staged);
        let voided = self.log.cut(common.pos, cx.rules);
        for asker in self.submits.cut() {
            cx.out.fail_with(asker, &Failure::retry_after(Reason::NotNow, 200));
        }
        let mut writes = alloc::vec![Write::Cut { log: self.log.id, from: common.pos + 1 }];
        self.tell_diverged(common, &voided, cx);
        if cx.rules.has(Rule::CutResubmits) {
            writes.extend(self.resubmit.add(&self.log, voided));
        }
        if let (Some(first), Some(last)) = (staged.first(), staged.last()) {
            let (channel, first, last) = (self.channel(), first.entry.pos, last.entry.pos);
            cx.out.event(PeerEvent::Transferred {
                channel,
                with: Source::Tracker,
                transfer: Transfer::Adopted,
                first,
                last,
            });
        }
        for stored in &staged {
            self.log.append_stored(stored.clone(), cx.rules);
        }
        writes.push(Write::Append { log: self.log.id, entries: staged });
        if let Some(receipt) = adopt.receipt.clone().filter(|receipt| self.is_genuine(receipt, cx)) {
            writes.push(put_meta(self.log.id, Meta::Receipt, &receipt));
            let changed = self.log.commit(receipt, cx.rules);
            writes.extend(put_changes(self.log.id, self.log.base(), &changed));
        }
        for record in &adopt.epochs {
            if record.fence > self.log.fence() {
                writes.push(put_epoch(self.log.id, record));
                self.log.push_epoch(record.clone());
            }
        }
        self.tenure.max_fence = self.tenure.max_fence.max(self.log.fence());
        writes.push(put_meta(self.log.id, Meta::Fence, &self.tenure.max_fence));
        self.replication = Replication::from(self.log.head().pos);
        self.tenure.phase = Phase::Adopting;
        let task = self.task(HostTask::Adopted);
        cx.out.write(task, writes);
    }

    fn tell_diverged(&self, common: Position, voided: &[SignedEnvelope], cx: &mut Context<'_>) {
        if !voided.is_empty() && cx.rules.has(Rule::SayDiverged) {
            let diverged = Diverged { channel: self.channel(), fence: self.tenure.max_fence, at: common };
            cx.out.transmit_many(self.members.keeping(), segment_proto::Frame::push(&diverged));
        }
    }

    pub(super) fn say_adopted(&mut self, cx: &mut Context<'_>) {
        let (Phase::Adopting, Some(link), Some(nonce)) = (self.tenure.phase, self.tenure.tracker, self.tenure.nonce)
        else {
            return;
        };
        let adopted =
            Adopted { channel: self.channel(), nonce, generation: self.log.fence().generation, at: self.log.head() };
        self.tenure.phase = Phase::AwaitingGrant;
        let purpose = Purpose::Host(self.channel(), HostRequest::Adopted);
        if cx.request(link, &adopted, purpose).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    pub(super) fn on_grant(&mut self, grant: Grant, cx: &mut Context<'_>) {
        let nonce_fits = Some(grant.nonce) == self.tenure.nonce || !cx.rules.has(Rule::GrantNonce);
        if self.tenure.phase != Phase::AwaitingGrant || !nonce_fits || !self.is_for_us(&grant.record, cx) {
            return self.on_refused_by_tracker(cx);
        }
        let fence = grant.record.fence;
        let writes = alloc::vec![put_epoch(self.log.id, &grant.record), put_meta(self.log.id, Meta::Fence, &fence)];
        self.log.push_epoch(grant.record);
        self.tenure.max_fence = fence;
        self.tenure.phase = Phase::Granted;
        let task = self.task(HostTask::Granted(fence));
        cx.out.write(task, writes);
    }

    fn is_for_us(&self, record: &Signed<EpochRecord>, cx: &Context<'_>) -> bool {
        let genuine = cx.tracker_key.is_some_and(|key| record.is_signed_by(&key, &cx.identity.verifier()));
        let ours = record.channel == self.channel() && record.owner == EpochOwner::Host(cx.identity.device());
        genuine && ours && record.fence > self.tenure.max_fence && record.base == self.log.head()
    }

    pub(super) fn begin_epoch(&mut self, fence: Fence, cx: &mut Context<'_>) {
        if self.tenure.phase != Phase::Granted || self.tenure.max_fence != fence {
            return;
        }
        self.tenure.phase = Phase::Replicating(fence);
        cx.out.event(PeerEvent::Hosting { channel: self.channel(), fence });
        cx.out.transmit_many(self.members.keeping(), segment_proto::Frame::push(&self.watermarks()));
        let waiting: Vec<SignedEnvelope> = self.resubmit.items.values().cloned().collect();
        for envelope in waiting {
            if accept(&self.log, &envelope, &envelope.hash(), &None, cx.rules) == Verdict::Accept {
                self.sequence(envelope, cx);
            }
        }
        self.flush(cx);
    }

    pub(super) fn on_fenced(&mut self, record: &Signed<EpochRecord>, cx: &mut Context<'_>) {
        let genuine = cx.tracker_key.is_some_and(|key| record.is_signed_by(&key, &cx.identity.verifier()));
        if genuine && self.tenure.owned().is_some_and(|owned| record.fence > owned) {
            self.give_up(cx);
        }
    }

    /// The epoch is over: stops at once, and asks for another.
    pub(super) fn give_up(&mut self, cx: &mut Context<'_>) {
        if self.tenure.owned().is_some() {
            self.stop_sequencing(cx);
        }
        self.say_hello(self.committed_position(), cx);
    }

    fn stop_sequencing(&mut self, cx: &mut Context<'_>) {
        self.tenure.phase = Phase::Idle;
        self.tenure.nonce = None;
        cx.out.event(PeerEvent::HostingStopped { channel: self.channel() });
    }
}
