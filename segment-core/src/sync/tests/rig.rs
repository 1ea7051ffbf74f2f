//! What a peer hands its children, for the tests of one of them: outputs become lines, the store is a [`TestStore`].

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::Presence;
use segment_proto::{Frame, Identity, Limits, LinkId, Message, Now, Pending, RequestId};

use super::kit::{certificate, device, identity, now, who};
use super::say;
use crate::contract::{OpId, Output, Recipients};
use crate::outbox::{Asker, Outbox};
use crate::peer::authors::Authors;
use crate::peer::context::{Context, Login, PeerTask, Purpose};
use crate::peer::events::PeerEvent;
use crate::random::Random;
use crate::rules::Rules;
use crate::store::{Operation, StoreOperation, StoreOutcome};
use crate::testing::TestStore;

/// Lines for the outputs of any machine; what has to be answered is remembered.
#[derive(Debug, Default)]
pub struct Tape {
    pub store: TestStore,
    started: VecDeque<(OpId, StoreOperation)>,
    pub requests: VecDeque<(LinkId, RequestId)>,
    pub messages: Vec<(LinkId, Message)>,
}

impl Tape {
    pub fn line<E: core::fmt::Debug>(&mut self, output: Output<E>, event: impl Fn(&E) -> String) -> String {
        match output {
            Output::Transmit { to: Recipients::One(link), frame } => self.frame(&[link], &frame),
            Output::Transmit { to: Recipients::Many(links), frame } => self.frame(&links, &frame),
            Output::Perform { op, operation: Operation::Store(operation), .. } => {
                let line = say::operation(&operation);
                self.started.push_back((op, operation));
                line
            }
            Output::Event(told) => event(&told),
            other => format!("{other:?}"),
        }
    }

    fn frame(&mut self, links: &[LinkId], frame: &Frame) -> String {
        let header = frame.header().unwrap();
        let message = Message::decode(&header, &frame.payload()).unwrap();
        let sign = match header.role {
            Role::Request => "?",
            Role::Response => "=",
            Role::Push => "!",
        };
        let names: Vec<String> = links.iter().map(|link| format!("{}", link.0)).collect();
        if header.role == Role::Request {
            self.requests.push_back((links[0], header.correlation));
        }
        let line = format!("{}{sign} {}", names.join("+"), say::message(&message));
        links.iter().for_each(|link| self.messages.push((*link, message.clone())));
        line
    }

    /// Does the operation that was started first.
    pub fn perform(&mut self) -> Option<(OpId, StoreOutcome)> {
        let (op, operation) = self.started.pop_front()?;
        Some((op, self.store.run(&operation)))
    }

    pub fn is_idle(&self) -> bool {
        self.started.is_empty()
    }
}

/// Everything that a child of a peer may use.
#[derive(Debug)]
pub struct PeerRig {
    out: Outbox<PeerEvent, PeerTask>,
    authors: Authors,
    pub pending: Pending<Purpose>,
    pub limits: Limits,
    pub rules: Rules,
    identity: Identity,
    pub login: Option<Login>,
    /// Invisible, where a test does not say otherwise: so that nothing is said of what is on disk.
    pub presence: Presence,
    random: Random,
    pub now: Now,
    pub tape: Tape,
    asked: BTreeMap<u64, u64>,
    /// The epochs that were told, and where each begins: beside `put epoch`, they are no lines of their own.
    pub epochs: Vec<(u32, u64)>,
}

impl PeerRig {
    /// Device and account `n`, logged in.
    pub fn new(n: u8) -> Self {
        Self {
            out: Outbox::default(),
            authors: Authors::default(),
            pending: Pending::new(64),
            limits: Limits::default(),
            rules: Rules::all(),
            identity: identity(n),
            login: Some(Login { who: who(u64::from(n)), certificate: certificate(n), device: None }),
            presence: Presence::Invisible,
            random: Random::new([n; 32]),
            now: now(),
            tape: Tape::default(),
            asked: BTreeMap::new(),
            epochs: Vec::new(),
        }
    }

