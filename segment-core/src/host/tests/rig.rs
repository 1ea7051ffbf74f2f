//! A host with a store, a tracker on link 99 played by the test, and members on the links of their numbers.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::messages::{Adopt, Committed, Grant, Submit, Subscribe};
use segment_proto::{
    ChannelRecord, EpochOwner, EpochRecord, Evidence, Fence, LinkId, Message, Nonce, Position, Receipt, Signed,
    SignedEnvelope,
};

use crate::host::Host;
use crate::outbox::Asker;
use crate::peer::context::{Answer, PeerTask, Purpose};
use crate::sync::tests::kit::{HOST, certificate, channel, device, epoch, receipt, record};
use crate::sync::tests::rig::PeerRig;

pub const TRACKER_LINK: u64 = 99;

pub struct HostRig {
    pub peer: PeerRig,
    pub host: Host,
    pub record: Signed<ChannelRecord>,
    /// What the tracker has committed.
    pub head: Position,
    pub epochs: Vec<Signed<EpochRecord>>,
    pub receipt: Option<Signed<Receipt>>,
}

impl HostRig {
    /// A new channel whose host owns nothing yet.
    pub fn new() -> Self {
        Self::of(record())
    }

    pub fn of(record: Signed<ChannelRecord>) -> Self {
        let host = Host::create(record.clone());
        let (epochs, receipt) = (Vec::new(), None);
        Self { peer: PeerRig::new(HOST), host, record, head: Position::START, epochs, receipt }
    }

    /// A host that owns epoch 2, with members on links 2 and 3.
    pub fn owning() -> Self {
        let mut rig = Self::new();
        rig.take_office();
        rig.subscribe(2);
        rig.subscribe(3);
        rig.peer.seen();
        rig
    }

    /// A host that owns an epoch, and whose disk alone has this first message of device 2.
    pub fn restarted(said: &SignedEnvelope) -> Self {
        let mut rig = Self::owning();
        rig.submit(2, core::slice::from_ref(said));
        rig.all_done();
        rig.commit(1);
        rig.all_done();
        rig.restart();
        rig.take_office();
        rig.subscribe(2);
        rig
    }

    pub fn subscribe(&mut self, n: u8) -> Vec<String> {
        self.say(n, self.subscription(n))
    }

    pub fn subscription(&self, n: u8) -> Subscribe {
        Subscribe { channel: channel(), certificate: Some(certificate(n)), device: None, evidence: Evidence::default() }
    }

    /// Device `n` says something on link `n`.
    pub fn say(&mut self, n: u8, message: impl Into<Message>) -> Vec<String> {
        let from = self.peer.asker(u64::from(n));
        self.say_as(from, n, message)
    }

