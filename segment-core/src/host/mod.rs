//! One channel at its host: it sequences while it owns the epoch, serves its members, and copies
//! everything to the tracker.

mod adopting;
mod branching;
mod draining;
mod evidence;
mod forward;
mod members;
mod replication;
mod reseeding;
mod restoring;
mod resubmit;
mod retaining;
mod retiring;
mod staging;
mod submit;
mod tenure;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use segment_proto::{
    Access, ChannelId, ChannelRecord, DeviceId, Fence, LinkId, Message, Nonce, Position, Reason, Signed,
};

use crate::contract::{Deadline, earliest};
use crate::outbox::Asker;
use crate::peer::context::{Answer, Context, PeerTask};
use crate::store::{Fatal, LogId, LogRole, Store, StoreOperation, StoreOutcome, StoredEntry, Write, load_log};
use crate::sync::deliveries::Cursors;
use crate::sync::persist::{Loaded, Meta};
use crate::sync::retention::Trim;
use crate::sync::sequencer::{Sequencer, SubmitJob};
use crate::sync::serve::{self, Page};
use crate::sync::{ChannelLog, Fold, Subscribers};

use branching::Branch;
use draining::Draining;
use members::Revocations;
use replication::Replication;
use reseeding::Reseeding;
use resubmit::Resubmit;
use retaining::{Keeping, part_of};
use tenure::Tenure;

/// What an operation of a host is for.
#[derive(Debug)]
pub enum HostTask {
    /// Entries up to `last` were written, unless the log has been cut since.
    Stored {
        /// The last place.
        last: u64,
        /// Counts cuts.
        cuts: u64,
    },
    /// A submit needs an entry that is not in memory.
    LookedUp(SubmitJob),
    /// A page for a reader.
    Page(Page),
    /// The tail was cut and the tracker's entries taken, unless the log has been cut since: counts cuts.
    Adopted(u64),
    /// The record of an own epoch was written.
    Granted(Fence),
    /// A message that waits to be sequenced again needs an entry that is not in memory.
    Resubmit(u64),
    /// A message that was brought to another sequencer, and the author's entry that stands in its way.
    InTheWay(u64),
    /// A page that the tracker has lost.
    Reseed,
    /// A page that the tracker's new generation does not have.
    Branch,
    /// Entries that may be too old.
    Retain,
    /// They are gone.
    Trimmed(Trim),
    /// The log begins behind a snapshot, at this place.
    BeganFrom(Position),
    /// Nobody waits.
    Nothing,
}

/// What a request of a host to the tracker is for.
#[derive(Debug)]
pub enum HostRequest {
    /// `HostHello`, with this nonce: answered by what the tracker has.
    Hello(Nonce),
    /// `Adopted`, with this nonce: answered by a grant.
    Adopted(Nonce),
    /// `Reseed`: a page that the tracker has lost is brought.
    Reseed,
    /// `ReadSnapshot`: a part of what stands for entries that are gone.
    Snapshot,
    /// `Submit`: cut messages are brought to whoever owns the epoch.
    Drain,
    /// `RestoreChannel`: the tracker has lost the whole channel.
    Restore,
}

impl HostRequest {
    /// What is asked, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "what the tracker has",
            Self::Adopted(_) => "grant an epoch",
            Self::Reseed => "take what the tracker has lost",
            Self::Snapshot => "a part of the snapshot",
            Self::Drain => "take cut messages",
            Self::Restore => "take a channel that it has lost",
        }
    }
}

/// Who writes to the log besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    /// Nobody.
    None,
    /// The reader in this process: it wrote the log on while this host was retired, and does until this one is
    /// granted its epoch again. What it has written is committed, and never this host's to cut.
    Reader,
}

/// One channel at its host.
#[derive(Debug)]
pub struct Host {
    record: Signed<ChannelRecord>,
    log: ChannelLog,
    company: Company,
    /// The generation in which the reader in this process is level, as far as it has anything.
    reader_in: Option<u32>,
    tenure: Tenure,
    submits: Sequencer,
    resubmit: Resubmit,
    draining: Draining,
    members: Subscribers,
    /// How far the log is committed has not been told yet: that goes with what is being written.
    owes_watermarks: bool,
    revocations: Revocations,
    replication: Replication,
    cursors: Cursors,
    reseeding: Option<Reseeding>,
    branch: Option<Branch>,
    /// What goes with the next log that is taken over.
    void: Vec<Write>,
    keeping: Keeping,
}

/// How a channel stands at its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The epoch that it owns, if it does.
    pub owns: Option<Fence>,
    /// The last place on its disk.
    pub stored: u64,
    /// The last place that the tracker has committed.
    pub committed: u64,
    /// Messages that wait to be sequenced again.
    pub resubmit: usize,
    /// Links of members.
    pub members: Vec<LinkId>,
    /// Who may do what, and how much is kept.
    pub access: Access,
}

