//! What must hold in every world that can be reached.

use std::fmt;

use crate::config::{Fault, Scene};
use crate::envelope::{A, B, Content, Contents, Envelope};
use crate::log::{Log, kick_in_force};
use crate::steps::Model;
use crate::world::{World, answered_content};

/// No author has a reason to sign so often in so small a world.
const ENDLESS: u8 = 12;

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// A content stands in the committed log twice.
    Doubled(Content),
    /// An author's contents stand in another order than they were written in.
    Reordered(Content),
    /// Something stands above the kick of its author.
    AboveKick(Content),
    /// It stands above a kick of its author, who wrote it before that.
    OutlivesKick(Content),
    /// Its author has signed two envelopes under one key.
    KeyReused(Content),
    /// An answer stands above what it answers.
    EffectBeforeCause(Content),
    /// It is committed, and its author was told that it is refused for good.
    RefusedYetCommitted(Content),
    /// Its author was told that it is committed, and it is not in the committed log.
    CommittedYetGone(Content),
    /// A host has answered `HostStored`, and it is on no disk any more.
    StoredYetGone(Content),
    /// Its author was told that it is on disk, and it is on no disk any more.
    QueuedYetGone(Content),
    /// A receipt was given while the host that owns the epoch had it not on its disk.
    OnOneDisk(Content),
    /// The tracker has taken it from another than the one that sequences in its epoch.
    OfAnother(Content),
    /// An author has signed it again, though no disk went back and nothing was refused.
    SignedAgain(Content),
    /// An author signs it again and again.
    SignedForEver(Content),
    /// A committed entry has moved or vanished, within one generation.
    Moved,
    /// A host takes something for committed that is not.
    WrongWatermark,
    /// Two processes sequence in one epoch.
    TwoSequencers,
    /// A host sequences in an older epoch than it knows of.
    NotFenced,
    /// Two logs have different entries at one position of one epoch.
    TwoAtOnePlace,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doubled(c) => write!(f, "{c} stands twice"),
            Self::Reordered(c) => write!(f, "{c} stands before what its author wrote earlier"),
            Self::AboveKick(c) => write!(f, "{c} stands above its author's kick"),
            Self::OutlivesKick(c) => write!(f, "{c} was written before its author's kick, and stands above it"),
            Self::KeyReused(c) => write!(f, "{c} is signed under a key that was used before"),
            Self::EffectBeforeCause(c) => write!(f, "{c} stands, and what it answers does not stand before it"),
            Self::RefusedYetCommitted(c) => write!(f, "{c} is committed, and its author was told that it is refused"),
            Self::CommittedYetGone(c) => write!(f, "{c} was reported as committed, and is not"),
            Self::StoredYetGone(c) => write!(f, "{c} was reported as stored at the host, and is on no disk"),
            Self::QueuedYetGone(c) => write!(f, "{c} was reported as queued, and is on no disk"),
            Self::OnOneDisk(c) => write!(f, "{c} has a receipt, and its host does not have it on disk"),
            Self::OfAnother(c) => write!(f, "the tracker has taken {c} from another than the owner of the epoch"),
            Self::SignedAgain(c) => write!(f, "{c} is signed again, for no reason"),
            Self::SignedForEver(c) => write!(f, "{c} is signed again and again"),
            Self::Moved => f.write_str("a committed entry has moved or vanished"),
            Self::WrongWatermark => f.write_str("a host takes for committed what is not"),
            Self::TwoSequencers => f.write_str("two processes sequence in one epoch"),
            Self::NotFenced => f.write_str("a host sequences in an older epoch than it knows of"),
            Self::TwoAtOnePlace => f.write_str("two logs differ at one position of one epoch"),
        }
    }
}

impl Model {
    /// What is broken in a world, if anything.
    #[must_use]
    pub fn breach(&self, world: &World) -> Option<Breach> {
        self.log_breach(world)
            .or_else(|| self.promise_breach(world))
            .or_else(|| self.signing_breach(world))
            .or_else(|| self.epoch_breach(world))
            .or_else(|| self.watermark_breach(world))
    }

    /// What a step has broken, if anything: committed entries stand where they are.
    #[must_use]
    pub fn step_breach(&self, before: &World, after: &World) -> Option<Breach> {
        let went_back = after.tracker_restored != before.tracker_restored;
        let generation = |world: &World| world.tracker.fence().generation;
        if went_back || generation(before) != generation(after) {
            return None;
        }
        (!after.tracker.log.starts_with(&before.tracker.committed())).then_some(Breach::Moved)
    }

