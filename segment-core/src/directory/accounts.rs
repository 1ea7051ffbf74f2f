//! Who can log in.

use alloc::collections::BTreeMap;
use alloc::string::String;

use bytes::Bytes;
use segment_proto::{AccountId, Reason, UserName, Who};

use super::records::{self, AccountRecord};
use crate::random::Random;
use crate::store::{Fatal, Store, Table, Write, scan_all};

const RANGE_KEY: &[u8] = b"tracker/accounts";
/// Bits of an account's number within its range.
const RANGE_BITS: u32 = 32;
/// Numbers of ranges: an account's is then exact in JSON.
const RANGES: u64 = 1 << (53 - RANGE_BITS);

/// All accounts. A name is taken from the moment its registration begins.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_id: BTreeMap<AccountId, AccountRecord>,
    by_skeleton: BTreeMap<String, AccountId>,
    last: u64,
    /// New accounts are numbered in it. Each copy that is put back begins another: what was made behind the copy,
    /// and is not in it, keeps its number, by which the channels' logs name it.
    range: u64,
}

impl Accounts {
    pub fn restore(store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut accounts = Self::default();
        let mut result = Ok(());
        scan_all(store, Table::Setting, |record| {
            if record.key == RANGE_KEY {
                match records::read(&record) {
                    Ok(range) => accounts.begin(range),
                    Err(fatal) => result = Err(fatal),
                }
            }
        })?;
        scan_all(store, Table::Account, |record| {
            let read = records::account_of(&record).and_then(|id| Ok((id, records::read(&record)?)));
            match read {
                Ok((id, account)) => accounts.insert(id, account),
                Err(fatal) => result = Err(fatal),
            }
        })?;
        result.map(|()| accounts)
    }

    fn begin(&mut self, range: u64) {
        (self.range, self.last) = (range, range << RANGE_BITS);
    }

    /// Numbers new accounts where none was numbered before; what is to be written for it.
    pub fn begin_range(&mut self, random: &mut Random) -> Write {
        self.begin(1 + random.below(RANGES - 1));
        records::put(Table::Setting, Bytes::from_static(RANGE_KEY), &self.range)
    }

    /// Takes a name for a registration under way.
    pub fn reserve(&mut self, name: &UserName, accounts_max: usize) -> Result<AccountId, Reason> {
        self.take(name, AccountId(self.last + 1), accounts_max)?;
        self.last += 1;
        Ok(AccountId(self.last))
    }

    /// Takes name and number of an account that is made again.
    pub fn reserve_again(&mut self, who: &Who, accounts_max: usize) -> Result<(), Reason> {
        let is_known = self.by_id.contains_key(&who.account) || self.by_skeleton.values().any(|id| *id == who.account);
        if is_known || who.account == AccountId::NOBODY {
            return Err(Reason::NameTaken);
        }
        self.take(&who.name, who.account, accounts_max)
    }

    fn take(&mut self, name: &UserName, id: AccountId, accounts_max: usize) -> Result<(), Reason> {
        let skeleton = name.skeleton();
        if self.by_skeleton.contains_key(&skeleton) {
            return Err(Reason::NameTaken);
        }
        if self.by_skeleton.len() >= accounts_max {
            return Err(Reason::LimitReached);
        }
        self.by_skeleton.insert(skeleton, id);
        Ok(())
    }

    /// Gives a name back whose registration came to nothing.
    pub fn release(&mut self, name: &UserName) {
        self.by_skeleton.remove(&name.skeleton());
    }

    /// An account that is on disk.
    pub fn insert(&mut self, id: AccountId, record: AccountRecord) {
        if id.0 >> RANGE_BITS == self.range {
            self.last = self.last.max(id.0);
        }
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
