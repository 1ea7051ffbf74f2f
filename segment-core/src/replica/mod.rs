//! A joined channel: its cache, and the own messages on their way.

mod aside;
mod attaching;
mod bring;
mod cache;
mod carry;
mod carrying;
mod catch_up;
mod delivery;
mod epochs;
mod fork;
mod generations;
mod history;
mod outbox;
mod outgoing;
mod paging;
mod parting;
mod receipts;
mod refusing;
mod requests;
mod signing;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{
    ChannelId, ChannelRecord, EnvelopeKind, EpochRecord, Hash, Instant, LinkId, Message, MessageKey, Position, Reason,
    Receipt, Rights, Signed, UnixMillis,
};

use crate::contract::{Deadline, earliest};
use crate::peer::context::{Context, PeerTask};
use crate::peer::events::{PeerEvent, Serving, Source, Stage};
use crate::store::{Fatal, LogId, LogRole, Store, Write};
use crate::sync::persist::{Meta, put_meta};

use attaching::Attachment;
use bring::Bringing;
use cache::{Cache, Keeper};
use carry::Carry;
use delivery::Delivery;
pub use delivery::{DeliveredTo, Kept};
use fork::Search;
use generations::Crossing;
use outbox::Outbox;
use paging::Paging;
use parting::Parting;
use requests::Wanted;
pub use requests::{ReplicaRequest, ReplicaTask};
pub use signing::Author;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Longer than the limit; shorten it.
    #[error("a message has at most {0} bytes; this one was not sent")]
    TooLong(usize),
    /// The outbox of this channel is full; wait until it has emptied.
    #[error("{0} messages wait already; this one was not taken")]
    OutboxFull(usize),
    /// The right to send is missing.
    #[error("not sent: {0}")]
    NotAllowed(Reason),
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its name.
    pub key: MessageKey,
    /// How far it is.
    pub stage: Stage,
    /// Its place, once it has one.
    pub pos: Option<u64>,
    /// What it says.
    pub text: Option<String>,
    /// When it was written.
    pub sent: UnixMillis,
}

/// A joined channel.
#[derive(Debug)]
pub struct Replica {
    record: Signed<ChannelRecord>,
    cache: Cache,
    attachment: Option<Attachment>,
    /// Counts attachments.
    attachments: u64,
    /// The newest epoch that the tracker has signed; on disk.
    epoch: Option<Signed<EpochRecord>>,
    /// The last access entry in the cache; 0: none was seen.
    access_at: u64,
    outbox: Outbox,
    /// A search after a fork, and when the last one began.
    search: Option<Search>,
    searched_at: Option<Instant>,
    bringing: Bringing,
    carry: Carry,
    crossing: Crossing,
    parting: Parting,
    delivery: Delivery,
    paging: Paging,
    rights: Option<Rights>,
}

impl Replica {
    /// A channel that was just joined. `keeping` is `Host` where this process hosts it (its log is
    /// read, never written), else `Cache`.
    #[must_use]
    pub fn create(record: Signed<ChannelRecord>, keeping: LogRole) -> Self {
        let cache = Cache::new(record.channel, keeping);
        Self::new(record, cache, None, Outbox::default())
    }

    /// A channel that is joined again, by an author who has written in it before; what is to be written for that.
    #[must_use]
    pub fn resume(record: Signed<ChannelRecord>, keeping: LogRole, author: Author) -> (Self, Write) {
        let mut replica = Self::create(record, keeping);
        replica.outbox = Outbox::resumed(author);
        let put = put_meta(replica.own_log(), Meta::Author, &author);
        (replica, put)
    }

    /// Where the author stands who leaves, and drops what is not settled.
    #[must_use]
    pub fn author(&self) -> Author {
        self.outbox.author_without_items()
    }

