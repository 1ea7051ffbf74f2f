//! Who comes, goes, and what goes wrong.

use segment_proto::messages::Follow;
use segment_proto::{Identity, LinkId, Message, Signed, Ticket, UnixMillis};

use super::{AUDIO, Event, STREAMER, VIDEO, World, device, new_publisher, new_viewer, node_of};
use crate::streams::checks::Screen;
use crate::streams::node::{Lie, Node, Role};

/// Losses are excused for so long behind a trouble: whoever gets less for it climbs back.
const AFTERMATH_US: u64 = 12_000_000;

impl World {
    pub(super) fn begin(&mut self) {
        let plan = self.plan.clone();
        self.nodes = (0..=plan.viewers + plan.strangers).map(|_| Node::new()).collect();
        self.comes(STREAMER);
        for number in 1..=plan.viewers {
            self.draw_viewer(number);
            let comes = self.dice.between(0, plan.come_within_ms * 1_000);
            self.after(comes, Event::Comes(number));
        }
        for stranger in plan.viewers + 1..self.nodes.len() {
            self.nodes[stranger].banned_at = Some(0);
            self.outcome.faults += 1;
            self.in_the_storm(Event::Intrudes(stranger));
        }
        self.draw_faults();
        self.after(0, Event::Push(VIDEO));
        if plan.sound {
            self.after(0, Event::Push(AUDIO));
        }
        self.after(plan.storm * 1_000_000, Event::Calm);
        self.after(1_000_000, Event::Enforce);
        self.after(2_000_000, Event::Looks);
    }

    fn draw_viewer(&mut self, number: usize) {
        let plan = &self.plan;
        let node = &mut self.nodes[number];
        node.slow = self.dice.chance(plan.slow);
        node.agreed = self.dice.chance(plan.relays) && !node.slow;
        node.listed = !self.dice.chance(plan.invisible);
        let (spoils, keeps) = (self.dice.chance(plan.spoilers), self.dice.chance(plan.misers));
        node.lie = if spoils { Lie::Spoils } else { Lie::None };
        node.lie = if keeps && !spoils { Lie::KeepsKeys } else { node.lie };
        self.outcome.faults += u64::from(node.slow) + u64::from(node.lie != Lie::None);
    }

    fn draw_faults(&mut self) {
        let plan = self.plan.clone();
        let viewer = |world: &mut Self| world.dice.index(world.plan.viewers) + 1;
        for _ in 0..plan.crashes {
            let node = viewer(self);
            self.in_the_storm(Event::Crash(node));
        }
        for _ in 0..plan.leaves {
            let node = viewer(self);
            self.in_the_storm(Event::Leave(node));
        }
        for _ in 0..plan.kicks {
            let node = viewer(self);
            self.in_the_storm(Event::Kick(node));
        }
        (0..plan.stalls).for_each(|_| self.in_the_storm(Event::Stall));
        (0..plan.moves).for_each(|_| self.in_the_storm(Event::Moves));
        (0..plan.breaks).for_each(|_| self.in_the_storm(Event::Crash(STREAMER)));
        if plan.silenced {
            self.after((plan.storm + plan.calm - 5) * 1_000_000, Event::Silenced);
        }
    }

    fn in_the_storm(&mut self, event: Event) {
        let time = self.dice.between(2_500_000, (self.plan.storm * 1_000_000).max(2_500_001) - 1);
        self.after(time, event);
    }

    /// Somebody begins to be there.
    pub(super) fn comes(&mut self, node: usize) {
        if self.nodes[node].is_there() || self.nodes[node].banned_at.is_some() {
            return;
        }
        let role = match node {
            STREAMER => new_publisher(&self.description),
            _ => new_viewer(&self.description, self.consent(node), self.now),
        };
        let (now, known) = (self.now, &mut self.nodes[node]);
        (known.role, known.screen, known.since, known.plan) = (role, Screen::default(), now, None);
        (known.heard_at, known.spoiled) = (now, None);
        self.tells(node);
        self.after(0, Event::Dials(node));
    }

    /// A process dies.
    pub(super) fn crash(&mut self, node: usize) {
        if !self.nodes[node].is_there() {
            return;
        }
        self.expect_repairs(node);
        let notice = if self.dice.chance(400) { 20_000 } else { self.dice.between(2_000_000, 6_000_000) };
        let session = self.nodes[node].session;
        self.vanish(node, notice);
        self.after(notice, Event::Gone(session));
        if node == STREAMER {
            let (short, long) = (self.dice.between(300_000, 3_000_000), self.dice.between(3_000_000, 12_000_000));
            let pause = if self.dice.chance(500) { short } else { long };
            self.after(pause, Event::Comes(node));
        } else {
            self.may_come_back(node);
        }
    }

    fn may_come_back(&mut self, node: usize) {
        let pause = self.dice.between(1_000_000, 4_000_000);
        if self.dice.chance(self.plan.back) {
            self.after(pause, Event::Comes(node));
        }
    }

