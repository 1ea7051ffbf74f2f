//! One channel at its host.

use alloc::vec::Vec;

use segment_proto::{Access, ChannelRecord, DeviceId, LinkId, Message, Signed};

use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::peer::context::{Answer, Context};
use crate::store::{Fatal, Record, Store, StoreOutcome, StoredEntry};

/// What an operation of a host is for.
#[derive(Debug)]
pub enum HostTask {}

/// What a request of a host to the tracker is for.
#[derive(Debug)]
pub enum HostRequest {}

/// One channel at its host.
#[derive(Debug)]
pub struct Host {}

impl Host {
    /// A channel that has just been made.
    pub fn create(record: Signed<ChannelRecord>) -> Self {
        todo!("{record:?}")
    }

    /// The channel as the store has it.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(record: Signed<ChannelRecord>, store: &mut dyn Store) -> Result<Self, Fatal> {
        todo!("{record:?} {:?}", store.perform(&[]))
    }

    /// The tracker is there, and this session is logged in: asks for an epoch.
    pub fn on_tracker_up(&mut self, link: LinkId, cx: &mut Context<'_>) {
        todo!("{link:?} {}", cx.now.mono.0)
    }

    /// The tracker is gone.
    pub fn on_tracker_down(&mut self, cx: &mut Context<'_>) {
        todo!("{}", cx.now.mono.0)
    }

    /// A push of the tracker about this channel (Committed, Fenced, ReplicateRefused, Seal).
    pub fn on_tracker_message(&mut self, message: Message, cx: &mut Context<'_>) {
        todo!("{message:?} {}", cx.now.mono.0)
    }

    /// A request of this host to the tracker has ended.
    pub fn on_answer(&mut self, request: HostRequest, answer: Answer, cx: &mut Context<'_>) {
        todo!("{request:?} {answer:?} {}", cx.now.mono.0)
    }

    /// A message of a member (or of the own replica, on the local link) whose device TLS has proven.
    pub fn on_member_message(&mut self, from: Asker, device: DeviceId, message: Message, cx: &mut Context<'_>) {
        todo!("{from:?} {device:?} {message:?} {}", cx.now.mono.0)
    }

    /// A member's session was revoked.
    pub fn on_revoked(&mut self, device: DeviceId, cx: &mut Context<'_>) {
        todo!("{device:?} {}", cx.now.mono.0)
    }

    /// A member's link is gone.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        todo!("{link:?} {}", cx.now.mono.0)
    }

    /// The send queue of a member has crossed a mark.
    pub fn on_writable(&mut self, link: LinkId, room: usize, cx: &mut Context<'_>) {
        todo!("{link:?} {room} {}", cx.now.mono.0)
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: HostTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        todo!("{task:?} {outcome:?} {}", cx.now.mono.0)
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        todo!("{}", cx.now.mono.0)
    }

    /// When.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        todo!()
    }

    /// The rights by the log.
    pub fn access(&self) -> &Access {
        todo!()
    }

    /// For people: how this channel stands at its host.
    pub fn report(&self) -> HostReport {
        todo!()
    }
}

/// How a channel stands at its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The epoch that it owns, if it does.
    pub owns: Option<segment_proto::Fence>,
    /// The last place on its disk.
    pub stored: u64,
    /// The last place that the tracker has committed.
    pub committed: u64,
    /// Messages that wait to be sequenced again.
    pub resubmit: usize,
    /// Links of members.
    pub members: Vec<LinkId>,
}

#[allow(dead_code)]
fn unused(_: Record, _: StoredEntry) {}
