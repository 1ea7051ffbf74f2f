//! What the peer hands down to its children with every call.

use segment_proto::messages::{Failure, Presence};
use segment_proto::pending::{NoAnswer, TooManyPending};
use segment_proto::{
    Certificate, ChannelId, DeviceId, DeviceRecord, Frame, Identity, Limits, LinkId, Message, Now, Pending, Request,
    RequestId, Signed, Who,
};

use crate::host::{HostRequest, HostTask};
use crate::outbox::Outbox;
use crate::peer::authors::Authors;
use crate::peer::events::{PeerEvent, Reply};
use crate::peer::requests::PeerRequest;
use crate::peer::verifying::{VerifyRequest, VerifyTask};
use crate::random::Random;
use crate::replica::{ReplicaRequest, ReplicaTask};
use crate::rules::Rules;
use crate::sync::sequencer::Terms;

/// The link between a channel's host and its owner's own replica: inside one process, never dialled.
pub const LOCAL: LinkId = LinkId(0);

/// What an operation of a peer is for.
#[derive(Debug)]
pub enum PeerTask {
    /// A hosted channel's.
    Host(ChannelId, HostTask),
    /// A joined channel's.
    Replica(ChannelId, ReplicaTask),
    /// A verification's.
    Verify(RequestId, VerifyTask),
    /// An embedder's request, which ends with this once it is on disk.
    Reply(RequestId, alloc::boxed::Box<Reply>),
    /// A channel that was left is erased; the command's reply.
    Left(RequestId, ChannelId),
    /// Nobody waits.
    Nothing,
}

/// What a request of a peer is for.
#[derive(Debug)]
pub enum Purpose {
    /// A hosted channel's.
    Host(ChannelId, HostRequest),
    /// A joined channel's.
    Replica(ChannelId, ReplicaRequest),
    /// A verification's.
    Verify(RequestId, VerifyRequest),
    /// The peer's own.
    Peer(PeerRequest),
}

impl Purpose {
    /// The channel that it is about, where it is about one.
    #[must_use]
    pub fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::Host(channel, _) | Self::Replica(channel, _) => Some(*channel),
            Self::Verify(..) | Self::Peer(_) => None,
        }
    }

    /// What is asked, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Host(_, request) => request.name(),
            Self::Replica(_, request) => request.name(),
            Self::Verify(..) => "verify a copy",
            Self::Peer(request) => request.name(),
        }
    }
}

/// How a request ended.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Answer {
    /// With the response or a [`Failure`], as a message.
    Message(Message),
    /// Without.
    Nothing(NoAnswer),
}

impl Answer {
    /// The response, or why there is none.
    ///
    /// # Errors
    /// The failure that was answered, or the lack of an answer.
    pub fn into_result(self) -> Result<Message, Unanswered> {
        match self {
            Self::Message(Message::Failure(failure)) => Err(Unanswered::Refused(failure)),
            Self::Message(message) => Ok(message),
            Self::Nothing(no_answer) => Err(Unanswered::NoAnswer(no_answer)),
        }
    }
}

/// Why a request got no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The other side refused.
    Refused(Failure),
    /// Nothing came; the other side may have processed it.
    NoAnswer(NoAnswer),
}

/// Who this peer is at its tracker, once it is logged in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Account or visitor.
    pub who: Who,
    /// Admits to hosts.
    pub certificate: Signed<Certificate>,
    /// Shown to hosts, so that readers know the author.
    pub device: Option<Signed<DeviceRecord>>,
}

/// Everything a child may use.
pub struct Context<'a> {
    /// Where outputs go.
    pub out: &'a mut Outbox<PeerEvent, PeerTask>,
    /// Who writes on which device.
    pub authors: &'a mut Authors,
    /// Requests under way.
    pub pending: &'a mut Pending<Purpose>,
    /// The limits.
    pub limits: &'a Limits,
    /// The rules.
    pub rules: Rules,
    /// This device.
    pub identity: &'a Identity,
    /// The tracker's key, which signs certificates, receipts and records; known after the first connection.
    pub tracker_key: Option<DeviceId>,
    /// Who this peer is, if it is logged in (or was, when it last was connected).
    pub login: Option<&'a Login>,
    /// How this session is seen.
    pub presence: Presence,
    /// The peer's generator.
    pub random: &'a mut Random,
    /// The time; `wall` is corrected by the tracker's clock.
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
            tracker: self.tracker_key,
        }
    }

    /// Pages that were asked for on a link, whatever for.
    #[must_use]
    pub fn pages_under_way(&self, link: LinkId) -> usize {
        self.pending.count(link, |purpose| matches!(purpose, Purpose::Replica(_, request) if request.is_page()))
    }

    /// Remembers whose device this is, on disk too, if the tracker has signed it.
    pub fn learn_author(&mut self, record: Signed<DeviceRecord>) {
        let Some(tracker) = self.tracker_key else { return };
        if !record.is_signed_by(&tracker, &self.identity.verifier()) {
            self.out.event(PeerEvent::Suspicious { what: "a device record that the tracker has not signed" });
            return;
        }
        let writes = self.authors.learn(record, self.limits.authors_max);
        if !writes.is_empty() {
            self.out.write(PeerTask::Nothing, writes);
        }
    }

    /// Sends a request; its end comes back to whom `purpose` names.
    ///
    /// # Errors
    /// [`TooManyPending`]: it was not sent.
    pub fn request<R: Request>(
        &mut self,
        link: LinkId,
        payload: &R,
        purpose: Purpose,
    ) -> Result<RequestId, TooManyPending> {
        let id = self.random.request_id();
        self.pending.insert(id, link, self.now.mono + self.limits.request_timeout, purpose)?;
        self.out.transmit(link, Frame::request(id, payload));
        Ok(id)
    }
}
