//! The truth about what is committed: what the tracker had on disk when it signed a receipt.

use std::collections::{BTreeMap, BTreeSet};

use segment_core::{LogId, LogRole};
use segment_proto::{
    Access, AccountId, ChannelId, ChannelRecord, DeviceId, Hash, MessageKey, Position, Receipt, Rights,
};

use super::findings::{Check, Findings};
use super::truth::{Truth, Written};
use crate::image::{Image, Log};
use crate::network::NodeId;

/// A committed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub key: MessageKey,
    /// The chain at it.
    pub chain: Hash,
    /// Who wrote it.
    pub account: AccountId,
    /// What it says, if it is a text.
    pub text: Option<String>,
}

/// The committed log of one channel.
#[derive(Debug)]
pub struct ChannelLedger {
    entries: Vec<Committed>,
    by_key: BTreeMap<MessageKey, u64>,
    texts: BTreeMap<String, u64>,
    last_of: BTreeMap<DeviceId, (u32, u64)>,
    /// The last message of each process.
    numbers: BTreeMap<NodeId, u64>,
    access: Access,
    /// The rights before that, oldest first.
    accesses: Vec<Access>,
    /// Since which place an account may not send, and the incarnation of each of its devices then.
    barred: BTreeMap<DeviceId, u32>,
    /// The incarnation in which each device goes on: every entry that changes whether it may send begins one.
    goes_on_in: BTreeMap<DeviceId, u32>,
    /// Since which place an account may not read.
    unreadable_since: BTreeMap<AccountId, u64>,
    /// The last change for everybody who has no rights of their own.
    closed_at: u64,
}

/// Every channel's.
#[derive(Debug, Default)]
pub struct Ledger {
    channels: BTreeMap<ChannelId, ChannelLedger>,
    /// The newest generation of each channel: positions are final within one.
    generations: BTreeMap<ChannelId, u32>,
    refused: BTreeSet<Refused>,
}

/// What was refused: a name, and what it says, if that is a text. Two processes of a device may use the name twice.
type Refused = (MessageKey, Option<String>);

impl ChannelLedger {
    fn new(record: &ChannelRecord) -> Self {
        Self {
            entries: Vec::new(),
            by_key: BTreeMap::new(),
            texts: BTreeMap::new(),
            last_of: BTreeMap::new(),
            numbers: BTreeMap::new(),
            access: Access::new(record.owner.account, record.view, record.visitors),
            accesses: Vec::new(),
            barred: BTreeMap::new(),
            goes_on_in: BTreeMap::new(),
            unreadable_since: BTreeMap::new(),
            closed_at: 0,
        }
    }

    /// The number of committed messages.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The message at a place.
    #[must_use]
    pub fn get(&self, pos: u64) -> Option<&Committed> {
        self.entries.get(usize::try_from(pos.checked_sub(1)?).ok()?)
    }

    /// All of them, in order.
    #[must_use]
    pub fn entries(&self) -> &[Committed] {
        &self.entries
    }

    /// Where a message stands.
    #[must_use]
    pub fn find(&self, key: &MessageKey) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// Where a text stands.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<u64> {
        self.texts.get(text).copied()
    }

    /// The rights after the last committed message.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether there was a place at which an account might not write.
    #[must_use]
    pub fn was_ever_barred(&self, account: AccountId) -> bool {
        let may_write = |access: &Access| access.rights(account).include(Rights::SEND);
        self.accesses.iter().chain([&self.access]).any(|access| !may_write(access))
    }

    /// Whether a message is refused by what is committed: its author might not write since they wrote it, or had not
    /// heard then that they might not, or it builds on what was closed. Of a device with two processes the incarnation
    /// does not say that: each of them begins new ones for what it signs behind the other's.
    fn may_refuse(&self, written: &Written, account: AccountId, is_twin: bool) -> bool {
        let may_write = |access: &Access| access.rights(account).include(Rights::SEND);
        let since = self.accesses.iter().skip(written.access_changes).chain([&self.access]);
        let device = &written.first_key.device;
        let closed = self.goes_on_in.get(device).is_some_and(|now| written.first_key.incarnation < *now);
        let unheard = (is_twin || !self.last_of.contains_key(device)) && self.was_ever_barred(account);
        closed || unheard || since.into_iter().any(|access| !may_write(access))
    }

    /// The place of the entry that took an account's right to read, if it has none.
    #[must_use]
    pub fn unreadable_since(&self, account: AccountId) -> Option<u64> {
        let known = self.unreadable_since.get(&account).copied();
        (!self.access.rights(account).include(Rights::READ)).then(|| known.unwrap_or(0).max(self.closed_at))
    }
}

