//! A member's replica (device and account 2) with a store; whoever serves it on link 1 is played by the test.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::{
    Entries, EntryPage, Fate, FateCode, OwnEntries, Submitted, Subscribed, SyncPage, Watermarks,
};
use segment_proto::{
    EnvelopeKind, EpochOwner, EpochRecord, LinkId, Message, MessageKey, Position, Rights, Row, Signed, SignedEnvelope,
};

use crate::peer::context::{Answer, PeerTask, Purpose};
use crate::peer::events::Serving;
use crate::replica::{Replica, SendError};
use crate::store::{LogRole, StoredEntry};
use crate::sync::tests::kit::{HOST, channel, device, entries, epoch, fence, receipt, record};
use crate::sync::tests::rig::PeerRig;

pub const ME: u8 = 2;
pub const HOST_LINK: u64 = 1;

pub struct ReplicaRig {
    pub peer: PeerRig,
    pub replica: Replica,
    /// The log of whoever serves.
    pub log: Vec<StoredEntry>,
    pub committed: u64,
    pub row: Option<Row>,
    pub rights: Rights,
    pub epoch: u32,
    pub owner: EpochOwner,
    pub base: Position,
}

impl ReplicaRig {
    pub fn new() -> Self {
        let replica = Replica::create(record(), LogRole::Cache);
        let (peer, rights) = (PeerRig::new(ME), Rights::ALL);
        let (owner, base) = (EpochOwner::Host(device(HOST)), Position::START);
        Self { peer, replica, log: Vec::new(), committed: 0, row: None, rights, epoch: 2, owner, base }
    }

    /// Attached to a host with these messages, all of them committed and fetched.
    pub fn level(envelopes: &[SignedEnvelope]) -> Self {
        let mut rig = Self::new();
        rig.write(envelopes);
        rig.committed = rig.log.len() as u64;
        rig.attach();
        rig.serve();
        rig.all_done();
        assert!(rig.replica.is_level());
        rig
    }

    /// The serving side's log goes on.
    pub fn write(&mut self, envelopes: &[SignedEnvelope]) {
        let more = entries(self.head(), self.epoch, envelopes);
        self.log.extend(more);
    }

    pub fn head(&self) -> Position {
        self.at(self.log.len() as u64)
    }

    pub fn at(&self, pos: u64) -> Position {
        pos.checked_sub(1).map_or(Position::START, |index| self.log[usize::try_from(index).unwrap()].position())
    }

    fn slice(&self, from: u64, to: u64) -> Vec<segment_proto::Entry> {
        let inside = |stored: &&StoredEntry| (from..=to).contains(&stored.entry.pos);
        self.log.iter().filter(inside).map(|stored| stored.entry.clone()).collect()
    }

    pub fn attach(&mut self) -> Vec<String> {
        self.attach_to(HOST_LINK, Serving::Host(device(HOST)))
    }

