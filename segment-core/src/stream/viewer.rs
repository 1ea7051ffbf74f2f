//! The side of one stream that watches it, and passes it on if it has agreed to.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::limits::{STREAM_PATH_MAX, StreamLimits};
use segment_proto::messages::{Chunk, Follow, GroupHeader, Node, Plan, Unserved, ViewerFigures, ViewerReport};
use segment_proto::{
    ChannelId, DeviceId, Frame, Instant, LinkId, Message, Reason, Signed, StreamDescription, StreamId,
};

use crate::contract::{Deadline, earliest};
use crate::rules::Rule;
use crate::stream::admission::Admission;
use crate::stream::fanout::{Fanout, heartbeat, is_due, shortest_interval};
use crate::stream::figures::Figures;
use crate::stream::intake::{Bad, Intake, Taken};
use crate::stream::parents::Parents;
use crate::stream::ring::Ring;
use crate::stream::subscriber::TrackOrder;
use crate::stream::{MediaFrame, StreamContext, StreamEvent, Way, copies};

/// A relay that has agreed to more takes so many times the viewers that it is given: those whose own parent has gone come
/// by themselves.
const SPARE: usize = 2;

/// A relay that has lost its parent tells its own viewers for so long that it looks for another.
const REPAIR: Duration = Duration::from_secs(1);

/// Whether a viewer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Watching,
    /// It goes on for those who have not found another yet, until then.
    Leaving(Instant),
}

/// One watched stream.
#[derive(Debug)]
pub struct Viewer {
    description: Signed<StreamDescription>,
    admission: Admission,
    intake: Intake,
    parents: Parents,
    ring: Ring,
    fanout: Fanout,
    figures: Figures,
    /// Viewers that it has agreed to serve.
    agreed: usize,
    interval: Duration,
    report_at: Instant,
    /// When a parent was heard last.
    heard: Instant,
    /// It has not been heard for too long: those below look for others.
    starving: bool,
    stage: Stage,
}

impl Viewer {
    /// Watches from now on, and passes on as much as is agreed here; those who coordinate sign whom to serve.
    #[must_use]
    pub fn new(
        description: Signed<StreamDescription>,
        coordinators: Vec<DeviceId>,
        relay_kbps: u32,
        now: Instant,
    ) -> Self {
        let interval = shortest_interval(&description.tracks);
        Self {
            admission: Admission::new(description.stream, coordinators),
            intake: Intake::new(description.stream, description.device, &description.tracks),
            parents: Parents::new(description.stream, interval),
            ring: Ring::default(),
            fanout: Fanout::new(TrackOrder::of(&description.tracks)),
            figures: Figures::default(),
            agreed: copies(relay_kbps, &description.tracks),
            interval,
            report_at: Instant(u64::MAX),
            heard: now,
            starving: false,
            stage: Stage::Watching,
            description,
        }
    }

    /// What is watched.
    #[must_use]
    pub fn description(&self) -> &Signed<StreamDescription> {
        &self.description
    }

    /// From whom, and from whom else, it is to come.
    pub fn on_plan(&mut self, plan: Plan, cx: &mut StreamContext<'_>) {
        let report = Duration::from_millis(plan.report_ms.into());
        if self.parents.set_plan(plan, cx.now.mono) {
            self.parents.show_ticket(cx);
            self.report_at = self.report_at.min(cx.now.mono + report);
            self.parents.object(cx);
            self.settle(cx);
        }
    }

    /// Somebody else coordinates now.
    pub fn on_coordinator(&mut self) {
        self.parents.forget_version();
    }

    /// A link to a device is there, whoever has dialled it.
    pub fn on_link_up(&mut self, device: DeviceId, link: LinkId, cx: &mut StreamContext<'_>) {
        self.parents.on_link_up(device, link);
        self.settle(cx);
    }

