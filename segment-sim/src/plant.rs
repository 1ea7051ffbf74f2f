//! Planted faults: each must be found, or the checkers are worth nothing.

use segment_core::{Rule, Rules};

use crate::disk::Honesty;

/// Something wrong between a peer and the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// Its transfers are not reported.
    HidesTransfers,
    /// What came from a host is said to have come from the tracker.
    NamesWrongSource,
    /// Messages are shown twice.
    ShowsTwice,
    /// It is not told when a queue is full.
    IgnoresFullQueues,
    /// A deadline stays in the past.
    KeepsOldDeadlines,
    /// Links that it closes stay open.
    ForgetsHangups,
    /// It comes back by itself when another process of its device has replaced it.
    ComesBackWhenReplaced,
    /// What it finds damaged in a copy it does not name.
    NamesNoDamage,
    /// It lies; no planted fault, but what honest nodes have to bear.
    Lies,
}

/// A planted fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// None.
    #[default]
    Nothing,
    /// A rule of the protocol is removed, at every node.
    Without(Rule),
    /// Every disk is dishonest.
    Disk(Honesty),
    /// Every peer is tampered with.
    Tampered(Tampering),
    /// What happens depends on more than the seed.
    Impure,
}

impl Plant {
    /// All that can be planted, with the names by which they are asked for.
    #[must_use]
    pub fn all() -> Vec<(String, Self)> {
        let rules = Rule::ALL.iter().map(|rule| Self::Without(*rule));
        let disks = [Honesty::NeverSyncs, Honesty::TearsTransactions].into_iter().map(Self::Disk);
        let tampered = [
            Tampering::HidesTransfers,
            Tampering::NamesWrongSource,
            Tampering::ShowsTwice,
            Tampering::IgnoresFullQueues,
            Tampering::KeepsOldDeadlines,
            Tampering::ForgetsHangups,
            Tampering::ComesBackWhenReplaced,
            Tampering::NamesNoDamage,
        ];
        let tampered = tampered.into_iter().map(Self::Tampered);
        let all = rules.chain(disks).chain(tampered).chain([Self::Impure]);
        all.map(|plant| (plant.name(), plant)).collect()
    }

    /// The fault of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|(known, _)| known == name).map(|(_, plant)| plant)
    }

    /// The name by which it is asked for.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Without(rule) => format!("without-{}", dashed(&format!("{rule:?}"))),
            Self::Disk(honesty) => format!("disk-{}", dashed(&format!("{honesty:?}"))),
            Self::Tampered(tampering) => format!("peer-{}", dashed(&format!("{tampering:?}"))),
            Self::Impure => "impure".into(),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(self) -> Rules {
        match self {
            Self::Without(rule) => Rules::without(rule),
            _ => Rules::all(),
        }
    }

    /// What the disks are like.
    #[must_use]
    pub fn honesty(self) -> Honesty {
        match self {
            Self::Disk(honesty) => honesty,
            _ => Honesty::Honest,
        }
    }
}

pub(crate) fn dashed(camel: &str) -> String {
    let mut out = String::new();
    for letter in camel.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
