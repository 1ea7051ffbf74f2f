//! A tracker's copy with a store; its host on link 1 and readers on the links of their numbers are played by the test.

use alloc::string::String;
use alloc::vec::Vec;

use segment_proto::messages::{Adopted, HostHello, Presence, Replicate, Submit, Subscribe};
use segment_proto::{
    AccountId, ChannelRecord, DeviceId, Evidence, Identity, Limits, LinkId, Message, Nonce, Now, Position, RequestId,
    SessionId, Signed, SignedEnvelope, Who,
};

use crate::backup::{Backup, BackupNotice};
use crate::outbox::{Asker, Outbox};
use crate::random::Random;
use crate::rules::Rules;
use crate::store::{LogId, LogRole, StoredEntry, load_log};
use crate::sync::tests::kit::{HOST, TRACKER, channel, device, entries, fence, identity, now, record, who};
use crate::sync::tests::rig::Tape;
use crate::tracker::context::{Caller, Context, TrackerTask};
use crate::tracker::events::TrackerEvent;
use crate::tracker::forwards::{self, Forwards};

pub struct BackupRig {
    out: Outbox<TrackerEvent, TrackerTask>,
    pub forwards: Forwards,
    identity: Identity,
    random: Random,
    pub limits: Limits,
    pub rules: Rules,
    pub now: Now,
    pub tape: Tape,
    pub record: Signed<ChannelRecord>,
    pub backup: Backup,
    /// What the host has.
    pub log: Vec<StoredEntry>,
    pub nonce: Nonce,
    pub host_link: u64,
    /// Of everybody.
    pub presence: Presence,
}

impl BackupRig {
    pub fn new() -> Self {
        Self::of(record())
    }

    pub fn of(record: Signed<ChannelRecord>) -> Self {
        Self {
            out: Outbox::default(),
            forwards: Forwards::default(),
            identity: identity(TRACKER),
            random: Random::new([4; 32]),
            limits: Limits::default(),
            rules: Rules::all(),
            now: now(),
            tape: Tape::default(),
            backup: Backup::create(&record),
            record,
            log: Vec::new(),
            nonce: Nonce([1; 16]),
            host_link: 1,
            presence: Presence::Online,
        }
    }

    /// A copy whose host owns epoch 2.
    pub fn granted() -> Self {
        let mut rig = Self::new();
        rig.grant();
        rig
    }

    pub fn grant(&mut self) {
        self.hello();
        self.all_done();
        self.adopted();
        self.all_done();
        assert_eq!(self.backup.host(), Some(LinkId(self.host_link)));
        self.backup.take_notices();
    }

