//! Whoever coordinates: the channel's host, or the tracker while that is away.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use segment_core::stream::coordinator::{CoordinatorContext, Participant};
use segment_core::stream::{Coordinator, Told};
use segment_proto::messages::{ListViewers, StartStream, Watch};
use segment_proto::{DeviceId, Identity, LinkId, Message, Reason, Rights};

use super::links::brief;
use super::{Event, STREAMER, World, description, device, node_of, read, who};
use crate::streams::checks::Broken;
use crate::streams::node::Role;

const TO_OFFICE_US: u64 = 5_000;
const ENFORCE_US: u64 = 1_000_000;
const HOST: usize = 1_000_000;
const TRACKER: usize = 1_000_001;

/// Those whose tickets count.
pub(super) fn coordinators() -> Vec<DeviceId> {
    vec![device(HOST), device(TRACKER)]
}

#[derive(Debug, Default)]
pub(super) struct Office {
    pub(super) coordinator: Coordinator,
    host_is_away: bool,
    /// Who is known by which link.
    sessions: BTreeMap<u64, usize>,
    told: VecDeque<Told>,
    /// When somebody else began to coordinate; who was not to watch then is not known to them.
    pub(super) moved_at: u64,
    /// The stream was ended by whoever coordinates.
    pub(super) stopped_at: Option<u64>,
}

