//! What can go wrong before a store runs, and when it is copied.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use segment_core::Fatal;

/// A store could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("{} is in use by another process; end that one or choose another data directory", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It holds something, but not a store of Segment.
    #[error("{} is not a store of Segment; it was left as it is, choose another path", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer Segment has written it.
    #[error(
        "{} has schema {found}, this program knows up to {known}; install the newer Segment again, \
         or put back the copy that it made before it changed the file",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// There is too little room to work safely.
    #[error("{} has {available} bytes free, the store needs {needed}; make room and start again", path.display())]
    DiskFull {
        /// The directory.
        path: PathBuf,
        /// What is free.
        available: u64,
        /// What has to be.
        needed: u64,
    },
    /// A directory or file could not be made or reached.
    #[error("{} cannot be used: {source}; check that it is a place where you may write", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy that goes before a migration failed, so the migration was not begun.
    #[error("the store was not migrated, because it could not be copied first: {0}")]
    Backup(#[from] BackupError),
    /// SQLite refuses the file.
    #[error("{} cannot be opened: {source}; put back a copy of it, or repair the disk first", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(super) fn from_sqlite(path: PathBuf, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            Some(ErrorCode::NotADatabase) => Self::NotOurs { path },
            _ => Self::Database { path, source },
        }
    }
}

/// A store could not be copied. The store itself is untouched.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store is stopped already.
    #[error("{0}; open it again before copying it")]
    Stopped(Fatal),
    /// The target exists or cannot be written.
    #[error("{} cannot be written: {source}; choose a path that does not exist yet", path.display())]
    Files {
        /// The target.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite could not read the store or write the copy.
    #[error("{} could not be copied to: {source}; check both disks and try again", path.display())]
    Database {
        /// The target.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// What a stopped store says: which file, what is wrong, and what to do next.
pub(super) fn after_failure(path: &Path, error: &rusqlite::Error) -> String {
    let next = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged: put back a copy of it (a tracker's with segment-tracker restore), or move it away and \
             start without: what others have is fetched again"
        }
        Some(ErrorCode::DiskFull) => "make room and start again",
        _ => "check the disk, then start again: what was acknowledged is there",
    };
    format!("{}: {error}; {next}", path.display())
}

/// What `quick_check` has found, as the error that a read of that page would have been.
pub(super) fn corrupt(found: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(found))
}
