//! Owning an epoch: asking for one, being granted it, giving it up.

use core::time::Duration;

use segment_proto::messages::{Adopt, Adopted, Grant, HostHello};
use segment_proto::{EpochOwner, EpochRecord, Evidence, Fence, Instant, LinkId, Nonce, Position, Reason, Signed};

use crate::contract::Deadline;
use crate::host::replication::Replication;
use crate::host::staging::Staging;
use crate::host::{Host, HostRequest, HostTask};
use crate::peer::context::{Context, Purpose, Unanswered};
use crate::peer::events::{PeerEvent, Source};
use crate::rules::Rule;
use crate::sync::persist::{Meta, put_epoch, put_meta};

/// How long to wait before asking the tracker again; it doubles.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// As often at most: a tracker whose disk is too old is asked twice a minute.
const DOUBLINGS_MAX: u32 = 6;
/// A refusal with so long a wait is no race that was lost: the epoch is somebody else's for a while.
const DAMPED_MS: u32 = 5_000;

/// What this host may hope for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// The next epoch.
    #[default]
    Candidate,
    /// Not soon: another device hosts, or this one came and went too often.
    Guest,
    /// Nothing: the channel has moved, or its host is not to be seen. It does not greet.
    Retired,
}

/// Whether this host may sequence, and what it does about it.
#[derive(Debug, Default)]
pub struct Tenure {
    pub(super) phase: Phase,
    pub(super) tracker: Option<LinkId>,
    /// Of the last greeting without an epoch; kept as long as the epoch that came of it.
    pub(super) nonce: Option<Nonce>,
    /// The highest fence on disk.
    pub max_fence: Fence,
    /// A newer epoch that a member has shown; the tracker may not know of it.
    pub(super) heard_of: Option<Signed<EpochRecord>>,
    pub(super) standing: Standing,
    ask_again: Option<Instant>,
    /// How often in a row the tracker has refused.
    refusals: u32,
    /// Why the tracker does not take this channel back, which it has lost.
    pub(super) stranded: Option<Reason>,
    /// What is being taken over. It goes on with the next greeting.
    pub(super) staging: Option<Staging>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
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

    /// Whether somebody else sequences, and will for a while.
    pub(super) fn is_guest(&self) -> bool {
        self.standing != Standing::Candidate && self.owned().is_none()
    }

    pub(super) fn stop_asking(&mut self) {
        (self.ask_again, self.refusals) = (None, 0);
    }

    /// When to ask the tracker again.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.ask_again.map(|at| Deadline::new(at, "host asks the tracker again"))
    }
}

impl Host {
    /// The tracker is there, and this session is logged in: asks for an epoch.
    pub fn on_tracker_up(&mut self, link: LinkId, cx: &mut Context<'_>) {
        self.tenure.tracker = Some(link);
        self.tenure.refusals = 0;
        if self.tenure.standing == Standing::Retired {
            return self.drain(cx);
        }
        self.tenure.standing = Standing::Candidate;
        if !cx.rules.has(Rule::FreshEpoch) {
            self.resume_without_asking(cx);
        }
        self.greet(cx);
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
        if let Some(link) = self.tenure.tracker.take() {
            self.members.forget_link(link);
        }
        self.tenure.ask_again = None;
        self.tenure.phase = match self.tenure.phase {
            Phase::Owning(fence) | Phase::Replicating(fence) => Phase::Owning(fence),
            // The write goes on; its end finds no tracker, and the next hello asks anew.
            Phase::Idle | Phase::Greeting | Phase::Adopting | Phase::AwaitingGrant | Phase::Granted => Phase::Idle,
        };
    }

    pub(super) fn tenure_timeout(&mut self, cx: &mut Context<'_>) {
        if self.tenure.ask_again.is_some_and(|at| at <= cx.now.mono) {
            self.greet(cx);
        }
    }

    pub(super) fn committed_position(&self) -> Position {
        self.log.receipt().map_or(Position::START, |receipt| receipt.at)
    }