    fn vanish(&mut self, node: usize, notice_us: u64) {
        self.outcome.faults += 1;
        self.upheavals.push(self.now);
        self.nodes[node].role = Role::Nothing;
        self.nodes[node].since = self.now;
        self.cut(node, notice_us);
    }

    /// Somebody says goodbye.
    pub(super) fn leave(&mut self, node: usize) {
        if !self.nodes[node].is_there() {
            return;
        }
        self.outcome.faults += 1;
        self.upheavals.push(self.now);
        let session = self.nodes[node].session;
        self.at_node(node, |node, cx| {
            if let Role::Watches(viewer) = &mut node.role {
                viewer.leave(cx);
            }
        });
        self.after(5_000, Event::Gone(session));
        self.finish(node);
        self.may_come_back(node);
    }

    /// Who has left goes when nobody needs it any more.
    pub(super) fn finish(&mut self, node: usize) {
        let now = segment_proto::Instant(self.now);
        if self.nodes[node].viewer().is_some_and(|viewer| viewer.is_done(now)) {
            self.goes(node);
        }
    }

    /// Ends at once.
    pub(super) fn goes(&mut self, node: usize) {
        self.at_node(node, |node, cx| {
            let role = core::mem::replace(&mut node.role, Role::Nothing);
            match role {
                Role::Watches(mut viewer) => viewer.end(cx),
                Role::Streams(mut publisher) => publisher.stop(cx),
                Role::Nothing => {}
            }
        });
        self.nodes[node].since = self.now;
        let session = self.nodes[node].session;
        self.after(5_000, Event::Gone(session));
        self.cut(node, 20_000);
    }

    /// Somebody may not watch any more.
    pub(super) fn kick(&mut self, node: usize) {
        self.outcome.faults += 1;
        self.upheavals.push(self.now);
        self.nodes[node].banned_at.get_or_insert(self.now);
    }

    pub(super) fn silenced(&mut self) {
        self.outcome.faults += 1;
        self.nodes[STREAMER].banned_at = Some(self.now);
    }

    /// A link stands still for a while, or all of a node.
    pub(super) fn stall(&mut self) {
        let node = self.dice.index(self.nodes.len());
        let (all, pause) = (self.dice.chance(500), self.dice.between(100_000, 2_000_000));
        let until = self.now + pause;
        let links: Vec<u64> = self.between.range((node, 0)..=(node, usize::MAX)).map(|(_, link)| *link).collect();
        let count = if all { links.len() } else { 1 };
        self.outcome.faults += 1;
        self.upheavals.push(self.now);
        self.upheavals.push(until);
        for link in links.into_iter().take(count) {
            let Some(link) = self.links.get_mut(&link) else { continue };
            link.pipes.iter_mut().for_each(|pipe| pipe.stalled_until = pipe.stalled_until.max(until));
            for end in link.ends {
                let node = &mut self.nodes[end];
                node.troubled_until = node.troubled_until.max(until + AFTERMATH_US);
            }
        }
    }

    /// A stranger wants the stream, with what it has signed itself.
    pub(super) fn intrudes(&mut self, node: usize) {
        if !self.calm {
            self.after(1_500_000, Event::Intrudes(node));
        }
        self.tries_to_stream(node);
        self.tries_to_watch(node);
        let target = self.dice.index(self.plan.viewers + 1);
        let Some(link) = self.connect(node, target) else { return };
        let (channel, stream, viewer) = (self.description.channel, self.stream(), device(node));
        let content = Ticket { channel, stream, viewer, expires: UnixMillis(u64::MAX) };
        let follow = Follow { ticket: Signed::new(content, &Identity::simulated(viewer)), after: Vec::new() };
        let bytes = segment_proto::Frame::push(&follow).len();
        self.send(node, link, Box::new(Message::from(follow)), bytes);
    }

    /// What was slow is fast now, nobody lies any more, and nothing more goes wrong.
    pub(super) fn calms(&mut self) {
        (self.calm, self.calm_at) = (true, self.now);
        let links: Vec<u64> = self.links.keys().copied().collect();
        for id in links {
            let Some([node, other]) = self.links.get(&id).map(|link| link.ends) else { continue };
            let rate = self.rate_between(node, other);
            if let Some(link) = self.links.get_mut(&id) {
                link.pipes.iter_mut().for_each(|pipe| pipe.rate = rate);
            }
        }
        for node in self.nodes.iter_mut().filter(|node| node.slow || node.lie != Lie::None) {
            node.troubled_until = self.now + AFTERMATH_US;
        }
    }

    /// Who was below somebody in trouble may have lost the same.
    pub(super) fn inherit(&mut self, node: usize, from: Option<segment_proto::DeviceId>) {
        self.nodes[node].parent_at = self.now;
        let Some(from) = from.map(|from| node_of(&from)) else { return };
        if self.is_troubled(from) {
            let until = self.now + 1_000_000;
            self.nodes[node].troubled_until = self.nodes[node].troubled_until.max(until);
        }
    }

    /// The link by which a node knows another.
    pub(super) fn link_id(&self, node: usize, other: usize) -> Option<LinkId> {
        self.between.get(&(node, other)).map(|link| LinkId(*link))
    }
}
