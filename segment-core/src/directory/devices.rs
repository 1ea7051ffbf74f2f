//! Whose devices these are, and which of their sessions may resume.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use segment_proto::{AccountId, DeviceId, DeviceRecord, SessionId, Signed, Token, UnixMillis};

use super::records::{self, SessionRecord};
use crate::store::{Fatal, Store, Table, Write, scan_all};

/// Device records of one account, the revoked ones included: they name the authors of old messages and
/// are never deleted. Policy: `limit_reached`, an old device has to be used.
const RECORDS_PER_ACCOUNT_MAX: usize = 512;

/// A token's last use is written again when it is older than this.
const USED_MILLIS: u64 = 3_600_000;

/// A device belongs to one account for ever: what it has written keeps its author.
#[derive(Debug)]
struct Device {
    record: Signed<DeviceRecord>,
    session: Option<SessionRecord>,
}

/// All devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_id: BTreeMap<DeviceId, Device>,
    by_account: BTreeMap<AccountId, BTreeSet<DeviceId>>,
}

impl Devices {
    pub fn restore(store: &mut dyn Store) -> Result<Self, Fatal> {
        let mut devices = Self::default();
        let mut result = Ok(());
        scan_all(store, Table::Device, |record| match records::read(&record) {
            Ok(record) => devices.set_record(record),
            Err(fatal) => result = Err(fatal),
        })?;
        scan_all(store, Table::Session, |record| {
            let read = records::device_of(&record).and_then(|device| Ok((device, records::read(&record)?)));
            match read {
                Ok((device, session)) => devices.set_session(&device, Some(session)),
                Err(fatal) => result = Err(fatal),
            }
        })?;
        result.map(|()| devices)
    }

    pub fn owner(&self, device: &DeviceId) -> Option<AccountId> {
        self.by_id.get(device).map(|device| device.record.who.account)
    }

    pub fn record(&self, device: &DeviceId) -> Option<&Signed<DeviceRecord>> {
        self.by_id.get(device).map(|device| &device.record)
    }

    pub fn set_record(&mut self, record: Signed<DeviceRecord>) {
        self.by_account.entry(record.who.account).or_default().insert(record.device);
        match self.by_id.get_mut(&record.device) {
            Some(device) => device.record = record,
            None => drop(self.by_id.insert(record.device, Device { record, session: None })),
        }
    }

    pub fn set_session(&mut self, device: &DeviceId, session: Option<SessionRecord>) {
        if let Some(device) = self.by_id.get_mut(device) {
            device.session = session;
        }
    }

    /// The devices of an account that may log in without its name being written again.
    pub fn in_use(&self, account: AccountId) -> impl Iterator<Item = &Signed<DeviceRecord>> {
        let devices = self.by_account.get(&account).into_iter().flatten();
        devices.filter_map(|id| self.record(id)).filter(|record| record.revoked.is_none())
    }

    /// Whether one more device of this account can be recorded.
    pub fn has_room(&self, account: AccountId) -> bool {
        self.by_account.get(&account).is_none_or(|devices| devices.len() < RECORDS_PER_ACCOUNT_MAX)
    }

    /// The device in use that was not used for longest, among those that `may_go`.
    pub fn longest_unused(&self, account: AccountId, may_go: impl Fn(&DeviceId) -> bool) -> Option<DeviceId> {
        let candidates = self.in_use(account).filter(|record| may_go(&record.device));
        candidates.min_by_key(|record| (self.last_use(&record.device), record.since)).map(|record| record.device)
    }

    fn last_use(&self, device: &DeviceId) -> UnixMillis {
        let session = self.by_id.get(device).and_then(|device| device.session.as_ref());
        session.map_or(UnixMillis::default(), |session| session.used)
    }

    /// The account whose session this token resumes.
    pub fn resume(
        &self,
        device: &DeviceId,
        session: SessionId,
        token: &Token,
        is_good: impl Fn(UnixMillis) -> bool,
    ) -> Option<AccountId> {
        let device = self.by_id.get(device)?;
        let stored = device.session.as_ref()?;
        let right = stored.session == session && stored.token == token.hash() && is_good(stored.used);
        right.then_some(device.record.who.account)
    }

    /// Notes that a token was used; what is to be written for it.
    pub fn touch(&mut self, device: &DeviceId, now: UnixMillis) -> Vec<Write> {
        let stored = self.by_id.get_mut(device).and_then(|device| device.session.as_mut());
        let Some(stored) = stored.filter(|stored| now.0.saturating_sub(stored.used.0) > USED_MILLIS) else {
            return Vec::new();
        };
        stored.used = now;
        alloc::vec![records::put(Table::Session, records::device_key(device), stored)]
    }
}
