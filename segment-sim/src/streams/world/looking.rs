//! Looks whether everything holds.

use std::collections::BTreeSet;

use segment_core::stream::MediaFrame;
use segment_proto::DeviceId;
use segment_proto::messages::{ParentLost, Plan};

use super::{Event, STREAMER, TICKET_LIFE, VIDEO, World, device, node_of};
use crate::streams::checks::{Broken, Missed};
use crate::streams::node::{Lie, Node, Role};

const LOOK_US: u64 = 1_000_000;
/// A viewer sees the present when its newest frame is not older.
const PRESENT_US: u64 = 1_500_000;
/// Who had nothing for so long may go on with the present.
const OUTAGE_US: u64 = 1_000_000;
/// The same where the parent is another since: groups that have been over for so long are not sent to anybody.
const PAST_US: u64 = 500_000;
/// From the crash of a parent to the next frame, with a live backup.
const REPAIR_US: u64 = 500_000;
/// Who is gone is listed no longer than this.
const LISTED_US: u64 = 35_000_000;
/// A streamer that is gone may come back for so long.
const RETURN_US: u64 = 60_000_000;
/// Rights are enforced within this.
const ENFORCED_US: u64 = 3_000_000;
/// Who gets spoiled frames stays no longer than this.
const TRUST_US: u64 = 2_000_000;
/// Nobody is behind so long after their parent has begun to serve them.
const SETTLED_US: u64 = 3_000_000;
/// A relay says that it lives until it has had nothing for so long.
const STARVED_US: u64 = 850_000;

impl World {
    /// The devices from a node up to the streamer, the node first; and whether the way reaches it.
    fn way(&self, node: usize) -> (Vec<usize>, bool) {
        let (mut way, mut at) = (vec![node], node);
        while at != STREAMER {
            let Some(parent) = self.nodes[at].parent().map(|parent| node_of(&parent)) else { return (way, false) };
            if way.contains(&parent) {
                return (way, false);
            }
            way.push(parent);
            at = parent;
        }
        (way, self.nodes[STREAMER].is_there())
    }

    pub(super) fn is_troubled(&self, node: usize) -> bool {
        let own = |node: usize| {
            let node = &self.nodes[node];
            self.now < node.troubled_until || (!self.calm && (node.slow || node.lie != Lie::None))
        };
        self.way(node).0.into_iter().any(own)
    }

    /// A viewer shows a frame.
    pub(super) fn show(&mut self, node: usize, frame: &MediaFrame) {
        self.outcome.shown += 1;
        let before = self.nodes[node].screen.last(frame.track);
        let shown = self.nodes[node].screen.show(frame, &self.published, self.now);
        if let Some(orphaned) = self.nodes[node].orphaned_at.take_if(|at| *at < frame.timestamp_us) {
            self.outcome.slowest_repair_us = self.outcome.slowest_repair_us.max(self.now - orphaned);
        }
        match shown {
            Err(broken) => self.find(broken, node),
            Ok(missed) if missed.needed || (missed.frames > 0 && self.is_settled(node)) => {
                self.look_at_missed(node, frame, before, missed)
            }
            Ok(_) => {}
        }
    }

    /// Whoever has begun with a parent just now is behind, and is spared what can be left out.
    fn is_settled(&self, node: usize) -> bool {
        self.way(node).0.into_iter().all(|node| self.now > self.nodes[node].parent_at + SETTLED_US)
    }

    fn look_at_missed(
        &mut self,
        node: usize,
        frame: &MediaFrame,
        before: Option<segment_proto::FramePlace>,
        missed: Missed,
    ) {
        let parent = self.nodes[node].parent().map(|parent| node_of(&parent));
        // Its parent has come to the stream behind what it had itself.
        let ring = parent.and_then(|parent| self.nodes[parent].ring());
        let is_lacking = before.is_some_and(|before| ring.is_some_and(|ring| !ring.has(frame.track, before)));
        if self.is_troubled(node) || self.was_cut_off(node, missed.gap_us) || is_lacking {
            let is_only_slow =
                self.nodes[node].slow && !self.calm && self.carries_what_is_needed() && parent == Some(STREAMER);
            let is_settled = self.now > self.nodes[node].since + 4_000_000 && self.upheavals.is_empty();
            if is_only_slow && is_settled && missed.needed && frame.track == VIDEO {
                self.find(Broken::Needed, node);
            }
            let until = self.now + 500_000;
            self.nodes[node].troubled_until = self.nodes[node].troubled_until.max(until);
            return;
        }
        self.find(Broken::Complete, node);
    }

