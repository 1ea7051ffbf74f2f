//! What checkers have found.

use core::fmt;

use segment_proto::Instant;

use crate::network::NodeId;

/// What is checked. The name says what holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// What one node has seen committed is a prefix of what any other has, and never shrinks.
    CommittedStands,
    /// No log holds a message twice, and no reader sees one twice.
    OnceEach,
    /// Messages of an author stand in the order in which they were written.
    AuthorOrder,
    /// What was on the screen of who wrote a message stands before it.
    CauseFirst,
    /// An author gives a name to one message only.
    NameOnce,
    /// What an acknowledgement says is in its sender's durable image at the instant it leaves.
    DurableBeforeSaid,
    /// An epoch has one owner, one process of it, and one entry at each place.
    OneSequencer,
    /// Own messages leave the outbox only when committed or refused for good; none is lost.
    NothingLost,
    /// What is refused for good is refused by an access entry that is committed.
    RefusedForGood,
    /// By the owner's policy goes only what another copy has, or had.
    TwoCopies,
    /// Nothing is accepted from who may not send.
    SendRight,
    /// Nothing of a channel reaches who may not read it.
    ReadRight,
    /// Nobody but the tracker knows of invisible users.
    Invisible,
    /// Queues stay within their limits, and blocked links are not pushed to.
    Limits,
    /// The contract between machine and driver holds.
    Contract,
    /// What was pushed to a reader is void only once the reader was told.
    ToldFirst,
    /// Every transfer is reported, with its true source.
    TrueSource,
    /// Nobody sees anything suspicious, and no frame is refused: all nodes are honest.
    NothingSuspicious,
    /// A process that another of its device has replaced comes back only when its user says so.
    StaysReplaced,
    /// What is shown, or passed on, is what its author has signed.
    Genuine,
    /// At rest: what has flipped on a disk was named by whoever has gone through it, and is healed.
    RestHealed,
    /// At rest: all logs are equal.
    RestLogs,
    /// At rest: outboxes are empty and every message is settled.
    RestOutboxes,
    /// At rest: hosts own their channels if, and only if, they are there.
    RestOwners,
    /// At rest: who is listed is who is there and visible.
    RestPresence,
    /// At rest: nothing is under way, no link is left over.
    RestLeftovers,
}

impl Check {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::CommittedStands,
        Self::OnceEach,
        Self::AuthorOrder,
        Self::CauseFirst,
        Self::NameOnce,
        Self::DurableBeforeSaid,
        Self::OneSequencer,
        Self::NothingLost,
        Self::RefusedForGood,
        Self::TwoCopies,
        Self::SendRight,
        Self::ReadRight,
        Self::Invisible,
        Self::Limits,
        Self::Contract,
        Self::ToldFirst,
        Self::TrueSource,
        Self::NothingSuspicious,
        Self::StaysReplaced,
        Self::Genuine,
        Self::RestHealed,
        Self::RestLogs,
        Self::RestOutboxes,
        Self::RestOwners,
        Self::RestPresence,
        Self::RestLeftovers,
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| format!("{check:?}") == name)
    }
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What does not hold.
    pub check: Check,
    /// Since when.
    pub at: Instant,
    /// Where it was seen.
    pub node: NodeId,
    /// More.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, at, node, detail } = self;
        write!(f, "{check:?} at {}.{:06} s, node {}: {detail}", at.0 / 1_000_000, at.0 % 1_000_000, node.0)
    }
}

/// Findings kept of one run.
const FINDINGS_MAX: usize = 32;

/// The findings of a run, as they are made.
#[derive(Debug)]
pub struct Findings {
    now: Instant,
    node: NodeId,
    all: Vec<Finding>,
    muted: Vec<Check>,
}

impl Default for Findings {
    fn default() -> Self {
        Self { now: Instant(0), node: NodeId(0), all: Vec::new(), muted: Vec::new() }
    }
}

impl Findings {
    /// What is found next is found here and now.
    pub fn look_at(&mut self, node: NodeId, now: Instant) {
        self.node = node;
        self.now = now;
    }

    /// The time of what is found next.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Adds a finding; those after the first few add nothing.
    pub fn add(&mut self, check: Check, detail: String) {
        if self.all.len() < FINDINGS_MAX && !self.muted.contains(&check) {
            self.all.push(Finding { check, at: self.now, node: self.node, detail });
        }
    }

    /// What breaks these is no finding from now on.
    pub fn mute(&mut self, checks: &[Check]) {
        self.muted.extend_from_slice(checks);
    }

    /// Adds a finding unless `holds`.
    pub fn expect(&mut self, check: Check, holds: bool, detail: impl FnOnce() -> String) {
        if !holds {
            self.add(check, detail());
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Finding] {
        &self.all
    }
}