    /// Begins anew. A host without an epoch takes another nonce: a grant that was lost on its way, or comes
    /// late, is for nobody.
    pub(super) fn greet(&mut self, cx: &mut Context<'_>) {
        self.tenure.ask_again = None;
        if self.tenure.tracker.is_none() || self.tenure.standing == Standing::Retired {
            return;
        }
        if self.tenure.owned().is_none() {
            self.tenure.phase = Phase::Greeting;
            self.tenure.nonce = Some(cx.random.nonce());
        }
        let staged = self.tenure.staging.as_ref().map(|staging| staging.at);
        self.say_hello(staged.unwrap_or_else(|| self.committed_position()), cx);
    }

    /// Whether another greeting has gone since this was asked: how it ends says nothing about that one, which has an
    /// answer of its own.
    pub(super) fn is_superseded(&self, request: &HostRequest) -> bool {
        let asked = match request {
            HostRequest::Hello(nonce) | HostRequest::Adopted(nonce) => Some(*nonce),
            HostRequest::Reseed | HostRequest::Snapshot | HostRequest::Drain | HostRequest::Restore => None,
        };
        asked.is_some() && asked != self.tenure.nonce
    }

    /// Asks for the page that follows `after`.
    pub(super) fn say_hello(&mut self, after: Position, cx: &mut Context<'_>) {
        let Some(link) = self.tenure.tracker else {
            return;
        };
        let nonce = *self.tenure.nonce.get_or_insert_with(|| cx.random.nonce());
        let hello = HostHello {
            channel: self.channel(),
            nonce,
            max_fence: self.tenure.max_fence,
            tip: self.log.durable_position(),
            resubmit: u32::try_from(self.resubmit.len()).unwrap_or(u32::MAX),
            evidence: self.evidence(),
            after,
        };
        let purpose = Purpose::Host(self.channel(), HostRequest::Hello(nonce));
        if cx.request(link, &hello, purpose).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    /// The newest that this host holds, or has heard of.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence { receipt: self.log.receipt().cloned(), epoch: self.newest_epoch() }
    }

    pub(super) fn newest_epoch(&self) -> Option<Signed<EpochRecord>> {
        let heard_of = self.tenure.heard_of.as_ref().filter(|record| record.fence > self.log.fence());
        heard_of.or(self.log.epoch()).cloned()
    }

    pub(super) fn on_refused_by_tracker(&mut self, cx: &mut Context<'_>) {
        self.ask_later(Duration::ZERO, cx);
    }

    fn ask_later(&mut self, at_least: Duration, cx: &mut Context<'_>) {
        if self.tenure.tracker.is_some() && self.tenure.standing != Standing::Retired {
            let wait = ASK_AGAIN * 2_u32.pow(self.tenure.refusals.min(DOUBLINGS_MAX));
            self.tenure.refusals = self.tenure.refusals.saturating_add(1);
            self.tenure.ask_again = Some(cx.now.mono + wait.max(at_least));
        }
    }

    /// No answer, or no place for this device: what it has cut goes another way.
    pub(super) fn on_hello_refused(&mut self, unanswered: &Unanswered, cx: &mut Context<'_>) {
        if let Unanswered::Refused(failure) = unanswered {
            // What was staged may be what is refused.
            self.tenure.staging = None;
            match failure.reason {
                Reason::NotHost => self.become_guest(cx),
                Reason::NoSuchChannel => return self.restore_channel(cx),
                _ => {}
            }
            if failure.reason == Reason::StorageFailed {
                cx.out.event(PeerEvent::DamageFound { channel: self.channel(), at: Source::Tracker });
            }
        }
        self.on_refused_by_tracker(cx);
    }

    /// The tracker has gone on meanwhile, which is asked for at once; or does not want to grant for a while.
    pub(super) fn on_not_granted(&mut self, unanswered: &Unanswered, cx: &mut Context<'_>) {
        let Unanswered::Refused(failure) = unanswered else {
            return self.on_refused_by_tracker(cx);
        };
        if failure.retry_after_ms >= DAMPED_MS {
            self.become_guest(cx);
        } else if self.tenure.refusals == 0 && failure.retry_after_ms == 0 {
            self.tenure.refusals = 1;
            return self.greet(cx);
        }
        self.ask_later(Duration::from_millis(u64::from(failure.retry_after_ms)), cx);
    }

    fn become_guest(&mut self, cx: &mut Context<'_>) {
        if self.tenure.standing == Standing::Candidate {
            self.tenure.standing = Standing::Guest;
        }
        self.drain(cx);
    }

