//! What hosts do: sync, adopt, take grants; and what may happen to them.

use super::Steps;
use crate::config::Fault;
use crate::envelope::OWNER;
use crate::machines::{EpochRecord, Host, Owner, Resubmits};
use crate::rules::Rule;
use crate::step::{Kind, Step};

impl Steps<'_> {
    pub(super) fn of_hosts(&mut self) {
        let now = self.now;
        for (index, host) in now.hosts.iter().enumerate().filter(|(_, host)| host.alive) {
            self.syncs(index, host);
            self.learns_receipt(index, host);
            self.adopts(index, host);
            self.adopts_as_member(index, host);
            self.takes_grant(index, host);
            self.gives_up(index, host);
            self.host_crashes(index, host);
            self.loses_disk(index);
        }
    }

    fn syncs(&mut self, index: usize, host: &Host) {
        if usize::from(host.stored) == host.log.len() {
            return;
        }
        let leaves_queue = self.lacks(Rule::ResubmitUntilCommitted);
        self.add(Kind::Fresh, Step::HostSyncs(index as u8), |world| {
            let host = &mut world.hosts[index];
            for position in usize::from(host.stored)..host.log.len() {
                world.said.stored.add(host.log[position].envelope.content);
                world.frames.extend(host.frame(position));
            }
            host.stored = host.log.len() as u8;
            if leaves_queue {
                host.resubmit.retain(|item| !host.log.holds(item));
            }
        });
    }

    fn learns_receipt(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        if host.generation != tracker.fence().generation {
            return;
        }
        for upto in usize::from(host.committed) + 1..=self.receipted().min(host.stored.into()) {
            if self.has(Rule::ReceiptOnChain) && host.log[..upto] != tracker.log[..upto] {
                continue;
            }
            let step = Step::HostLearnsCommit { host: index as u8, upto: upto as u8 };
            self.add(Kind::Fresh, step, |world| {
                let host = &mut world.hosts[index];
                host.committed = upto as u8;
                let receipts = host.receipts();
                host.resubmit.retain(|item| !receipts.holds(item));
            });
        }
    }

    /// Any Adopt that the tracker has sent or could have sent, in any of its own epochs.
    fn adopts(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        let records: Vec<EpochRecord> = tracker.epochs().collect();
        let known = if self.has(Rule::EpochBeforeShown) { tracker.synced_epochs.into() } else { records.len() };
        for (number, record) in records.iter().enumerate().take(known) {
            if record.owner != Owner::Tracker {
                continue;
            }
            let end = records.get(number + 1).map_or(self.shown(), |next| usize::from(next.base).min(self.shown()));
            for upto in usize::from(record.base)..=end {
                let live = *record == tracker.current && upto == tracker.log.len() && tracker.at_rest();
                self.adopts_upto(index, host, *record, upto, if live { Kind::Fresh } else { Kind::Stale });
            }
        }
    }

    fn adopts_upto(&mut self, index: usize, host: &Host, record: EpochRecord, upto: usize, kind: Kind) {
        let tracker = &self.now.tracker;
        let same_generation = host.generation == tracker.fence().generation;
        if same_generation && record.fence.epoch < host.max_epoch || !self.may_adopt(host) {
            return;
        }
        let len = if same_generation { upto.max(host.committed.into()) } else { upto };
        if len <= tracker.log.len() {
            let step = Step::Adopts { host: index as u8, epoch: record.fence.epoch, upto: len as u8 };
            self.take_over(kind, step, index, record.fence.epoch, len);
        }
    }

    /// A tracker that lacks what the host has a receipt for is shown the receipt instead.
    fn may_adopt(&self, host: &Host) -> bool {
        let tracker = &self.now.tracker;
        self.lacks(Rule::ShownLossOpens)
            || host.generation != tracker.fence().generation
            || tracker.log.starts_with(&host.receipts())
    }

    fn adopts_as_member(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        let epoch = tracker.fence().epoch;
        let other_owns = tracker.owning_host().is_some_and(|owner| usize::from(owner) != index);
        let behind = host.generation < tracker.fence().generation || host.max_epoch < epoch;
        let synced = super::epoch_synced(tracker) || self.lacks(Rule::EpochBeforeShown);
        if self.lacks(Rule::AdoptInAnyEpoch) || !other_owns || !behind || !synced || !self.may_adopt(host) {
            return;
        }
        let step = Step::AdoptsAsMember { host: index as u8, epoch };
        self.take_over(Kind::Fresh, step, index, epoch, self.shown());
    }

    fn take_over(&mut self, kind: Kind, step: Step, index: usize, epoch: u8, len: usize) {
        let resubmits = if self.has(Rule::CutResubmits) { Resubmits::WhatWasCut } else { Resubmits::Nothing };
        let tracker = &self.now.tracker;
        let current = tracker.fence().epoch == epoch;
        self.add(kind, step, |world| {
            let host = &mut world.hosts[index];
            host.take_over(tracker.log.prefix(len), resubmits);
            host.hello &= !current;
            host.max_epoch = epoch;
            host.generation = tracker.fence().generation;
            host.forgotten = tracker.forgotten.min(len as u8);
        });
    }

    /// Any grant that the tracker has ever given.
    fn takes_grant(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        let known = if self.has(Rule::EpochBeforeShown) { tracker.synced_epochs.into() } else { usize::MAX };
        for record in tracker.epochs().take(known) {
            if !self.grant_is_for(index, host, &record) || !self.grant_fits(host, &record) {
                continue;
            }
            let kind = if record == tracker.current { Kind::Fresh } else { Kind::Stale };
            let step = Step::TakesGrant { host: index as u8, epoch: record.fence.epoch };
            self.add(kind, step, |world| {
                let host = &mut world.hosts[index];
                host.sequencing = record.fence.epoch;
                host.max_epoch = host.max_epoch.max(record.fence.epoch);
                host.hello = false;
            });
        }
    }

    fn grant_is_for(&self, index: usize, host: &Host, record: &EpochRecord) -> bool {
        let Owner::Host { host: owner, start } = record.owner else { return false };
        let this = usize::from(owner) == index;
        (this && start == host.start) || self.lacks(Rule::GrantNonce) && (this || self.model.config.one_device())
    }

    fn grant_fits(&self, host: &Host, record: &EpochRecord) -> bool {
        let (base, len) = (usize::from(record.base), host.log.len());
        let above = record.fence.epoch > host.max_epoch || self.lacks(Rule::GrantAboveMax);
        let on_base = len == base && usize::from(host.stored) == len && host.log.chain(len) == record.base_chain;
        host.sequencing == 0
            && above
            && (record.fence.generation == host.generation || self.lacks(Rule::FenceGeneration))
            && (on_base || self.lacks(Rule::GrantOnBase))
    }

    fn gives_up(&mut self, index: usize, host: &Host) {
        let tracker = &self.now.tracker;
        let off_chain = !host.log.starts_with(&tracker.committed());
        if self.has(Rule::ShownStops) && host.sequencing != 0 && host.fence() == tracker.fence() && off_chain {
            self.add(Kind::Fresh, Step::GivesUp(index as u8), |world| {
                let host = &mut world.hosts[index];
                host.sequencing = 0;
                host.hello = true;
            });
        }
    }

    fn host_crashes(&mut self, index: usize, host: &Host) {
        if self.now.budget.host_crashes == 0 {
            return;
        }
        let sequencing = if self.has(Rule::FreshEpoch) { 0 } else { host.sequencing };
        self.add(Kind::Fault, Step::HostCrashes(index as u8), |world| {
            world.budget.host_crashes -= 1;
            world.hosts[index].starts(usize::from(host.stored), sequencing);
        });
        if self.model.config.may(Fault::HostRestored) && host.stored > 0 && host.sequencing != 0 {
            self.add(Kind::Fault, Step::HostRestored(index as u8), |world| {
                world.budget.host_crashes -= 1;
                world.hosts[index].starts(usize::from(host.stored) - 1, sequencing);
                world.loses_a_disk();
            });
        }
    }

    fn loses_disk(&mut self, index: usize) {
        if self.model.config.may(Fault::HostDiskLost) && self.now.hosts.iter().all(|host| host.alive) {
            self.add(Kind::Fault, Step::HostDiskLost(index as u8), |world| {
                world.hosts[index] = Host { alive: false, ..Host::new(0) };
                world.loses_a_disk();
            });
        }
        if self.model.config.may(Fault::OwnerLost) && index == 0 {
            self.add(Kind::Fault, Step::OwnerLost, |world| {
                world.hosts[index] = Host { alive: false, ..Host::new(0) };
                world.authors.iter_mut().filter(|author| author.id == OWNER).for_each(|owner| owner.alive = false);
                world.loses_a_disk();
                world.loses_a_disk();
            });
        }
    }
}

impl Host {
    /// A new process starts on what the disk holds.
    fn starts(&mut self, len: usize, sequencing: u8) {
        self.log.cut(len);
        self.stored = len as u8;
        self.committed = self.committed.min(self.stored);
        self.start += 1;
        self.hello = sequencing == 0;
        self.sequencing = sequencing;
    }
}
