//! Who can log in.

use alloc::collections::BTreeMap;
use alloc::string::String;

use segment_proto::{AccountId, Reason, UserName, Who};

use super::records::{self, AccountRecord};
use crate::store::{Fatal, Store, Table, scan_all};

/// All accounts. A name is taken from the moment its registration begins.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_id: BTreeMap<AccountId, AccountRecord>,
    by_skeleton: BTreeMap<String, AccountId>,
    last: u64,
}

impl Accounts {
    pub fn restore(store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut accounts = Self::default();
        let mut result = Ok(());
        scan_all(store, Table::Account, |record| {
            let read = records::account_of(&record).and_then(|id| Ok((id, records::read(&record)?)));
            match read {
                Ok((id, account)) => accounts.insert(id, account),
                Err(fatal) => result = Err(fatal),
            }
        })?;
        result.map(|()| accounts)
    }

    /// Takes a name for a registration under way.
    pub fn reserve(&mut self, name: &UserName, accounts_max: usize) -> Result<AccountId, Reason> {
        let skeleton = name.skeleton();
        if self.by_skeleton.contains_key(&skeleton) {
            return Err(Reason::NameTaken);
        }
        if self.by_skeleton.len() >= accounts_max {
            return Err(Reason::LimitReached);
        }
        self.last += 1;
        let id = AccountId(self.last);
        self.by_skeleton.insert(skeleton, id);
        Ok(id)
    }

    /// Gives a name back whose registration came to nothing.
    pub fn release(&mut self, name: &UserName) {
        self.by_skeleton.remove(&name.skeleton());
    }

    /// An account that is on disk.
    pub fn insert(&mut self, id: AccountId, record: AccountRecord) {
        self.last = self.last.max(id.0);
        self.by_skeleton.insert(record.name.skeleton(), id);
        self.by_id.insert(id, record);
    }

    pub fn get(&self, id: AccountId) -> Option<&AccountRecord> {
        self.by_id.get(&id)
    }

    pub fn who(&self, id: AccountId) -> Option<Who> {
        self.get(id).map(|record| Who { account: id, name: record.name.clone() })
    }

    /// By the exact name: a look-alike finds nobody.
    pub fn find(&self, name: &UserName) -> Option<(AccountId, &AccountRecord)> {
        let id = *self.by_skeleton.get(&name.skeleton())?;
        self.by_id.get(&id).filter(|record| record.name == *name).map(|record| (id, record))
    }
}
