//! A store that was put back from a copy. It may have lost what was receipted after the copy was
//! made, and it may not be told: so each of its channels begins a new store generation at once, before
//! anybody is answered, in which every older grant, receipt and frame is void.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::Identity;

use crate::store::{Fatal, Record, Store, StoreOperation, Table, Write, scan_all};
use crate::tracker::Backups;

const MARK: &[u8] = b"tracker/restored";

/// What whoever puts a copy in place writes into it.
#[must_use]
pub fn mark_restored() -> Write {
    Write::Put { table: Table::Setting, key: Bytes::from_static(MARK), value: Bytes::new() }
}

/// Where the store is marked, all its channels begin their new generation. The mark goes last: where
/// this was interrupted, some are one generation further than they had to be.
pub(super) fn open_generations(backups: &mut Backups, identity: &Identity, store: &mut dyn Store) -> Result<(), Fatal> {
    let mut marked = false;
    scan_all(store, Table::Setting, |record: Record| marked |= record.key == MARK)?;
    if !marked {
        return Ok(());
    }
    let mut writes: Vec<Write> =
        backups.iter_mut().flat_map(|backup| backup.put_restored_generation(identity)).collect();
    writes.push(Write::Delete { table: Table::Setting, key: Bytes::from_static(MARK) });
    store.perform(&[StoreOperation::Write(writes)])?;
    Ok(())
}
