//! Everything there is at one moment, and what was said so far.

use std::collections::BTreeSet;

use crate::config::{Budget, Config, Fault, Hosts, Scene};
use crate::envelope::{A, AuthorId, B, Content, Contents, Envelope, Hash, OWNER};
use crate::machines::{Author, Copy, Fence, Frame, Host, Tracker};
use crate::rules::{Rule, Rules};

/// What machines have said, by content: what can be held against them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Said {
    /// "It is on my disk": shown to the author.
    pub queued: Contents,
    /// A host has answered `HostStored`.
    pub stored: Contents,
    /// The author was told that it is committed.
    pub committed: Contents,
    /// The author was told that it is refused for good.
    pub refused: Contents,
    /// The author was told that its fate is unknown, or took it out of its disk by restoring a backup.
    pub unknown: Contents,
    /// A resubmit queue let go of it, because the committed log answered `Fork` or a final refusal.
    pub superseded: Contents,
    /// A wrote it knowing of no access entry.
    pub before_kick: Contents,
    /// Its author has signed it under a key that the author had used before.
    pub key_reused: Contents,
    /// It was on no disk any more after the second disk was lost or went back.
    pub lost: Contents,
    /// A receipt was given while the epoch's host did not have the entry on disk.
    pub on_one_disk: Contents,
    /// The tracker has taken it from another than the one that sequences in its epoch.
    pub of_another: Contents,
}

/// A world at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The tracker.
    pub tracker: Tracker,
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The authors.
    pub authors: Vec<Author>,
    /// Replicated entries, which may arrive at any later time, again and again.
    pub frames: BTreeSet<Frame>,
    /// Submits, which may arrive at any later time, again and again.
    pub copies: BTreeSet<Copy>,
    /// What was said.
    pub said: Said,
    /// What may still happen.
    pub budget: Budget,
    /// Whether the tracker's disk went back.
    pub tracker_restored: bool,
    /// How many disks were lost or went back.
    pub disks_lost: u8,
}

impl World {
    /// The world in which a configuration begins.
    #[must_use]
    pub fn first(config: &Config, rules: Rules) -> Self {
        let mut authors = vec![Author::new(A)];
        if config.lines[1] > 0 {
            authors.push(Author::new(B));
        }
        if config.plays(Scene::Kick) || config.plays(Scene::Notice) {
            authors.push(Author::new(OWNER));
        }
        Self {
            tracker: Tracker::new(),
            hosts: (0..config.host_count()).map(|host| first_host(config, rules, host)).collect(),
            authors,
            frames: BTreeSet::new(),
            copies: BTreeSet::new(),
            said: Said::default(),
            budget: config.budget,
            tracker_restored: false,
            disks_lost: 0,
        }
    }

    /// An author.
    #[must_use]
    pub fn author(&self, id: AuthorId) -> Option<&Author> {
        self.authors.iter().find(|author| author.id == id)
    }

    /// Whether anybody but one author could bring the envelope with a hash.
    #[must_use]
    pub fn anybody_holds(&self, hash: Hash, but: AuthorId) -> bool {
        let is = |envelope: &Envelope| envelope.hash() == hash;
        let at_hosts = self.hosts.iter().filter(|host| host.alive).any(|host| {
            let retained = host.log.envelopes().skip(host.forgotten.into());
            retained.into_iter().any(|envelope| is(&envelope)) || host.resubmit.iter().any(is)
        });
        let at_others = self.authors.iter().filter(|author| author.alive && author.id != but);
        at_hosts
            || self.tracker.log.envelopes().skip(self.tracker.forgotten.into()).any(|envelope| is(&envelope))
            || self.tracker.losing.iter().any(is)
            || at_others.into_iter().any(|author| author.piece(hash).is_some())
    }

    /// Whether a content is on any disk.
    #[must_use]
    pub fn on_some_disk(&self, content: Content) -> bool {
        let is = |envelope: &Envelope| envelope.content == content;
        let at_hosts = self
            .hosts
            .iter()
            .filter(|host| host.alive)
            .any(|host| host.durable().says(content) || host.resubmit.iter().any(is));
        let at_authors = self
            .authors
            .iter()
            .filter(|author| author.alive)
            .any(|author| author.disk.outbox.iter().any(is) || author.cache.says(content));
        at_hosts || at_authors || self.tracker.log.says(content) || self.tracker.losing.iter().any(is)
    }

    /// A disk was lost or went back: one such loss must cost nothing; what the second one takes is excused.
    pub fn loses_a_disk(&mut self) {
        self.disks_lost += 1;
        let acknowledged = self.said.queued.and(self.said.stored).and(self.said.committed);
        for content in acknowledged.iter().filter(|_| self.disks_lost > 1) {
            if !self.on_some_disk(content) {
                self.said.lost.add(content);
            }
        }
    }

    /// Does what needs no step of its own: a tracker that never crashes syncs at once, and frames that no rule lets
    /// in any more are forgotten (which removes no behaviour, only states that differ in nothing else).
    pub fn settle(&mut self, config: &Config, rules: Rules) {
        if config.budget.tracker_crashes == 0 {
            self.tracker.sync();
        }
        if !rules.has(Rule::Fencing) || config.may(Fault::TrackerRestored) {
            return;
        }
        let fence = self.durable_fence();
        let synced = self.tracker.synced;
        self.frames.retain(|frame| frame.fence >= fence && frame.position >= synced);
        if rules.has(Rule::SubmitFence) && rules.has(Rule::ForwardOnly) {
            self.copies.retain(|copy| copy.fence >= fence);
        }
    }

    /// The tracker's process has started again: every host that owns no epoch says hello once more.
    pub fn hosts_say_hello(&mut self) {
        for host in self.hosts.iter_mut().filter(|host| host.alive && host.sequencing == 0) {
            host.hello = true;
        }
    }

    /// The fence that the tracker cannot fall back behind.
    fn durable_fence(&self) -> Fence {
        let last = usize::from(self.tracker.synced_epochs).saturating_sub(1);
        self.tracker.epochs().nth(last).map_or(Fence::FIRST, |record| record.fence)
    }
}

fn first_host(config: &Config, rules: Rules, host: u8) -> Host {
    match (host, config.hosts) {
        (0, _) | (_, Hosts::Cloned) => Host::new(1),
        (_, Hosts::CopiedDisk) if !rules.has(Rule::FreshEpoch) => Host { start: 1, ..Host::new(1) },
        (_, Hosts::CopiedDisk) => Host { max_epoch: 1, start: 1, hello: true, ..Host::new(0) },
        _ => Host::new(0),
    }
}

/// What an author writes as its next content, if anything.
#[must_use]
pub fn next_content(config: &Config, author: &Author) -> Option<Content> {
    let n = author.written;
    if author.id == OWNER {
        return match n {
            0 if config.plays(Scene::Notice) => Some(Content::Text(9)),
            0 if config.plays(Scene::Kick) => Some(Content::Kick),
            1 if config.plays(Scene::Allow) => Some(Content::Allow),
            _ => None,
        };
    }
    if n >= config.lines[usize::from(author.id.0)] {
        return None;
    }
    if config.plays(Scene::TooBig) && author.id == A && n == 0 {
        return Some(Content::TooBig);
    }
    Some(Content::Text(author.id.0 * 4 + n + 1))
}

/// What A writes last: what B answers.
#[must_use]
pub fn answered_content(config: &Config) -> Content {
    Content::Text(config.lines[0])
}
