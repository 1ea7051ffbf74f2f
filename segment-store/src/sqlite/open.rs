//! From a path to a connection that may be relied on.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::error::OpenError;
use super::schema::{self, Found, Schema};
use super::{Settings, Syncing, files};

/// Below this much free space a store is not opened: the write-ahead log and its database grow side by side.
const FREE_BYTES_MIN: u64 = 16 << 20;
const CACHE_KIBIBYTES: i64 = 8 << 10;
const STATEMENTS_CACHED: usize = 32;
const WAL_BYTES_KEPT: i64 = 64 << 20;

pub(super) fn open(path: &Path, settings: Settings, schema: &Schema) -> Result<Connection, OpenError> {
    let path = &std::path::absolute(path).map_err(|source| files_error(path, source))?;
    prepare_files(path)?;
    let database = |source| OpenError::from_sqlite(path.clone(), source);
    let mut connection = connect(path).map_err(database)?;
    let found = schema::identify(&connection).map_err(database)?;
    if found == Found::Foreign {
        return Err(OpenError::NotOurs { path: path.clone() });
    }
    refuse_newer(path, found, schema)?;
    configure(&connection, settings).map_err(database)?;
    // SQLite syncs the name of its log too, but does not look whether that succeeded.
    let directory = path.parent().unwrap_or(path);
    files::sync_directory(directory).map_err(|source| files_error(directory, source))?;
    match found {
        Found::Version(version) if version < schema.version() => {
            files::copy_database(&connection, &free_copy_path(path, version))?;
            schema.migrate(&mut connection, version)
        }
        Found::Empty => schema.create(&mut connection),
        _ => Ok(()),
    }
    .map_err(database)?;
    Ok(connection)
}

fn files_error(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Files { path: path.to_owned(), source }
}

fn prepare_files(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().unwrap_or(path);
    files::create_directory(directory).map_err(|source| files_error(directory, source))?;
    let available = files::available_bytes(directory).map_err(|source| files_error(directory, source))?;
    if available < FREE_BYTES_MIN {
        return Err(OpenError::DiskFull { path: directory.to_owned(), available, needed: FREE_BYTES_MIN });
    }
    files::create_file(path).map_err(|source| files_error(path, source))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Without this a range that was bound anew is planned anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A store that has failed must not touch the disk again, not even while it is closed.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(connection)
}

fn refuse_newer(path: &Path, found: Found, schema: &Schema) -> Result<(), OpenError> {
    match found {
        Found::Version(found) if found > schema.version() => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: schema.version() })
        }
        _ => Ok(()),
    }
}

fn configure(connection: &Connection, settings: Settings) -> rusqlite::Result<()> {
    let synchronous = match settings.syncing {
        Syncing::Full => "FULL",
        Syncing::Off => "OFF",
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| match row.get_ref(0)?.as_str()? {
        "wal" => Ok(()),
        other => Err(rusqlite::Error::InvalidParameterName(format!("journal_mode is {other}"))),
    })?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    make_durable(connection)
}

/// What a killed process has written without a sync can be read, but may not be on the disk: it
/// is copied and synced before anybody relies on it.
fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::TRUNCATE).map(|_| ())
}

/// A name beside the database that nobody has: the copy of an attempt before is kept.
fn free_copy_path(path: &Path, version: u32) -> PathBuf {
    let numbered = |attempt: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".schema-{version}.{attempt}.backup"));
        PathBuf::from(name)
    };
    (1..).map(numbered).find(|candidate| fs::symlink_metadata(candidate).is_err()).unwrap_or_else(|| numbered(0))
}
