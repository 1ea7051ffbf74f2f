//! The words in which a scenario is told.

use crate::plant::dashed;

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Writes a text.
    Write,
    /// Writes a long text.
    WriteLong,
    /// Reads older messages.
    LookBack,
    /// Lists users, channels or members.
    LookAround,
    /// Gives somebody rights, or takes some; owners only.
    Allow,
    /// Takes all rights from somebody; owners only.
    Deny,
    /// Kicks somebody; owners only.
    Kick,
    /// Says who may read at all; owners only.
    Open,
    /// Says how much is kept; owners only.
    Retain,
    /// Goes invisible.
    Hide,
    /// Is seen again.
    Show,
    /// Leaves a channel, and joins it again later.
    Leave,
    /// Disconnects, and comes back later.
    Disconnect,
    /// Keeps a copy of the disk.
    Backup,
    /// Moves a channel to another device of its owner.
    Move,
}

impl Deed {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Write,
        Self::WriteLong,
        Self::LookBack,
        Self::LookAround,
        Self::Allow,
        Self::Deny,
        Self::Kick,
        Self::Open,
        Self::Retain,
        Self::Hide,
        Self::Show,
        Self::Leave,
        Self::Disconnect,
        Self::Backup,
        Self::Move,
    ];
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// A process dies, and the others notice at once.
    Crash,
    /// A process dies, and the others do not notice for a while.
    PowerFailure,
    /// A process dies between two of its effects.
    CrashBetweenEffects,
    /// A connection breaks.
    BreakLink,
    /// A connection breaks, and one side does not notice for a while.
    HalfOpen,
    /// Nothing leaves one end of a connection for a while.
    Stall,
    /// Nothing passes between two nodes for a while.
    Partition,
    /// Nothing passes from one node to another for a while; the way back is open.
    OneWayPartition,
    /// Nobody can open a connection to a node for a while.
    NoInbound,
    /// A sync fails: the process stops.
    FailedSync,
    /// A user says goodbye, and comes back after a while.
    Away,
    /// All connections of a node break at once.
    Flap,
    /// A process is stopped for a while, and goes on as if nothing had been.
    Pause,
    /// A wall clock jumps.
    ClockJump,
    /// A process dies, and starts from the copy of its disk that was kept before.
    OldImage,
    /// A process dies, and its disk is gone.
    LostDisk,
    /// A process dies and never comes back, and nobody is told.
    Gone,
    /// A second process starts from a copy of the disk, and with the same key, while the first goes on.
    Twin,
    /// A second process starts with the same key and an empty disk, while the first goes on.
    BareTwin,
    /// One bit of an entry on a disk is another.
    FlippedBit,
}

impl FaultKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Crash,
        Self::PowerFailure,
        Self::CrashBetweenEffects,
        Self::BreakLink,
        Self::HalfOpen,
        Self::Stall,
        Self::Partition,
        Self::OneWayPartition,
        Self::NoInbound,
        Self::FailedSync,
        Self::Away,
        Self::Flap,
        Self::Pause,
        Self::ClockJump,
        Self::OldImage,
        Self::LostDisk,
        Self::Gone,
        Self::Twin,
        Self::BareTwin,
        Self::FlippedBit,
    ];
}

/// Something that happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Its user does something.
    Deed(Deed),
    /// Something goes wrong.
    Fault(FaultKind),
}

impl What {
    fn all() -> impl Iterator<Item = Self> {
        let deeds = Deed::ALL.iter().map(|deed| Self::Deed(*deed));
        deeds.chain(FaultKind::ALL.iter().map(|kind| Self::Fault(*kind)))
    }

    /// The word in a text.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Deed(deed) => dashed(&format!("{deed:?}")),
            Self::Fault(kind) => dashed(&format!("{kind:?}")),
        }
    }

    /// What a word says.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::all().find(|what| what.word() == word)
    }
}
