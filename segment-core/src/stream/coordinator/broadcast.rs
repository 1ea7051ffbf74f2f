//! One stream as its coordinator knows it.

use alloc::collections::{BTreeMap, BTreeSet};

use segment_proto::limits::StreamLimits;
use segment_proto::messages::{Node, Plan, ShutOut, StartStream, StreamRow, ViewerFigures, ViewerRow};
use segment_proto::{AccountId, DeviceId, Instant, LinkId, Signed, StreamDescription, Ticket, Who};

use super::CoordinatorContext;
use super::tree::Tree;
use crate::rules::Rule;
use crate::stream::copies;

/// Devices that are remembered as shut out. Policy: the lowest key goes.
const SHUT_OUT_MAX: usize = 1_024;
/// A coordinator takes so many reports a second.
const REPORTS_PER_SECOND: u64 = 500;

/// The streamer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streamer {
    /// On this link.
    There(LinkId),
    /// It may come back until then.
    Gone(Instant),
}

/// One viewer.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) link: LinkId,
    pub(super) who: Who,
    pub(super) node: Node,
    pub(super) listed: bool,
    pub(super) relays: bool,
    pub(super) parent: Option<DeviceId>,
    pub(super) figures: ViewerFigures,
    version: u32,
    /// When its ticket is renewed.
    renew_at: Instant,
}

impl Watcher {
    pub(super) fn new(link: LinkId, who: Who, node: Node, listed: bool) -> Self {
        let figures = ViewerFigures::default();
        Self { link, who, node, listed, relays: false, parent: None, figures, version: 0, renew_at: Instant::default() }
    }

    fn row(&self) -> ViewerRow {
        let Self { who, node, parent, relays, figures, .. } = self;
        ViewerRow { who: who.clone(), device: node.device, parent: *parent, relays: *relays, figures: *figures }
    }
}

/// One stream.
#[derive(Debug)]
pub(super) struct Broadcast {
    pub(super) description: Signed<StreamDescription>,
    pub(super) streamer: Streamer,
    pub(super) node: Node,
    pub(super) viewers: BTreeMap<DeviceId, Watcher>,
    pub(super) tree: Tree,
    /// Who may not watch any more, though tickets of theirs are good for a while yet.
    shut_out: BTreeSet<DeviceId>,
    /// Whose ticket is renewed when; one for each viewer that has one.
    renewals: BTreeSet<(Instant, DeviceId)>,
}

impl Broadcast {
    pub(super) fn new(link: LinkId, start: StartStream, node: Node, cx: &CoordinatorContext<'_>) -> Self {
        let direct = copies(start.uplink_kbps, &start.description.tracks).clamp(1, cx.limits.streams.direct_max);
        Self {
            tree: Tree::new(node.device, direct, cx.rules),
            description: start.description,
            streamer: Streamer::There(link),
            node,
            viewers: BTreeMap::new(),
            shut_out: BTreeSet::new(),
            renewals: BTreeSet::new(),
        }
    }

    pub(super) fn account(&self) -> AccountId {
        self.description.who.account
    }

    /// So many viewers a device may be given: what it has agreed to, where it can be dialled.
    pub(super) fn capacity(&self, relay_kbps: u32, node: &Node, cx: &CoordinatorContext<'_>) -> usize {
        if !crate::stream::is_dialable(node) {
            return 0;
        }
        let most = if cx.rules.has(Rule::FewChildren) { cx.limits.streams.children_max } else { usize::MAX };
        let agreed = if cx.rules.has(Rule::Consent) { copies(relay_kbps, &self.description.tracks) } else { most };
        agreed.min(most)
    }

    pub(super) fn row(&self) -> StreamRow {
        let listed = self.viewers.values().filter(|viewer| viewer.listed).count();
        StreamRow {
            description: self.description.clone(),
            viewers: u32::try_from(listed).unwrap_or(u32::MAX),
            present: matches!(self.streamer, Streamer::There(_)),
        }
    }

