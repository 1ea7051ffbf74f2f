//! A device of such a world.

use std::collections::VecDeque;

use segment_core::Deadline;
use segment_core::stream::{Publisher, StreamContext, StreamOutput, Viewer};
use segment_proto::limits::StreamLimits;
use segment_proto::{DeviceId, LinkId, Message};

use super::checks::Screen;

/// What a device does.
#[derive(Debug)]
pub(super) enum Role {
    Streams(Box<Publisher>),
    Watches(Box<Viewer>),
    /// It has crashed, or gone.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) screen: Screen,
    pub(super) out: VecDeque<StreamOutput>,
    /// Its own link is slow.
    pub(super) slow: bool,
    /// It spoils what it passes on.
    pub(super) spoils: bool,
}

impl Node {
    pub(super) fn new(role: Role) -> Self {
        Self { role, screen: Screen::default(), out: VecDeque::new(), slow: false, spoils: false }
    }

    pub(super) fn on_message(&mut self, link: LinkId, device: DeviceId, message: Message, cx: &mut StreamContext<'_>) {
        match &mut self.role {
            Role::Streams(publisher) => publisher.on_message(link, device, message, cx),
            Role::Watches(viewer) => viewer.on_message(link, device, message, cx),
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

    /// The most bytes under way to one viewer, and the bytes that are kept.
    pub(super) fn holds(&self) -> (usize, usize) {
        match &self.role {
            Role::Streams(publisher) => (publisher.fanout().most_under_way(), publisher.ring().bytes()),
            Role::Watches(viewer) => (viewer.fanout().most_under_way(), viewer.ring().bytes()),
            Role::Nothing => (0, 0),
        }
    }
}
