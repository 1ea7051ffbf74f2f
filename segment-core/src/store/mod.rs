//! What machines want written, read and computed; and the trait of who stores it.

mod logs;
mod table;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::messages::Secret;
use segment_proto::{DeviceId, Hash};

pub use logs::{LogId, LogRole, StoredEntry, fitting};
pub use table::Table;

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets entries at their places, in place of what stands there.
    Append {
        /// Which log.
        log: LogId,
        /// In any order; a cache may have holes.
        entries: Vec<StoredEntry>,
    },
    /// Deletes every entry from a place on.
    Cut {
        /// Which log.
        log: LogId,
        /// The first place that goes.
        from: u64,
    },
    /// Deletes every entry below a place.
    Trim {
        /// Which log.
        log: LogId,
        /// The first place that stays.
        below: u64,
    },
    /// Sets all entries of a log at their places in another, in place of what stands there. The first has
    /// none afterwards; the records of both stay.
    Move {
        /// Whose entries.
        from: LogId,
        /// Where to.
        to: LogId,
    },
    /// Deletes a log with all records that belong to it.
    Erase {
        /// Which log.
        log: LogId,
    },
    /// Sets a record.
    Put {
        /// Its table.
        table: Table,
        /// Its key.
        key: Bytes,
        /// Its value.
        value: Bytes,
    },
    /// Deletes a record; nothing where there is none.
    Delete {
        /// Its table.
        table: Table,
        /// Its key.
        key: Bytes,
    },
}

/// How to look an entry up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// By its key.
    Key {
        /// The author.
        device: DeviceId,
        /// Its incarnation.
        incarnation: u32,
        /// Its number.
        seq: u64,
    },
    /// By the hash of its envelope.
    Hash(Hash),
}

impl Lookup {
    /// Whether this is the entry that is looked for.
    #[must_use]
    pub fn is_of(&self, stored: &StoredEntry) -> bool {
        let own = &stored.entry.envelope.key;
        match self {
            Self::Key { device, incarnation, seq } => {
                (own.device, own.incarnation, own.seq) == (*device, *incarnation, *seq)
            }
            Self::Hash(hash) => stored.hash == *hash,
        }
    }
}

/// What a store does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOperation {
    /// One transaction: all of it or nothing, and durable when performed.
    Write(Vec<Write>),
    /// Entries of a log in the order of their places, from `from` to `to`, both included; up to the first hole,
    /// or to an entry that cannot be read.
    Read {
        /// Which log.
        log: LogId,
        /// The first place wanted.
        from: u64,
        /// The last.
        to: u64,
        /// At most so many.
        entries_max: usize,
        /// At most so many bytes ([`segment_proto::Entry::wire_bytes`]), but at least one entry.
        bytes_max: usize,
    },
    /// Entries of one author in the order of their places, from `from` to `to`, both included: not dense.
    /// The chain before them is not looked up.
    ReadAuthor {
        /// Which log.
        log: LogId,
        /// The author.
        device: DeviceId,
        /// The first place of interest.
        from: u64,
        /// The last. All between are gone through: the caller bounds the time that this takes.
        to: u64,
        /// At most so many.
        entries_max: usize,
        /// At most so many bytes ([`segment_proto::Entry::wire_bytes`]), but at least one entry.
        bytes_max: usize,
    },
    /// One entry of a log.
    Find {
        /// Which log.
        log: LogId,
        /// Which entry.
        lookup: Lookup,
    },
    /// All records of a log, and its last entry.
    Load {
        /// Which log.
        log: LogId,
    },
    /// Records of a table in the order of their keys.
    Scan {
        /// Which table.
        table: Table,
        /// The last key of the page before; empty for the first.
        after: Bytes,
        /// At most so many.
        limit: usize,
    },
}

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its table.
    pub table: Table,
    /// Its whole key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
}

/// What came of a [`StoreOperation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// The transaction is durable.
    Written,
    /// The entries, and the chain before the first of them (zero where the place before is not in the log).
    Entries {
        /// Chain before the first.
        before: Hash,
        /// In order.
        entries: Vec<StoredEntry>,
    },
    /// The first entry that was to be read, or one of the author's, is there but cannot be made out any
    /// more: the disk has lost a bit. Nothing is given in its place.
    Damaged {
        /// Its place.
        pos: u64,
    },
    /// The entry, if there is one that can be read.
    Found(Option<StoredEntry>),
    /// Everything that belongs to a log but its entries.
    Log {
        /// Its records.
        records: Vec<Record>,
        /// Its last entry.
        last: Option<StoredEntry>,
    },
    /// A page of records.
    Records(Vec<Record>),
}

/// Something slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// For the store, in order.
    Store(StoreOperation),
    /// Hash a password with Argon2id under this salt; on a bounded pool, in any order.
    HashPassword {
        /// The password.
        secret: Secret,
        /// Sixteen random bytes.
        salt: [u8; 16],
    },
    /// Check a password against its hash; on the same pool.
    VerifyPassword {
        /// The password.
        secret: Secret,
        /// As [`Outcome::PasswordHashed`] gave it.
        hash: String,
    },
}

/// What came of an [`Operation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From the store.
    Store(StoreOutcome),
    /// The hash, as a PHC string.
    PasswordHashed(String),
    /// Whether the password is the right one.
    PasswordVerified(bool),
}

/// The store has failed. It is never used again: what was not acknowledged may or may not be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store has failed and is stopped: {0}")]
pub struct Fatal(pub String);

/// Where machines keep what must survive. It blocks: a driver gives it a thread of its own.
pub trait Store: Send {
    /// Performs operations in order. All writes of a batch are durable, with one sync, when this
    /// returns; reads see the writes before them.
    ///
    /// # Errors
    /// [`Fatal`]: a read or a sync failed. Nothing of the batch is acknowledged, and every later call fails.
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal>;
}

impl<S: Store + ?Sized> Store for alloc::boxed::Box<S> {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        (**self).perform(batch)
    }
}

/// Calls `each` with every record of a table; for machines that are being restored.
///
/// # Errors
/// [`Fatal`] as in [`Store::perform`].
pub fn scan_all(store: &mut dyn Store, table: Table, mut each: impl FnMut(Record)) -> Result<(), Fatal> {
    const PAGE: usize = 1_024;
    let mut after = Bytes::new();
    loop {
        let scan = StoreOperation::Scan { table, after: after.clone(), limit: PAGE };
        let Some(StoreOutcome::Records(records)) = store.perform(&[scan])?.pop() else {
            return Err(Fatal("the store answered a scan with something else".into()));
        };
        let Some(last) = records.last() else {
            return Ok(());
        };
        after = last.key.clone();
        records.into_iter().for_each(&mut each);
    }
}

/// Loads everything that belongs to a log but its entries; for machines that are being restored.
///
/// # Errors
/// [`Fatal`] as in [`Store::perform`].
pub fn load_log(store: &mut dyn Store, log: LogId) -> Result<(Vec<Record>, Option<StoredEntry>), Fatal> {
    match store.perform(&[StoreOperation::Load { log }])?.pop() {
        Some(StoreOutcome::Log { records, last }) => Ok((records, last)),
        _ => Err(Fatal("the store answered a load with something else".into())),
    }
}
