//! The rules of the sync protocol, each named once, so that each can be removed and its removal be caught.
//!
//! Where `segment-core`'s `Rule` names the same rule, it is the same name.

/// Declares the rules from one table: the name, and the sentence of the protocol that it stands for.
macro_rules! rules {
    ($($(#[doc = $sentence:literal])+ $name:ident,)+) => {
        /// A rule of the sync protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Rule {
            $($(#[doc = $sentence])+ $name,)+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name, as in the source.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The sentence of the protocol that it stands for.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => concat!($($sentence),+),)+ }
            }
        }
    };
}

rules! {
    // ---- what an envelope is, and when it is accepted
    /// A key in the log with the same hash is answered with its old place.
    Dedupe,
    /// An envelope names the hash in its author's row as its `prev`; otherwise it is not the next one.
    AuthorChain,
    /// Counters are per channel and device.
    CountersPerChannel,
    /// Who may write follows from the access entries below, in this log.
    SendRight,
    /// The author's chain is judged before the author's rights.
    RightsLast,
    /// An access entry that takes the right to write away, or gives it back, sets the user's rows to a new incarnation.
    KickMovesRow,
    /// So does one that gives the right back, not only one that takes it away.
    AllowMovesRow,
    /// A key below the retained log is answered `Forgotten`, never with an acknowledgement.
    Forgotten,
    /// Rows are never forgotten, by retention neither.
    RowsKept,

    // ---- what an author does with an answer
    /// A refusal by access is final only when the access entry is committed.
    FinalRefusal,
    /// What is signed again has a higher incarnation than anything that its author has signed or the log has of them.
    NewIncarnation,
    /// What was signed before an access entry that moved the row is refused, never signed again.
    ClosedIncarnation,
    /// Behind a refused item, the author signs what is missing again.
    ResignBehindRefused,
    /// After `Fork` the author looks for its content in that log, not for the key.
    ContentSearch,
    /// The sender brings what is missing first: own messages (committed ones too, from its cache), or the access entry.
    BringFirst,
    /// The author signs over a gap only if nobody whom it can reach holds the missing piece.
    WaitForMissing,
    /// Where nobody holds the missing piece any more, the author does sign over the gap.
    SignOverGap,
    /// The author's envelope and counters are on disk before the first byte leaves.
    OutboxBeforeSubmit,
    /// An outbox item leaves only at committed, or at a final refusal.
    OutboxUntilCommitted,
    /// A committed envelope stays in its author's cache until tracker and host both have it on disk.
    KeepUntilTwoDisks,
    /// A submit names its epoch, and a sequencer of another one does not take it.
    SubmitFence,
    /// An author submits to no epoch older than the newest that it knows.
    NewestEpoch,
    /// In a host's epoch the tracker hands on what it is brought.
    HostEpochIsTheHosts,
    /// The tracker never sequences what it was given to forward, in its own epoch neither.
    ForwardOnly,
    /// Before its own newer messages, a client brings the provisional entries that it has displayed.
    CarryDisplayed,
    /// Who displays a provisional entry holds every entry from the commit on, not only that one.
    CarryAll,

    // ---- what is durable before what is said
    /// The host's entry is on disk before `HostStored` is answered.
    StoreBeforeStored,
    /// The host's entry is on disk before it is replicated.
    StoreBeforeReplicate,
    /// The tracker's entry is on disk before its receipt leaves.
    StoreBeforeReceipt,
    /// The tracker's entry is on disk before its author is told, by a repeated answer too.
    StoreBeforeFate,
    /// An epoch record is on disk before it is shown, or acted upon.
    EpochBeforeShown,

    // ---- epochs
    /// The tracker refuses frames of another epoch than the current one.
    Fencing,
    /// Every fence compares the generation too: grants and frames of an older one are void.
    FenceGeneration,
    /// The tracker refuses entries that do not continue its chain.
    ReplicateChain,
    /// The tracker refuses a replicated entry that is not next in its author's row.
    ReplicateRow,
    /// What the epoch's owner has sequenced the tracker takes as a chain: rights are those of the log's prefix.
    TakeAsChain,
    /// A process start owns no epoch.
    FreshEpoch,
    /// At a hello the tracker writes an epoch of its own first.
    HelloOpensEpoch,
    /// A grant is taken only if it answers the hello of this process start.
    GrantNonce,
    /// A grant is taken only if its epoch is above every epoch known.
    GrantAboveMax,
    /// A grant is taken only if the host's log equals its base.
    GrantOnBase,
    /// A grant is given only when the host has adopted the whole log.
    GrantAtHead,
    /// A host that is shown a receipt off its own chain gives its epoch up and says hello.
    ShownStops,
    /// A watermark moves, and an outbox item leaves, only at a place on the replica's own chain.
    ReceiptOnChain,
    /// A cut of the provisional tail moves its messages to the resubmit queue.
    CutResubmits,
    /// A resubmit item leaves only when committed, or when the committed log answers `Fork` or a final refusal.
    ResubmitUntilCommitted,
    /// A resubmit item for which the committed log answers `Fork` or a final refusal does leave.
    ResubmitEnds,
    /// A device that does not own the epoch submits its queue to the owner, or to the tracker.
    GuestDrains,
    /// Adopt is sent in any epoch, also while another device owns it.
    AdoptInAnyEpoch,

    // ---- disaster
    /// Receipts and epoch records held are shown to the tracker; one above its own log opens a new generation.
    ShownLossOpens,
    /// What a new generation's log lacks its readers submit to it, before they take its numbering.
    GenerationResubmits,
    /// A tracker that opens a new generation resubmits its own losing branch before any grant.
    LosingBranch,
}

impl Rule {
    /// The rule of this name, in any case and with or without dashes.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "");
        Self::ALL.iter().copied().find(|rule| rule.name().eq_ignore_ascii_case(&name))
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// The rules in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    removed: u64,
}

impl Rules {
    /// Every rule.
    #[must_use]
    pub const fn all() -> Self {
        Self { removed: 0 }
    }

    /// All but these.
    #[must_use]
    pub fn without(rules: &[Rule]) -> Self {
        Self { removed: rules.iter().fold(0, |removed, rule| removed | rule.bit()) }
    }

    /// Whether a rule is in force.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.removed & rule.bit() == 0
    }
}
