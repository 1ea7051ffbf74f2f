//! Which channels exist.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use core::ops::Bound::{Excluded, Unbounded};

use segment_proto::{AccountId, ChannelId, ChannelName, ChannelRecord, DeviceId, Limits, Reason, Signed};

use super::records;
use crate::store::{Fatal, Store, Table, scan_all};

/// All channels. A name is taken from the moment its creation begins.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_id: BTreeMap<ChannelId, Signed<ChannelRecord>>,
    by_name: BTreeMap<String, ChannelId>,
    skeletons: BTreeSet<String>,
    owned: BTreeMap<AccountId, BTreeSet<String>>,
    hosted: BTreeMap<DeviceId, BTreeSet<ChannelId>>,
}

impl Channels {
    pub fn restore(store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut channels = Self::default();
        let mut result = Ok(());
        scan_all(store, Table::Channel, |record| match records::read::<Signed<ChannelRecord>>(&record) {
            Ok(record) => {
                channels.take_name(&record.name, record.owner.account);
                channels.insert(record);
            }
            Err(fatal) => result = Err(fatal),
        })?;
        result.map(|()| channels)
    }

    /// Takes a name for a creation under way.
    pub fn reserve(&mut self, name: &ChannelName, owner: AccountId, limits: &Limits) -> Result<(), Reason> {
        if self.skeletons.contains(&name.skeleton()) {
            return Err(Reason::NameTaken);
        }
        let of_owner = self.owned.get(&owner).map_or(0, BTreeSet::len);
        if self.skeletons.len() >= limits.channels_max || of_owner >= limits.channels_per_account_max {
            return Err(Reason::LimitReached);
        }
        self.take_name(name, owner);
        Ok(())
    }

    fn take_name(&mut self, name: &ChannelName, owner: AccountId) {
        self.skeletons.insert(name.skeleton());
        self.owned.entry(owner).or_default().insert(name.as_str().to_string());
    }

    /// A channel that is on disk, and whose name is taken.
    pub fn insert(&mut self, record: Signed<ChannelRecord>) {
        self.by_name.insert(record.name.as_str().to_string(), record.channel);
        self.hosted.entry(record.host).or_default().insert(record.channel);
        self.by_id.insert(record.channel, record);
    }

    /// A record that names another host is on disk.
    pub fn replace(&mut self, record: Signed<ChannelRecord>) {
        if let Some(before) = self.by_id.get(&record.channel) {
            let hosted = self.hosted.entry(before.host).or_default();
            hosted.remove(&record.channel);
            if hosted.is_empty() {
                self.hosted.remove(&before.host);
            }
        }
        self.insert(record);
    }

    pub fn get(&self, id: ChannelId) -> Option<&Signed<ChannelRecord>> {
        self.by_id.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Signed<ChannelRecord>> {
        self.by_id.values()
    }

    /// By the exact name: a look-alike finds nothing.
    pub fn find(&self, name: &ChannelName) -> Option<&Signed<ChannelRecord>> {
        self.by_name.get(name.as_str()).and_then(|id| self.by_id.get(id))
    }

    pub fn hosted_by(&self, device: &DeviceId) -> impl Iterator<Item = ChannelId> {
        self.hosted.get(device).into_iter().flatten().copied()
    }

    /// In the order of their names, from behind one of them.
    pub fn behind(&self, after: &str) -> impl Iterator<Item = &Signed<ChannelRecord>> {
        let names = self.by_name.range::<str, _>((Excluded(after), Unbounded));
        names.filter_map(|(_, id)| self.by_id.get(id))
    }

    /// As [`Self::behind`], but only what an account owns.
    pub fn owned_behind(&self, account: AccountId, after: &str) -> impl Iterator<Item = &Signed<ChannelRecord>> {
        let owned = self.owned.get(&account).into_iter();
        let names = owned.flat_map(move |names| names.range::<str, _>((Excluded(after), Unbounded)));
        names.filter_map(|name| self.by_name.get(name)).filter_map(|id| self.by_id.get(id))
    }
}
