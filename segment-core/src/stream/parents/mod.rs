//! From whom a viewer gets a stream: one parent, two warm backups, and when one takes over from another.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Chunk, Node, Plan, Taken, Unfollow};
use segment_proto::{DeviceId, Instant, LinkId, Reason, StreamId};

use self::draining::Drain;
use self::hunger::Hunger;
use self::source::{Left, Source, Tally};
use crate::rules::Rule;
use crate::stream::{StreamContext, StreamEvent};

mod choosing;
mod draining;
mod hunger;
mod source;
mod timing;

/// What is taken is said when it is so much, or so old. Half of the smallest window: a link never waits for it.
const TAKEN_BYTES: u64 = 8 * 1024;
const TAKEN_AFTER: Duration = Duration::from_millis(50);
/// How long somebody is not asked again who was silent or refused.
const PAUSE: Duration = Duration::from_secs(1);
/// The same for somebody who has sent what is not the streamer's.
const BAN: Duration = Duration::from_secs(60);
/// Groups of which a parent may keep something back. One may be a race that nobody has thought of.
const HOLES_MAX: u32 = 3;
/// Devices that are not asked for now. Policy: the one whose pause ends first is forgotten.
const PAUSED_MAX: usize = 64;

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
    /// Links of those who were let go. Bounded by the number of links.
    drains: BTreeMap<LinkId, Drain>,
    left: Option<Left>,
    /// A plan names somebody who was left for good: that is said then, and not more often than once a while.
    objects_at: Option<Instant>,
    objected_at: Option<Instant>,
    /// The longest silence lately that ended by itself: a slow link is not a dead parent.
    usual_gap: Duration,
    hunger: Hunger,
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
            drains: BTreeMap::new(),
            left: None,
            objects_at: None,
            objected_at: None,
            usual_gap: Duration::ZERO,
            hunger: Hunger::default(),
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
        self.drains.remove(&link);
        self.left.take_if(|left| left.link == link);
        let lost = self.source_mut(link).map(|source| source.device);
        match lost {
            Some(device) if self.links.contains_key(&device) => self.move_over(device, link, cx),
            Some(device) => self.lose(device, PAUSE, cx),
            None => {}
        }
    }

    /// Somebody was asked on a link that is gone, and has another: they are asked again there.
    fn move_over(&mut self, device: DeviceId, gone: LinkId, cx: &mut StreamContext<'_>) {
        self.next.take_if(|next| next.link == gone);
        if self.active.take_if(|active| active.link == gone).is_some() {
            cx.event(self.stream, StreamEvent::ParentChanged { from: Some(device), to: None });
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
    pub(crate) fn on_path(&mut self, link: LinkId, track: u8, path: Vec<DeviceId>, now: Instant) {
        if self.is_stale(link, now) {
            return;
        }
        if let Some(source) = self.source_mut(link) {
            source.path.insert(track, path);
        }
    }

    /// The way of what comes on a link, if that is a parent's and has been said since it was asked.
    pub(crate) fn path_of(&self, link: LinkId, track: u8) -> Option<&[DeviceId]> {
        let source = [&self.active, &self.next].into_iter().flatten().find(|source| source.link == link)?;
        source.path.get(&track).map(Vec::as_slice)
    }

    fn source_mut(&mut self, link: LinkId) -> Option<&mut Source> {
        [&mut self.active, &mut self.next].into_iter().flatten().find(|source| source.link == link)
    }

    /// A chunk has come: what is asked to take over has done so, unless it is only on trial.
    pub(crate) fn on_chunk(&mut self, link: LinkId, chunk: &Chunk, cx: &mut StreamContext<'_>) {
        let takes_over =
            |next: &Source| next.link == link && next.trial.is_none() && next.path.contains_key(&chunk.track);
        if self.next.as_ref().is_some_and(takes_over) {
            self.take_over(cx);
        }
        let now = cx.now.mono;
        if let Some(source) = self.source_mut(link).filter(|_| chunk.index == 0) {
            source.began = now;
        }
        let Some(tally) = self.tallies.get_mut(&link) else { return };
        tally.taken += chunk.payload.len() as u64;
        let asked = [&mut self.active, &mut self.next].into_iter().flatten().find(|source| source.link == link);
        let Some(source) = asked else { return };
        source.newest = now;
        if tally.unsaid() >= TAKEN_BYTES || now.since(source.said_at) >= TAKEN_AFTER {
            source.say_taken(self.stream, tally, cx);
        }
    }

    /// A frame of this group builds on what has not come from this parent. Who leaves out what others need leaves out
    /// the rest of the group as well: so whoever does not, more than once or twice, keeps it back.
    pub(crate) fn on_hole(&mut self, link: LinkId, group: u64, cx: &mut StreamContext<'_>) {
        let Some(source) = self.source_mut(link).filter(|source| source.holes.0 != group) else { return };
        source.holes = (group, source.holes.1 + 1);
        if source.holes.1 >= HOLES_MAX && cx.rules.has(Rule::BadParentLeft) {
            self.ban(link, Reason::NotNow, cx);
        }
    }

    fn take_over(&mut self, cx: &mut StreamContext<'_>) {
        let Some(mut next) = self.next.take() else { return };
        let to = next.device;
        next.trial = None;
        self.hunger.begin(cx.now.mono);
        let from = self.active.replace(next);
        if let Some(old) = &from {
            self.let_go(old.link, cx);
        }
        cx.event(self.stream, StreamEvent::ParentChanged { from: from.map(|old| old.device), to: Some(to) });
    }

    /// A parent serves no longer: at once, or once there is another.
    pub(crate) fn on_unserved(&mut self, link: LinkId, reason: Reason, cx: &mut StreamContext<'_>) {
        if reason == Reason::Replaced {
            return self.on_end(link);
        }
        let asked = self.source_mut(link).map(|source| source.device);
        let Some(device) = asked.filter(|_| !self.is_stale(link, cx.now.mono)) else { return };
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
        self.let_go(link, cx);
        cx.event(self.stream, StreamEvent::ParentLeft { parent, reason });
        self.lose(parent, BAN, cx);
    }

    /// A parent gets the stream through this viewer: nobody's fault, and over as soon as either has another.
    pub(crate) fn leave_loop(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        let Some(parent) = self.source_mut(link).map(|source| source.device) else { return };
        self.let_go(link, cx);
        self.lose(parent, PAUSE, cx);
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

    /// Wants no more from anybody. Who watches anew counts anew.
    pub(crate) fn unfollow_all(&mut self, cx: &mut StreamContext<'_>) {
        for source in [self.active.take(), self.next.take()].into_iter().flatten() {
            cx.send(source.link, &Unfollow { stream: self.stream });
        }
        for link in core::mem::take(&mut self.tallies).into_keys() {
            cx.send(link, &Taken { stream: self.stream, bytes: 0, held_us: 0 });
        }
    }
}
