//! What the tracker hands down to its children with every call.

use segment_proto::messages::{Failure, Presence};
use segment_proto::{ChannelId, DeviceId, Identity, Limits, Now, SessionId, Who};

use crate::backup::BackupTask;
use crate::directory::DirectoryTask;
use crate::outbox::{Asker, Outbox};
use crate::random::Random;
use crate::rules::Rules;
use crate::sync::sequencer::Terms;
use crate::tracker::events::TrackerEvent;
use crate::tracker::forwards::Forwards;

/// What an operation of a tracker is for. Few are under way at once, so their size does not matter.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum TrackerTask {
    /// The directory's.
    Directory(DirectoryTask),
    /// A channel's.
    Backup(ChannelId, BackupTask),
}

/// Who speaks on a link, as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Account or visitor.
    pub who: Who,
    /// The device that TLS has proven.
    pub device: DeviceId,
    /// The session.
    pub session: SessionId,
    /// Whether others may know of it.
    pub presence: Presence,
}

/// Everything a child may use.
pub struct Context<'a> {
    /// Where outputs go.
    pub out: &'a mut Outbox<TrackerEvent, TrackerTask>,
    /// What was handed on to hosts.
    pub forwards: &'a mut Forwards,
    /// The limits.
    pub limits: &'a Limits,
    /// The rules.
    pub rules: Rules,
    /// The tracker's key: signs certificates, records and receipts.
    pub identity: &'a Identity,
    /// The tracker's generator.
    pub random: &'a mut Random,
    /// The time.
    pub now: Now,
}

impl Context<'_> {
    /// What a sequencer judges by.
    #[must_use]
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            limits: self.limits,
            rules: self.rules,
            now: self.now,
            identity: self.identity,
            tracker: Some(self.identity.device()),
        }
    }

    /// Refuses a request, and tells the embedder. A push is not answered, and nobody is told.
    pub fn refuse(&mut self, to: Asker, failure: &Failure) {
        if !to.id.is_none() {
            self.out.fail_with(to, failure);
            self.out.event(TrackerEvent::Refused { link: to.link, reason: failure.reason });
        }
    }
}
