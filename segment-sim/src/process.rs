//! What runs on a node: a tracker or a peer, honest or not.

use std::collections::VecDeque;

use segment_core::contract::Deadline;
use segment_core::peer::Peer;
use segment_core::peer::events::{PeerEvent, Reply, Source, Transfer};
use segment_core::tracker::Tracker;
use segment_core::tracker::events::TrackerEvent;
use segment_core::{Endpoint, Input, Machine, Output};
use segment_proto::Now;

use crate::malice::Liar;
use crate::plant::Tampering;

/// A machine of either kind.
#[derive(Debug)]
pub enum Process {
    /// A tracker.
    Tracker(Box<Tracker>),
    /// A peer.
    Peer(Box<Peer>),
    /// A peer that something is wrong with: a planted fault, or a liar.
    Tampered(Box<Tampered>),
}

/// What either kind tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A tracker has told.
    Tracker(TrackerEvent),
    /// A peer has told.
    Peer(Box<PeerEvent>),
}

impl Process {
    /// The peer, if it is one.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Tracker(_) => None,
            Self::Peer(peer) => Some(peer),
            Self::Tampered(tampered) => Some(&tampered.peer),
        }
    }

    /// The peer, to call its commands.
    pub fn peer_mut(&mut self) -> Option<&mut Peer> {
        match self {
            Self::Tracker(_) => None,
            Self::Peer(peer) => Some(peer),
            Self::Tampered(tampered) => Some(&mut tampered.peer),
        }
    }

    /// The tracker, if it is one.
    #[must_use]
    pub fn tracker(&self) -> Option<&Tracker> {
        match self {
            Self::Tracker(tracker) => Some(tracker),
            Self::Peer(_) | Self::Tampered(_) => None,
        }
    }
}

impl Machine for Process {
    type Event = Told;

    fn handle_input(&mut self, input: Input, now: Now) {
        match self {
            Self::Tracker(tracker) => tracker.handle_input(input, now),
            Self::Peer(peer) => peer.handle_input(input, now),
            Self::Tampered(tampered) => tampered.handle_input(input, now),
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Tracker(tracker) => tracker.handle_timeout(now),
            Self::Peer(peer) => peer.handle_timeout(now),
            Self::Tampered(tampered) => tampered.handle_timeout(now),
        }
    }

    fn poll_output(&mut self) -> Option<Output<Told>> {
        match self {
            Self::Tracker(tracker) => tracker.poll_output().map(|output| lift(output, Told::Tracker)),
            Self::Peer(peer) => peer.poll_output().map(|output| lift(output, told)),
            Self::Tampered(tampered) => tampered.poll_output().map(|output| lift(output, told)),
        }
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        match self {
            Self::Tracker(tracker) => tracker.poll_timeout(),
            Self::Peer(peer) => peer.poll_timeout(),
            Self::Tampered(tampered) => tampered.poll_timeout(),
        }
    }
}

fn told(event: PeerEvent) -> Told {
    Told::Peer(Box::new(event))
}

fn lift<E>(output: Output<E>, told: impl FnOnce(E) -> Told) -> Output<Told> {
    match output {
        Output::Transmit { to, frame } => Output::Transmit { to, frame },
        Output::Dial(dial) => Output::Dial(dial),
        Output::Hangup { link, reason } => Output::Hangup { link, reason },
        Output::Perform { op, operation, haste } => Output::Perform { op, operation, haste },
        Output::Event(event) => Output::Event(told(event)),
    }
}

/// A peer with something wrong between it and the world.
#[derive(Debug)]
pub struct Tampered {
    peer: Peer,
    tampering: Tampering,
    extra: VecDeque<Output<PeerEvent>>,
    overdue: Option<Deadline>,
    liar: Option<Liar>,
    /// Where its tracker is, and whether it wants to go there again.
    tracker: Option<Endpoint>,
    is_replaced: bool,
}

