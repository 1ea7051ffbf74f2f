//! The resubmit queues of hosts: messages of tails that were cut, until they stand again.

use super::{Steps, host_view};
use crate::accept::{Answer, Refusal, View};
use crate::envelope::Envelope;
use crate::log::Log;
use crate::machines::Host;
use crate::rules::Rule;
use crate::step::{At, Kind, Step};

impl Steps<'_> {
    pub(super) fn of_queues(&mut self) {
        let now = self.now;
        for (index, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive) {
            if host.sequencing != 0 {
                self.own_queue(index, host);
            } else if self.has(Rule::GuestDrains) {
                self.foreign_queue(index, host);
            }
        }
    }

    /// A sequencing host puts its queue through the accept rule, in order.
    fn own_queue(&mut self, index: usize, host: &Host) {
        let (view, rules, number) = (host_view(host), self.model.rules, index as u8);
        for item in &host.resubmit {
            match view.judge(item, rules) {
                Answer::Accepted => {
                    let step = Step::Resubmits { host: number, envelope: *item };
                    return self.add(Kind::Fresh, step, |world| world.append(At::Host(number), *item, rules));
                }
                Answer::Refused(Refusal::Access(entry)) => {
                    if entry < view.committed || self.lacks(Rule::FinalRefusal) {
                        self.drops(index, host, item);
                    }
                    return;
                }
                Answer::Fork | Answer::Forgotten if self.is_final(item, &host.receipts(), view.forgotten) => {
                    return self.drops(index, host, item);
                }
                _ => {}
            }
        }
    }

    /// A host that does not own the epoch submits its queue to who does.
    fn foreign_queue(&mut self, index: usize, host: &Host) {
        let (now, rules, number) = (self.now, self.model.rules, index as u8);
        let committed = now.tracker.log.prefix(self.shown());
        let (at, view) = match self.owner_but(index) {
            Some(owner) => (At::Host(owner as u8), host_view(&now.hosts[owner])),
            None if self.tracker_sequences() => (At::Tracker, View { log: &now.tracker.log, ..self.tracker_view() }),
            None => return,
        };
        for item in &host.resubmit {
            if committed.holds(item) {
                let step = Step::QueueCommitted { host: number, envelope: *item };
                self.add(Kind::Fresh, step, |world| world.hosts[index].resubmit.retain(|other| other != item));
            } else if view.judge(item, rules) == Answer::Accepted {
                let step = Step::QueueTaken { host: number, by: at, envelope: *item };
                return self.add(Kind::Fresh, step, |world| world.append(at, *item, rules));
            } else if self.is_final(item, &committed, now.tracker.forgotten.into()) {
                return self.drops(index, host, item);
            }
        }
    }

    /// Whether the committed log answers that an item can never stand in it.
    ///
    /// `Forgotten` is such an answer too: whether the item stands below the retained log nobody can tell any more.
    fn is_final(&self, item: &Envelope, committed: &Log, forgotten: usize) -> bool {
        let len = committed.len();
        let view = View { log: committed, stored: len, committed: len, forgotten };
        let answer = view.judge(item, self.model.rules);
        self.has(Rule::ResubmitEnds) && matches!(answer, Answer::Fork | Answer::Refused(_) | Answer::Forgotten)
    }

    /// An item leaves the queue for good, with what its author has signed behind it.
    fn drops(&mut self, index: usize, host: &Host, item: &Envelope) {
        let from = host.resubmit.iter().position(|other| other == item).unwrap_or(0);
        let behind = |other: &Envelope| other.author == item.author && !host.log.holds(other);
        let gone: Vec<_> = host.resubmit[from..].iter().filter(|other| behind(other)).copied().collect();
        self.add(Kind::Fresh, Step::QueueDrops { host: index as u8, envelope: *item }, |world| {
            gone.iter().for_each(|item| world.said.superseded.add(item.content));
            world.hosts[index].resubmit.retain(|other| !gone.contains(other) && other != item);
        });
    }
}
