//! Submits that stay in the network, and those that the tracker was given to forward.

use super::{Steps, host_view};
use crate::accept::Answer;
use crate::config::{Fault, Scene};
use crate::envelope::Envelope;
use crate::machines::{Author, Copy, Way};
use crate::rules::Rule;
use crate::step::{At, Kind, Step};

impl Steps<'_> {
    pub(super) fn of_network(&mut self) {
        let (now, config) = (self.now, self.model.config);
        for author in now.authors.iter().filter(|author| author.alive) {
            if !self.has_carried(author) {
                continue;
            }
            for envelope in author.disk.outbox.iter().copied() {
                if config.may(Fault::OldCopies) {
                    self.leaves(author, Step::LeavesCopy(envelope), envelope, Way::Direct);
                }
                if config.plays(Scene::Forwarding) && now.tracker.owning_host().is_some() {
                    self.leaves(author, Step::HandsToForward(envelope), envelope, Way::Forwarded);
                }
            }
        }
        for copy in &now.copies {
            self.arrives_at_tracker(copy);
            self.arrives_at_hosts(copy);
        }
    }

    /// Own messages leave only when what they rest on is known to stand where they go.
    fn has_carried(&self, author: &Author) -> bool {
        if self.lacks(Rule::CarryDisplayed) || author.held.is_empty() {
            return true;
        }
        let tracker = &self.now.tracker;
        if tracker.owning_host().is_none() && tracker.fence() == author.known {
            return author.held.iter().all(|held| tracker.log.holds(held));
        }
        let hosts = self.now.hosts.iter().filter(|host| host.alive && host.fence() == author.known);
        hosts.into_iter().any(|host| author.held.iter().all(|held| host.log.holds(held)))
    }

    fn leaves(&mut self, author: &Author, step: Step, envelope: Envelope, way: Way) {
        let copy = Copy { fence: author.known, envelope, way };
        self.add(Kind::Fault, step, |world| {
            world.copies.insert(copy);
        });
    }

    fn arrives_at_tracker(&mut self, copy: &Copy) {
        let rules = self.model.rules;
        let meddles = self.lacks(Rule::HostEpochIsTheHosts);
        if !(self.tracker_sequences() || meddles)
            || self.tracker_view().judge(&copy.envelope, rules) != Answer::Accepted
        {
            return;
        }
        let named = copy.fence == self.now.tracker.fence() || self.lacks(Rule::SubmitFence);
        let (envelope, at) = (copy.envelope, At::Tracker);
        match copy.way {
            Way::Direct if named => {
                self.add(Kind::Stale, Step::CopyArrives { at, envelope }, |world| world.append(at, envelope, rules));
            }
            Way::Forwarded if self.lacks(Rule::ForwardOnly) || meddles && named => {
                let step = Step::ForwardedSequenced(envelope);
                self.add(Kind::Stale, step, |world| world.append(at, envelope, rules));
            }
            _ => {}
        }
    }

    fn arrives_at_hosts(&mut self, copy: &Copy) {
        let (now, rules, envelope) = (self.now, self.model.rules, copy.envelope);
        for (number, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive && host.sequencing != 0) {
            let named = copy.fence == host.fence() || self.lacks(Rule::SubmitFence);
            let accepted = host_view(host).judge(&envelope, rules) == Answer::Accepted;
            if named && accepted && self.drained(host) {
                let at = At::Host(number as u8);
                self.add(Kind::Stale, Step::CopyArrives { at, envelope }, |world| world.append(at, envelope, rules));
            }
        }
    }
}
