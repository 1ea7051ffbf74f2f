//! The commit point: what the host has sequenced is checked, written in one transaction, and only then receipted.

use segment_proto::messages::{Committed, Fenced, Replicate, ReplicateRefused};
use segment_proto::{Entry, EpochOwner, Hash, Receipt, Signed};

use crate::backup::{Backup, BackupNotice, BackupTask};
use crate::outbox::Asker;
use crate::rules::{Rule, Rules};
use crate::store::{StoredEntry, Write};
use crate::sync::accept::is_next;
use crate::sync::fold::Changed;
use crate::sync::persist::{Meta, put_changes, put_meta};
use crate::tracker::context::{Caller, Context};
use crate::tracker::events::TrackerEvent;

/// Entries that wait for the write before them. Policy: refused, the host sends them again.
const UNWRITTEN_MAX: usize = 4_096;

impl Backup {
    pub(super) fn on_replicate(&mut self, from: Asker, host: &Caller, replicate: Replicate, cx: &mut Context<'_>) {
        let from_host = self.host.as_ref().is_some_and(|host| host.link == from.link);
        let current = replicate.fence == self.log.fence() && !self.is_deciding();
        if !from_host || (!current && cx.rules.has(Rule::Fencing)) {
            if let Some(record) = self.log.epoch().filter(|_| !self.is_deciding()) {
                cx.out.push(from.link, &Fenced { record: record.clone() });
            }
            return;
        }
        let mut before = replicate.before;
        for entry in replicate.entries {
            let room = self.sequencer.unwritten() < UNWRITTEN_MAX;
            let is_own = entry.envelope.key.device == host.device;
            let is_impersonated = is_own && entry.envelope.account != host.who.account;
            let Some(stored) = self.check(entry, before, cx.rules).filter(|_| room && !is_impersonated) else {
                let (channel, fence, head) = (self.channel(), self.log.fence(), self.log.head());
                cx.out.push(from.link, &ReplicateRefused { channel, fence, head });
                break;
            };
            before = stored.chain;
            self.sequencer.append(&mut self.log, stored, cx.rules);
        }
        self.flush(cx);
    }

    /// The entry with its hashes, if it is the next in the log and the next of its author.
    fn check(&self, entry: Entry, before: Hash, rules: Rules) -> Option<StoredEntry> {
        let head = self.log.head();
        let chained = entry.pos == head.pos + 1 && before == head.chain;
        if !chained && rules.has(Rule::ReplicateChain) {
            return None;
        }
        let envelope = &entry.envelope;
        let row = self.log.fold().row(envelope.key.device, envelope.account);
        let follows = is_next(envelope, &row) && row.account == envelope.account;
        if (!follows && rules.has(Rule::AuthorChain) && rules.has(Rule::ReplicateChain))
            || envelope.key.channel != self.channel()
        {
            return None;
        }
        Some(StoredEntry::new(entry, &before))
    }

    /// Entries, rows, rights and receipt are one transaction.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        let Some(entries) = self.sequencer.begin_write() else {
            return;
        };
        let receipt = Receipt { channel: self.channel(), fence: self.log.fence(), at: self.log.head() };
        let receipt = Signed::new(receipt, cx.identity);
        let changed = changes(&self.log, &entries);
        let mut writes = put_changes(self.log.id, self.log.fold(), &changed);
        writes.push(put_meta(self.log.id, Meta::Receipt, &receipt));
        writes.push(Write::Append { log: self.log.id, entries });
        if !cx.rules.has(Rule::StoreBeforeReceipt) {
            self.say_committed(&receipt, cx);
        }
        let task = self.task(BackupTask::Stored(receipt));
        cx.out.write(task, writes);
    }

    pub(super) fn on_stored(&mut self, receipt: Signed<Receipt>, cx: &mut Context<'_>) {
        self.sequencer.end_write();
        let (first, last) = (self.log.durable() + 1, receipt.at.pos);
        self.log.set_durable(last);
        let changed = self.log.commit(receipt.clone(), cx.rules);
        if cx.rules.has(Rule::StoreBeforeReceipt) {
            self.say_committed(&receipt, cx);
        }
        self.answer_waiting(cx);
        self.flush(cx);
        if !self.recovery.queue.is_empty() {
            self.run_queue(cx);
        }
        if changed.contains(&Changed::Rights) {
            self.notices.push(BackupNotice::AccessChanged);
            self.remove_who_may_not_read(cx);
            self.on_designated(cx);
        }
        self.retain(cx);
        self.tell_readers(first, last, cx);
        let (channel, owner) = (self.channel(), self.log.epoch().map(|record| record.owner));
        cx.out.event(match owner {
            Some(EpochOwner::Host(from)) => TrackerEvent::Replicated { channel, from, first, last },
            _ => TrackerEvent::Sequenced { channel, first, last },
        });
        self.answer_hello(cx);
    }

    fn say_committed(&self, receipt: &Signed<Receipt>, cx: &mut Context<'_>) {
        // One that is still adopting learns it with what it adopts.
        if let Some(host) = self.host.as_ref().filter(|host| host.owns()) {
            cx.out.push(host.link, &Committed { receipt: receipt.clone() });
        }
    }
}

/// What these entries have changed in the fold at the head.
fn changes(log: &crate::sync::ChannelLog, entries: &[StoredEntry]) -> alloc::vec::Vec<Changed> {
    let change = |stored: &StoredEntry| {
        let envelope = &stored.entry.envelope;
        match envelope.access() {
            Some(_) => Changed::Rights,
            None => Changed::Row(log.fold().row(envelope.key.device, envelope.account)),
        }
    };
    entries.iter().map(change).collect()
}
