//! The state of the three kinds of machine, and what travels between them.

mod author;
mod host;
mod tracker;

pub use author::{Author, AuthorDisk};
pub use host::{Host, Resubmits};
pub use tracker::{EpochRecord, Owner, Tracker};

use crate::envelope::Envelope;
use crate::log::Chain;

/// A fencing token: (store generation, epoch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// Raised when the tracker learns that its disk went back.
    pub generation: u8,
    /// Raised whenever the owner changes.
    pub epoch: u8,
}

impl Fence {
    /// Of the first host.
    pub const FIRST: Self = Self { generation: 0, epoch: 1 };
}

/// An entry on its way to the tracker; frames stay in the network for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Of its sequencer.
    pub fence: Fence,
    /// Where it stands.
    pub position: u8,
    /// The chain hash before it.
    pub before: Chain,
    /// What stands there.
    pub envelope: Envelope,
}

/// A submit on its way; copies stay in the network for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Copy {
    /// The epoch that it is meant for.
    pub fence: Fence,
    /// What is submitted.
    pub envelope: Envelope,
    /// Which way it goes.
    pub way: Way,
}

/// Which way a submit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// To whoever sequences.
    Direct,
    /// To the tracker, to be forwarded to the host.
    Forwarded,
}
