//! A device of such a world.

use segment_core::Deadline;
use segment_core::stream::{Publisher, Ring, StreamContext, Viewer};
use segment_proto::limits::StreamLimits;
use segment_proto::messages::Plan;
use segment_proto::{DeviceId, LinkId, Message};

use super::checks::Screen;

/// What a device does.
#[derive(Debug)]
pub(super) enum Role {
    Streams(Box<Publisher>),
    Watches(Box<Viewer>),
    /// It has crashed, or gone, or has not come yet.
    Nothing,
}

/// How a device lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Not at all.
    None,
    /// It spoils what it passes on.
    Spoils,
    /// It keeps keyframes back.
    KeepsKeys,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) screen: Screen,
    /// Its own link is slow.
    pub(super) slow: bool,
    pub(super) lie: Lie,
    /// It has agreed to pass the stream on.
    pub(super) agreed: bool,
    pub(super) listed: bool,
    /// Since when it may not watch.
    pub(super) banned_at: Option<u64>,
    /// Where it is known to whoever coordinates; another with each start.
    pub(super) session: u64,
    /// It was refused: there was no such stream.
    pub(super) refused: bool,
    pub(super) wakes_at: Option<u64>,
    /// Losses are excused until then.
    pub(super) troubled_until: u64,
    /// It began to be there, or ceased to be.
    pub(super) since: u64,
    /// Its parent has changed.
    pub(super) parent_at: u64,
    /// Its parent has crashed, and it has had no new frame.
    pub(super) orphaned_at: Option<u64>,
    /// Its newest plan.
    pub(super) plan: Option<Plan>,
    /// When its parent was heard last.
    pub(super) heard_at: u64,
    /// Whose spoiled frames it gets, and since when.
    pub(super) spoiled: Option<(usize, u64)>,
}

impl Node {
    pub(super) fn new() -> Self {
        Self {
            role: Role::Nothing,
            screen: Screen::default(),
            slow: false,
            lie: Lie::None,
            agreed: false,
            listed: true,
            banned_at: None,
            session: 0,
            refused: false,
            wakes_at: None,
            troubled_until: 0,
            since: 0,
            parent_at: 0,
            orphaned_at: None,
            plan: None,
            heard_at: 0,
            spoiled: None,
        }
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self.role, Role::Nothing)
    }

    pub(super) fn viewer(&self) -> Option<&Viewer> {
        if let Role::Watches(viewer) = &self.role { Some(viewer) } else { None }
    }

    pub(super) fn viewer_mut(&mut self) -> Option<&mut Viewer> {
        if let Role::Watches(viewer) = &mut self.role { Some(viewer) } else { None }
    }

    pub(super) fn parent(&self) -> Option<DeviceId> {
        self.viewer().and_then(|viewer| viewer.parent())
    }

    pub(super) fn ring(&self) -> Option<&Ring> {
        match &self.role {
            Role::Streams(publisher) => Some(publisher.ring()),
            Role::Watches(viewer) => Some(viewer.ring()),
            Role::Nothing => None,
        }
    }

    pub(super) fn on_message(&mut self, link: LinkId, device: DeviceId, message: Message, cx: &mut StreamContext<'_>) {
        match &mut self.role {
            Role::Streams(publisher) => publisher.on_message(link, device, message, cx),
            Role::Watches(viewer) => viewer.on_message(link, device, message, cx),
            Role::Nothing => {}
        }
    }

    pub(super) fn on_link_down(&mut self, link: LinkId, cx: &mut StreamContext<'_>) {
        match &mut self.role {
            Role::Streams(publisher) => publisher.on_link_down(link),
            Role::Watches(viewer) => viewer.on_link_down(link, cx),
            Role::Nothing => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut StreamContext<'_>) {
        match &mut self.role {
            Role::Streams(publisher) => publisher.handle_timeout(cx),
            Role::Watches(viewer) => viewer.handle_timeout(cx),
            Role::Nothing => {}
        }
    }

    pub(super) fn due(&self, limits: &StreamLimits) -> Option<Deadline> {
        match &self.role {
            Role::Streams(publisher) => publisher.poll_timeout(limits),
            Role::Watches(viewer) => viewer.poll_timeout(limits),
            Role::Nothing => None,
        }
    }

    /// The most bytes under way to one viewer, the bytes that are kept, and those whom it serves.
    pub(super) fn holds(&self) -> (usize, usize, usize) {
        let (fanout, ring) = match &self.role {
            Role::Streams(publisher) => (publisher.fanout(), publisher.ring()),
            Role::Watches(viewer) => (viewer.fanout(), viewer.ring()),
            Role::Nothing => return (0, 0, 0),
        };
        (fanout.most_under_way(), ring.bytes(), fanout.len())
    }
}
