//! Whom a viewer asks for its stream.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Follow, Node, ParentLost, Plan, ShowTicket, TrackPlace};
use segment_proto::{DeviceId, Instant, LinkId};

use super::source::Source;
use super::{PAUSE, Parents};
use crate::rules::Rule;
use crate::stream::StreamContext;

/// How long the first parent is waited for before a backup is asked that is there already.
const PATIENCE: Duration = Duration::from_millis(500);

impl Parents {
    /// A plan has come. Whether it counts.
    pub(crate) fn set_plan(&mut self, plan: Plan, now: Instant) -> bool {
        if self.plan.as_ref().is_some_and(|known| known.version >= plan.version) {
            return false;
        }
        (self.plan, self.patient_until) = (Some(plan), Some(now + PATIENCE));
        true
    }

    /// Whoever serves is shown a new ticket in time.
    pub(crate) fn show_ticket(&mut self, cx: &mut StreamContext<'_>) {
        let Some(plan) = &self.plan else { return };
        let soon = cx.now.wall.plus(cx.limits.ticket_life / 2);
        for source in [&mut self.active, &mut self.next].into_iter().flatten() {
            if source.shown < plan.ticket.expires && source.shown <= soon {
                source.shown = plan.ticket.expires;
                cx.send(source.link, &ShowTicket { ticket: plan.ticket.clone() });
            }
        }
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

    pub(super) fn say_lost(&self, parent: DeviceId, cx: &mut StreamContext<'_>) {
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

    /// The best of those who can be asked.
    fn choose(&self, now: Instant) -> Option<(Node, LinkId)> {
        let is_free = |node: &&Node| self.paused.get(&node.device).is_none_or(|until| *until <= now);
        let plan = self.plan.as_ref()?;
        let first = plan.parent.iter().filter(is_free).find_map(|node| self.reach(node));
        let waited = plan.parent.is_none() || self.is_impatient(now);
        first.or_else(|| plan.backups.iter().filter(is_free).filter(|_| waited).find_map(|node| self.reach(node)))
    }

    pub(super) fn reach(&self, node: &Node) -> Option<(Node, LinkId)> {
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
            if let Some(next) = self.next.take_if(|next| next.trial.is_none()) {
                self.let_go(next.link, cx);
            }
            return;
        }
        if let Some(next) = self.next.as_mut().filter(|next| next.device == device) {
            next.trial = None;
            return;
        }
        self.ask(node, link, after, cx);
        if !cx.rules.has(Rule::MakeBeforeBreak) {
            self.take_over(cx);
        }
    }

    /// Asks somebody to take over.
    pub(super) fn ask(
        &mut self,
        node: Node,
        link: LinkId,
        after: impl FnOnce() -> Vec<TrackPlace>,
        cx: &mut StreamContext<'_>,
    ) {
        let Some(plan) = &self.plan else { return };
        let mut source = Source::new(node, link, plan.ticket.expires, cx.now.mono);
        let tally = self.tallies.entry(link).or_default();
        if tally.taken > 0 {
            source.say_taken(self.stream, tally, cx);
        }
        cx.send(link, &Follow { ticket: plan.ticket.clone(), after: after() });
        if let Some(next) = self.next.replace(source) {
            self.let_go(next.link, cx);
        }
    }
}