    /// Whether nobody has served a viewer for so long that others have left out what it has missed.
    fn was_cut_off(&self, node: usize, gap_us: u64) -> bool {
        let is_served_anew = self.nodes[node].parent_at + gap_us >= self.now;
        gap_us >= OUTAGE_US || (gap_us >= PAST_US && is_served_anew)
    }

    /// Whether a slow link carries the frames that others need, and then some.
    fn carries_what_is_needed(&self) -> bool {
        let needed = (100 - 100 * (self.plan.group / 2) / self.plan.group) * 13 / 10 + 5;
        self.plan.discardable && self.plan.group > 1 && self.plan.slow_percent >= needed
    }

    pub(super) fn look_at_bounds(&mut self, number: usize) {
        let (under_way, kept, served) = self.nodes[number].holds();
        let limits = &self.limits.streams;
        let rate = self.plan.frame_bytes + 400;
        let groups = rate * usize::try_from(self.plan.group * 3 + 200).unwrap_or(usize::MAX) + 400 * 600;
        let most =
            if number == STREAMER { limits.direct_max } else { self.agreed_copies().min(limits.children_max * 2) };
        if under_way > limits.window_bytes_max + limits.chunk_bytes || kept > groups.min(limits.ring_bytes_max + groups)
        {
            self.find(Broken::Bounded, number);
        }
        if served > most {
            self.find(Broken::FewChildren, number);
        }
    }

    pub(super) fn look_at_who_sends(&mut self, from: usize, to: usize) {
        if from != STREAMER && !self.nodes[from].agreed {
            self.find(Broken::Agreed, from);
        }
        if self.is_shut_out(to) {
            self.find(Broken::Rights, to);
        }
    }

    /// Somebody may not watch, and whoever coordinates has had time to say so. Who is not to watch when somebody else
    /// begins to coordinate is not known to them: their ticket ends by itself, and that is seen.
    fn is_shut_out(&self, node: usize) -> bool {
        let (now, moved_at) = (self.now, self.office.moved_at);
        let is_told = |at: u64| now > at + ENFORCED_US && (moved_at == 0 || moved_at + ENFORCED_US < at);
        let life = u64::try_from(TICKET_LIFE.as_micros()).unwrap_or(u64::MAX);
        let has_ended = |at: u64| now > at + life + ENFORCED_US;
        self.nodes[node].banned_at.is_some_and(|at| at == 0 || is_told(at) || has_ended(at))
    }

    pub(super) fn look_at_trust(&mut self, node: usize) {
        if self.nodes[node].spoiled.is_some_and(|(_, since)| self.now > since + TRUST_US) {
            self.find(Broken::Trusted, node);
        }
    }

    /// A plan leaves whoever coordinates.
    pub(super) fn look_at_plan(&mut self, node: usize, plan: &Plan) {
        let Some(tree) = self.office.coordinator.tree(&plan.stream) else { return };
        let own = device(node);
        let is_below = |source: &DeviceId| {
            let (mut at, mut steps) = (Some(*source), 0);
            while let Some(current) = at.filter(|current| *current != own && steps < 64) {
                (at, steps) = (tree.parent(&current), steps + 1);
            }
            at.is_some()
        };
        let sources: Vec<DeviceId> = plan.parent.iter().chain(&plan.backups).map(|source| source.device).collect();
        let circles = sources.iter().any(is_below);
        let agreed = |source: &DeviceId| node_of(source) == STREAMER || self.nodes[node_of(source)].agreed;
        let all_agreed = sources.iter().all(agreed);
        let most = self.limits.streams.children_max;
        let crowded = plan
            .parent
            .is_some_and(|parent| node_of(&parent.device) != STREAMER && tree.children(&parent.device) > most);
        let may = self.nodes[node].banned_at.is_none_or(|at| at > 0 && self.now < at + ENFORCED_US);
        let broken = [
            (circles, Broken::Planned),
            (!all_agreed, Broken::Agreed),
            (crowded, Broken::FewChildren),
            (!may, Broken::Rights),
        ];
        broken.into_iter().filter(|(is, _)| *is).for_each(|(_, broken)| self.find(broken, node));
    }

