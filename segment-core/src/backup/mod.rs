//! The tracker's copy of one channel.

use alloc::vec::Vec;

use segment_proto::{Access, ChannelRecord, DeviceId, EpochRecord, Instant, LinkId, Message, Signed};

use crate::contract::Deadline;
use crate::outbox::Asker;
use crate::store::{Record, StoreOutcome, StoredEntry};
use crate::tracker::context::{Caller, Context};

/// What an operation of a backup is for.
#[derive(Debug)]
pub enum BackupTask {}

/// What the directory has to know of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupNotice {
    /// The host has come or gone.
    HostPresence {
        /// Whether it is there.
        present: bool,
    },
    /// Committed entries have changed the rights.
    AccessChanged,
}

/// The tracker's copy of one channel.
#[derive(Debug)]
pub struct Backup {
    notices: Vec<BackupNotice>,
}

impl Backup {
    /// The copy of a channel that has just been made.
    pub fn create(record: &ChannelRecord) -> Self {
        todo!("{record:?}")
    }

    /// The copy as the store has it.
    pub fn restore(record: &ChannelRecord, records: Vec<Record>, last: Option<StoredEntry>) -> Self {
        todo!("{record:?} {records:?} {last:?}")
    }

    /// The rights by the committed log.
    pub fn access(&self) -> &Access {
        todo!()
    }

    /// The newest epoch.
    pub fn epoch(&self) -> Option<&Signed<EpochRecord>> {
        todo!()
    }

    /// The link of the host, while it is there.
    pub fn host(&self) -> Option<LinkId> {
        todo!()
    }

    /// A message of a logged-in session about this channel (kinds 0x03xx and 0x04xx).
    pub fn on_message(&mut self, from: Asker, caller: &Caller, message: Message, cx: &mut Context<'_>) {
        todo!("{from:?} {caller:?} {message:?} {}", cx.now.mono.0)
    }

    /// A link is gone, or its session has ended.
    pub fn on_link_down(&mut self, link: LinkId, cx: &mut Context<'_>) {
        todo!("{link:?} {}", cx.now.mono.0)
    }

    /// Anything at all was heard from the host's link.
    pub fn on_host_heard(&mut self, now: Instant) {
        todo!("{now:?}")
    }

    /// The send queue of a subscriber has crossed a mark.
    pub fn on_writable(&mut self, link: LinkId, room: usize, cx: &mut Context<'_>) {
        todo!("{link:?} {room} {}", cx.now.mono.0)
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: BackupTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
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

    /// What the directory has to know; to be asked after every call.
    pub fn take_notices(&mut self) -> Vec<BackupNotice> {
        core::mem::take(&mut self.notices)
    }

    /// The device that the channel's record names as its host.
    pub fn host_device(&self) -> DeviceId {
        todo!()
    }
}