impl Ledger {
    /// One channel's.
    #[must_use]
    pub fn channel(&self, channel: &ChannelId) -> Option<&ChannelLedger> {
        self.channels.get(channel)
    }

    /// Every channel's.
    pub fn channels(&self) -> impl Iterator<Item = (&ChannelId, &ChannelLedger)> {
        self.channels.iter()
    }

    /// Messages that are committed, in all channels.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.channels.values().map(ChannelLedger::head).sum()
    }

    /// Whether nothing is committed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An author was told that this message is refused for good.
    pub fn on_refused(&mut self, key: MessageKey, text: Option<&str>, findings: &mut Findings) {
        let ledger = self.channels.get(&key.channel);
        let committed =
            ledger.and_then(|ledger| ledger.get(ledger.find(&key)?)).filter(|one| one.text.as_deref() == text);
        findings.expect(Check::NothingLost, committed.is_none(), || format!("{key:?} is committed, and was refused"));
        // An author who has forgotten a message may use its name for another.
        if ledger.is_none_or(|ledger| ledger.find(&key).is_none()) {
            self.refused.insert((key, text.map(Into::into)));
        }
    }

    /// How often the rights have changed.
    #[must_use]
    pub fn access_changes(&self, channel: &ChannelId) -> usize {
        self.channels.get(channel).map_or(0, |ledger| ledger.accesses.len())
    }

    /// An author was told that a message is refused because they may not write: that must stand for ever.
    pub fn check_refusal(&self, key: &MessageKey, written: &Written, truth: &Truth, findings: &mut Findings) {
        let Some(ledger) = self.channels.get(&key.channel) else { return };
        let account = truth.account_of(&key.device).unwrap_or(AccountId::NOBODY);
        let is_twin = truth.is_twin(&key.device);
        findings.expect(Check::RefusedForGood, ledger.may_refuse(written, account, is_twin), || {
            format!("{key:?} is refused by an access entry that is not committed")
        });
    }

    /// These may be written anew, by an author who has forgotten them.
    pub fn forget_refused(&mut self, keys: &BTreeSet<MessageKey>) {
        self.refused.retain(|(key, _)| !keys.contains(key));
    }

    /// The tracker has another disk. A receipt that nobody has heard binds nobody: what is committed is read anew.
    pub fn on_disk_replaced(&mut self) {
        self.channels.clear();
    }

    /// The tracker has signed a receipt: what stands below it on its disk is committed for ever.
    pub fn on_receipt(
        &mut self,
        receipt: &Receipt,
        durable: &Image,
        truth: &Truth,
        strangers: &BTreeSet<DeviceId>,
        findings: &mut Findings,
    ) {
        let Position { pos, chain, .. } = receipt.at;
        let log = durable.log(LogId { channel: receipt.channel, role: LogRole::Backup });
        let stored = log.and_then(|log| log.get(pos));
        let is_gone = log.is_some_and(|log| log.first().is_none_or(|first| first.entry.pos > pos));
        let on_disk = match stored {
            Some(stored) => stored.chain == chain,
            None => pos == 0 || (is_gone && self.has_committed(receipt)),
        };
        findings.expect(Check::DurableBeforeSaid, on_disk, || format!("the receipt for {pos} is not on disk"));
        let generation = self.generations.entry(receipt.channel).or_insert(receipt.fence.generation);
        if receipt.fence.generation > *generation {
            *generation = receipt.fence.generation;
            self.channels.remove(&receipt.channel);
        }
        self.extend(receipt.channel, pos, durable, truth, strangers, findings);
        if let Some(ledger) = self.channels.get(&receipt.channel) {
            ledger.expect_at(receipt.at, findings);
        }
    }

    /// Whether this was said before: its entry may have gone since, by the owner's policy.
    fn has_committed(&self, receipt: &Receipt) -> bool {
        let committed = self.channels.get(&receipt.channel).and_then(|ledger| ledger.get(receipt.at.pos));
        committed.is_some_and(|entry| entry.chain == receipt.at.chain)
    }

    /// The tracker has said that everything up to a place is committed.
    pub fn extend(
        &mut self,
        channel: ChannelId,
        to: u64,
        durable: &Image,
        truth: &Truth,
        strangers: &BTreeSet<DeviceId>,
        findings: &mut Findings,
    ) {
        let Some(record) = truth.record(&channel) else { return };
        let ledger = self.channels.entry(channel).or_insert_with(|| ChannelLedger::new(record));
        if let Some(log) = durable.log(LogId { channel, role: LogRole::Backup }) {
            ledger.extend(log, to, &self.refused, truth, strangers, findings);
        }
    }

    /// Somebody passes a receipt on.
    pub fn on_shown_receipt(&self, receipt: &Receipt, findings: &mut Findings) {
        match self.channels.get(&receipt.channel) {
            Some(ledger) => ledger.expect_at(receipt.at, findings),
            None => findings.expect(Check::CommittedStands, receipt.at.pos == 0, || "an unknown receipt".into()),
        }
    }
}