    /// Those who may be seen.
    pub(super) fn rows(&self, after: Option<DeviceId>, cx: &CoordinatorContext<'_>) -> impl Iterator<Item = ViewerRow> {
        let everybody = !cx.rules.has(Rule::HideViewers);
        let behind = self.viewers.iter().filter(move |(device, _)| after.is_none_or(|after| **device > after));
        behind.map(|(_, viewer)| viewer).filter(move |viewer| viewer.listed || everybody).map(Watcher::row)
    }

    /// A viewer's plan, under its next version.
    pub(super) fn plan(&mut self, device: &DeviceId, cx: &CoordinatorContext<'_>) -> Option<(LinkId, Plan)> {
        let parent = self.tree.parent(device).and_then(|parent| self.node_of(&parent));
        // Who is not to be seen has a link to its parent, and to nobody else.
        let is_seen = self.viewers.get(device).is_none_or(|viewer| viewer.listed);
        let backups = self.tree.backups(device).iter().filter(|_| is_seen);
        let backups = backups.filter_map(|other| self.node_of(other)).collect();
        let report_ms = self.report_ms(&cx.limits.streams);
        let (channel, stream) = (self.description.channel, self.description.stream);
        let viewer = self.viewers.get_mut(device)?;
        viewer.version += 1;
        self.renewals.remove(&(viewer.renew_at, *device));
        // Half of its life is left then: a plan that is late, or a coordinator that is gone for a moment, does no harm.
        viewer.renew_at = cx.now.mono + cx.limits.streams.ticket_life / 2;
        self.renewals.insert((viewer.renew_at, *device));
        let expires = cx.now.wall.plus(cx.limits.streams.ticket_life);
        let ticket = Signed::new(Ticket { channel, stream, viewer: *device, expires }, cx.identity);
        Some((viewer.link, Plan { channel, stream, version: viewer.version, parent, backups, ticket, report_ms }))
    }

    /// Somebody watches no longer. Whether they did.
    pub(super) fn forget(&mut self, device: &DeviceId) -> bool {
        let Some(viewer) = self.viewers.remove(device) else { return false };
        self.renewals.remove(&(viewer.renew_at, *device));
        true
    }

    /// When the next ticket is renewed.
    pub(super) fn renews_at(&self) -> Option<Instant> {
        self.renewals.first().map(|(at, _)| *at)
    }

    /// Somebody whose ticket is to be renewed now.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<DeviceId> {
        let (_, device) = self.renewals.first().filter(|(at, _)| *at <= now).copied()?;
        self.renewals.pop_first();
        Some(device)
    }

    fn node_of(&self, device: &DeviceId) -> Option<Node> {
        if *device == self.node.device {
            return Some(self.node);
        }
        self.viewers.get(device).map(|viewer| viewer.node)
    }

    fn report_ms(&self, limits: &StreamLimits) -> u32 {
        let few = limits.report.as_millis();
        let many = self.viewers.len() as u64 * 1_000 / REPORTS_PER_SECOND;
        u32::try_from(few.max(many.into())).unwrap_or(u32::MAX)
    }

    /// Somebody may not watch any more.
    pub(super) fn shut_out(&mut self, device: DeviceId) {
        if self.shut_out.len() >= SHUT_OUT_MAX {
            self.shut_out.pop_first();
        }
        self.shut_out.insert(device);
    }

    /// Somebody may watch.
    pub(super) fn let_in(&mut self, device: &DeviceId) {
        self.shut_out.remove(device);
    }

    /// Whoever begins to serve is told whom not to.
    pub(super) fn tell_shut_out(&self, link: LinkId, cx: &mut CoordinatorContext<'_>) {
        let (channel, stream) = (self.description.channel, self.description.stream);
        for viewer in self.shut_out.iter().copied() {
            cx.one(link, &ShutOut { channel, stream, viewer });
        }
    }

    /// The links of all who may serve a viewer.
    pub(super) fn serving(&self) -> impl Iterator<Item = LinkId> {
        let streamer = if let Streamer::There(link) = self.streamer { Some(link) } else { None };
        let relays = self.viewers.values().filter(|viewer| viewer.relays).map(|viewer| viewer.link);
        streamer.into_iter().chain(relays)
    }
}
