//! From whom a viewer gets a stream: one parent, two warm backups, and when one takes over from another.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Follow, Node, ParentLost, Plan, Taken, TrackPlace, Unfollow};
use segment_proto::{DeviceId, Instant, LinkId, Reason, StreamId};

use crate::contract::{Deadline, earliest};
use crate::rules::Rule;
use crate::stream::fanout::silence;
use crate::stream::{StreamContext, StreamEvent};

/// What is taken is said when it is so much, or so old. Half of the smallest window: a link never waits for it.
const TAKEN_BYTES: u64 = 8 * 1024;
const TAKEN_AFTER: Duration = Duration::from_millis(50);
/// How long the first parent is waited for before a backup is asked that is there already.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long somebody is not asked again who was silent or refused.
const PAUSE: Duration = Duration::from_secs(1);
/// The same for somebody who has sent what is not the streamer's.
const BAN: Duration = Duration::from_secs(60);
/// Devices that are not asked for now. Policy: the one whose pause ends first is forgotten.
const PAUSED_MAX: usize = 64;

/// Somebody who was asked for the stream.
#[derive(Debug)]
struct Source {
    node: Node,
    device: DeviceId,
    link: LinkId,
    heard: Instant,
    said_at: Instant,
    newest: Instant,
    path: BTreeMap<u8, Vec<DeviceId>>,
}

impl Source {
    fn new(node: Node, link: LinkId, now: Instant) -> Self {
        let path = BTreeMap::new();
        Self { node, device: node.device, link, heard: now, said_at: now, newest: now, path }
    }

    fn say_taken(&mut self, stream: StreamId, tally: &mut Tally, cx: &mut StreamContext<'_>) {
        let held = cx.now.mono.since(self.newest).as_micros();
        let held_us = u32::try_from(held).unwrap_or(u32::MAX);
        cx.send(self.link, &Taken { stream, bytes: tally.taken, held_us });
        (tally.said, self.said_at) = (tally.taken, cx.now.mono);
    }
}

/// Bytes that have come on a link, whoever was the parent then: what was under way when a parent was left comes later.
#[derive(Debug, Default)]
struct Tally {
    taken: u64,
    said: u64,
    /// Tracks of which something went past when nobody wanted it: what comes behind it may build on it.
    gaps: BTreeSet<u8>,
}

impl Tally {
    fn unsaid(&self) -> u64 {
        self.taken - self.said
    }
}

/// A parent that was left because it was silent.
#[derive(Clone, Copy, Debug)]
struct Left {
    device: DeviceId,
    link: LinkId,
    heard: Instant,
}

/// The parents of one viewer.
#[derive(Debug)]
pub struct Parents {
    stream: StreamId,
    interval: Duration,
    plan: Option<Plan>,
    /// The plan's parent is waited for until then.
    patient_until: Option<Instant>,
    links: BTreeMap<DeviceId, LinkId>,
    active: Option<Source>,
    /// Asked to take over, and not heard yet.
    next: Option<Source>,
    paused: BTreeMap<DeviceId, Instant>,
    /// Of each link on which something was asked for. Bounded by the number of links.
    tallies: BTreeMap<LinkId, Tally>,
    left: Option<Left>,
    /// A plan names somebody who was left for good: that is said then, and not more often than once a while.
    objects_at: Option<Instant>,
    objected_at: Option<Instant>,
    /// The longest silence lately that ended by itself: a slow link is not a dead parent.
    usual_gap: Duration,
}

impl Parents {
    /// Nobody yet.
    #[must_use]
    pub fn new(stream: StreamId, interval: Duration) -> Self {
        Self {
            stream,
            interval,
            plan: None,
            patient_until: None,
            links: BTreeMap::new(),
            active: None,
            next: None,
            paused: BTreeMap::new(),
            tallies: BTreeMap::new(),
            left: None,
            objects_at: None,
            objected_at: None,
            usual_gap: Duration::ZERO,
        }
    }

    /// A plan has come. Whether it counts.
    pub(crate) fn set_plan(&mut self, plan: Plan, now: Instant) -> bool {
        if self.plan.as_ref().is_some_and(|known| known.version >= plan.version) {
            return false;
        }
        (self.plan, self.patient_until) = (Some(plan), Some(now + PATIENCE));
        true
    }