    /// A viewer lets somebody go whom it asked before.
    pub(super) fn look_at_unfollow(&mut self, node: usize, link: u64, before: Option<DeviceId>) {
        let Some(before) = before.map(|before| node_of(&before)) else { return };
        let Some(known) = self.links.get(&link) else { return };
        let end = known.end_of(node);
        let is_parent = known.ends[1 - end] == before;
        let serves = self.now < known.heard_at[end] + 100_000 && known.served[1 - end].is_some();
        if !is_parent || !serves || !self.nodes[node].is_there() || self.is_troubled(node) {
            return;
        }
        let instead = self.nodes[node].parent().map(|parent| node_of(&parent));
        let has = |other: usize| {
            let link = self.between.get(&(node, other)).and_then(|link| self.links.get(link));
            link.is_some_and(|link| link.served[link.end_of(other)].as_ref().is_some_and(|served| served.chunks > 0))
        };
        if instead.is_none_or(|instead| !has(instead)) {
            self.find(Broken::KeptParent, node);
        }
    }

    /// A viewer says that its parent is lost.
    pub(super) fn look_at_loss(&mut self, node: usize, lost: &ParentLost, before: Option<DeviceId>) {
        let parent = node_of(&lost.parent);
        if before != Some(lost.parent) || self.is_troubled(node) || !self.nodes[parent].is_there() {
            return;
        }
        let Some(known) = self.link_id(node, parent).and_then(|link| self.links.get(&link.0)) else { return };
        let end = known.end_of(node);
        let was_refused = self.now < known.refused_at[end] + 3_000_000;
        let has_stream = parent == STREAMER || self.now < self.nodes[parent].heard_at + STARVED_US;
        let is_steady =
            self.nodes[node].since + 1_000_000 < self.now && self.nodes[parent].since + 1_000_000 < self.now;
        if !was_refused && has_stream && is_steady {
            self.find(Broken::Patient, node);
        }
    }

    /// Whoever is below a node that crashes, and could have the stream from another.
    pub(super) fn expect_repairs(&mut self, gone: usize) {
        if gone == STREAMER {
            return;
        }
        for node in 1..self.nodes.len() {
            let is_child = self.nodes[node].parent() == Some(device(gone)) && !self.is_troubled(node);
            if is_child && self.has_live_backup(node, gone) && self.nodes[node].since + 2_000_000 < self.now {
                self.outcome.repairs += 1;
                self.nodes[node].orphaned_at = Some(self.now);
                self.after(REPAIR_US, Event::Repaired(node, self.now));
            }
        }
    }

    fn has_live_backup(&self, node: usize, gone: usize) -> bool {
        let plan = self.nodes[node].plan.as_ref();
        let mut sources = plan.into_iter().flat_map(|plan| plan.parent.iter().chain(&plan.backups));
        sources.any(|source| {
            let source = node_of(&source.device);
            let (way, is_fed) = self.way(source);
            let link = self.between.get(&(node, source)).and_then(|link| self.links.get(link));
            let is_up = link.is_some_and(|link| link.heard_at != [0; 2] || source == STREAMER);
            let has_room = source == STREAMER || self.nodes[source].holds().2 < self.limits.streams.children_max;
            is_fed && is_up && has_room && !way.contains(&gone) && !way.contains(&node) && !self.is_troubled(source)
        })
    }

    pub(super) fn look_at_repair(&mut self, node: usize, since: u64) {
        let quiet = |at: &u64| *at + 2_000_000 < since || *at == since || *at > self.now;
        let is_alone = self.upheavals.iter().all(quiet) && self.office.moved_at + 2_000_000 < since;
        let is_there = self.nodes[node].is_there() && self.nodes[node].since < since;
        if !is_alone || !is_there || self.is_troubled(node) {
            return;
        }
        if self.nodes[node].screen.newest_us <= since {
            self.find(Broken::Repaired, node);
        }
    }

