//! A store that was put back from a copy. It may have lost what was receipted after the copy was
//! made, and it may not be told: so each of its channels begins a new store generation at once, before
//! anybody is answered, in which every older grant, receipt and frame is void. Accounts and channels that were
//! made behind the copy come back with whoever holds what this tracker has signed of them
//! (`RegisterAgain`, `RestoreChannel`).

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{ChannelName, ChannelRecord, Identity, Position, Signed};

use crate::directory::Directory;
use crate::random::Random;
use crate::store::{
    Fatal, LogId, LogRole, Record, Store, StoreOperation, StoreOutcome, Table, Write, load_log, scan_all,
};
use crate::sync::persist::{Loaded, Meta, decode};
use crate::sync::verify::sound;
use crate::tracker::Backups;

const MARK: &[u8] = b"tracker/restored";
/// Entries that are read at once when a copy is gone through.
const CHECKED_TOGETHER: usize = 256;

/// What whoever puts a copy in place writes into it.
#[must_use]
pub fn mark_restored() -> Write {
    Write::Put { table: Table::Setting, key: Bytes::from_static(MARK), value: Bytes::new() }
}

/// A place of a channel's copy that is not what was written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPlace {
    /// The channel.
    pub channel: ChannelName,
    /// The first such place in it.
    pub pos: u64,
}

/// Goes through every channel of a tracker's store: the bytes of every entry have to lead, by hash, from the one before it
/// to the one behind it. The first place of each channel that does not hold.
///
/// # Errors
/// [`Fatal`]: the store cannot be read.
pub fn check_channels(store: &mut dyn Store) -> Result<Vec<DamagedPlace>, Fatal> {
    let mut records = Vec::new();
    let mut result = Ok(());
    scan_all(store, Table::Channel, |record| match decode::<Signed<ChannelRecord>>(&record.value) {
        Some(record) => records.push(record),
        None => result = Err(Fatal("the record of a channel cannot be read".into())),
    })?;
    result?;
    let mut damaged = Vec::new();
    for record in records {
        let log = LogId { channel: record.channel, role: LogRole::Backup };
        if let Some(pos) = first_unfit(store, log)? {
            damaged.push(DamagedPlace { channel: record.name.clone(), pos });
        }
    }
    Ok(damaged)
}

fn first_unfit(store: &mut dyn Store, log: LogId) -> Result<Option<u64>, Fatal> {
    let (records, last) = load_log(store, log)?;
    let below = Loaded::new(records).meta(Meta::Below).unwrap_or(Position::START);
    let (mut at, last) = (below, last.map_or(below.pos, |last| last.entry.pos));
    while at.pos < last {
        let (entries_max, bytes_max) = (CHECKED_TOGETHER, usize::MAX);
        let read = StoreOperation::Read { log, from: at.pos + 1, to: last, entries_max, bytes_max };
        let Some(StoreOutcome::Entries { entries, .. }) = store.perform(&[read])?.pop() else {
            return Ok(Some(at.pos + 1));
        };
        let read = entries.len();
        let held = sound(at.chain, entries);
        let is_dense = held.iter().map(|stored| stored.entry.pos).eq(at.pos + 1..=at.pos + held.len() as u64);
        if read == 0 || held.len() < read || !is_dense {
            return Ok(Some(at.pos + 1 + if is_dense { held.len() as u64 } else { 0 }));
        }
        at = held.last().map_or(at, |stored| stored.position());
    }
    Ok(None)
}

/// Where the store is marked, all its channels begin their new generation, and accounts a new range of numbers. The
/// mark goes last: where this was interrupted, some are one generation further than they had to be.
pub(super) fn begin_anew(
    directory: &mut Directory,
    backups: &mut Backups,
    identity: &Identity,
    mut random: Random,
    store: &mut dyn Store,
) -> Result<(), Fatal> {
    let mut marked = false;
    scan_all(store, Table::Setting, |record: Record| marked |= record.key == MARK)?;
    if !marked {
        return Ok(());
    }
    let mut writes: Vec<Write> =
        backups.iter_mut().flat_map(|backup| backup.put_restored_generation(identity)).collect();
    writes.push(directory.begin_range(&mut random));
    writes.push(Write::Delete { table: Table::Setting, key: Bytes::from_static(MARK) });
    store.perform(&[StoreOperation::Write(writes)])?;
    Ok(())
}