    /// A link is gone.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        self.fanout.on_link_down(link);
        self.parents.on_link_down(link, cx);
        self.settle(cx);
    }

    /// Something came about this stream.
    pub fn on_message(&mut self, link: LinkId, device: DeviceId, message: Message, cx: &mut StreamContext<'_>) {
        if self.parents.on_heard(link, cx.now.mono) {
            (self.heard, self.starving) = (cx.now.mono, false);
        }
        match message {
            Message::GroupHeader(header) => self.on_group(link, header, cx),
            Message::Chunk(chunk) => self.on_chunk(link, chunk, cx),
            Message::Unserved(unserved) => self.parents.on_unserved(link, unserved.reason, cx),
            Message::Follow(follow) => self.on_follow(link, device, &follow, cx),
            Message::Unfollow(_) => self.fanout.on_unfollow(link, self.description.stream, cx),
            Message::Taken(taken) => self.fanout.on_taken(link, &taken, &self.ring, cx),
            Message::ShowTicket(shown) if self.admission.admit(&shown.ticket, &device, cx).is_ok() => {
                self.fanout.renew(link, shown.ticket.expires);
            }
            Message::ShutOut(shut) => {
                self.admission.shut_out(shut.viewer, cx);
                self.fanout.shut_out(&shut.viewer, shut.stream, cx);
            }
            _ => {}
        }
        self.settle(cx);
    }

    fn settle(&mut self, cx: &mut StreamContext<'_>) {
        if self.stage == Stage::Watching {
            self.parents.settle(|| self.intake.places(), cx);
        }
    }

    /// Who finds itself on the way of a stream would pass it to itself.
    fn on_group(&mut self, link: LinkId, header: GroupHeader, cx: &mut StreamContext<'_>) {
        let is_loop = header.path.contains(&cx.identity.device()) || header.path.len() >= STREAM_PATH_MAX;
        if is_loop && cx.rules.has(Rule::PathStopsLoops) {
            return self.parents.leave_loop(link, cx);
        }
        self.parents.on_path(link, header.track, header.path, cx.now.mono);
    }

    fn on_chunk(&mut self, link: LinkId, chunk: Chunk, cx: &mut StreamContext<'_>) {
        self.parents.on_chunk(link, &chunk, cx);
        let path = self.parents.path_of(link, chunk.track).filter(|_| self.intake.has(chunk.track));
        let Some(path) = path else { return self.pass_over(link, chunk.track, cx) };
        let group = chunk.place.group;
        match self.intake.take(link, path, chunk, &mut self.ring, cx) {
            Ok(taken) => {
                self.ring.trim(cx.now.mono, cx.limits, cx.rules);
                self.fanout.pump(&self.ring, cx);
                match taken {
                    Taken::Nothing => {}
                    Taken::Hole => self.parents.on_hole(link, group, cx),
                    Taken::Whole(frame) => self.show(link, frame, cx),
                }
            }
            Err(Bad) => self.accuse(link, cx),
        }
    }

    /// What was under way when this parent was asked comes before it has said its way, and is sent again.
    fn pass_over(&mut self, link: LinkId, track: u8, cx: &mut StreamContext<'_>) {
        if !self.intake.has(track) {
            self.accuse(link, cx);
        }
    }

    fn accuse(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        if cx.rules.has(Rule::BadParentLeft) {
            self.parents.ban(link, Reason::BadSignature, cx);
        }
    }

    fn show(&mut self, link: LinkId, frame: MediaFrame, cx: &mut StreamContext<'_>) {
        self.parents.on_frame(link, cx.now.mono);
        self.figures.note(&frame, cx.now);
        cx.event(self.description.stream, StreamEvent::Frame(frame));
    }

    fn on_follow(&mut self, link: LinkId, device: DeviceId, follow: &Follow, cx: &mut StreamContext<'_>) {
        match self.may_follow(link, follow, &device, cx) {
            Ok(()) => {
                let header = self.sign_of_life(cx);
                self.fanout.follow(link, device, follow, &self.ring, &header, cx);
            }
            Err(reason) => cx.send(link, &Unserved { stream: self.stream(), reason }),
        }
    }

    fn may_follow(
        &self,
        link: LinkId,
        follow: &Follow,
        device: &DeviceId,
        cx: &StreamContext<'_>,
    ) -> Result<(), Reason> {
        self.admission.admit(&follow.ticket, device, cx)?;
        if self.stage != Stage::Watching || self.parents.parent().is_none() {
            return Err(Reason::NotNow);
        }
        let agreed = if cx.rules.has(Rule::Consent) { self.agreed } else { usize::MAX };
        if !self.fanout.has(link) && self.fanout.len() >= agreed.min(cx.limits.children_max * SPARE) {
            return Err(Reason::LimitReached);
        }
        Ok(())
    }

    fn sign_of_life(&self, cx: &StreamContext<'_>) -> Frame {
        let header = self.ring.newest_header().cloned();
        let way = || Way::go_on(self.parents.path(), cx.identity.device());
        header.unwrap_or_else(|| way().header(self.stream(), 0, 0))
    }

    /// Watches no longer, but goes on for those whom it serves, until they have another or the time is over.
    pub fn leave(&mut self, cx: &mut StreamContext<'_>) {
        self.fanout.say_unserved(self.stream(), Reason::ShuttingDown, cx);
        self.stage = Stage::Leaving(cx.now.mono + cx.limits.leaving);
    }

    /// The stream is over, or it was left and nobody needs this viewer any more: it can be dropped.
    #[must_use]
    pub fn is_done(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Leaving(until) if self.fanout.is_empty() || until <= now)
    }

    /// The end.
    pub fn end(&mut self, cx: &mut StreamContext<'_>) {
        self.parents.unfollow_all(cx);
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut StreamContext<'_>) {
        self.parents.handle_timeout(cx);
        // Who is let go here makes the viewer look for frames elsewhere at once.
        self.settle(cx);
        self.parents.on_hunger(|| self.intake.places(), cx);
        self.settle(cx);
        if is_due(self.next_beat(cx.limits), cx.now.mono) {
            let (every, header) = (heartbeat(self.interval, cx.limits), self.sign_of_life(cx));
            self.fanout.beat(every, &header, cx);
            self.fanout.expire(self.stream(), cx);
            self.starving = cx.now.mono.since(self.heard) >= REPAIR;
        }
        self.report(cx);
    }

    /// Also while a parent is being replaced: those below are to wait, not to look for others themselves. But not for ever.
    fn next_beat(&self, limits: &StreamLimits) -> Option<Deadline> {
        self.fanout.deadline(heartbeat(self.interval, limits)).filter(|_| !self.starving)
    }

    fn report(&mut self, cx: &mut StreamContext<'_>) {
        let Some(plan) = self.parents.plan().filter(|_| self.report_at <= cx.now.mono) else { return };
        let (channel, every) = (plan.channel, Duration::from_millis(plan.report_ms.into()));
        self.report_at = cx.now.mono + every.max(cx.limits.report);
        let (stream, parent, figures) = (self.stream(), self.parents.parent(), self.figures());
        cx.report(&ViewerReport { channel, stream, parent, figures });
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self, limits: &StreamLimits) -> Option<Deadline> {
        let leaving = match self.stage {
            Stage::Watching => None,
            Stage::Leaving(until) => Some(Deadline::new(until, "those whom a relay leaves")),
        };
        let report = self.parents.plan().map(|_| Deadline::new(self.report_at, "a viewer's report"));
        earliest([self.parents.poll_timeout(limits), self.next_beat(limits), report, leaving])
    }

    /// How it fares.
    #[must_use]
    pub fn figures(&self) -> ViewerFigures {
        self.figures.all(self.intake.dropped(), self.parents.path().len(), self.fanout.len())
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.description.stream
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        self.description.channel
    }

    /// From whom it comes.
    #[must_use]
    pub fn parent(&self) -> Option<DeviceId> {
        self.parents.parent()
    }

    /// Whether nobody has room for it yet.
    #[must_use]
    pub fn waits_for_room(&self) -> bool {
        self.parent().is_none() && self.parents.plan().is_some_and(|plan| plan.parent.is_none())
    }

    /// Whom to have links to.
    pub fn wanted(&self) -> impl Iterator<Item = Node> {
        self.parents.wanted()
    }

    /// Whom it serves.
    #[must_use]
    pub fn fanout(&self) -> &Fanout {
        &self.fanout
    }

    /// What it keeps.
    #[must_use]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }
}