    /// The parent of the plan, if it was left for good.
    fn banned_parent(&self, now: Instant) -> Option<DeviceId> {
        let parent = self.plan.as_ref()?.parent.as_ref()?.device;
        self.paused.get(&parent).is_some_and(|until| *until > now + PAUSE * 5).then_some(parent)
    }

    /// A plan may name somebody again who was left for good: whoever coordinates is told once more.
    pub(crate) fn object(&mut self, cx: &mut StreamContext<'_>) {
        let now = cx.now.mono;
        let Some(parent) = self.banned_parent(now) else { return self.objects_at = None };
        let due = self.objected_at.map_or(now, |at| at + PAUSE);
        if due > now {
            return self.objects_at = Some(due);
        }
        (self.objects_at, self.objected_at) = (None, Some(now));
        self.say_lost(parent, cx);
    }

    fn say_lost(&self, parent: DeviceId, cx: &mut StreamContext<'_>) {
        let instead = self.choose(cx.now.mono).map(|(node, _)| node.device);
        if let Some(plan) = &self.plan {
            cx.report(&ParentLost { channel: plan.channel, stream: self.stream, parent, instead });
        }
    }

    /// Somebody else coordinates: its plans are counted anew.
    pub(crate) fn forget_version(&mut self) {
        if let Some(plan) = &mut self.plan {
            plan.version = 0;
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// From whom it comes now.
    #[must_use]
    pub fn parent(&self) -> Option<DeviceId> {
        self.active.as_ref().map(|source| source.device)
    }

    /// Devices between the streamer and here.
    #[must_use]
    pub fn path(&self) -> &[DeviceId] {
        let paths = self.active.as_ref().and_then(|source| source.path.values().next_back());
        paths.map(Vec::as_slice).unwrap_or_default()
    }

    /// Whom to have links to.
    pub fn wanted(&self) -> impl Iterator<Item = Node> {
        let planned = self.plan.iter().flat_map(|plan| plan.parent.iter().chain(&plan.backups)).copied();
        planned.chain([&self.active, &self.next].into_iter().flatten().map(|source| source.node))
    }

    pub(crate) fn on_link_up(&mut self, device: DeviceId, link: LinkId) {
        self.links.insert(device, link);
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        self.links.retain(|_, known| *known != link);
        self.tallies.remove(&link);
        self.left.take_if(|left| left.link == link);
        let lost = [&self.active, &self.next].into_iter().flatten().find(|source| source.link == link);
        if let Some(device) = lost.map(|source| source.device) {
            self.lose(device, PAUSE, cx);
        }
    }

    /// Something was heard. Whether it was one of the parents'.
    pub(crate) fn on_heard(&mut self, link: LinkId, now: Instant) -> bool {
        let mut is_parent = false;
        for source in [&mut self.active, &mut self.next].into_iter().flatten() {
            if source.link == link {
                let gap = now.since(source.heard);
                self.usual_gap = self.usual_gap.mul_f64(0.995).max(gap);
                source.heard = now;
                is_parent = true;
            }
        }
        if let Some(left) = self.left.take_if(|left| left.link == link) {
            self.usual_gap = self.usual_gap.max(now.since(left.heard));
            if self.active.is_none() {
                self.paused.remove(&left.device);
            }
        }
        is_parent
    }

    /// A group's way.
    pub(crate) fn on_path(&mut self, link: LinkId, track: u8, path: Vec<DeviceId>) {
        if let Some(source) = self.source_mut(link) {
            source.path.insert(track, path);
        }
    }

    /// The way of what comes on a link, if that is a parent's.
    pub(crate) fn path_of(&self, link: LinkId, track: u8) -> Option<&[DeviceId]> {
        let source = [&self.active, &self.next].into_iter().flatten().find(|source| source.link == link)?;
        Some(source.path.get(&track).map(Vec::as_slice).unwrap_or_default())
    }

    /// Something of a track went past on a link that is no parent's.
    pub(crate) fn pass_over(&mut self, link: LinkId, track: u8) {
        if let Some(tally) = self.tallies.get_mut(&link) {
            tally.gaps.insert(track);
        }
    }

    /// Whether something went past before what comes on a link now.
    pub(crate) fn has_gap(&self, link: LinkId, track: u8) -> bool {
        self.tallies.get(&link).is_some_and(|tally| tally.gaps.contains(&track))
    }

    /// A frame has come that needs nothing of what went past: nor does what follows it.
    pub(crate) fn close_gap(&mut self, link: LinkId, track: u8) {
        if let Some(tally) = self.tallies.get_mut(&link) {
            tally.gaps.remove(&track);
        }
    }

    fn source_mut(&mut self, link: LinkId) -> Option<&mut Source> {
        [&mut self.active, &mut self.next].into_iter().flatten().find(|source| source.link == link)
    }

    /// A chunk has come: what is asked to take over has done so.
    pub(crate) fn on_chunk(&mut self, link: LinkId, bytes: usize, cx: &mut StreamContext<'_>) {
        if self.next.as_ref().is_some_and(|next| next.link == link) {
            self.take_over(cx);
        }
        let Some(tally) = self.tallies.get_mut(&link) else { return };
        tally.taken += bytes as u64;
        let Some(source) = self.active.as_mut().filter(|source| source.link == link) else { return };
        source.newest = cx.now.mono;
        if tally.unsaid() >= TAKEN_BYTES || cx.now.mono.since(source.said_at) >= TAKEN_AFTER {
            source.say_taken(self.stream, tally, cx);
        }
    }

    fn take_over(&mut self, cx: &mut StreamContext<'_>) {
        let Some(next) = self.next.take() else { return };
        let to = next.device;
        let from = self.active.replace(next);
        if let Some(old) = &from {
            cx.send(old.link, &Unfollow { stream: self.stream });
        }
        cx.event(self.stream, StreamEvent::ParentChanged { from: from.map(|old| old.device), to: Some(to) });
    }

    /// A parent serves no longer: at once, or once there is another.
    pub(crate) fn on_unserved(&mut self, link: LinkId, reason: Reason, cx: &mut StreamContext<'_>) {
        let Some(device) = self.source_mut(link).map(|source| source.device) else { return };
        let is_active = self.parent() == Some(device);
        if is_active && reason == Reason::ShuttingDown && cx.rules.has(Rule::MakeBeforeBreak) {
            return self.pause(device, PAUSE * 5, cx.now.mono);
        }
        self.lose(device, PAUSE, cx);
    }

    /// Somebody has done what nobody may: never again, or not for long.
    pub(crate) fn ban(&mut self, link: LinkId, reason: Reason, cx: &mut StreamContext<'_>) {
        let Some(source) = self.source_mut(link) else { return };
        let parent = source.device;
        cx.send(link, &Unfollow { stream: self.stream });
        cx.event(self.stream, StreamEvent::ParentLeft { parent, reason });
        self.lose(parent, BAN, cx);
    }

    fn pause(&mut self, device: DeviceId, pause: Duration, now: Instant) {
        if self.paused.len() >= PAUSED_MAX
            && let Some(soonest) = self.paused.iter().min_by_key(|(_, until)| **until).map(|(device, _)| *device)
        {
            self.paused.remove(&soonest);
        }
        self.paused.insert(device, now + pause);
    }

    fn lose(&mut self, device: DeviceId, pause: Duration, cx: &mut StreamContext<'_>) {
        self.pause(device, pause, cx.now.mono);
        self.next.take_if(|next| next.device == device);
        let was_active = self.active.take_if(|active| active.device == device).is_some();
        self.say_lost(device, cx);
        if was_active {
            cx.event(self.stream, StreamEvent::ParentChanged { from: Some(device), to: None });
        }
    }

    /// The best of those who can be asked.
    fn choose(&self, now: Instant) -> Option<(Node, LinkId)> {
        let is_free = |node: &&Node| self.paused.get(&node.device).is_none_or(|until| *until <= now);
        let plan = self.plan.as_ref()?;
        let first = plan.parent.iter().filter(is_free).find_map(|node| self.reach(node));
        let waited = plan.parent.is_none() || self.is_impatient(now);
        first.or_else(|| plan.backups.iter().filter(is_free).filter(|_| waited).find_map(|node| self.reach(node)))
    }

    fn reach(&self, node: &Node) -> Option<(Node, LinkId)> {
        self.links.get(&node.device).map(|link| (*node, *link))
    }

    /// Whether the parent of the plan was waited for, or has failed.
    fn is_impatient(&self, now: Instant) -> bool {
        let parent = self.plan.as_ref().and_then(|plan| plan.parent.as_ref());
        let is_paused = parent.is_some_and(|parent| self.paused.get(&parent.device).is_some_and(|until| *until > now));
        is_paused || self.patient_until.is_none()
    }

    /// Asks whoever is the best now, unless that is who serves already.
    pub(crate) fn settle(&mut self, after: impl FnOnce() -> Vec<TrackPlace>, cx: &mut StreamContext<'_>) {
        self.paused.retain(|_, until| *until > cx.now.mono);
        let Some((node, link)) = self.choose(cx.now.mono) else { return };
        let device = node.device;
        if self.parent() == Some(device) {
            if let Some(next) = self.next.take() {
                cx.send(next.link, &Unfollow { stream: self.stream });
            }
            return;
        }
        if self.next.as_ref().is_some_and(|next| next.device == device) {
            return;
        }
        let Some(plan) = &self.plan else { return };
        let (mut source, tally) = (Source::new(node, link, cx.now.mono), self.tallies.entry(link).or_default());
        if tally.taken > 0 {
            source.say_taken(self.stream, tally, cx);
        }
        cx.send(link, &Follow { ticket: plan.ticket.clone(), after: after() });
        if let Some(next) = self.next.replace(source) {
            cx.send(next.link, &Unfollow { stream: self.stream });
        }
        if !cx.rules.has(Rule::MakeBeforeBreak) {
            self.take_over(cx);
        }
    }

    /// Wants no more from anybody. Who watches anew counts anew.
    pub(crate) fn unfollow_all(&mut self, cx: &mut StreamContext<'_>) {
        for source in [self.active.take(), self.next.take()].into_iter().flatten() {
            cx.send(source.link, &Unfollow { stream: self.stream });
        }
        for link in core::mem::take(&mut self.tallies).into_keys() {
            cx.send(link, &Taken { stream: self.stream, bytes: 0, held_us: 0 });
        }
    }

    fn threshold(&self, limits: &segment_proto::limits::StreamLimits) -> Duration {
        silence(self.interval, limits).max(self.usual_gap * 2)
    }

    /// Leaves who is silent, and says what was taken.
    pub(crate) fn handle_timeout(&mut self, cx: &mut StreamContext<'_>) {
        let (stream, now) = (self.stream, cx.now.mono);
        for source in [&mut self.active, &mut self.next].into_iter().flatten() {
            if let Some(tally) = self.tallies.get_mut(&source.link).filter(|tally| tally.unsaid() > 0)
                && source.said_at + TAKEN_AFTER <= now
            {
                source.say_taken(stream, tally, cx);
            }
        }
        self.patient_until.take_if(|until| *until <= now);
        self.paused.retain(|_, until| *until > now);
        if self.objects_at.is_some_and(|at| at <= now) {
            self.object(cx);
        }
        if !cx.rules.has(Rule::SilenceRepairs) {
            return [&mut self.active, &mut self.next].into_iter().flatten().for_each(|source| source.heard = now);
        }
        let threshold = self.threshold(cx.limits);
        let silent = |source: &&Source| source.heard + threshold <= now;
        let left = |source: &Source| Left { device: source.device, link: source.link, heard: source.heard };
        let silent: Vec<Left> = [&self.active, &self.next].into_iter().flatten().filter(silent).map(left).collect();
        for left in silent {
            // It may only have been slow: nothing more is to come from it.
            cx.send(left.link, &Unfollow { stream });
            self.lose(left.device, PAUSE, cx);
            self.left = Some(left);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self, limits: &segment_proto::limits::StreamLimits) -> Option<Deadline> {
        let threshold = self.threshold(limits);
        let sources = || [&self.active, &self.next].into_iter().flatten();
        let silence = sources().map(|source| source.heard + threshold).min();
        let is_unsaid = |source: &&Source| self.tallies.get(&source.link).is_some_and(|tally| tally.unsaid() > 0);
        let taken = sources().filter(is_unsaid).map(|source| source.said_at + TAKEN_AFTER).min();
        let waiting = self.plan.is_some() && self.active.is_none() && self.next.is_none();
        let pause = self.paused.values().min().copied().filter(|_| waiting);
        let patience = self.patient_until.filter(|_| waiting);
        earliest([
            silence.map(|at| Deadline::new(at, "a silent parent")),
            taken.map(|at| Deadline::new(at, "what was taken")),
            pause.map(|at| Deadline::new(at, "a parent that failed")),
            self.objects_at.map(|at| Deadline::new(at, "a plan that names somebody who was left")),
            patience.map(|at| Deadline::new(at, "patience with a parent")),
        ])
    }
}