    pub fn cx(&mut self) -> Context<'_> {
        Context {
            out: &mut self.out,
            authors: &mut self.authors,
            pending: &mut self.pending,
            limits: &self.limits,
            rules: self.rules,
            identity: &self.identity,
            tracker_key: Some(device(super::kit::TRACKER)),
            login: self.login.as_ref(),
            presence: self.presence,
            random: &mut self.random,
            now: self.now,
        }
    }

    /// The outputs since the last look.
    pub fn seen(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.out.pop() {
            if let Output::Event(PeerEvent::EpochChanged { fence, base, .. }) = &output {
                self.epochs.push((fence.epoch, *base));
                continue;
            }
            lines.push(self.tape.line(output, event));
        }
        lines
    }

    /// Does the operation that was started first; its task and outcome are to be handed on.
    pub fn perform(&mut self) -> Option<(PeerTask, StoreOutcome)> {
        let (op, outcome) = self.tape.perform()?;
        Some((self.out.take_task(op).unwrap(), outcome))
    }

    /// Ends the request that was made first; its purpose is to be handed on.
    pub fn complete(&mut self) -> Purpose {
        let (link, id) = self.tape.requests.pop_front().unwrap();
        self.pending.complete(id, link).unwrap()
    }

    /// Fails everything that is under way on a link.
    pub fn fail_link(&mut self, link: u64) -> Vec<Purpose> {
        self.tape.requests.retain(|(on, _)| on.0 != link);
        self.pending.fail_link(LinkId(link)).into_iter().map(|(_, purpose)| purpose).collect()
    }

    /// Somebody asks on this link.
    pub fn asker(&mut self, link: u64) -> Asker {
        let count = self.asked.entry(link).or_default();
        *count += 1;
        Asker { link: LinkId(link), id: RequestId::from_random([u8::try_from(*count % 255).unwrap() + 1; 16]) }
    }

    pub fn operations(&self) -> usize {
        self.out.operations()
    }

    pub fn sleep(&mut self, duration: Duration) {
        self.now.mono = self.now.mono + duration;
        self.now.wall = self.now.wall.plus(duration);
    }

    pub fn restart(&mut self, n: u8) {
        let (store, now) = (core::mem::take(&mut self.tape.store), self.now);
        let (limits, rules) = (self.limits.clone(), self.rules);
        *self = Self::new(n);
        (self.tape.store, self.now, self.limits, self.rules) = (store, now, limits, rules);
        self.random = Random::new([n.wrapping_add(100); 32]);
    }
}

/// What is told, as a line. Transfers are for a log, and have a test of their own.
fn event(event: &PeerEvent) -> String {
    match event {
        PeerEvent::Transferred { transfer, first, last, .. } => {
            format!("({transfer:?} {first}..{last})").to_lowercase()
        }
        PeerEvent::MessageStage { key, stage, pos } => {
            let pos = pos.map_or(String::new(), |pos| format!("@{pos}"));
            format!("{stage:?} {}.{}{pos}", key.incarnation, key.seq).to_lowercase()
        }
        PeerEvent::MessageSignedAgain { old, new } => {
            format!("{}.{} is {}.{}", old.incarnation, old.seq, new.incarnation, new.seq)
        }
        PeerEvent::MessageRefused { key, reason, .. } => format!("refused {}.{} {reason}", key.incarnation, key.seq),
        PeerEvent::Received { messages, .. } => {
            let first = messages.first().map_or(0, |message| message.pos);
            format!("received {first}..{}", messages.last().map_or(0, |message| message.pos))
        }
        PeerEvent::CommittedUpTo { pos, .. } => format!("committed up to {pos}"),
        PeerEvent::Delivered { of, steps, .. } => {
            let steps: Vec<String> = steps.iter().map(|step| format!("{}:{}", step.pos, step.accounts)).collect();
            format!("delivered {} of {of}", steps.join(" "))
        }
        PeerEvent::OlderRemoved { below, .. } => format!("older removed below {below}"),
        PeerEvent::CutBehind { pos, .. } => format!("cut behind {pos}"),
        PeerEvent::Hosting { fence, .. } => format!("hosting {}.{}", fence.generation, fence.epoch),
        PeerEvent::HostingStopped { .. } => "hosting stopped".into(),
        PeerEvent::ChannelRestored { .. } => "channel restored".into(),
        PeerEvent::ChannelNotRestored { failure, .. } => format!("channel not restored: {}", failure.reason),
        PeerEvent::MembershipLost { .. } => "membership lost".into(),
        PeerEvent::MembershipRestored { .. } => "membership restored".into(),
        PeerEvent::RightsChanged { rights, .. } => format!("rights {rights}"),
        PeerEvent::Removed { reason, .. } => format!("removed {reason}"),
        PeerEvent::MemberLink { who, came, .. } => format!("{who} {}", if *came { "came" } else { "went" }),
        PeerEvent::Suspicious { what } => format!("suspicious: {what}"),
        other => format!("{other:?}"),
    }
}