    pub fn with<T>(&mut self, call: impl FnOnce(&mut Backup, &mut Context<'_>) -> T) -> T {
        let mut cx = Context {
            out: &mut self.out,
            forwards: &mut self.forwards,
            limits: &self.limits,
            rules: self.rules,
            identity: &self.identity,
            random: &mut self.random,
            now: self.now,
        };
        call(&mut self.backup, &mut cx)
    }

    pub fn seen(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.out.pop() {
            lines.push(self.tape.line(output, event));
        }
        lines
    }

    pub fn say(&mut self, link: u64, caller: DeviceId, who: Who, message: impl Into<Message>) -> Vec<String> {
        let from = Asker { link: LinkId(link), id: RequestId::from_random([5; 16]) };
        let caller = Caller { who, device: caller, session: SessionId::from_random([6; 16]), presence: self.presence };
        self.with(|backup, cx| backup.on_message(from, &caller, message.into(), cx));
        self.seen()
    }

    /// Device and account `n` on link `n`.
    pub fn read(&mut self, n: u8, message: impl Into<Message>) -> Vec<String> {
        self.say(u64::from(n), device(n), who(u64::from(n)), message)
    }

    pub fn subscribe(&mut self, n: u8) -> Vec<String> {
        self.read(n, subscription())
    }

    pub fn visit(&mut self, n: u8, message: impl Into<Message>) -> Vec<String> {
        let visitor = Who { account: AccountId::NOBODY, ..who(u64::from(n)) };
        self.say(u64::from(n), device(n), visitor, message)
    }

    pub fn host(&mut self, message: impl Into<Message>) -> Vec<String> {
        self.say(self.host_link, device(HOST), who(1), message)
    }

    pub fn hello(&mut self) -> Vec<String> {
        self.hello_after(Position::START)
    }

    pub fn hello_after(&mut self, after: Position) -> Vec<String> {
        let hello = self.hello_message(after);
        self.host(hello)
    }

    pub fn hello_message(&self, after: Position) -> HostHello {
        let (tip, nonce) = (after, self.nonce);
        HostHello {
            channel: channel(),
            nonce,
            max_fence: fence(0),
            tip,
            resubmit: 0,
            evidence: Evidence::default(),
            after,
        }
    }

    /// The host says that it has what this copy has.
    pub fn adopted(&mut self) -> Vec<String> {
        let at = self.backup.log.head();
        self.adopted_at(at)
    }

    pub fn adopted_at(&mut self, at: Position) -> Vec<String> {
        let adopted = self.adopted_message(at);
        self.host(adopted)
    }

    pub fn adopted_message(&self, at: Position) -> Adopted {
        Adopted { channel: channel(), nonce: self.nonce, generation: 1, at }
    }

    pub fn epoch(&self) -> u32 {
        self.backup.epoch().map_or(0, |record| record.fence.epoch)
    }

    /// The host sequences these.
    pub fn write(&mut self, envelopes: &[SignedEnvelope]) -> Replicate {
        let at = self.head();
        let more = entries(at, self.epoch(), envelopes);
        self.log.extend(more.iter().cloned());
        let entries = more.into_iter().map(|stored| stored.entry).collect();
        Replicate { channel: channel(), fence: fence(self.epoch()), before: at.chain, entries }
    }

    pub fn head(&self) -> Position {
        self.log.last().map_or(Position::START, StoredEntry::position)
    }

    pub fn replicate(&mut self, envelopes: &[SignedEnvelope]) -> Vec<String> {
        let replicate = self.write(envelopes);
        self.host(replicate)
    }

    pub fn done(&mut self) -> Vec<String> {
        let (op, outcome) = self.tape.perform().expect("nothing is under way");
        let Some(TrackerTask::Backup(_, task)) = self.out.take_task(op) else { panic!("not the copy's") };
        self.with(|backup, cx| backup.on_performed(task, outcome, cx));
        self.seen()
    }

    pub fn all_done(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.tape.is_idle() {
            lines.extend(self.done());
        }
        lines
    }

    /// Device and account `n` submit in this epoch, on link `n`.
    pub fn submit(&mut self, n: u8, epoch: u32, envelopes: &[SignedEnvelope]) -> Vec<String> {
        self.read(n, Submit::new(channel(), fence(epoch), envelopes.to_vec()))
    }

    /// The host answers what was handed on to it first.
    pub fn host_answers(&mut self, message: impl Into<Message>) -> Vec<String> {
        let (link, id) = self.tape.requests.pop_front().expect("nothing was asked");
        self.with(|_, cx| forwards::on_answer(id, link, message.into(), cx));
        self.seen()
    }

    /// Time passes, and what is due happens.
    pub fn wait(&mut self, duration: core::time::Duration) -> Vec<String> {
        self.now.mono = self.now.mono + duration;
        self.with(|backup, cx| {
            backup.handle_timeout(cx);
            forwards::handle_timeout(cx);
        });
        self.seen()
    }

    pub fn link_down(&mut self, link: u64) -> Vec<String> {
        self.with(|backup, cx| {
            backup.on_link_down(LinkId(link), cx);
            forwards::on_link_down(LinkId(link), cx);
        });
        self.seen()
    }

    pub fn notices(&mut self) -> Vec<BackupNotice> {
        self.backup.take_notices()
    }

    /// The process dies and comes again with what is on disk.
    pub fn restart(&mut self) {
        let mut store = core::mem::take(&mut self.tape.store);
        let id = LogId { channel: channel(), role: LogRole::Backup };
        let (records, last) = load_log(&mut store, id).unwrap();
        self.tape = Tape::default();
        self.tape.store = store;
        self.out = Outbox::default();
        self.backup = Backup::restore(&self.record, records, last);
    }

    pub fn assert_idle(&self) {
        assert_eq!(self.out.operations(), 0);
        assert!(self.backup.sequencer.is_idle() && self.backup.held.is_empty() && self.backup.next_epoch.is_none());
    }
}

pub fn subscription() -> Subscribe {
    Subscribe { channel: channel(), certificate: None, device: None, evidence: Evidence::default() }
}

fn event(event: &TrackerEvent) -> String {
    match event {
        TrackerEvent::Replicated { first, last, .. } => alloc::format!("(replicated {first}..{last})"),
        TrackerEvent::Sequenced { first, last, .. } => alloc::format!("(sequenced {first}..{last})"),
        TrackerEvent::TookOver { fence, .. } => alloc::format!("(took over in {}.{})", fence.generation, fence.epoch),
        TrackerEvent::Served { first, last, .. } => alloc::format!("(served {first}..{last})"),
        TrackerEvent::DamageFound { .. } => "(damage found)".into(),
        other => alloc::format!("{other:?}"),
    }
}