impl ChannelLedger {
    fn expect_at(&self, at: Position, findings: &mut Findings) {
        let chain = if at.pos == 0 { Some(Hash::ZERO) } else { self.get(at.pos).map(|entry| entry.chain) };
        findings.expect(Check::CommittedStands, chain == Some(at.chain), || {
            format!("the receipt for {} is not on the committed chain of {} messages", at.pos, self.head())
        });
    }

    fn extend(
        &mut self,
        log: &Log,
        to: u64,
        refused: &BTreeSet<Refused>,
        truth: &Truth,
        strangers: &BTreeSet<DeviceId>,
        findings: &mut Findings,
    ) {
        for pos in self.head() + 1..=to {
            let Some(stored) = log.get(pos) else {
                return findings.add(Check::CommittedStands, format!("a hole at {pos} of the tracker's log"));
            };
            let before = self.entries.last().map_or(Hash::ZERO, |entry| entry.chain);
            let chained = stored.entry.chain(&before) == stored.chain;
            findings.expect(Check::CommittedStands, chained, || format!("the chain breaks at {pos}"));
            self.check_entry(pos, &stored.entry.envelope, refused, truth, strangers, findings);
            self.push(stored, pos);
        }
    }

    fn check_entry(
        &mut self,
        pos: u64,
        envelope: &segment_proto::Envelope,
        refused: &BTreeSet<Refused>,
        truth: &Truth,
        strangers: &BTreeSet<DeviceId>,
        findings: &mut Findings,
    ) {
        let (key, account) = (envelope.key, envelope.account);
        let named = (key, envelope.text().map(Into::into));
        findings.expect(Check::OnceEach, !self.by_key.contains_key(&key), || format!("{key:?} stands twice, at {pos}"));
        findings
            .expect(Check::NothingLost, !refused.contains(&named), || format!("{key:?} was refused, stands at {pos}"));
        let may_send = self.access.rights(account).include(Rights::SEND);
        findings.expect(Check::SendRight, may_send, || format!("account {account} may not send, at {pos}"));
        let own = truth.account_of(&key.device) == Some(account);
        findings.expect(Check::SendRight, own, || format!("account {account} is not that of its device, at {pos}"));
        let fits = envelope.access().is_none() || self.access.may_change(account);
        findings.expect(Check::SendRight, fits, || format!("account {account} may not change access, at {pos}"));
        let barred = self.barred.get(&key.device).is_some_and(|incarnation| key.incarnation <= *incarnation);
        findings.expect(Check::SendRight, !barred, || format!("{key:?} was signed before its author was barred"));
        let order = (key.incarnation, key.seq);
        let last = self.last_of.insert(key.device, order);
        self.goes_on_in.insert(key.device, key.incarnation);
        findings.expect(Check::AuthorOrder, last.is_none_or(|last| last < order), || {
            format!("{key:?} stands behind {last:?}, at {pos}")
        });
        // What others say of themselves, and how often, was announced to nobody.
        if let Some(text) = envelope.text().filter(|_| !strangers.contains(&key.device)) {
            self.check_text(pos, text, key.device, truth, findings);
        }
    }