    fn log_breach(&self, world: &World) -> Option<Breach> {
        let log = &world.tracker.log;
        let order_known = world.authors.iter().all(|author| !author.restored);
        log.iter().enumerate().find_map(|(position, entry)| {
            let (this, below) = (entry.envelope, log.prefix(position));
            let later = |other: Envelope| {
                other.author == this.author && other.content.number() > this.content.number() && order_known
            };
            let answers = self.config.plays(Scene::Reply) && this.author == B;
            match this.content {
                content if below.says(content) => Some(Breach::Doubled(content)),
                content if below.envelopes().any(later) => Some(Breach::Reordered(content)),
                content if kick_in_force(&below, this.author).is_some() => Some(Breach::AboveKick(content)),
                content if world.said.before_kick.has(content) && below.says(Content::Kick) => {
                    Some(Breach::OutlivesKick(content))
                }
                content if answers && self.cause_is_missing(world, &below) => Some(Breach::EffectBeforeCause(content)),
                _ => None,
            }
        })
    }

    fn cause_is_missing(&self, world: &World, below: &Log) -> bool {
        let (cause, said) = (answered_content(&self.config), &world.said);
        let refused = kick_in_force(below, A).is_some();
        !below.says(cause) && !refused && !said.refused.has(cause) && !said.superseded.has(cause)
    }

    /// What was said to people holds.
    fn promise_breach(&self, world: &World) -> Option<Breach> {
        let (said, committed) = (&world.said, world.tracker.committed());
        if let Some(content) = said.refused.iter().find(|content| committed.says(*content)) {
            return Some(Breach::RefusedYetCommitted(content));
        }
        if let Some(content) = said.committed.iter().find(|content| !committed.says(*content))
            && !world.tracker_restored
        {
            return Some(Breach::CommittedYetGone(content));
        }
        if let Some(content) = said.of_another.iter().next() {
            return Some(Breach::OfAnother(content));
        }
        if let Some(content) = said.on_one_disk.iter().next()
            && !self.config.disks_go_back()
        {
            return Some(Breach::OnOneDisk(content));
        }
        self.gone(world, said.stored)
            .map(Breach::StoredYetGone)
            .or_else(|| self.queued_and_gone(world).map(Breach::QueuedYetGone))
    }

    /// What was acknowledged and is on no disk, though less than two disks were lost.
    fn gone(&self, world: &World, acknowledged: Contents) -> Option<Content> {
        acknowledged.iter().find(|content| self.must_come(world, *content) && !world.on_some_disk(*content))
    }

    fn queued_and_gone(&self, world: &World) -> Option<Content> {
        let alive = world.author(A).is_some_and(|author| author.alive);
        if alive { self.gone(world, world.said.queued) } else { None }
    }

    /// Whether an acknowledged content has to stand in the end.
    #[must_use]
    pub fn must_come(&self, world: &World, content: Content) -> bool {
        let said = &world.said;
        let told = said.refused.has(content) || said.unknown.has(content) || self.was_superseded(world, content);
        !told && !said.lost.has(content)
    }

    /// A queue may let go of a message only where its author's chain can fork at all.
    fn was_superseded(&self, world: &World, content: Content) -> bool {
        self.chains_may_fork() && world.said.superseded.has(content)
    }

    fn chains_may_fork(&self) -> bool {
        self.config.may(Fault::AuthorRestored)
            || self.config.plays(Scene::Kick)
            || self.config.plays(Scene::TooBig)
            || self.config.plays(Scene::Retention)
            || self.config.disks_go_back()
    }

    fn signing_breach(&self, world: &World) -> Option<Breach> {
        if let Some(content) = world.said.key_reused.iter().next() {
            return Some(Breach::KeyReused(content));
        }
        let items = world.authors.iter().flat_map(|author| &author.disk.outbox);
        let highest = items.max_by_key(|item| item.incarnation)?;
        match highest.incarnation {
            2.. if !self.chains_may_fork() => Some(Breach::SignedAgain(highest.content)),
            ENDLESS.. => Some(Breach::SignedForEver(highest.content)),
            _ => None,
        }
    }

    fn epoch_breach(&self, world: &World) -> Option<Breach> {
        let mut sequencers: Vec<_> = world.hosts.iter().filter(|host| host.alive && host.sequencing != 0).collect();
        if sequencers.iter().any(|host| host.sequencing < host.max_epoch) {
            return Some(Breach::NotFenced);
        }
        sequencers.dedup_by_key(|host| host.fence());
        let all = world.hosts.iter().filter(|host| host.alive && host.sequencing != 0).count();
        let may_double = self.config.disks_go_back();
        (sequencers.len() != all && !may_double).then_some(Breach::TwoSequencers)
    }

    fn watermark_breach(&self, world: &World) -> Option<Breach> {
        if self.config.disks_go_back() {
            return None;
        }
        let tracker = &world.tracker.log;
        world.hosts.iter().filter(|host| host.alive).find_map(|host| {
            if !tracker.starts_with(&host.receipts()) {
                return Some(Breach::WrongWatermark);
            }
            let both = host.log.iter().zip(tracker.iter()).enumerate();
            let same_epoch = both.filter(|(_, (here, there))| here.epoch == there.epoch);
            let differs = same_epoch.into_iter().any(|(at, _)| host.log[..=at] != tracker[..=at]);
            differs.then_some(Breach::TwoAtOnePlace)
        })
    }
}
