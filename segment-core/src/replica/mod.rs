//! A joined channel: its cache, and the own messages on their way.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{
    ChannelRecord, EnvelopeKind, LinkId, Message, MessageKey, Position, Reason, RequestId, Rights, Signed,
};

use crate::contract::Deadline;
use crate::peer::context::{Answer, Context};
use crate::peer::events::{ChannelMessage, Serving, Source, Stage};
use crate::store::{Fatal, LogRole, Store, StoreOutcome};

/// What an operation of a replica is for.
#[derive(Debug)]
pub enum ReplicaTask {}

/// What a request of a replica is for.
#[derive(Debug)]
pub enum ReplicaRequest {}

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
}

/// A joined channel.
#[derive(Debug)]
pub struct Replica {}

impl Replica {
    /// A channel that was just joined. `keeping` is `Host` where this process hosts it (its log is read, never written), else `Cache`.
    pub fn create(record: Signed<ChannelRecord>, keeping: LogRole) -> Self {
        todo!("{record:?} {keeping:?}")
    }

    /// The channel as the store has it.
    ///
    /// # Errors
    /// [`Fatal`]: the store cannot be read.
    pub fn restore(record: Signed<ChannelRecord>, keeping: LogRole, store: &mut dyn Store) -> Result<Self, Fatal> {
        todo!("{record:?} {keeping:?} {:?}", store.perform(&[]))
    }

    /// From now on the channel is served on this link (`LOCAL` for an own one): subscribes, catches up, sends what waits.
    pub fn attach(&mut self, link: LinkId, serving: Serving, cx: &mut Context<'_>) {
        todo!("{link:?} {serving:?} {}", cx.now.mono.0)
    }

    /// The link that serves it is gone, or not to be used any more.
    pub fn detach(&mut self, cx: &mut Context<'_>) {
        todo!("{}", cx.now.mono.0)
    }

    /// From where it is served.
    pub fn serving(&self) -> Serving {
        todo!()
    }

    /// The link on which it is served.
    pub fn link(&self) -> Option<LinkId> {
        todo!()
    }

    /// Writes a message: signed and put on disk, then sent as soon as its sequencer can be reached.
    ///
    /// # Errors
    /// [`SendError`]: nothing was written.
    pub fn send(&mut self, kind: EnvelopeKind, body: Bytes, cx: &mut Context<'_>) -> Result<MessageKey, SendError> {
        todo!("{kind:?} {body:?} {}", cx.now.mono.0)
    }

    /// Asks for messages to show: the newest (`before` is `None`) or those before a place. Ends in `PeerEvent::Replied` with `Reply::History`.
    pub fn history(&mut self, id: RequestId, before: Option<u64>, count: usize, cx: &mut Context<'_>) {
        todo!("{id:?} {before:?} {count} {}", cx.now.mono.0)
    }

    /// A push of whoever serves the channel (Entries, Watermarks, Diverged, Removed).
    pub fn on_message(&mut self, link: LinkId, message: Message, cx: &mut Context<'_>) {
        todo!("{link:?} {message:?} {}", cx.now.mono.0)
    }

    /// A request of this replica has ended.
    pub fn on_answer(&mut self, request: ReplicaRequest, answer: Answer, cx: &mut Context<'_>) {
        todo!("{request:?} {answer:?} {}", cx.now.mono.0)
    }

    /// An operation is done.
    pub fn on_performed(&mut self, task: ReplicaTask, outcome: StoreOutcome, cx: &mut Context<'_>) {
        todo!("{task:?} {outcome:?} {}", cx.now.mono.0)
    }

    /// The time has come.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        todo!("{}", cx.now.mono.0)
    }

    /// When.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        todo!()
    }

    /// The own messages on their way, oldest first.
    pub fn outgoing(&self) -> impl Iterator<Item = Outgoing> + '_ {
        core::iter::empty()
    }

    /// Drops the messages that were never sent, or one of them. Says how many.
    pub fn drop_outgoing(&mut self, key: Option<MessageKey>, cx: &mut Context<'_>) -> usize {
        todo!("{key:?} {}", cx.now.mono.0)
    }

    /// Tries now, whatever is waited for.
    pub fn retry(&mut self, cx: &mut Context<'_>) {
        todo!("{}", cx.now.mono.0)
    }

    /// The last place in the cache.
    pub fn head(&self) -> Position {
        todo!()
    }

    /// The last committed place.
    pub fn committed(&self) -> u64 {
        todo!()
    }

    /// What this session may do here, as far as it is known.
    pub fn rights(&self) -> Rights {
        todo!()
    }

    /// The channel's record.
    pub fn record(&self) -> &Signed<ChannelRecord> {
        todo!()
    }

    /// A new record of the channel.
    pub fn set_record(&mut self, record: Signed<ChannelRecord>) {
        todo!("{record:?}")
    }
}

#[allow(dead_code)]
fn unused(_: ChannelMessage, _: Source, _: Vec<u8>) {}