    fn check_text(&mut self, pos: u64, text: &str, device: DeviceId, truth: &Truth, findings: &mut Findings) {
        let Some(written) = truth.written(text) else {
            return findings.add(Check::SendRight, format!("nobody wrote {text:?}, at {pos}"));
        };
        findings.expect(Check::OnceEach, self.texts.insert(text.into(), pos).is_none(), || {
            format!("{text:?} stands twice, at {pos}")
        });
        let before_the_bar = self.barred.get(&device).is_some_and(|last| written.first_key.incarnation <= *last);
        // Who has signed it again in between, because an old disk had used its name.
        let may_not_know = truth.is_restored(written.node);
        findings.expect(Check::SendRight, !before_the_bar || may_not_know, || {
            format!("{text:?} was written before its author was barred, and stands at {pos}")
        });
        self.check_cause(pos, text, written, truth, findings);
        let last = self.numbers.insert(written.node, written.number);
        // An old disk may hold a message that was thought lost when newer ones were written.
        let in_order = last.is_none_or(|last| last < written.number) || truth.is_restored(written.node);
        findings.expect(Check::AuthorOrder, in_order, || {
            format!("{text:?} stands behind message {last:?} of its author, at {pos}")
        });
    }

    /// What is refused, comes from an old disk, or has its name twice may be missing.
    fn check_cause(&self, pos: u64, text: &str, written: &Written, truth: &Truth, findings: &mut Findings) {
        let Some(cause) = &written.cause else { return };
        let Some(before) = truth.written(cause).filter(|_| !truth.is_any_restored()) else { return };
        let author = truth.account_of(&before.key.device).unwrap_or(AccountId::NOBODY);
        let may_be_missing = before.refused || self.was_ever_barred(author) || truth.is_twin(&before.key.device);
        findings.expect(Check::CauseFirst, may_be_missing || self.texts.contains_key(cause), || {
            format!("{text:?} stands at {pos}, and {cause:?}, which its author saw, does not stand before it")
        });
    }

    fn push(&mut self, stored: &segment_core::StoredEntry, pos: u64) {
        let envelope = &stored.entry.envelope;
        self.by_key.insert(envelope.key, pos);
        let text = envelope.text().map(Into::into);
        self.entries.push(Committed { key: envelope.key, chain: stored.chain, account: envelope.account, text });
        if let Some(change) = envelope.access() {
            self.apply(pos, &change);
        }
    }

    fn apply(&mut self, pos: u64, change: &segment_proto::AccessChange) {
        let before = self.access.clone();
        self.access.apply(change);
        self.accesses.push(before.clone());
        let may = |access: &Access, account, right| access.rights(account).include(right);
        let accounts: BTreeSet<_> = self.entries.iter().map(|entry| (entry.account, entry.key.device)).collect();
        for (account, device) in accounts {
            let (might, may_now) = (may(&before, account, Rights::SEND), may(&self.access, account, Rights::SEND));
            if might != may_now {
                *self.goes_on_in.entry(device).or_default() += 1;
            }
            if might && !may_now {
                self.barred.insert(device, self.last_of.get(&device).map_or(0, |last| last.0));
            }
        }
        if may(&before, change.account, Rights::READ) && !may(&self.access, change.account, Rights::READ) {
            self.unreadable_since.insert(change.account, pos);
        }
        if before.view != self.access.view || before.visitors != self.access.visitors {
            self.closed_at = pos;
        }
    }
}