impl World {
    pub(super) fn coordinated<T>(&mut self, run: impl FnOnce(&mut Coordinator, &mut CoordinatorContext<'_>) -> T) -> T {
        let own = if self.office.host_is_away { TRACKER } else { HOST };
        let (identity, now, rules) = (Identity::simulated(device(own)), self.now(), self.rules);
        let Self { office, limits, .. } = self;
        let cx = &mut CoordinatorContext { out: &mut office.told, limits, rules, identity: &identity, now };
        let result = run(&mut office.coordinator, cx);
        for told in std::mem::take(&mut self.office.told) {
            match told {
                Told::One(LinkId(session), frame) => {
                    let Some(message) = read(&frame) else { continue };
                    self.look_at_told(session, &message);
                    self.after(TO_OFFICE_US, Event::Told(session, Box::new(message)));
                }
                Told::Readers(frame) => {
                    let Some(message) = read(&frame) else { continue };
                    self.tell_everybody(&message);
                }
            }
        }
        result
    }

    fn look_at_told(&mut self, session: u64, message: &Message) {
        let Some(node) = self.office.sessions.get(&session).copied() else { return };
        self.print(|| format!("to {node} {}", brief(message)));
        if let Message::Plan(plan) = message {
            self.look_at_plan(node, plan);
        }
    }

    fn tell_everybody(&mut self, message: &Message) {
        if let Message::StreamStopped(stopped) = message
            && stopped.stream == self.stream()
        {
            self.office.stopped_at = Some(self.now);
        }
        let sessions: Vec<u64> = self.office.sessions.keys().copied().collect();
        for session in sessions {
            self.after(TO_OFFICE_US, Event::Told(session, Box::new(message.clone())));
        }
    }

    fn participant(&mut self, node: usize, rights: Rights) -> Participant {
        self.serial += 1;
        let session = self.serial;
        self.office.sessions.insert(session, node);
        self.nodes[node].session = session;
        let seen = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Participant { link: LinkId(session), device: device(node), who: who(node), rights, seen }
    }

    pub(super) fn rights(&self, node: usize) -> Rights {
        match self.nodes.get(node).and_then(|node| node.banned_at) {
            Some(_) => Rights::NONE,
            None => Rights::ALL,
        }
    }

    /// What carries so many copies.
    fn uplink(&self, copies: u32) -> u32 {
        let rate: u32 = self.description.tracks.iter().map(|track| track.rate_bps).sum();
        (copies * rate / 1_000 * 5 / 4) + copies * 2
    }

    /// What somebody has agreed to pass on.
    pub(super) fn consent(&self, node: usize) -> u32 {
        if self.nodes[node].agreed { self.uplink(self.plan.copies) } else { 0 }
    }

    /// A node tells whoever coordinates what it streams or watches.
    pub(super) fn tells(&mut self, node: usize) {
        if !self.nodes[node].is_there() {
            return;
        }
        if let Some(viewer) = self.nodes[node].viewer_mut() {
            viewer.on_coordinator();
        }
        if node == STREAMER { self.start(node) } else { self.watch(node) }
    }

    fn start(&mut self, node: usize) {
        let rights = self.rights(node);
        let (from, channel) = (self.participant(node, rights), self.description.channel);
        let (description, uplink_kbps) = (description(&self.plan, node), self.uplink(self.plan.direct));
        let start = StartStream { description, uplink_kbps, port: 1, advertise: None };
        let started = self.coordinated(|coordinator, cx| coordinator.start(&from, channel, start, cx));
        if started.is_ok() && !rights.include(Rights::STREAM) {
            self.find(Broken::Rights, node);
        }
    }

    /// Somebody who may not tries to stream.
    pub(super) fn tries_to_stream(&mut self, node: usize) {
        self.start(node);
    }

    fn watch(&mut self, node: usize) {
        let rights = self.rights(node);
        let from = self.participant(node, rights);
        let (channel, stream, parent) = (self.description.channel, self.stream(), self.nodes[node].parent());
        let relay_kbps = self.consent(node);
        let listed = self.nodes[node].listed;
        let watch = Watch { channel, stream, relay_kbps, port: 1, advertise: None, listed, parent };
        let answer = self.coordinated(|coordinator, cx| coordinator.watch(&from, &watch, cx));
        self.nodes[node].refused = answer == Err(Reason::NoSuchStream);
    }

    /// As [`World::tells`], of who watches.
    pub(super) fn tries_to_watch(&mut self, node: usize) {
        self.watch(node);
    }

    pub(super) fn report(&mut self, node: usize, message: Message) {
        let session = self.nodes[node].session;
        self.after(TO_OFFICE_US, Event::Reports(session, Box::new(message)));
    }

    pub(super) fn reported(&mut self, session: u64, message: &Message) {
        let Some(node) = self.office.sessions.get(&session).copied() else { return };
        self.print(|| format!("from {node} {}", brief(message)));
        self.coordinated(|coordinator, cx| match message {
            Message::ParentLost(lost) => coordinator.on_parent_lost(&device(node), lost, cx),
            Message::ViewerReport(report) => coordinator.on_report(&device(node), report),
            _ => {}
        });
    }

    /// Whoever coordinates has spoken.
    pub(super) fn told(&mut self, session: u64, message: Message) {
        let Some(node) = self.office.sessions.get(&session).copied() else { return };
        if self.nodes[node].session != session || !self.nodes[node].is_there() {
            return;
        }
        match message {
            Message::Plan(plan) => {
                self.nodes[node].plan = Some(plan.clone());
                self.at_node(node, |node, cx| {
                    if let Role::Watches(viewer) = &mut node.role {
                        viewer.on_plan(plan, cx);
                    }
                });
                self.dial(node);
            }
            Message::ShutOut(_) => {
                self.at_node(node, |node, cx| node.on_message(LinkId(session), device(HOST), message, cx));
            }
            // Some go on as if nobody had told them.
            Message::Unwatched(_) if node % 2 == 1 => {}
            Message::Unwatched(_) => self.goes(node),
            Message::StreamStopped(stopped) if stopped.stream == self.stream() => self.goes(node),
            Message::StreamStarted(_) if self.nodes[node].refused => self.watch(node),
            _ => {}
        }
    }

    pub(super) fn enforce(&mut self) {
        self.after(ENFORCE_US, Event::Enforce);
        let banned: Vec<u64> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].banned_at.is_some())
            .map(|node| who(node).account.0)
            .collect();
        let rights = |account: segment_proto::AccountId| {
            if banned.contains(&account.0) { Rights::NONE } else { Rights::ALL }
        };
        self.coordinated(|coordinator, cx| {
            coordinator.enforce(rights, cx);
            coordinator.handle_timeout(cx);
        });
    }

    /// A link to whoever coordinates is known to be gone.
    pub(super) fn gone(&mut self, session: u64) {
        self.office.sessions.remove(&session);
        self.coordinated(|coordinator, cx| coordinator.on_link_down(LinkId(session), cx));
    }

    /// The host goes away, or is back: somebody else coordinates, and is told by everybody.
    pub(super) fn moves(&mut self) {
        self.outcome.faults += 1;
        let is_known = self.nodes[STREAMER].is_there();
        self.office.host_is_away = !self.office.host_is_away;
        self.office.sessions.clear();
        self.office.coordinator = Coordinator::default();
        self.office.moved_at = self.now;
        for node in (0..self.nodes.len()).filter(|node| *node != STREAMER || is_known) {
            let pause = self.dice.between(50_000, 2_000_000);
            self.after(pause, Event::Tells(node));
        }
    }

    /// The devices that are listed as viewers.
    pub(super) fn listed(&mut self) -> Vec<usize> {
        let (channel, stream) = (self.description.channel, self.stream());
        let (mut devices, mut after) = (Vec::new(), None);
        loop {
            let list = ListViewers { channel, stream, after };
            let Ok(page) = self.coordinated(|coordinator, cx| coordinator.viewers(&list, cx)) else { return devices };
            after = page.rows.last().map(|row| row.device);
            devices.extend(page.rows.iter().map(|row| node_of(&row.device)));
            if !page.more || after.is_none() {
                return devices;
            }
        }
    }
}
