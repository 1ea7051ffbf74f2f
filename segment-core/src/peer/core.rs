//! What a peer hands down to its children, in one place.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::pending::TooManyPending;
use segment_proto::{Identity, Instant, Limits, LinkId, Now, Pending, Request, RequestId};

use crate::outbox::Outbox;
use crate::peer::authors::Authors;
use crate::peer::context::{Context, PeerTask, Purpose, Unanswered};
use crate::peer::events::{PeerEvent, Reply};
use crate::peer::requests::PeerRequest;
use crate::peer::session::Session;
use crate::random::Random;
use crate::rules::Rules;
use crate::store::Write;

/// What a peer is given at its start.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The device.
    pub identity: Identity,
    /// The limits.
    pub limits: Limits,
    /// The rules.
    pub rules: Rules,
    /// Random bytes, fresh for each start.
    pub seed: [u8; 32],
    /// Program and version, for people.
    pub software: String,
}

/// Everything that is nobody's child.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) identity: Identity,
    pub(crate) limits: Limits,
    rules: Rules,
    pub(crate) software: String,
    pub(crate) out: Outbox<PeerEvent, PeerTask>,
    pub(crate) pending: Pending<Purpose>,
    pub(crate) random: Random,
    pub(crate) authors: Authors,
    pub(crate) session: Session,
}

impl Core {
    pub(crate) fn new(config: PeerConfig, authors: Authors, session: Session) -> Self {
        let PeerConfig { identity, limits, rules, seed, software } = config;
        // A channel has a handful of requests under way, the peer itself those of its embedder.
        let of_channels = limits.joined_channels_max.saturating_mul(4);
        let pending = Pending::new(limits.pending_per_link_max.saturating_add(of_channels));
        let (out, random) = (Outbox::default(), Random::new(seed));
        Self { identity, limits, rules, software, out, pending, random, authors, session }
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) fn cx(&mut self, now: Now) -> Context<'_> {
        Context {
            out: &mut self.out,
            authors: &mut self.authors,
            pending: &mut self.pending,
            limits: &self.limits,
            rules: self.rules,
            identity: &self.identity,
            tracker_key: self.session.tracker_key,
            login: self.session.login.as_ref(),
            presence: self.session.presence,
            random: &mut self.random,
            now,
        }
    }

    /// A request of the peer's own.
    pub(crate) fn request<R: Request>(
        &mut self,
        link: LinkId,
        payload: &R,
        purpose: PeerRequest,
        now: Now,
    ) -> Result<RequestId, TooManyPending> {
        self.cx(now).request(link, payload, Purpose::Peer(purpose))
    }

    /// When the oldest request under way on a link was sent.
    pub(crate) fn oldest_request(&self, link: LinkId) -> Option<Instant> {
        let timeout = u64::try_from(self.limits.request_timeout.as_micros()).unwrap_or(u64::MAX);
        self.pending.first_deadline(link).map(|deadline| Instant(deadline.0.saturating_sub(timeout)))
    }

    /// The end of an embedder's request.
    pub(crate) fn reply(&mut self, id: RequestId, reply: Result<Reply, Unanswered>) {
        self.out.event(PeerEvent::Replied { id, reply });
    }

    /// Writes that nobody waits for.
    pub(crate) fn write(&mut self, writes: Vec<Write>) {
        if !writes.is_empty() {
            self.out.write(PeerTask::Nothing, writes);
        }
    }

    pub(crate) fn suspicious(&mut self, what: &'static str) {
        self.out.event(PeerEvent::Suspicious { what });
    }
}
