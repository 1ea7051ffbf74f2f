//! Everything that can happen in a world, step by step.

mod author;
mod disaster;
mod host;
mod network;
mod queue;
mod tracker;

use crate::accept::View;
use crate::config::Config;
use crate::envelope::Envelope;
use crate::machines::{Fence, Host, Tracker};
use crate::rules::{Rule, Rules};
use crate::step::{At, Kind, Step};
use crate::world::World;

/// A configuration under some rules.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// What there is, and what may happen.
    pub config: Config,
    /// What is in force.
    pub rules: Rules,
}

/// A possible next world.
#[derive(Clone, Debug)]
pub struct Next {
    /// What happens.
    pub step: Step,
    /// Whether progress may rest on it.
    pub kind: Kind,
    /// How things are then.
    pub world: World,
}

impl Model {
    /// How it begins.
    #[must_use]
    pub fn first(&self) -> World {
        World::first(&self.config, self.rules)
    }

    /// All that can happen next.
    #[must_use]
    pub fn next(&self, now: &World) -> Vec<Next> {
        let mut steps = Steps { model: *self, now, found: Vec::new() };
        steps.of_authors();
        steps.of_network();
        steps.of_hosts();
        steps.of_queues();
        steps.of_tracker();
        steps.of_disaster();
        steps.found
    }
}

/// The steps found so far.
struct Steps<'a> {
    model: Model,
    now: &'a World,
    found: Vec<Next>,
}

impl Steps<'_> {
    fn has(&self, rule: Rule) -> bool {
        self.model.rules.has(rule)
    }

    fn lacks(&self, rule: Rule) -> bool {
        !self.model.rules.has(rule)
    }

    /// Adds a step, unless it changes nothing.
    fn add(&mut self, kind: Kind, step: Step, change: impl FnOnce(&mut World)) {
        let mut world = self.now.clone();
        change(&mut world);
        world.settle(&self.model.config, self.model.rules);
        if world != *self.now {
            self.found.push(Next { step, kind, world });
        }
    }

    /// The hosts whose disk is there.
    fn living_hosts(&self) -> impl Iterator<Item = (usize, &Host)> {
        self.now.hosts.iter().enumerate().filter(|(_, host)| host.alive)
    }

    /// Whether the tracker may sequence: the epoch is its own, and the record of it is on disk.
    fn tracker_sequences(&self) -> bool {
        let tracker = &self.now.tracker;
        tracker.owning_host().is_none() && (self.lacks(Rule::EpochBeforeShown) || epoch_synced(tracker))
    }

    /// What the tracker's answers may show of its log.
    fn shown(&self) -> usize {
        let tracker = &self.now.tracker;
        if self.has(Rule::StoreBeforeFate) { usize::from(tracker.synced) } else { tracker.log.len() }
    }

    /// What the tracker's receipts may show of its log.
    fn receipted(&self) -> usize {
        let tracker = &self.now.tracker;
        if self.has(Rule::StoreBeforeReceipt) { usize::from(tracker.synced) } else { tracker.log.len() }
    }

    fn tracker_view(&self) -> View<'_> {
        let (tracker, shown) = (&self.now.tracker, self.shown());
        View { log: &tracker.log, stored: shown, committed: shown, forgotten: tracker.forgotten.into() }
    }

    /// The host that sequences in the current epoch, other than one.
    fn owner_but(&self, but: usize) -> Option<usize> {
        let owner = usize::from(self.now.tracker.owning_host()?);
        let host = &self.now.hosts[owner];
        (owner != but && host.alive && host.fence() == self.now.tracker.fence()).then_some(owner)
    }
}

fn host_view(host: &Host) -> View<'_> {
    View {
        log: &host.log,
        stored: host.stored.into(),
        committed: host.committed.into(),
        forgotten: host.forgotten.into(),
    }
}

fn epoch_synced(tracker: &Tracker) -> bool {
    usize::from(tracker.synced_epochs) == tracker.past.len() + 1
}

impl World {
    /// A sequencer appends.
    fn append(&mut self, at: At, envelope: Envelope, rules: Rules) {
        let At::Host(host) = at else {
            let epoch = self.tracker.fence().epoch;
            return self.tracker.log.append(epoch, envelope);
        };
        let host = &mut self.hosts[usize::from(host)];
        host.log.append(host.sequencing, envelope);
        if !rules.has(Rule::StoreBeforeStored) {
            self.said.stored.add(envelope.content);
        }
        if !rules.has(Rule::StoreBeforeReplicate) {
            self.frames.extend(host.frame(host.log.len() - 1));
        }
    }

    /// The fence under which a sequencer works.
    fn fence_at(&self, at: At) -> Fence {
        match at {
            At::Tracker => self.tracker.fence(),
            At::Host(host) => self.hosts[usize::from(host)].fence(),
        }
    }
}
