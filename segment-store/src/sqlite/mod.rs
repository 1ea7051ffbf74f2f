//! The store of every shipped program: one SQLite file in write-ahead mode, synced in full.

mod column;
mod error;
pub(crate) mod files;
mod lookup;
mod open;
mod read;
mod schema;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB};
use segment_core::{Fatal, Store, StoreOperation, StoreOutcome};
use segment_proto::Hash;

pub use error::{BackupError, OpenError};

/// Whether an acknowledgement waits for the disk.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncing {
    /// It does.
    Full,
    /// It does not: only the crash suite asks for this, to prove that it would notice.
    Off,
}

/// What the crash suite changes; nobody else has a reason to.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether to sync.
    pub syncing: Syncing,
    /// The write-ahead log is copied into the database once it has so many pages.
    pub checkpoint_pages: i32,
}

/// At 4 KiB each: the write-ahead log stays near 4 MiB.
const CHECKPOINT_PAGES: i32 = 1_000;

impl Default for Settings {
    fn default() -> Self {
        Self { syncing: Syncing::Full, checkpoint_pages: CHECKPOINT_PAGES }
    }
}

/// Keeps everything in one SQLite file, locked against every other process while it is open.
///
/// All writes of a batch are one transaction and one sync. After the first failed read, write or
/// sync the store is stopped: nothing is tried again, because a disk that has failed a sync may
/// report success for data that it has lost. Open it anew to go on with what is really there.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Result<Connection, Fatal>,
    path: PathBuf,
    checkpoint_pages: i32,
}

impl SqliteStore {
    /// Opens the store in this file, and makes it, readable by its owner only, where there is none.
    ///
    /// # Errors
    /// See [`OpenError`]: each says what to do next. Nothing was changed, except that after an
    /// interrupted migration the copy made before it may be there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Settings::default())
    }

    /// [`Self::open`] with other settings; for the crash suite.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[doc(hidden)]
    pub fn open_with(path: impl AsRef<Path>, settings: Settings) -> Result<Self, OpenError> {
        let connection = open::open(path.as_ref(), settings, &schema::CURRENT)?;
        let (path, checkpoint_pages) = (path.as_ref().to_owned(), settings.checkpoint_pages);
        Ok(Self { connection: Ok(connection), path, checkpoint_pages })
    }

    /// Writes a consistent copy of the whole store to a new file. It opens like any other store.
    ///
    /// # Errors
    /// See [`BackupError`]: there is no copy then, and the store goes on.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<(), BackupError> {
        let connection = self.connection.as_ref().map_err(|fatal| BackupError::Stopped(fatal.clone()))?;
        files::copy_database(connection, path.as_ref())
    }

    /// Reads the whole file, and compares what it says of itself.
    ///
    /// # Errors
    /// [`Fatal`]: it is damaged, and the store is stopped.
    pub fn check(&mut self) -> Result<(), Fatal> {
        let connection = self.connection.as_ref().map_err(Fatal::clone)?;
        let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match found {
            Ok(found) if found == "ok" => Ok(()),
            Ok(found) => Err(self.stop(&error::corrupt(found))),
            Err(error) => Err(self.stop(&error)),
        }
    }

    fn stop(&mut self, error: &rusqlite::Error) -> Fatal {
        let fatal = Fatal(error::after_failure(&self.path, error));
        tracing::error!(%fatal, "stopped for good");
        self.connection = Err(fatal.clone());
        fatal
    }
}

impl Store for SqliteStore {
    fn perform(&mut self, batch: &[StoreOperation]) -> Result<Vec<StoreOutcome>, Fatal> {
        let connection = self.connection.as_mut().map_err(|fatal| fatal.clone())?;
        let done = perform(connection, batch)
            .and_then(|outcomes| checkpoint_when_long(connection, self.checkpoint_pages).map(|()| outcomes));
        done.map_err(|error| self.stop(&error))
    }
}

fn perform(connection: &mut Connection, batch: &[StoreOperation]) -> rusqlite::Result<Vec<StoreOutcome>> {
    let transaction = connection.transaction()?;
    let mut writer = write::Writer::new(&transaction)?;
    let outcomes = batch.iter().map(|operation| perform_one(&mut writer, operation)).collect::<Result<_, _>>()?;
    drop(writer);
    transaction.commit()?;
    Ok(outcomes)
}

fn perform_one(writer: &mut write::Writer<'_>, operation: &StoreOperation) -> rusqlite::Result<StoreOutcome> {
    let connection = writer.connection;
    match operation {
        StoreOperation::Write(writes) => {
            writes.iter().try_for_each(|one| writer.write(one))?;
            Ok(StoreOutcome::Written)
        }
        StoreOperation::Read { log, from, to, entries_max, bytes_max } => {
            let before = read::chain_before(connection, log, *from)?;
            Ok(read::read(connection, log, *from..=*to, *entries_max, *bytes_max)?.into_outcome(before))
        }
        StoreOperation::ReadAuthor { log, device, from, to, entries_max, bytes_max } => {
            let page = read::of_author(connection, log, device, *from..=*to, *entries_max, *bytes_max)?;
            Ok(page.into_outcome(Hash::ZERO))
        }
        StoreOperation::Find { log, lookup } => Ok(StoreOutcome::Found(lookup::find(connection, log, lookup)?)),
        StoreOperation::Load { log } => {
            Ok(StoreOutcome::Log { records: read::records_of(connection, log)?, last: read::last(connection, log)? })
        }
        StoreOperation::Scan { table, after, limit } => {
            Ok(StoreOutcome::Records(read::scan(connection, *table, after, *limit)?))
        }
    }
}

/// SQLite's own automatic checkpoint ignores a failed sync; this one does not.
fn checkpoint_when_long(connection: &Connection, pages_max: i32) -> rusqlite::Result<()> {
    let (pages, _) = connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)?;
    if pages >= pages_max {
        connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE)?;
    }
    Ok(())
}