    pub fn say_as(&mut self, from: Asker, n: u8, message: impl Into<Message>) -> Vec<String> {
        self.host.on_member_message(from, device(n), message.into(), &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn submit(&mut self, n: u8, envelopes: &[SignedEnvelope]) -> Vec<String> {
        let fence = self.host.report().owns.unwrap_or_default();
        self.submit_in(n, fence, envelopes)
    }

    pub fn submit_in(&mut self, n: u8, fence: Fence, envelopes: &[SignedEnvelope]) -> Vec<String> {
        self.say(n, Submit::new(channel(), fence, envelopes.to_vec()))
    }

    /// The store does what was asked of it first.
    pub fn done(&mut self) -> Vec<String> {
        let (task, outcome) = self.peer.perform().expect("nothing is under way");
        let PeerTask::Host(_, task) = task else {
            return self.peer.seen();
        };
        self.host.on_performed(task, outcome, &mut self.peer.cx());
        self.peer.seen()
    }

    /// The store does everything.
    pub fn all_done(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.peer.tape.is_idle() {
            lines.extend(self.done());
        }
        lines
    }

    /// The tracker answers the oldest request.
    pub fn answer(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.end(Answer::Message(message.into()))
    }

    pub fn end(&mut self, answer: Answer) -> Vec<String> {
        let Purpose::Host(_, request) = self.peer.complete() else { panic!("not the host's") };
        self.host.on_answer(request, answer, &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn push(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.host.on_tracker_message(message.into(), &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn tracker_up(&mut self) -> Vec<String> {
        self.host.on_tracker_up(LinkId(TRACKER_LINK), &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn tracker_down(&mut self) -> Vec<String> {
        self.host.on_tracker_down(&mut self.peer.cx());
        for purpose in self.peer.fail_link(TRACKER_LINK) {
            if let Purpose::Host(_, request) = purpose {
                let answer = Answer::Nothing(segment_proto::pending::NoAnswer::LinkLost);
                self.host.on_answer(request, answer, &mut self.peer.cx());
            }
        }
        self.peer.seen()
    }

    pub fn timeout(&mut self) -> Vec<String> {
        self.host.handle_timeout(&mut self.peer.cx());
        self.peer.seen()
    }

    /// The nonce that the host has shown last.
    pub fn nonce(&self) -> Nonce {
        let said = self.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
            Message::HostHello(hello) => Some(hello.nonce),
            _ => None,
        });
        said.expect("the host has not said hello")
    }

    /// What the host has shown the tracker last.
    pub fn shown(&self) -> Evidence {
        let said = self.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
            Message::HostHello(hello) => Some(hello.evidence.clone()),
            _ => None,
        });
        said.expect("the host has not said hello")
    }

    /// What the tracker has.
    pub fn adopt(&self) -> Adopt {
        Adopt {
            channel: channel(),
            nonce: self.nonce(),
            epochs: self.epochs.clone(),
            head: self.head,
            common: self.head,
            entries: Vec::new(),
            receipt: self.receipt.clone(),
            snapshot: None,
        }
    }

    /// The tracker takes the next epoch, or gives it.
    pub fn next_epoch(&mut self, owner: EpochOwner) -> Signed<EpochRecord> {
        let number = self.epochs.last().map_or(1, |record| record.fence.epoch + 1);
        let record = epoch(number, owner, self.head);
        self.epochs.push(record.clone());
        record
    }

    pub fn grant(&mut self) -> Grant {
        let record = self.next_epoch(EpochOwner::Host(device(HOST)));
        Grant { nonce: self.nonce(), record }
    }

    /// From the tracker's coming up to owning an epoch.
    pub fn take_office(&mut self) {
        self.tracker_up();
        self.next_epoch(EpochOwner::Tracker);
        self.answer(self.adopt());
        self.all_done();
        let grant = self.grant();
        self.answer(grant);
        self.all_done();
        assert!(self.host.report().owns.is_some());
    }

    /// The tracker has everything up to `pos`.
    pub fn committed(&mut self, pos: u64) -> Committed {
        let at = self.host.log.position_at(pos).unwrap();
        let number = self.epochs.last().map_or(1, |record| record.fence.epoch);
        self.head = at;
        self.receipt = Some(receipt(number, at));
        Committed { receipt: receipt(number, at) }
    }

    pub fn commit(&mut self, pos: u64) -> Vec<String> {
        let committed = self.committed(pos);
        self.push(committed)
    }

    /// The process dies and comes again with what is on disk.
    pub fn restart(&mut self) {
        self.peer.restart(HOST);
        self.host = Host::restore(self.record.clone(), &mut self.peer.tape.store).unwrap();
    }

    pub fn owns(&self) -> Option<u32> {
        self.host.report().owns.map(|owned| owned.epoch)
    }

    /// Nothing is left over.
    pub fn assert_idle(&self) {
        assert_eq!(self.peer.operations(), 0);
        assert!(self.peer.pending.is_empty());
        assert_eq!(self.host.poll_timeout(), None);
        assert_eq!(self.host.report().resubmit, 0);
    }
}
