//! Each rule removed in turn: in which configuration that is caught.

use crate::config::Config;
use crate::configurations;
use crate::explore::Report;
use crate::rules::{Rule, Rules};
use crate::steps::Model;

/// Up to how many worlds a removal is looked for.
pub const LIMIT: usize = 300_000;

/// A removal that is caught.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The rule.
    pub rule: Rule,
    /// The rule that stands in for it: only without this one too is the removal caught.
    pub stand_in: Option<Rule>,
    /// The configuration that catches it.
    pub config: &'static str,
}

/// A rule whose removal nothing in the model notices.
#[derive(Clone, Copy, Debug)]
pub struct Spare {
    /// The rule.
    pub rule: Rule,
    /// What it is for.
    pub reason: &'static str,
}

/// A rule of the protocol that the model does not have.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// What it is called.
    pub rule: &'static str,
    /// Against which faults it is needed, and why the model does not have them.
    pub reason: &'static str,
}

const fn alone(rule: Rule, config: &'static str) -> Need {
    Need { rule, stand_in: None, config }
}

const fn with(rule: Rule, stand_in: Rule, config: &'static str) -> Need {
    Need { rule, stand_in: Some(stand_in), config }
}

/// Every removal that is caught.
pub const NEEDED: &[Need] = &[
    with(Rule::Dedupe, Rule::ContentSearch, "author-crashes"),
    alone(Rule::AuthorChain, "author-restored-copies"),
    alone(Rule::CountersPerChannel, "second-channel"),
    alone(Rule::SendRight, "kick"),
    with(Rule::RightsLast, Rule::CarryDisplayed, "kick"),
    alone(Rule::KickMovesRow, "kick"),
    alone(Rule::AllowMovesRow, "kick"),
    alone(Rule::Forgotten, "retention"),
    alone(Rule::RowsKept, "retention"),
    alone(Rule::FinalRefusal, "kick-two-hosts"),
    alone(Rule::NewIncarnation, "too-big"),
    alone(Rule::ClosedIncarnation, "kick"),
    with(Rule::ResignBehindRefused, Rule::SignOverGap, "too-big"),
    alone(Rule::ContentSearch, "cloned-unreachable"),
    with(Rule::BringFirst, Rule::CarryDisplayed, "kick-owner-lost"),
    alone(Rule::WaitForMissing, "cloned-one-author"),
    alone(Rule::SignOverGap, "author-restored-host-lost"),
    alone(Rule::OutboxBeforeSubmit, "author-crashes"),
    alone(Rule::OutboxUntilCommitted, "reply-two-lost"),
    alone(Rule::KeepUntilTwoDisks, "tracker-restored"),
    alone(Rule::SubmitFence, "reply-forwarded"),
    alone(Rule::HostEpochIsTheHosts, "takeover-old-copies"),
    alone(Rule::ForwardOnly, "reply-forwarded"),
    alone(Rule::CarryDisplayed, "reply-forwarded"),
    alone(Rule::CarryAll, "reply-two-lost"),
    alone(Rule::StoreBeforeStored, "author-dies"),
    alone(Rule::StoreBeforeReplicate, "takeover"),
    alone(Rule::StoreBeforeReceipt, "torn-writes"),
    alone(Rule::StoreBeforeFate, "torn-writes"),
    alone(Rule::EpochBeforeShown, "torn-writes"),
    alone(Rule::Fencing, "takeover"),
    alone(Rule::FenceGeneration, "tracker-restored"),
    alone(Rule::ReplicateChain, "cloned-reply"),
    with(Rule::ReplicateRow, Rule::ReplicateChain, "cloned"),
    alone(Rule::TakeAsChain, "kick-for-good"),
    alone(Rule::FreshEpoch, "copied-disk"),
    alone(Rule::HelloOpensEpoch, "host-restored"),
    alone(Rule::GrantNonce, "copied-disk"),
    alone(Rule::GrantAboveMax, "takeover"),
    alone(Rule::GrantAtHead, "author-crashes"),
    alone(Rule::ShownStops, "cloned-one-author"),
    alone(Rule::ReceiptOnChain, "takeover"),
    alone(Rule::CutResubmits, "author-dies"),
    alone(Rule::ResubmitUntilCommitted, "reply-forwarded"),
    alone(Rule::ResubmitEnds, "author-restored-host-lost"),
    alone(Rule::GuestDrains, "cloned-one-author"),
    alone(Rule::AdoptInAnyEpoch, "cloned-one-author"),
    alone(Rule::ShownLossOpens, "tracker-restored"),
    alone(Rule::GenerationResubmits, "tracker-restored"),
    alone(Rule::LosingBranch, "tracker-restored-author-dies"),
];