impl Tampered {
    /// Tampers with a peer.
    #[must_use]
    pub fn new(peer: Peer, tampering: Tampering) -> Self {
        let (extra, is_replaced) = (VecDeque::new(), false);
        Self { peer, tampering, extra, overdue: None, liar: None, tracker: None, is_replaced }
    }

    /// A peer that lies.
    #[must_use]
    pub fn lying(peer: Peer, liar: Liar) -> Self {
        Self { liar: Some(liar), ..Self::new(peer, Tampering::Lies) }
    }

    /// What becomes of an output; `None`: nothing.
    fn tamper(&mut self, output: Output<PeerEvent>) -> Option<Output<PeerEvent>> {
        match (self.tampering, output) {
            (Tampering::HidesTransfers, Output::Event(PeerEvent::Received { channel, messages, source, .. })) => {
                let transfer = Transfer::Submitted;
                Some(Output::Event(PeerEvent::Received { channel, messages, source, transfer }))
            }
            (Tampering::HidesTransfers, Output::Event(PeerEvent::Transferred { .. }))
            | (Tampering::ForgetsHangups, Output::Hangup { .. }) => None,
            (Tampering::NamesWrongSource, Output::Event(event)) => Some(Output::Event(with_wrong_source(event))),
            (Tampering::ComesBackWhenReplaced, Output::Dial(dial)) => {
                self.tracker.get_or_insert(dial.endpoint);
                Some(Output::Dial(dial))
            }
            (Tampering::ComesBackWhenReplaced, Output::Event(PeerEvent::Replaced)) => {
                self.is_replaced = true;
                Some(Output::Event(PeerEvent::Replaced))
            }
            (Tampering::NamesNoDamage, Output::Event(event)) => Some(Output::Event(without_damage(event))),
            (Tampering::ShowsTwice, Output::Event(event @ PeerEvent::Received { .. })) => {
                self.extra.push_back(Output::Event(event.clone()));
                Some(Output::Event(event))
            }
            (_, Output::Transmit { to, frame }) => {
                let Some(liar) = &mut self.liar else { return Some(Output::Transmit { to, frame }) };
                self.extra.extend(liar.twist(&to, &frame));
                self.extra.pop_front()
            }
            (_, output) => Some(output),
        }
    }
}

fn without_damage(mut event: PeerEvent) -> PeerEvent {
    if let PeerEvent::Replied { reply: Ok(Reply::Verified(report)), .. } = &mut event {
        report.bad.clear();
        report.copies.iter_mut().for_each(|copy| copy.bad.clear());
    }
    event
}

fn with_wrong_source(event: PeerEvent) -> PeerEvent {
    match event {
        PeerEvent::Transferred { channel, with: Source::Host(_), transfer, first, last } => {
            PeerEvent::Transferred { channel, with: Source::Tracker, transfer, first, last }
        }
        PeerEvent::Received { channel, messages, source: Source::Host(_), transfer } => {
            PeerEvent::Received { channel, messages, source: Source::Tracker, transfer }
        }
        other => other,
    }
}

impl Machine for Tampered {
    type Event = PeerEvent;

    fn handle_input(&mut self, input: Input, now: Now) {
        match (self.tampering, input) {
            (Tampering::IgnoresFullQueues, Input::Writable { room: 0, .. }) => {}
            (_, input) => self.peer.handle_input(input, now),
        }
        if let Some(tracker) = self.tracker.filter(|_| core::mem::take(&mut self.is_replaced)) {
            // The tracker is the one that it has connected to before.
            let _ = self.peer.connect(tracker, now);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.tampering == Tampering::KeepsOldDeadlines {
            self.overdue = self.overdue.or_else(|| self.peer.poll_timeout());
        }
        self.peer.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<PeerEvent>> {
        loop {
            if let Some(extra) = self.extra.pop_front() {
                return Some(extra);
            }
            let output = self.peer.poll_output()?;
            if let Some(output) = self.tamper(output) {
                return Some(output);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Deadline> {
        self.overdue.or_else(|| self.peer.poll_timeout())
    }
}
