//! What the tracker does: commit, sync, take epochs and grant them, delete.

use super::Steps;
use crate::accept::View;
use crate::config::Scene;
use crate::envelope::{A, OWNER};
use crate::machines::{Frame, Owner};
use crate::rules::Rule;
use crate::step::{Kind, Step};

impl Steps<'_> {
    pub(super) fn of_tracker(&mut self) {
        for frame in &self.now.frames {
            if self.takes(frame) {
                self.commits(frame);
            }
        }
        self.tracker_disk();
        match self.now.tracker.owning_host() {
            Some(owner) => self.takes_over(usize::from(owner)),
            None => self.grants(),
        }
        self.deletes();
    }

    /// Whether the tracker takes an entry that a host has sequenced.
    fn takes(&self, frame: &Frame) -> bool {
        let tracker = &self.now.tracker;
        let len = tracker.log.len();
        let row = View { log: &tracker.log, stored: len, committed: len, forgotten: 0 };
        let row = row.row(&frame.envelope, self.model.rules);
        let linked = frame.envelope.prev == row.hash || self.lacks(Rule::AuthorChain);
        let next_of_author = linked && row.continued_by(frame.envelope.place());
        usize::from(frame.position) == len
            && self.is_current(frame)
            && (frame.before == tracker.log.chain(len) || self.lacks(Rule::ReplicateChain))
            && (next_of_author || self.lacks(Rule::ReplicateRow))
            && (self.has(Rule::TakeAsChain) || !(frame.envelope.author == A && self.has_heard_of_kick()))
    }

    fn is_current(&self, frame: &Frame) -> bool {
        let current = self.now.tracker.fence();
        if self.lacks(Rule::Fencing) {
            return true;
        }
        let generation = frame.fence.generation == current.generation || self.lacks(Rule::FenceGeneration);
        generation && frame.fence.epoch == current.epoch && self.now.tracker.owning_host().is_some()
    }

    /// What a tracker would go by that looks at rights beside the log.
    fn has_heard_of_kick(&self) -> bool {
        self.now.author(OWNER).is_some_and(|owner| owner.written == 1)
    }

    fn commits(&mut self, frame: &Frame) {
        let (position, fence) = (usize::from(frame.position), frame.fence);
        let is_sent = self.living_hosts().any(|(_, host)| {
            host.fence() == fence && usize::from(host.stored) > position && host.frame(position) == Some(*frame)
        });
        let kind = if is_sent { Kind::Fresh } else { Kind::Stale };
        let on_one_disk = self.owner_lacks(frame);
        let of_another = fence != self.now.tracker.fence();
        self.add(kind, Step::TrackerCommits(frame.envelope), |world| {
            world.tracker.log.append(fence.epoch, frame.envelope);
            if on_one_disk {
                world.said.on_one_disk.add(frame.envelope.content);
            }
            if of_another {
                world.said.of_another.add(frame.envelope.content);
            }
        });
    }

    /// Whether the host that owns the epoch has not got the entry on its disk.
    fn owner_lacks(&self, frame: &Frame) -> bool {
        let owner = self.now.tracker.owning_host().map(usize::from);
        owner.is_some_and(|owner| {
            let host = &self.now.hosts[owner];
            host.alive && !host.durable().holds(&frame.envelope)
        })
    }

    fn tracker_disk(&mut self) {
        if self.now.tracker.at_rest() {
            return;
        }
        self.add(Kind::Fresh, Step::TrackerSyncs, |world| world.tracker.sync());
        if self.now.budget.tracker_crashes > 0 {
            self.add(Kind::Fault, Step::TrackerCrashes, |world| {
                world.tracker.crash();
                world.hosts_say_hello();
                world.budget.tracker_crashes -= 1;
            });
        }
    }

    /// The tracker takes the epoch: because the host is away or seems to be, or because it says hello.
    fn takes_over(&mut self, owner: usize) {
        let now = self.now;
        let epoch = now.tracker.fence().epoch + 1;
        let gone = !now.hosts[owner].alive;
        let says_hello = |index: usize| index == owner || self.model.config.one_device() || gone;
        let hello = self.living_hosts().any(|(index, host)| host.hello && says_hello(index));
        if hello && self.has(Rule::HelloOpensEpoch) {
            self.add(Kind::Fresh, Step::AnswersHello { epoch }, |world| {
                world.tracker.open(Owner::Tracker);
                world.hosts.iter_mut().for_each(|host| host.hello = false);
            });
        }
        if gone {
            return self.add(Kind::Fresh, Step::Suspects { epoch }, |world| world.tracker.open(Owner::Tracker));
        }
        if now.budget.suspicions > 0 {
            self.add(Kind::Fault, Step::Suspects { epoch }, |world| {
                world.tracker.open(Owner::Tracker);
                world.budget.suspicions -= 1;
            });
        }
    }

    fn grants(&mut self) {
        let now = self.now;
        let tracker = &now.tracker;
        if !tracker.at_rest() || !tracker.losing.is_empty() {
            return;
        }
        for (index, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive) {
            let adopted = host.generation == tracker.fence().generation && host.max_epoch == tracker.fence().epoch;
            let at_head = usize::from(host.committed) == tracker.log.len();
            if host.sequencing != 0 || !adopted || !(at_head || self.lacks(Rule::GrantAtHead)) {
                continue;
            }
            let step = Step::Grants { host: index as u8, epoch: tracker.fence().epoch + 1 };
            self.add(Kind::Fresh, step, |world| {
                world.tracker.open(Owner::Host { host: index as u8, start: host.start });
            });
        }
    }

    /// The owner's policy deletes what both copies hold as committed.
    fn deletes(&mut self) {
        let tracker = &self.now.tracker;
        let upto = tracker.log.len() as u8;
        let covered = tracker.at_rest() && self.living_hosts().any(|(_, host)| host.committed >= upto);
        if !self.model.config.plays(Scene::Retention) || tracker.forgotten > 0 || upto < 2 || !covered {
            return;
        }
        self.add(Kind::Fault, Step::Deletes { upto }, |world| {
            world.tracker.forgotten = upto;
            for host in world.hosts.iter_mut().filter(|host| host.committed >= upto) {
                host.forgotten = upto;
            }
        });
    }
}