    /// The channel as the store has it.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(record: Signed<ChannelRecord>, keeping: LogRole, store: &mut dyn Store) -> Result<Self, Fatal> {
        let (cache, loaded) = Cache::restore(record.channel, keeping, store)?;
        let outbox = Outbox::restore(&loaded, cache.entries, store)?;
        let mut replica = Self::new(record, cache, loaded.meta(Meta::Epoch), outbox);
        replica.carry = Carry::restore(&loaded);
        Ok(replica)
    }

    fn new(record: Signed<ChannelRecord>, cache: Cache, epoch: Option<Signed<EpochRecord>>, outbox: Outbox) -> Self {
        let delivery = Delivery::restored(cache.tip().pos);
        Self {
            record,
            cache,
            attachment: None,
            attachments: 0,
            epoch,
            access_at: 0,
            outbox,
            search: None,
            searched_at: None,
            bringing: Bringing::default(),
            carry: Carry::default(),
            crossing: Crossing::default(),
            parting: Parting::default(),
            delivery,
            paging: Paging::default(),
            rights: None,
        }
    }

    fn channel(&self) -> ChannelId {
        self.record.channel
    }

    /// Where this replica's own records stand, whoever keeps the entries.
    fn own_log(&self) -> LogId {
        LogId { channel: self.channel(), role: LogRole::Cache }
    }

    fn task(&self, task: ReplicaTask) -> PeerTask {
        PeerTask::Replica(self.channel(), task)
    }

    /// From where the channel is served.
    #[must_use]
    pub fn serving(&self) -> Serving {
        self.attachment.as_ref().map_or(Serving::Nowhere, |attachment| attachment.serving)
    }

    /// The link on which it is served.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.attachment.as_ref().map(|attachment| attachment.link)
    }

    /// Whether everything that its server had was fetched.
    #[must_use]
    pub fn is_level(&self) -> bool {
        self.attachment.as_ref().is_some_and(Attachment::is_level)
    }

    fn link_to_copy(&self) -> Option<LinkId> {
        self.link().filter(|_| self.serving() == Serving::Copy)
    }

    fn is_fetching(&self) -> bool {
        self.attachment.as_ref().is_some_and(Attachment::is_fetching)
    }

    fn source(&self) -> Source {
        match self.serving() {
            Serving::Host(device) => Source::Host(device),
            Serving::Copy => Source::Tracker,
            Serving::Here | Serving::Nowhere => Source::Local,
        }
    }

    /// Writes a message: signed and put on disk, then sent as soon as its sequencer can be reached.
    ///
    /// # Errors
    /// [`SendError`]: nothing was written.
    pub fn send(&mut self, kind: EnvelopeKind, body: Bytes, cx: &mut Context<'_>) -> Result<MessageKey, SendError> {
        self.check_sending(&body, cx)?;
        let Some(account) = cx.login.map(|login| login.who.account) else {
            return Err(SendError::NotAllowed(Reason::LoginRequired));
        };
        let (key, writes) = self.outbox.sign(self.own_log(), account, kind, body, cx);
        let task = self.task(ReplicaTask::Queued(key));
        cx.out.write(task, writes);
        if !cx.rules.has(crate::rules::Rule::OutboxBeforeSubmit) {
            self.on_queued(key, cx);
        }
        Ok(key)
    }

    fn check_sending(&self, body: &Bytes, cx: &Context<'_>) -> Result<(), SendError> {
        if body.len() > cx.limits.body_bytes_max {
            return Err(SendError::TooLong(cx.limits.body_bytes_max));
        }
        let waiting = self.outbox.len() + self.outbox.refused.len();
        if waiting >= cx.limits.outbox_items_max {
            return Err(SendError::OutboxFull(waiting));
        }
        if cx.login.is_some_and(|login| login.who.is_visitor()) {
            return Err(SendError::NotAllowed(Reason::VisitorsMayOnlyRead));
        }
        if self.rights.is_some_and(|rights| !rights.include(Rights::SEND)) {
            return Err(SendError::NotAllowed(Reason::MayNotSend));
        }
        Ok(())
    }

    /// A push of whoever serves the channel (`Entries`, `Watermarks`, `Diverged`, `Fenced`, `Removed`).
    pub fn on_message(&mut self, link: LinkId, message: Message, cx: &mut Context<'_>) {
        match message {
            Message::Lost(lost) if self.tracker_link() == Some(link) => self.on_lost(&lost, cx),
            _ if self.link() != Some(link) => {}
            Message::Entries(entries) => self.on_entries(entries, cx),
            Message::Watermarks(marks) => self.on_watermarks(&marks, cx),
            Message::Diverged(diverged) => self.on_diverged(&diverged, cx),
            Message::Fenced(fenced) => self.learn_epoch(&fenced.record, cx),
            Message::Deliveries(deliveries) => self.on_deliveries(deliveries, cx),
            Message::Removed(removed) => self.on_removed(removed.reason, cx),
            _ => {}
        }
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= cx.now.mono);
        let resubscribe = self.attachment.as_ref().is_some_and(|attachment| due(attachment.subscribe_at));
        let (resubmit, carry) = (due(self.outbox.retry_at), due(self.carry.at()));
        let (shown, parting) = (due(self.bringing.shown_at), due(self.parting.again_at));
        if due(self.delivery.at) {
            self.delivery.at = None;
            self.say_delivered(cx);
        }
        self.tell_again(cx);
        if resubscribe {
            self.subscribe(cx);
        }
        if carry {
            self.carry_now(cx);
        }
        if shown {
            self.bring_shown(cx);
        }
        if parting {
            self.ask_parting(cx);
        }
        if resubmit {
            self.outbox.retry_at = None;
            self.pump(cx);
        }
    }

    /// When.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let subscribe = self.attachment.as_ref().and_then(|attachment| attachment.subscribe_at);
        let subscribe = subscribe.map(|at| Deadline::new(at, "replica subscribes again"));
        let submit = self.outbox.retry_at.map(|at| Deadline::new(at, "outbox tries again"));
        let carry = self.carry.at().map(|at| Deadline::new(at, "bring what was cut here"));
        let delivered = self.delivery.at.map(|at| Deadline::new(at, "say what is on disk"));
        let untold = self.has_untold().then(|| Deadline::new(Instant(0), "tell what was refused"));
        let shown = self.bringing.shown_at.map(|at| Deadline::new(at, "bring what the copy lacks"));
        let parting = self.parting.again_at.map(|at| Deadline::new(at, "ask where logs part"));
        earliest([subscribe, submit, carry, delivered, untold, shown, parting])
    }

    /// Where its entries are, the first place that is there, and the chain before it.
    #[must_use]
    pub fn kept(&self) -> (LogId, u64, Hash) {
        (self.cache.entries, self.cache.low(), self.cache.chain_before_low())
    }

    /// The host in this process, which keeps the entries, has none up to here any more.
    pub(crate) fn raise(&mut self, below: Position) {
        self.cache.raise(below);
    }

    /// The host in this process has taken over what is committed up to here: it stays on disk, whatever this reader cuts.
    pub(crate) fn keep_up_to(&mut self, pos: u64) {
        self.cache.kept_up_to = pos;
    }

    /// The generation of what is committed here.
    pub(crate) fn generation(&self) -> u32 {
        self.cache.receipt().map_or(self.newest_fence().generation, |receipt| receipt.fence.generation)
    }

    /// The newest generation whose log stands here, if anything is committed.
    pub(crate) fn level_in(&self) -> Option<u32> {
        let own = self.cache.receipt()?.fence.generation;
        let served = self.attachment.as_ref().filter(|attachment| attachment.is_level() && !self.is_crossing());
        Some(served.map_or(own, |attachment| own.max(attachment.fence.generation)))
    }

    /// The highest receipt that fits its entries.
    #[must_use]
    pub fn receipt(&self) -> Option<&Signed<Receipt>> {
        self.cache.receipt()
    }

    /// The first place in the cache.
    #[must_use]
    pub fn low(&self) -> u64 {
        self.cache.low()
    }

    /// The last place in the cache.
    #[must_use]
    pub fn head(&self) -> Position {
        self.cache.tip()
    }

    /// The last committed place.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.cache.committed()
    }

    /// What this session may do here; everything, until it is known.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.rights.unwrap_or(Rights::ALL)
    }

    /// The channel's record.
    #[must_use]
    pub fn record(&self) -> &Signed<ChannelRecord> {
        &self.record
    }

    /// A new record of the channel.
    pub fn set_record(&mut self, record: Signed<ChannelRecord>) {
        self.record = record;
    }

    /// Which log holds the entries.
    #[must_use]
    pub fn keeping(&self) -> LogRole {
        self.cache.entries.role
    }

    /// Whether a host in this process writes the entries.
    #[must_use]
    pub fn is_kept_by_host(&self) -> bool {
        self.cache.keeper == Keeper::Host
    }

    /// The host in this process has ended: what it had not committed is cut, and this replica writes on where it stood.
    pub fn keep_alone(&mut self, cx: &mut Context<'_>) {
        if self.cache.tip().pos > self.cache.committed() {
            self.cut(self.cache.committed(), cx);
        }
        self.keeps_alone();
    }

    /// As [`Self::keep_alone`], where it was so already before this process started.
    pub fn keeps_alone(&mut self) {
        self.cache.keeper = Keeper::Replica;
    }

    /// A host in this process has everything, and keeps it from here on; what is to be written for that.
    /// What is cut is cut in memory: on disk stands already what the host has taken over from the tracker.
    pub fn keep_with_host(&mut self, cx: &mut Context<'_>) -> Vec<Write> {
        let committed = self.cache.committed();
        if self.cache.tip().pos > committed {
            let (_, cut) = self.cache.cut(committed);
            self.on_cut(committed, Vec::new(), cut, cx);
        }
        self.cache.join_host()
    }

    fn on_removed(&mut self, reason: Reason, cx: &mut Context<'_>) {
        self.rights = Some(Rights::NONE);
        self.detach(cx);
        cx.out.event(PeerEvent::Removed { channel: self.channel(), reason });
    }
}