/// Every rule whose removal nothing in the model notices.
pub const SPARE: &[Spare] = &[
    Spare {
        rule: Rule::NewestEpoch,
        reason: "It saves a detour. Who writes to a stale host all the same is fenced with it, and the host's queue \
                 brings the message later; copies that are on their way are what `SubmitFence` stops.",
    },
    Spare {
        rule: Rule::GrantOnBase,
        reason: "A tracker that keeps `GrantAtHead` never grants on a base that the host does not have, so this \
                 needs a faulty tracker. Even then nothing is lost: without both rules `author-crashes` still \
                 holds, because a host off the tracker's chain is shown so by the first receipt and gives up.",
    },
];

/// Every rule that needs faults which the model does not have.
pub const OUTSIDE: &[Outside] = &[
    Outside {
        rule: "OwnerChangesAccess",
        reason: "Needs a member who writes access entries without being the owner: malice. The machine tests try it.",
    },
    Outside { rule: "ReadRight", reason: "About who may read. The model has no readers who may not." },
    Outside { rule: "HideInvisible", reason: "About presence, which no message's fate depends on." },
    Outside {
        rule: "LeaseExpires",
        reason: "About time. The model has no clock: the tracker may suspect a host at any moment, rightly or not.",
    },
    Outside {
        rule: "CarriedAuthor",
        reason: "Needs somebody who brings an envelope under another's name: malice. In the model signatures hold.",
    },
    Outside {
        rule: "SubmitInOrder",
        reason: "About bringing too fast. The model has no rates, and one envelope in a message.",
    },
    Outside {
        rule: "DesignationFences",
        reason: "About whom the owner wants to host. The model grants to any device that has adopted, at any time.",
    },
    Outside {
        rule: "EpochBase",
        reason: "Needed where the common prefix is found by the epoch table. In the model logs are compared as they are.",
    },
    Outside {
        rule: "SayDiverged",
        reason: "Saves a reader time. Without being told, a reader finds out at the next page or receipt, which name \
                 their chain (`ReceiptOnChain`).",
    },
    Outside {
        rule: "Exact bytes",
        reason: "Signed things are kept as the bytes received. The model has values, no encoding that could change.",
    },
    Outside {
        rule: "`pos == head + 1`",
        reason: "In the model the chain hash before an entry covers its position, so `ReplicateChain` contains it.",
    },
    Outside {
        rule: "Replaced, flap damping, seal, SlowDown, bounded tail",
        reason: "About time and load: they delay what the model may delay anyway.",
    },
    Outside {
        rule: "A failed sync stops the store",
        reason: "Needs a disk that says a sync failed and then loses what it held: the store's crash suite does that.",
    },
];

impl Need {
    /// The rules that are removed together.
    #[must_use]
    pub fn removed(&self) -> Vec<Rule> {
        [self.rule].into_iter().chain(self.stand_in).collect()
    }

    /// Where it is caught.
    #[must_use]
    pub fn config(&self) -> Option<&'static Config> {
        configurations::named(self.config)
    }

    /// Removes the rule, and looks for what goes wrong.
    #[must_use]
    pub fn explore(&self) -> Option<Report> {
        let rules = Rules::without(&self.removed());
        Some(Model { config: *self.config()?, rules }.explore(LIMIT))
    }
}
