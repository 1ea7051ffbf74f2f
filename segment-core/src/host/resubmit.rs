//! Cut messages that wait to be sequenced again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use segment_proto::{Access, Limits, MessageKey, SignedEnvelope};

use crate::host::{Host, HostTask};
use crate::peer::context::Context;
use crate::rules::{Rule, Rules};
use crate::store::{Operation, StoreOperation, Table, Write};
use crate::sync::accept::Found;
use crate::sync::persist::{Loaded, encode};
use crate::sync::{ChannelLog, Verdict, accept};

/// Cut messages that wait to be sequenced again, in log order; on disk until they are settled.
#[derive(Debug, Default)]
pub struct Resubmit {
    items: BTreeMap<u64, SignedEnvelope>,
}

impl Resubmit {
    pub(super) fn restore(loaded: &Loaded) -> Self {
        Self { items: loaded.values::<(u64, SignedEnvelope)>(Table::Resubmit).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The rights behind what waits.
    pub(super) fn applied_to(&self, mut access: Access) -> Access {
        for envelope in self.items.values() {
            if let Some(change) = envelope.access().filter(|_| access.may_change(envelope.account)) {
                access.apply(&change);
            }
        }
        access
    }

    /// Adds what a cut has voided, behind what waits already.
    pub(super) fn add(&mut self, log: &ChannelLog, voided: Vec<SignedEnvelope>) -> Vec<Write> {
        let mut writes = Vec::new();
        for envelope in voided {
            if self.number(&envelope.key).is_some() {
                continue;
            }
            let number = self.items.last_key_value().map_or(1, |(last, _)| last + 1);
            let (key, value) = (log.id.key(&number.to_be_bytes()), encode(&(number, &envelope)));
            writes.push(Write::Put { table: Table::Resubmit, key, value });
            self.items.insert(number, envelope);
        }
        writes
    }

    /// Takes out what is committed, or can never be accepted by the committed log, as far as memory says.
    pub(super) fn take_settled(&mut self, log: &ChannelLog, rules: Rules) -> Vec<Write> {
        let mut hopeless = BTreeSet::new();
        let settled = self.items.extract_if(.., |_, envelope| {
            let hash = envelope.hash();
            let verdict = accept(log, envelope, &hash, &None, rules);
            let is_settled = is_settled(&verdict, log);
            let is_never = is_settled && matches!(verdict, Verdict::Fork(_) | Verdict::Refused { .. });
            if is_never || hopeless.contains(&envelope.prev) {
                return hopeless.insert(hash);
            }
            is_settled
        });
        settled.map(|(number, _)| delete(log, number)).collect()
    }

    /// Where a message waits.
    pub(super) fn number(&self, key: &MessageKey) -> Option<u64> {
        self.items.iter().find(|(_, waiting)| waiting.key == *key).map(|(number, _)| *number)
    }

    /// A message, and those that build on it: they stand behind it.
    fn that_build_on(&self, number: u64) -> Vec<u64> {
        let (mut numbers, mut hashes) = (Vec::new(), BTreeSet::new());
        for (at, envelope) in self.items.range(number..) {
            if *at == number || hashes.contains(&envelope.prev) {
                numbers.push(*at);
                hashes.insert(envelope.hash());
            }
        }
        numbers
    }

    /// The first of them, as many as fit one submit.
    pub(super) fn front(&self, limits: &Limits) -> Vec<SignedEnvelope> {
        let mut bytes = 0;
        let fits = |envelope: &&SignedEnvelope| {
            let is_first = bytes == 0;
            // Each may come with the record of its author.
            bytes += envelope.bytes().len() + 512;
            is_first || bytes <= limits.batch_bytes_max
        };
        self.items.values().take(limits.batch_entries_max).take_while(fits).cloned().collect()
    }
}

fn delete(log: &ChannelLog, number: u64) -> Write {
    Write::Delete { table: Table::Resubmit, key: log.id.key(&number.to_be_bytes()) }
}

fn is_settled(verdict: &Verdict, log: &ChannelLog) -> bool {
    match verdict {
        Verdict::Duplicate { pos, .. } | Verdict::Refused { pos, .. } => *pos <= log.committed(),
        Verdict::Fork(_) => log.head().pos == log.committed(),
        // Only what was committed ever goes.
        Verdict::Forgotten => true,
        Verdict::Accept | Verdict::Expected(_) | Verdict::Unknown(_) => false,
    }
}

impl Host {
    /// Sequences again what is acceptable now, and lets go of what is settled.
    pub(super) fn resubmit(&mut self, cx: &mut Context<'_>) {
        let numbers: Vec<u64> = self.resubmit.items.keys().copied().collect();
        for number in numbers {
            self.resubmit_one(number, None, cx);
        }
        self.flush(cx);
    }

    /// `found` answers what the rule could not see in memory.
    pub(super) fn resubmit_one(&mut self, number: u64, found: Found, cx: &mut Context<'_>) {
        let Some(envelope) = self.resubmit.items.get(&number) else {
            return;
        };
        let has_room = self.tenure.owned().is_some() && self.log.provisional() < cx.limits.tail_entries_max;
        match accept(&self.log, envelope, &envelope.hash(), &found, cx.rules) {
            Verdict::Accept if has_room => {
                self.sequence(envelope.clone(), cx);
                if !cx.rules.has(Rule::ResubmitUntilCommitted) {
                    self.let_go(number, cx);
                }
            }
            Verdict::Unknown(lookup) => {
                let find = StoreOperation::Find { log: self.log.id, lookup };
                cx.out.perform(self.task(HostTask::Resubmit(number)), Operation::Store(find));
            }
            verdict if !is_settled(&verdict, &self.log) => {}
            Verdict::Fork(_) | Verdict::Refused { .. } => self.let_go_with_followers(number, cx),
            Verdict::Duplicate { .. } | Verdict::Forgotten => self.let_go(number, cx),
            _ => {}
        }
    }

    /// It can never be accepted, and neither can what builds on it.
    pub(super) fn let_go_with_followers(&mut self, number: u64, cx: &mut Context<'_>) {
        for hopeless in self.resubmit.that_build_on(number) {
            self.let_go(hopeless, cx);
        }
    }

    /// It is settled.
    pub(super) fn let_go(&mut self, number: u64, cx: &mut Context<'_>) {
        self.resubmit.items.remove(&number);
        cx.out.write(self.task(HostTask::Nothing), alloc::vec![delete(&self.log, number)]);
    }
}
