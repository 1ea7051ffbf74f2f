//! Whose device is whose: what the tracker has signed about the authors of messages.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{AccountId, DeviceId, DeviceRecord, Envelope, Signed, Who};

use crate::store::{Fatal, Record, Table, Write};

/// A bounded cache of device records, each of them signed by the tracker; the store holds the same ones.
#[derive(Debug, Default)]
pub struct Authors {
    known: BTreeMap<DeviceId, Signed<DeviceRecord>>,
    learned: VecDeque<DeviceId>,
}

impl Authors {
    /// The cache as the store has it.
    ///
    /// # Errors
    /// [`Fatal`]: a record cannot be read.
    pub fn restore(records: &[Record]) -> Result<Self, Fatal> {
        let mut authors = Self::default();
        for record in records {
            let record: Signed<DeviceRecord> = postcard::from_bytes(&record.value)
                .map_err(|_| Fatal("the record of an author's device cannot be read".into()))?;
            authors.learned.push_back(record.device);
            authors.known.insert(record.device, record);
        }
        Ok(authors)
    }

    /// Who wrote an envelope: the account that it claims, if the tracker says that its device is that account's.
    #[must_use]
    pub fn who(&self, envelope: &Envelope) -> Option<Who> {
        self.who_is(&envelope.key.device, envelope.account)
    }

    /// The same, where only the device and the claimed account are at hand.
    #[must_use]
    pub fn who_is(&self, device: &DeviceId, account: AccountId) -> Option<Who> {
        let record = self.known.get(device)?;
        (record.who.account == account).then(|| record.who.clone())
    }

    /// The record of a device.
    #[must_use]
    pub fn record(&self, device: &DeviceId) -> Option<&Signed<DeviceRecord>> {
        self.known.get(device)
    }

    /// Remembers a record that was checked; what is to be written for it. The one learned first makes room.
    #[must_use]
    pub fn learn(&mut self, record: Signed<DeviceRecord>, authors_max: usize) -> Vec<Write> {
        let device = record.device;
        if self.known.get(&device).is_some_and(|known| !is_news(&record, known)) {
            return Vec::new();
        }
        let value = Bytes::from(postcard::to_allocvec(&record).unwrap_or_default());
        let mut writes = alloc::vec![Write::Put { table: Table::Author, key: key_of(&device), value }];
        if self.known.insert(device, record).is_none() {
            self.learned.push_back(device);
        }
        while self.known.len() > authors_max {
            let Some(oldest) = self.learned.pop_front() else { break };
            self.known.remove(&oldest);
            writes.push(Write::Delete { table: Table::Author, key: key_of(&oldest) });
        }
        writes
    }
}

/// A record is passed on by anybody, also an old one.
fn is_news(record: &DeviceRecord, known: &DeviceRecord) -> bool {
    (record.since, record.revoked) > (known.since, known.revoked)
}

fn key_of(device: &DeviceId) -> Bytes {
    Bytes::copy_from_slice(device.as_bytes())
}
