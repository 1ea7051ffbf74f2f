//! A tracker whose disk went back and who does not know: who shows it, and what it does then.

use super::{Steps, host_view};
use crate::accept::{Answer, View};
use crate::config::Fault;
use crate::envelope::Envelope;
use crate::log::Log;
use crate::machines::{Author, EpochRecord, Fence, Host};
use crate::rules::Rule;
use crate::step::{At, Kind, Step};
use crate::world::World;

impl Steps<'_> {
    pub(super) fn of_disaster(&mut self) {
        if !self.model.config.may(Fault::TrackerRestored) {
            return;
        }
        self.restores();
        let now = self.now;
        for (index, author) in now.authors.iter().enumerate().filter(|(_, author)| author.alive) {
            self.author_compares(index, author);
        }
        for (index, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive) {
            self.host_shows(index, host);
        }
        self.sequences_losing();
    }

    /// Every image that the tracker's disk has ever been.
    fn restores(&mut self) {
        let tracker = &self.now.tracker;
        if self.now.tracker_restored {
            return;
        }
        let records: Vec<EpochRecord> = tracker.epochs().collect();
        for epochs in 1..=records.len() {
            let end = records.get(epochs).map_or(tracker.log.len(), |next| next.base.into());
            for head in usize::from(records[epochs - 1].base)..=end {
                let step = Step::TrackerRestored { epochs: epochs as u8, head: head as u8 };
                let records = &records;
                self.add(Kind::Fault, step, |world| {
                    world.tracker_restored = true;
                    world.tracker.log.cut(head);
                    world.tracker.current = records[epochs - 1];
                    world.tracker.past = records[..epochs - 1].to_vec();
                    world.tracker.sync();
                    world.hosts_say_hello();
                    world.loses_a_disk();
                });
            }
        }
    }

    /// An author compares what they have read with the tracker's log.
    fn author_compares(&mut self, index: usize, author: &Author) {
        let tracker = &self.now.tracker;
        let fence = tracker.fence();
        if self.keeps_cache() && tracker.log.starts_with(&author.cache) {
            self.add(Kind::Fresh, Step::ReadsLog(author.id), |world| {
                let committed = world.tracker.committed();
                world.authors[index].takes_numbering(committed, fence);
            });
        } else if self.keeps_cache() && self.has(Rule::ShownLossOpens) {
            let read = Fence { generation: author.cache_generation, epoch: author.known.epoch };
            if read.generation >= fence.generation {
                self.recovers(Step::AuthorShows(author.id), &author.cache, read);
            } else if self.has(Rule::GenerationResubmits) {
                self.carries_across(index, author);
            }
        }
        if self.has(Rule::ShownLossOpens) && author.known > fence && tracker.log.starts_with(&author.cache) {
            self.goes_above(Step::AuthorShows(author.id), author.known);
        }
    }

    fn host_shows(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        if self.lacks(Rule::ShownLossOpens) || host.generation < tracker.fence().generation {
            return;
        }
        let known = Fence { generation: host.generation, epoch: host.max_epoch };
        if !tracker.log.starts_with(&host.receipts()) {
            self.recovers(Step::HostShows(index as u8), &host.receipts(), known);
        } else if known > tracker.fence() {
            self.goes_above(Step::HostShows(index as u8), known);
        }
    }

    /// The tracker takes the shown chain; what it had itself beside that is to be sequenced again.
    fn recovers(&mut self, step: Step, shown: &Log, known: Fence) {
        let keeps_losing = self.has(Rule::LosingBranch);
        self.add(Kind::Fresh, step, |world| {
            let tracker = &mut world.tracker;
            if keeps_losing {
                let losing = tracker.log.envelopes().filter(|envelope| !shown.says(envelope.content));
                tracker.losing.extend(losing);
            }
            tracker.log = shown.clone();
            let last = shown.last().map_or(0, |entry| entry.epoch);
            tracker.begin_generation(above(tracker.fence(), Fence { epoch: known.epoch.max(last), ..known }));
        });
    }

    /// The tracker has lost epoch records only.
    fn goes_above(&mut self, step: Step, known: Fence) {
        self.add(Kind::Fresh, step, |world| {
            let fence = above(world.tracker.fence(), known);
            world.tracker.begin_generation(fence);
        });
    }

    /// Across generations: submit what the new log lacks, then take its numbering.
    fn carries_across(&mut self, index: usize, author: &Author) {
        let (now, rules) = (self.now, self.model.rules);
        let lacking = author.cache.envelopes().find(|envelope| !now.tracker.log.says(envelope.content));
        let Some(envelope) = lacking else {
            return self.add(Kind::Fresh, Step::Renumbers(author.id), |world| {
                let (committed, fence) = (world.tracker.committed(), world.tracker.fence());
                world.authors[index].takes_numbering(committed, fence);
            });
        };
        let (at, view) = match self.owner_but(usize::MAX) {
            Some(owner) => (At::Host(owner as u8), host_view(&now.hosts[owner])),
            None if self.tracker_sequences() => (At::Tracker, View { log: &now.tracker.log, ..self.tracker_view() }),
            None => return,
        };
        if view.judge(&envelope, rules) == Answer::Accepted {
            let step = Step::CarriesAcross { author: author.id, envelope };
            self.add(Kind::Fresh, step, |world| world.append(at, envelope, rules));
        }
    }

    fn sequences_losing(&mut self) {
        let (now, rules) = (self.now, self.model.rules);
        let Some(envelope) = now.tracker.losing.first().copied() else { return };
        if !self.tracker_sequences() {
            return;
        }
        let answer = self.tracker_view().judge(&envelope, rules);
        self.add(Kind::Fresh, Step::SequencesLosing(envelope), |world| world.sequence_losing(envelope, answer));
    }
}

impl World {
    fn sequence_losing(&mut self, envelope: Envelope, answer: Answer) {
        self.tracker.losing.remove(0);
        if answer == Answer::Accepted {
            let epoch = self.tracker.fence().epoch;
            self.tracker.log.append(epoch, envelope);
        } else if !self.tracker.log.says(envelope.content) {
            self.said.superseded.add(envelope.content);
        }
    }
}

/// A generation and an epoch above both.
fn above(own: Fence, shown: Fence) -> Fence {
    Fence { generation: own.generation.max(shown.generation) + 1, epoch: own.epoch.max(shown.epoch) + 1 }
}
