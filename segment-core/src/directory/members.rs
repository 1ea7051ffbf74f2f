//! Who has joined what.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound::{Excluded, Unbounded};

use segment_proto::{AccountId, ChannelId, Limits, Reason, SessionId};

use super::records;
use crate::store::{Fatal, Store, Table, scan_all};

/// All memberships, and the visitors that look in.
#[derive(Debug, Default)]
pub(super) struct Members {
    of_channel: BTreeMap<ChannelId, BTreeSet<AccountId>>,
    of_account: BTreeMap<AccountId, BTreeSet<ChannelId>>,
    joining: BTreeSet<(ChannelId, AccountId)>,
    visitors: BTreeMap<ChannelId, BTreeSet<SessionId>>,
}

impl Members {
    pub fn restore(store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut members = Self::default();
        let mut result = Ok(());
        scan_all(store, Table::Member, |record| match records::member_of(&record) {
            Ok((channel, account)) => members.insert(channel, account),
            Err(fatal) => result = Err(fatal),
        })?;
        result.map(|()| members)
    }

    /// Takes a place for a member that is being written.
    pub fn reserve(&mut self, channel: ChannelId, account: AccountId, limits: &Limits) -> Result<(), Reason> {
        let joining = (channel, AccountId(0))..=(channel, AccountId(u64::MAX));
        let members = self.of_channel.get(&channel).map_or(0, BTreeSet::len) + self.joining.range(joining).count();
        let joined = self.of_account.get(&account).map_or(0, BTreeSet::len)
            + self.joining.iter().filter(|(_, joining)| *joining == account).count();
        if members >= limits.members_per_channel_max || joined >= limits.joined_channels_max {
            return Err(Reason::LimitReached);
        }
        self.joining.insert((channel, account));
        Ok(())
    }

    /// A membership that is on disk.
    pub fn insert(&mut self, channel: ChannelId, account: AccountId) {
        self.joining.remove(&(channel, account));
        self.of_channel.entry(channel).or_default().insert(account);
        self.of_account.entry(account).or_default().insert(channel);
    }

    pub fn remove(&mut self, channel: ChannelId, account: AccountId) {
        self.joining.remove(&(channel, account));
        forget(&mut self.of_channel, channel, account);
        forget(&mut self.of_account, account, channel);
    }

    pub fn contains(&self, channel: ChannelId, account: AccountId) -> bool {
        self.of_channel.get(&channel).is_some_and(|members| members.contains(&account))
    }

    pub fn of_channel(&self, channel: ChannelId) -> impl Iterator<Item = AccountId> {
        self.of_channel.get(&channel).into_iter().flatten().copied()
    }

    pub fn of_account(&self, account: AccountId) -> impl Iterator<Item = ChannelId> {
        self.of_account.get(&account).into_iter().flatten().copied()
    }

    /// In the order of their accounts, from behind one of them.
    pub fn behind(&self, channel: ChannelId, after: AccountId) -> impl Iterator<Item = AccountId> {
        let members = self.of_channel.get(&channel).into_iter();
        members.flat_map(move |members| members.range((Excluded(after), Unbounded))).copied()
    }

    /// A visitor looks in: for as long as its session lives, and nowhere written down.
    pub fn visit(&mut self, channel: ChannelId, session: SessionId) {
        self.visitors.entry(channel).or_default().insert(session);
    }

    pub fn end_visit(&mut self, channel: ChannelId, session: SessionId) {
        forget(&mut self.visitors, channel, session);
    }

    pub fn visitors(&self, channel: ChannelId) -> impl Iterator<Item = SessionId> {
        self.visitors.get(&channel).into_iter().flatten().copied()
    }
}

fn forget<K: Ord, V: Ord>(map: &mut BTreeMap<K, BTreeSet<V>>, key: K, value: V) {
    if let Some(values) = map.get_mut(&key) {
        values.remove(&value);
        if values.is_empty() {
            map.remove(&key);
        }
    }
}