    /// From time to time: lists, and circles.
    pub(super) fn looks(&mut self) {
        self.after(LOOK_US, Event::Looks);
        self.look_at_circles();
        if self.nodes.len() < 100 {
            self.look_at_lists();
        }
    }

    fn look_at_circles(&mut self) {
        let circles = |node: &usize| {
            let (mut at, mut steps) = (*node, 0);
            while let Some(parent) = self.nodes[at].parent().map(|parent| node_of(&parent)) {
                if parent == *node || steps > 64 {
                    return parent == *node;
                }
                (at, steps) = (parent, steps + 1);
            }
            false
        };
        let circling: BTreeSet<usize> = (1..self.nodes.len()).filter(circles).collect();
        let still: Vec<usize> = circling.intersection(&self.circling).copied().collect();
        self.circling = circling;
        still.into_iter().for_each(|node| self.find(Broken::NoLoop, node));
    }

    fn look_at_lists(&mut self) {
        for node in self.listed() {
            let known = &self.nodes[node];
            let is_gone = !known.is_there() && self.now > known.since + LISTED_US;
            let may_not = known.banned_at.is_some_and(|at| self.now > at + ENFORCED_US);
            if !known.listed || is_gone || may_not {
                self.find(Broken::Listed, node);
            }
        }
        let present = self.office.coordinator.rows().first().map(|row| row.present);
        let streamer = &self.nodes[STREAMER];
        let away = if streamer.is_there() { 0 } else { self.now - streamer.since };
        let may = streamer.banned_at.is_none_or(|at| self.now < at + ENFORCED_US);
        let is_kept = self.office.stopped_at.is_none_or(|_| !may || away > RETURN_US || streamer.banned_at.is_some());
        let is_right = match present {
            Some(true) => away <= LISTED_US && may,
            Some(false) => away <= RETURN_US + LISTED_US && may,
            None => true,
        };
        if !is_right || !is_kept {
            self.find(Broken::Listed, STREAMER);
        }
    }

    /// After the calm everybody sees the present, and nothing is lost any more.
    pub(super) fn look_at_the_end(&mut self) {
        self.outcome.height = self.office.coordinator.tree(&self.stream()).map_or(0, |tree| tree.height());
        if self.nodes[STREAMER].banned_at.is_some() || !self.nodes[STREAMER].is_there() {
            return;
        }
        // Those for whom there is no room take what relays have to spare.
        let is_full = !self.all_are_planned();
        for number in 1..self.nodes.len() {
            if self.nodes[number].banned_at.is_some() || self.nodes[number].viewer().is_none() {
                continue;
            }
            let tree = self.office.coordinator.tree(&self.stream());
            let is_planned = tree.is_some_and(|tree| tree.depth(&device(number)).is_some());
            let newest = self.nodes[number].screen.newest_us;
            if is_planned && self.now.saturating_sub(newest) > PRESENT_US {
                self.find(Broken::Present, number);
            }
            let agreed = self.nodes[number].agreed;
            let spare = self.limits.streams.children_max * (1 + usize::from(is_full));
            let most = if agreed { self.agreed_copies().min(spare) } else { 0 };
            if self.nodes[number].holds().2 > most {
                self.find(Broken::FewChildren, number);
            }
        }
        if !is_full {
            self.look_at_copies();
        }
    }

    fn agreed_copies(&self) -> usize {
        usize::try_from(self.plan.copies).unwrap_or(usize::MAX)
    }

    fn all_are_planned(&self) -> bool {
        let tree = self.office.coordinator.tree(&self.stream());
        let is_planned = |number: usize| tree.is_some_and(|tree| tree.depth(&device(number)).is_some());
        (1..self.nodes.len()).all(|number| self.nodes[number].viewer().is_none() || is_planned(number))
    }

    fn look_at_copies(&mut self) {
        let Role::Streams(publisher) = &self.nodes[STREAMER].role else { return };
        // Who may not watch is the business of another check.
        let takes = |node: &&Node| node.banned_at.is_some() && node.parent() == Some(device(STREAMER));
        let uninvited = self.nodes.iter().filter(takes).count();
        self.outcome.copies = publisher.fanout().len().saturating_sub(uninvited);
        if self.outcome.copies > usize::try_from(self.plan.direct).unwrap_or(usize::MAX) {
            self.find(Broken::Copies, STREAMER);
        }
    }
}