    pub fn attach_to(&mut self, link: u64, serving: Serving) -> Vec<String> {
        self.replica.attach(LinkId(link), serving, &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn receipt(&self) -> Option<segment_proto::Signed<segment_proto::Receipt>> {
        (self.committed > 0).then(|| receipt(self.epoch, self.at(self.committed)))
    }

    /// The serving side's newest epoch.
    pub fn record(&self) -> Signed<EpochRecord> {
        epoch(self.epoch, self.owner, self.base)
    }

    /// Somebody else sequences behind this place.
    pub fn next_epoch(&mut self, owner: EpochOwner, base: u64) {
        self.epoch += 1;
        (self.owner, self.base) = (owner, self.at(base));
        self.log.truncate(usize::try_from(base).unwrap());
    }

    pub fn subscribed(&self) -> Subscribed {
        let record = self.record();
        let (channel, head, receipt) = (channel(), self.head(), self.receipt());
        Subscribed { channel, epoch: Some(record), head, receipt, rights: self.rights, row: self.row }
    }

    pub fn tail(&self, from: u64) -> EntryPage {
        EntryPage {
            channel: channel(),
            fence: fence(self.epoch),
            before: self.at(from - 1).chain,
            entries: self.slice(from, u64::MAX),
            head: self.head(),
            receipt: self.receipt(),
        }
    }

    pub fn page(&self, from: u64, to: u64) -> EntryPage {
        EntryPage { entries: self.slice(from, to), ..self.tail(from) }
    }

    pub fn sync_page(&self, from: u64, to: u64) -> SyncPage {
        let EntryPage { channel, fence, before, entries, head, receipt } = self.page(from, to);
        SyncPage { channel, fence, before, entries, head, receipt, diverged: Vec::new(), first: 1 }
    }

    pub fn parted(&self) -> SyncPage {
        SyncPage { diverged: alloc::vec![self.record()], entries: Vec::new(), ..self.sync_page(1, 0) }
    }

    /// What this device has in the serving side's log, up to a place.
    pub fn own(&self, searched: u64) -> OwnEntries {
        let own = |entry: &segment_proto::Entry| entry.envelope.key.device == device(ME);
        let entries = self.slice(1, searched).into_iter().filter(own).collect();
        OwnEntries { channel: channel(), fence: fence(self.epoch), entries, searched, head: self.log.len() as u64 }
    }

    /// Answers the subscription and what is asked for to catch up.
    pub fn serve(&mut self) -> Vec<String> {
        let mut lines = self.answer(self.subscribed());
        while let Some((_, message)) = self.peer.tape.messages.pop() {
            let answer: Message = match message {
                Message::ReadTail(_) => self.tail(1).into(),
                Message::Sync(sync) => self.sync_page(sync.at.pos + 1, u64::MAX).into(),
                _ => break,
            };
            lines.extend(self.answer(answer));
        }
        lines
    }

    /// The oldest request is answered.
    pub fn answer(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.end(Answer::Message(message.into()))
    }

    pub fn end(&mut self, answer: Answer) -> Vec<String> {
        let Purpose::Replica(_, request) = self.peer.complete() else { panic!("not the replica's") };
        self.replica.on_answer(request, answer, &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn fates(&mut self, fates: &[Fate]) -> Vec<String> {
        let (channel, fence) = (channel(), fence(self.epoch));
        self.answer(Submitted { channel, fence, fates: fates.to_vec() })
    }

    pub fn push(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.replica.on_message(LinkId(HOST_LINK), message.into(), &mut self.peer.cx());
        self.peer.seen()
    }

    pub fn entries(&self, from: u64, to: u64) -> Entries {
        let EntryPage { channel, fence, before, entries, .. } = self.page(from, to);
        Entries { channel, fence, before, entries }
    }

    pub fn marks(&self) -> Watermarks {
        let (stored, receipt) = (self.log.len() as u64, self.receipt());
        Watermarks { channel: channel(), fence: fence(self.epoch), stored, receipt }
    }

    pub fn commit(&mut self, pos: u64) -> Vec<String> {
        self.committed = pos;
        self.push(self.marks())
    }

    pub fn send(&mut self, text: &str) -> Result<MessageKey, SendError> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        self.replica.send(EnvelopeKind::Text, body, &mut self.peer.cx())
    }

    /// What was submitted last.
    pub fn submitted(&self) -> Vec<SignedEnvelope> {
        let submit = self.peer.tape.messages.iter().rev().find_map(|(_, message)| match message {
            Message::Submit(submit) => Some(submit.envelopes.clone()),
            _ => None,
        });
        submit.expect("nothing was submitted")
    }

    pub fn done(&mut self) -> Vec<String> {
        let (task, outcome) = self.peer.perform().expect("nothing is under way");
        if let PeerTask::Replica(_, task) = task {
            self.replica.on_performed(task, outcome, &mut self.peer.cx());
        }
        self.peer.seen()
    }

    pub fn all_done(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.peer.tape.is_idle() {
            lines.extend(self.done());
        }
        lines
    }

    pub fn timeout(&mut self, millis: u64) -> Vec<String> {
        self.peer.sleep(core::time::Duration::from_millis(millis));
        self.replica.handle_timeout(&mut self.peer.cx());
        self.peer.seen()
    }

    pub fn restart(&mut self) {
        self.peer.restart(ME);
        self.replica = Replica::restore(record(), LogRole::Cache, &mut self.peer.tape.store).unwrap();
    }

    pub fn stages(&self) -> Vec<String> {
        let line =
            |out: crate::replica::Outgoing| alloc::format!("{}.{} {:?}", out.key.incarnation, out.key.seq, out.stage);
        self.replica.outgoing().map(line).collect()
    }

    pub fn assert_idle(&self) {
        assert_eq!(self.peer.operations(), 0);
        assert!(self.peer.pending.is_empty());
        assert_eq!(self.replica.poll_timeout(), None);
        assert_eq!(self.replica.outgoing().count(), 0);
    }
}

pub fn fate(key: MessageKey, code: FateCode, pos: u64) -> Fate {
    Fate { pos, ..Fate::new(key, code) }
}
