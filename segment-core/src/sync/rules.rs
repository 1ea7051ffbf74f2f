//! The rules, each with its name, the one place where it stands, and what happens without it.
//!
//! A rule is looked up in [`Rules`] at its place and nowhere else. [`Rules::without`] removes it: that is its planted
//! fault, and the simulator must find it. The model (`model/`) states the same rules a second time.

macro_rules! rules {
    ($( $(#[$meta:meta])* $name:ident, stands in $file:literal, without it $without:literal; )+) => {
        /// A rule that keeps messages from being lost, doubled or reordered, or rights from being broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Rule {
            $(
                $(#[$meta])*
                ///
                #[doc = concat!("Stands in `", $file, "`. Without it ", $without, ".")]
                $name,
            )+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name, )+];

            /// Its file, from the source folder of this crate.
            #[must_use]
            pub const fn stands_in(self) -> &'static str {
                match self { $( Self::$name => $file, )+ }
            }

            /// What happens without it.
            #[must_use]
            pub const fn without_it(self) -> &'static str {
                match self { $( Self::$name => $without, )+ }
            }
        }
    };
}

rules! {
    // What is accepted, wherever it is sequenced.
    /// A key in the log is answered with its old place.
    Dedupe, stands in "sync/accept.rs",
        without it "a message that was sent twice stands twice";
    /// An envelope must name the hash in its author's row as its `prev`.
    AuthorChain, stands in "sync/accept.rs",
        without it "a message signed on another past is taken: what its author restored or signed again stands twice";
    /// Only who may send is accepted.
    SendRight, stands in "sync/accept.rs",
        without it "somebody writes who may not";
    /// Only the owner changes access.
    OwnerChangesAccess, stands in "sync/accept.rs",
        without it "any member gives rights to themselves";
    /// A kick sets the user's rows to a new incarnation.
    KickMovesRow, stands in "sync/fold.rs",
        without it "a message from before a kick is accepted after the pardon, though its author was told that it is refused";
    /// Who has written what somebody carries is known from the log, or from a record of the tracker.
    CarriedAuthor, stands in "sync/sequencer/judge.rs",
        without it "a carrier passes an envelope off as another account's";
    /// Of one submit, what stands behind a message that has to come again later comes again with it.
    SubmitInOrder, stands in "sync/sequencer/judge.rs",
        without it "an answer is taken before what it answers, where who brings both is slowed down between them";
    /// A submit is judged only in the epoch for which it was meant; whoever sequences answers others with its record.
    SubmitFence, stands in "sync/sequencer/mod.rs",
        without it "a copy of a submit that was delayed in the network is sequenced by somebody for whom it was not meant";

    // What is on disk before what is said.
    /// The author's envelope is on disk before its first byte leaves.
    OutboxBeforeSubmit, stands in "replica/mod.rs",
        without it "an author who crashes uses a message's name again, for another text";
    /// The host's entry is on disk before `Stored` is answered.
    StoreBeforeStored, stands in "host/submit.rs",
        without it "an author is told that a message is on its host's disk, and a crash of the host takes it away";
    /// The host's entry is on disk before it is replicated.
    StoreBeforeReplicate, stands in "host/replication.rs",
        without it "the tracker commits what its host does not have: the host gives the place to another";
    /// The tracker's entry is on disk before its receipt leaves.
    StoreBeforeReceipt, stands in "backup/replication.rs",
        without it "what was said to be committed is gone after a crash of the tracker";
    /// The tracker's entry is on disk before its author is told.
    StoreBeforeFate, stands in "backup/submit.rs",
        without it "the same, for what the tracker has sequenced itself";
    /// An epoch record is on disk before it is shown.
    EpochBeforeShown, stands in "backup/epochs.rs",
        without it "after a crash the tracker gives the same epoch to another";
    /// The base of an epoch is the last place handed to the store.
    EpochBase, stands in "backup/epochs.rs",
        without it "an epoch begins behind a place that the disk does not have";

    // Who sequences.
    /// The tracker refuses another epoch than the current one.
    Fencing, stands in "backup/replication.rs",
        without it "a host whose epoch is over goes on writing into the copy";
    /// The tracker refuses entries that do not continue its chain.
    ReplicateChain, stands in "backup/replication.rs",
        without it "the copy takes entries that stand on another log than its own";
    /// In a host's epoch the tracker hands on what it is brought.
    HostEpochIsTheHosts, stands in "backup/submit.rs",
        without it "two sequencers give the same place to two messages";
    /// A designation ends the epoch of the device that hosted before.
    DesignationFences, stands in "backup/moving.rs",
        without it "the device that hosted before goes on beside the new one";
    /// A process start owns no epoch.
    FreshEpoch, stands in "host/tenure.rs",
        without it "a process that was started again, or a second time from a copy, goes on in an epoch that is another's";
    /// A grant is taken only if it answers the hello of this process start.
    GrantNonce, stands in "host/tenure.rs",
        without it "a grant meant for an earlier start, late on its way, makes a host of who has not adopted";
    /// A host that is shown a newer epoch, or a receipt that is not on its chain, gives its epoch up.
    ShownStops, stands in "host/evidence.rs",
        without it "a host that is cut off from the tracker sequences on, after somebody has shown that it must not";
    /// A member submits to no epoch older than the newest it knows.
    NewestEpoch, stands in "replica/epochs.rs",
        without it "a member falls back to a host whose epoch is over, and believes its order";

    // What happens to what is cut.
    /// A cut of the tail moves its messages to the resubmit queue.
    CutResubmits, stands in "host/adopting.rs",
        without it "what the host had stored and the tracker had not is lost";
    /// A cut message waits until it is committed, or the committed log refuses it for good.
    ResubmitUntilCommitted, stands in "host/resubmit.rs",
        without it "a cut message is let go of when it stands in a log that is cut again";
    /// A host that does not own the epoch brings its cut messages to whoever does.
    GuestDrains, stands in "host/draining.rs",
        without it "what was cut stays for ever on a device that never becomes the host again";
    /// A sequencer that cuts tells its members.
    SayDiverged, stands in "host/adopting.rs",
        without it "readers keep showing what was cut as if it stood";
    /// Who has shown an entry that is cut brings it to the next sequencer, before anything of their own.
    CarryDisplayed, stands in "replica/carrying.rs",
        without it "an answer is committed, and what it answers is not: its author and its host are gone";

    // What an author does.
    /// An outbox item leaves only at committed, or at a final refusal.
    OutboxUntilCommitted, stands in "replica/outgoing.rs",
        without it "a message is let go of that only the host had";
    /// A refused message leaves the disk only after its author was told.
    RefusedUntilTold, stands in "replica/refusing.rs",
        without it "an author who is killed just as a message is refused is never told";
    /// A watermark moves only to a place on the replica's own chain.
    ReceiptOnChain, stands in "replica/receipts.rs",
        without it "a watermark is believed about another log: what is cut is taken for committed";
    /// After a fork, an author looks for the content of what waits, not for its key, before it signs again.
    ContentSearch, stands in "replica/outbox.rs",
        without it "an author restored from a backup signs again what stands in the log under another name";
    /// What is signed again has a higher incarnation than anything that its author has signed or the log has of it.
    NewIncarnation, stands in "replica/signing.rs",
        without it "a name is used twice, for what is signed again";
    /// What was signed before an access entry that moved the row is refused, never signed again.
    ClosedIncarnation, stands in "replica/fork.rs",
        without it "what was refused by a kick is signed again, and stands after the pardon";
    /// A refusal by an access entry is final only when that entry is committed.
    FinalRefusal, stands in "replica/outgoing.rs",
        without it "an author is told that a message is refused, and the entry that refuses it is cut";
    /// An author brings what its message builds on, and signs over a gap only if nobody can.
    BringFirst, stands in "replica/bring.rs",
        without it "an author signs over what the tracker has lost: what was committed can never come back";

    // When a disk has lost something, and when something is deleted.
    /// A tracker that is shown more than it has opens a new generation, and takes it from who has it.
    ShownLossOpens, stands in "backup/recovery.rs",
        without it "the tracker's older disk goes on as if nothing had been: places mean two things";
    /// What a new generation's log lacks is submitted to it.
    GenerationResubmits, stands in "replica/generations.rs",
        without it "what only the losing log has is lost";
    /// Who is removed by a newer generation has what that lacks of their own messages waiting again.
    RemovedTakesBack, stands in "replica/parting.rs",
        without it "an author is told that a message is committed, and never that the log which had it is no more";
    /// What is known of authors stays when their entries go.
    RowsForEver, stands in "backup/retaining.rs",
        without it "a message from below the retained log is accepted a second time";
    /// Entries go only when the other copy covers them.
    TrimOnlyCovered, stands in "sync/retention.rs",
        without it "the only copy of an entry is deleted";

    // Who sees what.
    /// Readers get nothing of a channel that they may not read.
    ReadRight, stands in "host/members.rs",
        without it "a channel is read by somebody who may not";
    /// Invisible sessions are listed and announced to nobody.
    HideInvisible, stands in "directory/sessions.rs",
        without it "the invisible are seen";
    /// A silent session loses its lease.
    LeaseExpires, stands in "directory/staying.rs",
        without it "the dead stay listed";

    // Live streams: what is shown.
    /// A frame is shown, and its last chunk passed on, only when it is its streamer's.
    FrameSigned, stands in "stream/intake.rs",
        without it "whoever passes a stream on shows what they like";
    /// A parent that sends a whole frame that is wrong is left.
    BadParentLeft, stands in "stream/viewer.rs",
        without it "a viewer stays with whoever spoils its stream";
    /// A group begins with its keyframe.
    KeyFirst, stands in "stream/intake.rs",
        without it "a frame is shown without the one that it builds on";
    /// Who joins begins at a keyframe.
    JoinAtKeyframe, stands in "stream/subscriber.rs",
        without it "who joins waits for the next keyframe, and is sent what cannot be shown";

    // What a slow viewer is spared.
    /// Discardable frames are left out for whoever is behind by more than a frame.
    SkipDiscardable, stands in "stream/policy.rs",
        without it "a viewer that is a little slow falls back until it has to jump";
    /// Whoever is far behind jumps to the newest keyframe.
    JumpWhenBehind, stands in "stream/policy.rs",
        without it "a slow viewer sees what is long over";
    /// Whoever is in a group that is past jumps to the newest keyframe.
    JumpWhenGroupPast, stands in "stream/policy.rs",
        without it "a viewer that joined on a slow link never comes to the present";
    /// Whoever jumps often gets less.
    ReduceAfterJumps, stands in "stream/policy.rs",
        without it "a slow viewer's sound stutters with its picture";
    /// Whoever has not jumped for a while gets everything again.
    ClimbBack, stands in "stream/policy.rs",
        without it "a short trouble takes the picture away for ever";
    /// What is under way to one viewer is bounded.
    WindowBounds, stands in "stream/pacing.rs",
        without it "messages wait behind pictures, and queues grow with what a viewer cannot take";
    /// What is kept of a stream is bounded.
    RingBounded, stands in "stream/ring.rs",
        without it "a stream takes more memory the longer it runs";

    // From whom a stream comes.
    /// Who finds itself on the way of a stream leaves that parent.
    PathStopsLoops, stands in "stream/viewer.rs",
        without it "relays pass a stream to each other in a circle";
    /// A silent parent is replaced by a backup.
    SilenceRepairs, stands in "stream/parents/timing.rs",
        without it "a relay that crashed without a word stops everybody below it";
    /// Who asks another parent goes on behind what it has.
    ResumeFromRing, stands in "stream/subscriber.rs",
        without it "frames are lost whenever a parent is replaced";
    /// A parent that leaves is kept until another has taken over.
    MakeBeforeBreak, stands in "stream/parents/mod.rs",
        without it "the picture stands still whenever the tree is rearranged";
    /// Only who has lost its own parent looks for another.
    OnlyDirectChildren, stands in "stream/fanout.rs",
        without it "one crash makes everybody below look for others at once";
    /// Backups do not get the stream from whom they back.
    BackupOutsideSubtree, stands in "stream/coordinator/tree/backups.rs",
        without it "a backup has nothing when it is needed";
    /// Only who has agreed passes a stream on.
    Consent, stands in "stream/coordinator/broadcast.rs",
        without it "somebody's uplink is used who has not agreed";
    /// A relay is given few viewers.
    FewChildren, stands in "stream/coordinator/broadcast.rs",
        without it "one relay carries everybody, and takes everybody with it";

    // Who streams, and who watches.
    /// Only who may stream does.
    StreamRight, stands in "stream/coordinator/mod.rs",
        without it "somebody streams who may not";
    /// Only who may read a channel watches its streams.
    WatchRight, stands in "stream/coordinator/mod.rs",
        without it "a stream is watched by somebody who may not";
    /// Only who shows a ticket is served.
    TicketAdmits, stands in "stream/admission.rs",
        without it "whoever knows an address watches";
    /// A streamer that is gone keeps its stream for a while.
    ReturnKeepsStream, stands in "stream/coordinator/mod.rs",
        without it "a short break of the streamer's link ends the stream for everybody";
    /// Who does not want to be seen is not listed.
    HideViewers, stands in "stream/coordinator/broadcast.rs",
        without it "the invisible are seen watching";
}

/// The rules in force. Drivers know [`Rules::all`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A bit for each rule.
    removed: u128,
}

impl Rules {
    /// Every rule.
    #[must_use]
    pub const fn all() -> Self {
        Self { removed: 0 }
    }

    /// All but one: a planted fault, for the simulator.
    #[doc(hidden)]
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { removed: 1 << rule as u128 }
    }

    /// Whether a rule is in force.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.removed & 1 << rule as u128 == 0
    }
}
