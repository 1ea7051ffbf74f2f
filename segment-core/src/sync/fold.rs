//! What the log says about authors and rights, folded from its beginning to some place.

use alloc::collections::{BTreeMap, BTreeSet};

use segment_proto::{Access, AccessChange, AccountId, DeviceId, Envelope, Hash, Rights, Row};
use serde::{Deserialize, Serialize};

use crate::rules::{Rule, Rules};

/// Rows and rights at one place of a log. Host and tracker fold the same entries to the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    rows: BTreeMap<DeviceId, Row>,
    rights: RightsFold,
}

/// The part of a [`Fold`] that access entries change; kept as one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsFold {
    /// The rights.
    pub access: Access,
    /// The place of the last access entry.
    pub changed_at: u64,
    /// The last change of each account's right to send: what a device of it without a row builds on.
    barriers: BTreeMap<AccountId, Hash>,
    /// The same for accounts without rights of their own.
    barrier_for_all: Option<Hash>,
}

/// How much of a fold an entry has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// One author's row.
    Row(Row),
    /// The rights, and perhaps every row.
    Rights,
}

impl Fold {
    /// Before the first entry.
    #[must_use]
    pub fn new(access: Access) -> Self {
        let rights = RightsFold { access, changed_at: 0, barriers: BTreeMap::new(), barrier_for_all: None };
        Self { rows: BTreeMap::new(), rights }
    }

    /// The first rights, with rows that were stored.
    #[must_use]
    pub fn with_rows(access: Access, rows: impl IntoIterator<Item = Row>) -> Self {
        Self::from_parts(Self::new(access).rights, rows)
    }

    /// As it was stored.
    #[must_use]
    pub fn from_parts(rights: RightsFold, rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().map(|row| (row.device, row)).collect(), rights }
    }

    /// The rights.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.rights.access
    }

    /// What access entries change.
    #[must_use]
    pub fn rights(&self) -> &RightsFold {
        &self.rights
    }

    /// The rows of all who have written.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Whether this device has written anything.
    #[must_use]
    pub fn has_row(&self, device: DeviceId) -> bool {
        self.rows.contains_key(&device)
    }

    pub(crate) fn forget_rows(&mut self, devices: &BTreeSet<DeviceId>) {
        self.rows.retain(|device, _| !devices.contains(device));
    }

    /// Where an author stands.
    #[must_use]
    pub fn row(&self, device: DeviceId, account: AccountId) -> Row {
        if let Some(row) = self.rows.get(&device) {
            return *row;
        }
        let empty = Row::empty(device, account);
        match self.barrier(account) {
            Some(hash) => Row { incarnation: 1, hash, ..empty },
            None => empty,
        }
    }

    /// Whose device this is, as far as the log tells: of one that has written.
    #[must_use]
    pub fn account_of(&self, device: DeviceId) -> Option<AccountId> {
        self.rows.get(&device).map(|row| row.account)
    }

    fn barrier(&self, account: AccountId) -> Option<Hash> {
        let access = &self.rights.access;
        let as_everybody = !access.has_grant(account) && account != access.owner;
        let own = self.rights.barriers.get(&account).copied();
        own.or(self.rights.barrier_for_all.filter(|_| as_everybody))
    }

    /// Whether `hash` is the access entry that moved this account's rows last.
    #[must_use]
    pub fn is_barrier(&self, account: AccountId, hash: &Hash) -> bool {
        self.barrier(account) == Some(*hash)
    }

    /// Takes the next entry in. `hash` is that of its envelope.
    pub fn apply(&mut self, pos: u64, envelope: &Envelope, hash: Hash, rules: Rules) -> Changed {
        let key = envelope.key;
        let row =
            Row { device: key.device, account: envelope.account, incarnation: key.incarnation, seq: key.seq, hash };
        self.rows.insert(key.device, row);
        let Some(change) = envelope.access().filter(|_| self.rights.access.may_change(envelope.account)) else {
            return Changed::Row(row);
        };
        self.change(pos, &change, hash, rules);
        Changed::Rights
    }

    fn change(&mut self, pos: u64, change: &AccessChange, hash: Hash, rules: Rules) {
        let before = self.rights.access.clone();
        let barrier = self.barrier(change.account);
        self.rights.access.apply(change);
        self.rights.changed_at = pos;
        if !rules.has(Rule::KickMovesRow) {
            return;
        }
        let after = &self.rights.access;
        let moved =
            |account| before.rights(account).include(Rights::SEND) != after.rights(account).include(Rights::SEND);
        for row in self.rows.values_mut().filter(|row| moved(row.account)) {
            *row = Row { incarnation: row.incarnation.saturating_add(1), seq: 0, hash, ..*row };
        }
        if before.view != after.view {
            self.rights.barrier_for_all = Some(hash);
        }
        // Rights of one's own do not change what one builds on, unless they change who may send.
        let barrier = if moved(change.account) { Some(hash) } else { barrier };
        if let Some(barrier) = barrier.filter(|_| after.has_grant(change.account)) {
            self.rights.barriers.insert(change.account, barrier);
        }
    }
}