impl Host {
    /// A channel that has just been made.
    #[must_use]
    pub fn create(record: Signed<ChannelRecord>) -> Self {
        let fold = Fold::new(Access::new(record.owner.account, record.view, record.visitors));
        let log = ChannelLog::new(LogId { channel: record.channel, role: LogRole::Host }, fold);
        Self::with_log(record, log)
    }

    fn with_log(record: Signed<ChannelRecord>, log: ChannelLog) -> Self {
        let replication = Replication::from(log.committed());
        Self {
            record,
            log,
            company: Company::None,
            reader_in: None,
            tenure: Tenure::default(),
            submits: Sequencer::default(),
            resubmit: Resubmit::default(),
            draining: Draining::default(),
            members: Subscribers::default(),
            owes_watermarks: false,
            revocations: Revocations::default(),
            replication,
            cursors: Cursors::default(),
            reseeding: None,
            branch: None,
            void: Vec::new(),
            keeping: Keeping::default(),
        }
    }

    /// The channel as the store has it. A process start owns no epoch.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(record: Signed<ChannelRecord>, store: &mut dyn Store) -> Result<Self, Fatal> {
        let (mut host, last) = Self::load(record, store)?;
        let (id, from) = (host.log.id, host.log.head().pos + 1);
        for stored in read_tail(store, id, from, last)? {
            host.log.append_stored(stored, crate::rules::Rules::all());
        }
        Ok(host)
    }

    /// As [`Self::restore`], for a log that a reader has written to since: only what this host knew to be committed.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore_committed(record: Signed<ChannelRecord>, store: &mut dyn Store) -> Result<Self, Fatal> {
        let (host, _) = Self::load(record, store)?;
        Ok(Self { company: Company::Reader, ..host })
    }

    /// Up to the last committed place; and the last place on disk.
    fn load(record: Signed<ChannelRecord>, store: &mut dyn Store) -> Result<(Self, u64), Fatal> {
        let id = LogId { channel: record.channel, role: LogRole::Host };
        let (records, last) = load_log(store, id)?;
        let mut loaded = Loaded::new(records);
        let void = branching::take_void(id, &mut loaded);
        let (resubmit, cursors) = (Resubmit::restore(&loaded), Cursors::restore(&loaded));
        let max_fence = loaded.meta::<Fence>(Meta::Fence).unwrap_or_default();
        let below = loaded.meta(Meta::Below).filter(|_| void.is_empty()).unwrap_or(segment_proto::Position::START);
        let new = Access::new(record.owner.account, record.view, record.visitors);
        let fold = match loaded.rights {
            Some(rights) => Fold::from_parts(rights, loaded.rows),
            None => Fold::with_rows(new, loaded.rows),
        };
        let base = loaded.receipt.as_ref().map_or(segment_proto::Position::START, |receipt| receipt.at);
        let log = ChannelLog::restored(id, fold, base, loaded.receipt, loaded.epochs).with_below(below);
        let mut host = Self::with_log(record, log);
        (host.resubmit, host.cursors, host.void) = (resubmit, cursors, void);
        host.tenure.max_fence = max_fence;
        Ok((host, last.map_or(0, |stored| stored.entry.pos)))
    }

    fn channel(&self) -> ChannelId {
        self.record.channel
    }

    fn task(&self, task: HostTask) -> PeerTask {
        PeerTask::Host(self.channel(), task)
    }

    /// A push of the tracker about this channel (`Committed`, `Fenced`, `ReplicateRefused`).
    pub fn on_tracker_message(&mut self, message: Message, cx: &mut Context<'_>) {
        match message {
            Message::Committed(committed) => self.on_committed(committed.receipt, cx),
            Message::Fenced(fenced) => self.on_fenced(&fenced.record, cx),
            Message::Lost(lost) => self.on_lost(&lost, cx),
            Message::ReplicateRefused(refused) => self.on_replicate_refused(&refused, cx),
            _ => {}
        }
    }

    /// A request of this host to the tracker has ended.
    pub fn on_answer(&mut self, request: HostRequest, answer: Answer, cx: &mut Context<'_>) {
        let answered = answer.into_result();
        if answered.is_err() && self.is_superseded(&request) {
            return;
        }
        match (request, answered) {
            (HostRequest::Hello(_), Ok(Message::Adopt(adopt))) => self.on_adopt(adopt, cx),
            (HostRequest::Adopted(_), Ok(Message::Grant(grant))) => self.on_grant(grant, cx),
            (HostRequest::Reseed, answered) => self.on_reseeded(answered, cx),
            (HostRequest::Snapshot, answered) => self.on_snapshot_part(part_of(answered.ok()), cx),
            (HostRequest::Drain, answered) => self.on_drained(answered, cx),
            (HostRequest::Restore, answered) => self.on_restored(answered, cx),
            (HostRequest::Adopted(_), Err(unanswered)) => self.on_not_granted(&unanswered, cx),
            (HostRequest::Hello(_), Err(unanswered)) => self.on_hello_refused(&unanswered, cx),
            _ => self.on_refused_by_tracker(cx),
        }
    }

    /// A message of a member (or of the own replica, on the local link) whose device TLS has proven.
    pub fn on_member_message(&mut self, from: Asker, device: DeviceId, message: Message, cx: &mut Context<'_>) {
        let shown = evidence::shown_in(&message).map(|evidence| self.on_shown(evidence, cx));
        if shown == Some(evidence::Shown::ForeignReceipt) {
            // The tracker has to see it: who is not served here reads there.
            return cx.out.fail(from, Reason::HostAway, "you know more of this channel than its host");
        }
        match message {
            Message::Subscribe(subscribe) => self.on_subscribe(from, device, subscribe, cx),
            Message::Unsubscribe(_) => self.on_unsubscribe(from, cx),
            Message::Submit(submit) => self.on_submit(from, submit, cx),
            Message::ReadTail(_) | Message::ReadRange(_) | Message::Sync(_) | Message::ReadOwn(_) => {
                self.on_read(from, device, &message, cx);
            }
            Message::Delivered(delivered) => self.on_delivered(from.link, &delivered, cx),
            _ => cx.out.fail(from, Reason::UnsupportedKind, message.name()),
        }
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: HostTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        match (task, outcome) {
            (HostTask::Stored { last, cuts }, _) => self.on_stored(last, cuts, cx),
            (HostTask::LookedUp(job), StoreOutcome::Found(found)) => self.on_looked_up(job, found, cx),
            (HostTask::Resubmit(number), StoreOutcome::Found(found)) => {
                self.resubmit_one(number, Some(found), cx);
                self.flush(cx);
            }
            (HostTask::InTheWay(number), StoreOutcome::Found(found)) => {
                self.on_in_the_way(number, found.as_ref(), cx);
            }
            (HostTask::Branch, StoreOutcome::Entries { entries, .. }) => self.on_branch_read(entries, cx),
            (HostTask::Reseed, StoreOutcome::Entries { before, entries }) => self.on_reseed_read(before, entries, cx),
            (HostTask::Page(page), StoreOutcome::Entries { before, entries }) => {
                self.on_page(page, before, entries, cx)
            }
            (HostTask::Page(page), StoreOutcome::Damaged { pos }) => {
                self.answer_page(page.asker, &serve::damaged(pos), (0, 0), cx);
            }
            (HostTask::Retain, StoreOutcome::Entries { entries, .. }) => self.on_retain_page(&entries, cx),
            (HostTask::Retain, _) => self.on_retain_page(&[], cx),
            (HostTask::Trimmed(trim), _) => self.on_trimmed(&trim, cx),
            (HostTask::BeganFrom(at), _) => self.on_began_from(at, cx),
            (HostTask::Adopted(cuts), _) => self.say_adopted(cuts, cx),
            (HostTask::Granted(fence), _) => self.begin_epoch(fence, cx),
            _ => {}
        }
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        self.tenure_timeout(cx);
        self.drain_timeout(cx);
        self.replication_timeout(cx);
        self.tell_deliveries(cx);
        self.retain(cx);
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let own = [self.tenure.poll_timeout(), self.draining.poll_timeout(), self.replication.poll_timeout()];
        earliest(own.into_iter().chain([self.cursors.poll_timeout(), self.keeping.poll_timeout()]))
    }

    /// The rights by the log.
    #[must_use]
    pub fn access(&self) -> &Access {
        self.log.fold().access()
    }

    /// Whether somebody was admitted on this link.
    #[must_use]
    pub fn has_member(&self, link: LinkId) -> bool {
        self.members.get(link).is_some()
    }

    /// For people: how this channel stands at its host.
    #[must_use]
    pub fn report(&self) -> HostReport {
        HostReport {
            owns: self.tenure.owned(),
            stored: self.log.durable(),
            committed: self.log.committed(),
            resubmit: self.resubmit.len(),
            members: self.members.iter().map(|(link, _)| link).collect(),
            access: self.log.fold().access().clone(),
        }
    }
}

fn read_tail(store: &mut dyn Store, log: LogId, from: u64, to: u64) -> Result<Vec<StoredEntry>, Fatal> {
    if from > to {
        return Ok(Vec::new());
    }
    let read = StoreOperation::Read { log, from, to, entries_max: usize::MAX, bytes_max: usize::MAX };
    match store.perform(&[read])?.pop() {
        Some(StoreOutcome::Entries { entries, .. }) => Ok(entries),
        _ => Err(Fatal("the store answered a read with something else".into())),
    }
}
