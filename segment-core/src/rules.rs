//! The rules of the sync protocol, each named, so that each can be removed once and the removal found.

/// A rule that keeps messages from being lost, doubled or reordered, or rights from being broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rule {
    /// A key in the log is answered with its old place.
    Dedupe,
    /// An envelope must name the hash in its author's row as its `prev`.
    AuthorChain,
    /// Only who may send is accepted.
    SendRight,
    /// Only the owner changes access.
    OwnerChangesAccess,
    /// The author's envelope is on disk before its first byte leaves.
    OutboxBeforeSubmit,
    /// An outbox item leaves only at committed, or at a final refusal.
    OutboxUntilCommitted,
    /// The host's entry is on disk before `Stored` is answered.
    StoreBeforeStored,
    /// The host's entry is on disk before it is replicated.
    StoreBeforeReplicate,
    /// The tracker's entry is on disk before its receipt leaves.
    StoreBeforeReceipt,
    /// The tracker's entry is on disk before its author is told.
    StoreBeforeFate,
    /// An epoch record is on disk before it is shown.
    EpochBeforeShown,
    /// The base of an epoch is the last place handed to the store.
    EpochBase,
    /// A designation ends the epoch of the device that hosted before.
    DesignationFences,
    /// In a host's epoch the tracker hands on what it is brought.
    HostEpochIsTheHosts,
    /// A submit for another epoch is answered with the record of this one.
    SubmitFence,
    /// Who has written what somebody carries is known from the log, or from a record of the tracker.
    CarriedAuthor,
    /// The tracker refuses another epoch than the current one.
    Fencing,
    /// The tracker refuses entries that do not continue its chain.
    ReplicateChain,
    /// A process start owns no epoch.
    FreshEpoch,
    /// A grant is taken only if it answers the hello of this process start.
    GrantNonce,
    /// A host that is shown a newer epoch, or a receipt that is not on its chain, gives its epoch up.
    ShownStops,
    /// A tracker that is shown more than it has opens a new generation, and takes it from who has it.
    ShownLossOpens,
    /// A cut of the tail moves its messages to the resubmit queue.
    CutResubmits,
    /// A cut message waits until it is committed, or the committed log refuses it for good.
    ResubmitUntilCommitted,
    /// A host that does not own the epoch brings its cut messages to whoever does.
    GuestDrains,
    /// A sequencer that cuts tells its members.
    SayDiverged,
    /// A member submits to no epoch older than the newest it knows.
    NewestEpoch,
    /// After a fork, an author looks for the content of what waits, not for its key, before it signs again.
    ContentSearch,
    /// What is signed again has a higher incarnation than anything that its author has signed or the log has of it.
    NewIncarnation,
    /// What was signed before an access entry that moved the row is refused, never signed again.
    ClosedIncarnation,
    /// A refusal by an access entry is final only when that entry is committed.
    FinalRefusal,
    /// An author brings what its message builds on, and signs over a gap only if nobody can.
    BringFirst,
    /// Who has shown an entry that is cut brings it to the next sequencer, before anything of their own.
    CarryDisplayed,
    /// What a new generation's log lacks is submitted to it.
    GenerationResubmits,
    /// A watermark moves only to a place on the replica's own chain.
    ReceiptOnChain,
    /// A kick sets the user's rows to a new incarnation.
    KickMovesRow,
    /// Readers get nothing of a channel that they may not read.
    ReadRight,
    /// Invisible sessions are listed and announced to nobody.
    HideInvisible,
    /// A silent session loses its lease.
    LeaseExpires,
    /// What is known of authors stays when their entries go.
    RowsForEver,
    /// Entries go only when the other copy covers them.
    TrimOnlyCovered,
}

impl Rule {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Dedupe,
        Self::AuthorChain,
        Self::SendRight,
        Self::OwnerChangesAccess,
        Self::OutboxBeforeSubmit,
        Self::OutboxUntilCommitted,
        Self::StoreBeforeStored,
        Self::StoreBeforeReplicate,
        Self::StoreBeforeReceipt,
        Self::StoreBeforeFate,
        Self::EpochBeforeShown,
        Self::EpochBase,
        Self::DesignationFences,
        Self::HostEpochIsTheHosts,
        Self::SubmitFence,
        Self::CarriedAuthor,
        Self::Fencing,
        Self::ReplicateChain,
        Self::FreshEpoch,
        Self::GrantNonce,
        Self::ShownStops,
        Self::ShownLossOpens,
        Self::CutResubmits,
        Self::ResubmitUntilCommitted,
        Self::GuestDrains,
        Self::SayDiverged,
        Self::NewestEpoch,
        Self::ContentSearch,
        Self::NewIncarnation,
        Self::ClosedIncarnation,
        Self::FinalRefusal,
        Self::BringFirst,
        Self::CarryDisplayed,
        Self::GenerationResubmits,
        Self::ReceiptOnChain,
        Self::KickMovesRow,
        Self::ReadRight,
        Self::HideInvisible,
        Self::LeaseExpires,
        Self::RowsForEver,
        Self::TrimOnlyCovered,
    ];
}

/// The rules in force. Drivers know [`Rules::all`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    removed: Option<Rule>,
}

impl Rules {
    /// Every rule.
    #[must_use]
    pub const fn all() -> Self {
        Self { removed: None }
    }

    /// All but one: a planted fault, for the simulator.
    #[doc(hidden)]
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { removed: Some(rule) }
    }

    /// Whether a rule is in force.
    #[must_use]
    pub fn has(self, rule: Rule) -> bool {
        self.removed != Some(rule)
    }
}