    /// The same process, its epoch still current: nothing is cut.
    pub(super) fn resume(&mut self, fence: Fence, adopt: &Adopt, cx: &mut Context<'_>) {
        self.tenure.phase = Phase::Replicating(fence);
        self.tenure.refusals = 0;
        self.replication = Replication::from(adopt.head.pos);
        if let Some(receipt) = &adopt.receipt {
            self.on_committed(receipt.clone(), cx);
        }
        self.replicate(cx);
    }

    pub(super) fn say_adopted(&mut self, cuts: u64, cx: &mut Context<'_>) {
        if cuts != self.submits.cuts {
            return;
        }
        self.log.set_durable(self.log.head().pos);
        let (Phase::Adopting, Some(link), Some(nonce)) = (self.tenure.phase, self.tenure.tracker, self.tenure.nonce)
        else {
            return;
        };
        let adopted =
            Adopted { channel: self.channel(), nonce, generation: self.log.fence().generation, at: self.log.head() };
        self.tenure.phase = Phase::AwaitingGrant;
        let purpose = Purpose::Host(self.channel(), HostRequest::Adopted(nonce));
        if cx.request(link, &adopted, purpose).is_err() {
            self.on_refused_by_tracker(cx);
        }
    }

    pub(super) fn on_grant(&mut self, grant: Grant, cx: &mut Context<'_>) {
        let nonce_fits = Some(grant.nonce) == self.tenure.nonce || !cx.rules.has(Rule::GrantNonce);
        if self.tenure.phase != Phase::AwaitingGrant || !nonce_fits {
            return;
        }
        if !self.is_for_us(&grant.record, cx) {
            return self.on_refused_by_tracker(cx);
        }
        let fence = grant.record.fence;
        let mut writes = put_epoch(&self.log, &grant.record);
        writes.push(put_meta(self.log.id, Meta::Fence, &fence));
        self.log.push_epoch(grant.record);
        self.tenure.max_fence = fence;
        self.tenure.phase = Phase::Granted;
        let task = self.task(HostTask::Granted(fence));
        cx.out.write(task, writes);
    }

    fn is_for_us(&self, record: &Signed<EpochRecord>, cx: &Context<'_>) -> bool {
        let ours = record.owner == EpochOwner::Host(cx.identity.device());
        let news = record.fence > self.tenure.max_fence && record.base == self.log.head();
        ours && news && self.is_by_tracker(record, cx)
    }

    pub(super) fn is_by_tracker(&self, record: &Signed<EpochRecord>, cx: &Context<'_>) -> bool {
        let signed = cx.tracker_key.is_some_and(|key| record.is_signed_by(&key, &cx.identity.verifier()));
        signed && record.channel == self.channel()
    }

    pub(super) fn begin_epoch(&mut self, fence: Fence, cx: &mut Context<'_>) {
        if self.tenure.phase != Phase::Granted || self.tenure.max_fence != fence {
            return;
        }
        self.tenure.phase = Phase::Replicating(fence);
        (self.tenure.refusals, self.tenure.standing) = (0, Standing::Candidate);
        let (since, base) = self.taken_over();
        cx.out.event(PeerEvent::Hosting { channel: self.channel(), fence, since, base });
        self.tell_watermarks(cx);
        self.resubmit(cx);
    }

    /// Behind which place, and up to which, the tracker has sequenced before this epoch.
    fn taken_over(&self) -> (u64, u64) {
        let epochs = self.log.epochs();
        let base_of = |back: usize| epochs.iter().rev().nth(back).map(|record| record.base.pos);
        let base = base_of(0).unwrap_or_default();
        (base_of(1).unwrap_or(base), base)
    }

    pub(super) fn on_fenced(&mut self, record: &Signed<EpochRecord>, cx: &mut Context<'_>) {
        if !self.is_newer(record, cx) {
            return;
        }
        self.tenure.heard_of = Some(record.clone());
        if self.tenure.owned().is_some() {
            self.give_up(cx);
        }
    }

    /// The epoch, if there is one, is over: stops at once, and asks for another.
    pub(super) fn give_up(&mut self, cx: &mut Context<'_>) {
        if self.tenure.owned().is_some() {
            self.tenure.phase = Phase::Idle;
            cx.out.event(PeerEvent::HostingStopped { channel: self.channel() });
        }
        self.greet(cx);
    }
}
