//! What authors do: write, talk to sequencers, hear of commits; and what may happen to their disks.

use super::{Steps, host_view};
use crate::accept::{Answer, View};
use crate::config::{Fault, Scene};
use crate::conversation::{Conversation, Reach};
use crate::envelope::{A, B, Content, Envelope};
use crate::log::Log;
use crate::machines::{Author, Host};
use crate::rules::Rule;
use crate::step::{At, Kind, Step};
use crate::world::{World, answered_content, next_content};

impl Steps<'_> {
    pub(super) fn of_authors(&mut self) {
        let now = self.now;
        for (index, author) in now.authors.iter().enumerate().filter(|(_, author)| author.alive) {
            self.writes(index, author);
            self.displays(index, author);
            self.learns_commit(index, author);
            self.talks(index, author);
            self.crashes(index, author);
            if author.id == A {
                self.disk_faults(index, author);
            }
        }
    }

    fn writes(&mut self, index: usize, author: &Author) {
        let config = self.model.config;
        let Some(content) = next_content(&config, author) else { return };
        if config.plays(Scene::Reply) && author.id == B && !author.displayed {
            return;
        }
        if config.plays(Scene::SecondChannel) && content == Content::Text(2) {
            let shared = self.lacks(Rule::CountersPerChannel);
            return self.add(Kind::Fresh, Step::WritesElsewhere(author.id), |world| {
                let author = &mut world.authors[index];
                author.written += 1;
                author.disk.signer.seq += u8::from(shared);
            });
        }
        let kick_may_come = config.plays(Scene::Kick) && author.id == A;
        let (ahead, mut disk) = (self.lacks(Rule::OutboxBeforeSubmit), author.disk.clone());
        let envelope = disk.signer.sign(author.id, content);
        disk.outbox.push(envelope);
        self.add(Kind::Fresh, Step::Writes(envelope), |world| {
            let author = &mut world.authors[index];
            author.written += 1;
            let before = std::mem::replace(&mut author.disk, disk);
            if ahead && author.synced.is_none() {
                author.synced = Some(Box::new(before));
            }
            world.said.queued.add(content);
            if kick_may_come && envelope.incarnation == 1 {
                world.said.before_kick.add(content);
            }
        });
    }

    fn displays(&mut self, index: usize, author: &Author) {
        let config = self.model.config;
        if !config.plays(Scene::Reply) || author.id != B || author.displayed {
            return;
        }
        let (wanted, all) = (answered_content(&config), self.has(Rule::CarryAll));
        let now = self.now;
        for (number, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive && host.sequencing != 0) {
            let provisional = host.durable().envelopes().skip(host.committed.into()).collect::<Vec<_>>();
            if !host.durable().says(wanted) {
                continue;
            }
            let step = Step::Displays { reader: author.id, host: number as u8 };
            self.add(Kind::Fresh, step, |world| {
                let reader = &mut world.authors[index];
                reader.displayed = true;
                reader.known = reader.known.max(host.fence());
                reader.held = provisional.into_iter().filter(|held| all || held.content == wanted).collect();
            });
        }
    }

    /// A receipt of the tracker reaches the author, on whatever way.
    fn learns_commit(&mut self, index: usize, author: &Author) {
        let committed = self.now.tracker.log.prefix(self.receipted());
        if self.wants_evidence_first(author, &committed) {
            return;
        }
        let stands = |world: &World, item: &Envelope| {
            committed.holds(item) || (self.lacks(Rule::ReceiptOnChain) && place_is_below(world, item, committed.len()))
        };
        let now = self.now;
        let gone: Vec<_> = author.disk.outbox.iter().filter(|item| stands(now, item)).copied().collect();
        if gone.is_empty() {
            return;
        }
        let keeps = self.keeps_cache();
        self.add(Kind::Fresh, Step::LearnsCommit(author.id), |world| {
            gone.iter().for_each(|item| world.said.committed.add(item.content));
            let fence = world.tracker.fence();
            let author = &mut world.authors[index];
            author.disk.outbox.retain(|item| !gone.contains(item));
            author.reads(committed.clone(), fence, keeps);
        });
    }

    /// Where the tracker's disk may go back, one that does not hold what an author has read is shown that first.
    pub(super) fn wants_evidence_first(&self, author: &Author, log: &Log) -> bool {
        self.has(Rule::ShownLossOpens) && self.keeps_cache() && !log.starts_with(&author.cache)
    }

    pub(super) fn keeps_cache(&self) -> bool {
        self.model.config.may(Fault::TrackerRestored) && self.has(Rule::KeepUntilTwoDisks)
    }

    fn talks(&mut self, index: usize, author: &Author) {
        let tracker = &self.now.tracker;
        if self.tracker_sequences()
            && !self.wants_evidence_first(author, &tracker.log)
            && (author.known <= tracker.fence() || self.lacks(Rule::NewestEpoch))
        {
            let view = View { log: &tracker.log, ..self.tracker_view() };
            self.talks_to(index, At::Tracker, view, Reach::Everybody);
        }
        for (number, host) in self.now.hosts.iter().enumerate() {
            if self.may_submit_to(author, host) {
                self.talks_to(index, At::Host(number as u8), host_view(host), Reach::Everybody);
                if self.now.budget.unreachable > 0 {
                    self.talks_to(index, At::Host(number as u8), host_view(host), Reach::Nobody);
                }
            }
        }
    }

    fn may_submit_to(&self, author: &Author, host: &Host) -> bool {
        let receipts = host.receipts();
        let comparable = author.cache.starts_with(&receipts) || receipts.starts_with(&author.cache);
        host.alive
            && host.sequencing != 0
            && (author.known <= host.fence() || self.lacks(Rule::NewestEpoch))
            && (comparable || !self.keeps_cache() || self.lacks(Rule::ShownLossOpens))
            && self.drained(host)
    }

    /// A host takes no new submits while it can sequence something of its queue.
    pub(super) fn drained(&self, host: &Host) -> bool {
        let view = host_view(host);
        host.resubmit.iter().all(|item| view.judge(item, self.model.rules) != Answer::Accepted)
    }

    fn talks_to(&mut self, index: usize, at: At, view: View<'_>, reach: Reach) {
        let (kind, cost) = if reach == Reach::Everybody { (Kind::Fresh, 0) } else { (Kind::Fault, 1) };
        let (now, rules) = (self.now, self.model.rules);
        let (mut author, mut said) = (now.authors[index].clone(), now.said.clone());
        let wanted = Conversation { world: now, rules, view, reach, author: &mut author, said: &mut said }.run();
        let heard = author != now.authors[index] || said != now.said;
        author.reads(view.log.prefix(view.committed), now.fence_at(at), self.keeps_cache());
        if heard || wanted.is_none() {
            let (author, said) = (author.clone(), said.clone());
            self.add(kind, Step::Hears { author: author.id, at }, |world| {
                world.budget.unreachable -= cost;
                world.said = said;
                world.authors[index] = author;
            });
        }
        let Some(envelope) = wanted else { return };
        self.add(kind, Step::Appends { at, envelope }, |world| {
            world.budget.unreachable -= cost;
            world.said = said;
            world.authors[index] = author;
            world.append(at, envelope, rules);
        });
    }

    fn crashes(&mut self, index: usize, author: &Author) {
        let Some(synced) = &author.synced else { return };
        self.add(Kind::Fresh, Step::AuthorSyncs(author.id), |world| world.authors[index].synced = None);
        if self.now.budget.author_crashes > 0 {
            self.add(Kind::Fault, Step::AuthorCrashes(author.id), |world| {
                world.budget.author_crashes -= 1;
                let author = &mut world.authors[index];
                author.disk = (**synced).clone();
                author.synced = None;
            });
        }
    }

    fn disk_faults(&mut self, index: usize, author: &Author) {
        if self.model.config.may(Fault::AuthorDies) {
            self.add(Kind::Fault, Step::AuthorDies(author.id), |world| {
                world.authors[index].alive = false;
                world.loses_a_disk();
            });
        }
        if !self.model.config.may(Fault::AuthorRestored) || author.restored {
            return;
        }
        let Some(backup) = &author.backup else {
            return self.add(Kind::Fault, Step::AuthorSaved(author.id), |world| {
                let author = &mut world.authors[index];
                author.backup = Some(Box::new(author.disk.clone()));
            });
        };
        self.add(Kind::Fault, Step::AuthorRestored(author.id), |world| {
            let author = &mut world.authors[index];
            for item in &author.disk.outbox {
                if !backup.outbox.iter().any(|kept| kept.content == item.content) {
                    world.said.unknown.add(item.content);
                }
            }
            author.disk = (**backup).clone();
            author.restored = true;
            world.loses_a_disk();
        });
    }
}

/// Whether a host has said `HostStored` for an envelope, at a position below the receipt's.
fn place_is_below(world: &World, envelope: &Envelope, receipt: usize) -> bool {
    let stored = |host: &Host| host.durable().position(envelope).is_some_and(|position| position < receipt);
    world.hosts.iter().any(|host| host.alive && stored(host))
}
