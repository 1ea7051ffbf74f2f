//! The contract between a machine and whoever runs it.

use alloc::sync::Arc;
use core::net::SocketAddr;

use segment_proto::{DeviceId, Frame, Header, Instant, LinkId, Message, Now, Reason, Verified};

use crate::store::{Operation, Outcome};

/// Names an operation until its outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u64);

/// Who opened a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The other side.
    Inbound,
    /// This side, by [`Output::Dial`].
    Outbound,
}

/// Somebody who can be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// IP and port.
    pub address: SocketAddr,
    /// The key that the other side has to prove; `None` trusts on first use, and says which key it saw.
    pub key: Option<DeviceId>,
}

/// A wish for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The name of the link to be; never used before.
    pub link: LinkId,
    /// Whom to dial.
    pub endpoint: Endpoint,
}

/// What happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A link is up: its handshake has proven `peer`.
    LinkUp {
        /// Its name: the one of the [`Dial`], or, inbound, one with the top bit set, chosen by the driver.
        link: LinkId,
        /// Who opened it.
        direction: Direction,
        /// The key that the other side has proven.
        peer: DeviceId,
        /// The other side's address.
        address: SocketAddr,
    },
    /// A message came in. Its authors' signatures are checked.
    Received {
        /// From where.
        link: LinkId,
        /// Role and correlation.
        header: Header,
        /// What it says.
        message: Verified<Message>,
    },
    /// The send queue of a link has crossed a mark.
    Writable {
        /// Which.
        link: LinkId,
        /// Bytes that it takes now. 0: push nothing more until the next `Writable`.
        room: usize,
    },
    /// A link is gone; nothing more comes from it.
    LinkDown {
        /// Which.
        link: LinkId,
    },
    /// A dial came to nothing.
    DialFailed {
        /// The link that will not be.
        link: LinkId,
        /// Why, as far as a machine cares.
        reason: DialFailure,
    },
    /// An operation is done; a write is durable.
    Performed {
        /// Which.
        op: OpId,
        /// Its result.
        outcome: Outcome,
    },
}

/// Why a dial came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// Nobody answers there.
    Unreachable,
    /// Somebody else answers there: the proven key is another.
    WrongKey(DeviceId),
    /// The handshake failed.
    Handshake,
}

/// Whether an operation has to be performed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Somebody waits for it.
    AtOnce,
    /// Nobody does: a driver may hold it for a moment, so that one sync serves for it and for what comes next.
    WithTheNext,
}

/// To whom a frame goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// One link.
    One(LinkId),
    /// Many: encoded once, the list shared from message to message.
    Many(Arc<[LinkId]>),
}

/// What is to be done outside.
#[derive(Clone, Debug)]
pub enum Output<E> {
    /// Queue a frame on its links.
    Transmit {
        /// To whom.
        to: Recipients,
        /// What.
        frame: Frame,
    },
    /// Open a link; answered by `LinkUp` or `DialFailed`.
    Dial(Dial),
    /// Close a link once its queue is flushed; answered by `LinkDown`.
    Hangup {
        /// Which.
        link: LinkId,
        /// Why, for the log.
        reason: Reason,
    },
    /// Do something slow; answered by `Performed`. Writes are performed in the order in which they are given.
    Perform {
        /// Its name.
        op: OpId,
        /// What.
        operation: Operation,
        /// Whether somebody waits for it.
        haste: Haste,
    },
    /// Tell the embedder.
    Event(E),
}

/// When to call `handle_timeout` at the latest, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// For debugging: what waits.
    pub why: &'static str,
}

impl Deadline {
    /// A deadline.
    #[must_use]
    pub const fn new(at: Instant, why: &'static str) -> Self {
        Self { at, why }
    }
}

/// The earliest of some deadlines. `None` is "never", hence last.
#[must_use]
pub fn earliest(deadlines: impl IntoIterator<Item = Option<Deadline>>) -> Option<Deadline> {
    deadlines.into_iter().flatten().min_by_key(|deadline| deadline.at)
}

/// A protocol machine.
///
/// 1. `handle_*` never fails, never blocks and does no I/O. A peer's fault becomes an answer, a
///    [`Output::Hangup`] or an event; a caller's fault is the `Err` of a command.
/// 2. After every call of `handle_*` or of a command: take [`Machine::poll_output`] until `None`,
///    then read [`Machine::poll_timeout`].
/// 3. A spurious `handle_timeout` does nothing. After one that was due, `poll_timeout` is later than `now`.
/// 4. Time and one seed are inputs: same seed and same inputs give the same outputs, byte for byte.
/// 5. Everything slow is an [`Output::Perform`], its completion an input. Nothing is acknowledged
///    before the `Performed` of the write that it rests on.
/// 6. A link is never pushed to after a [`Input::Writable`] with no room, until the next.
/// 7. Everything that grows has a limit in [`segment_proto::Limits`].
pub trait Machine {
    /// What it tells its embedder.
    type Event;

    /// Something happened.
    fn handle_input(&mut self, input: Input, now: Now);

    /// The moment that [`Machine::poll_timeout`] named has come; or not: then nothing happens.
    fn handle_timeout(&mut self, now: Now);

    /// The next thing to do.
    #[must_use]
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;

    /// When to call [`Machine::handle_timeout`]; `None`: never.
    #[must_use]
    fn poll_timeout(&self) -> Option<Deadline>;
}
