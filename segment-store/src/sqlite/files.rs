//! Directories and files: made for their owner only, and durable before they are relied on.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::BackupError;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a directory and its parents, for their owner only.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let Some(parent) = path.parent() else {
        return Err(io::ErrorKind::NotADirectory.into());
    };
    create_directory(parent)?;
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_directory(parent),
    }
}

/// Makes an empty file where there is none, and takes an existing one from everybody but its owner.
///
/// An existing file is never opened here: closing it would drop the locks that a store in this
/// process has on it.
pub(crate) fn create_file(path: &Path) -> io::Result<()> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => restrict(path),
        other => other,
    }
}

fn create_new(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), sync_directory)
}

fn restrict(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
}

/// What an ordinary user may still write to the disk of this directory.
pub(super) fn available_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Copies a database into a file that does not exist yet; durable when this returns.
pub(super) fn copy_database(from: &Connection, to: &Path) -> Result<(), BackupError> {
    let files = |source| BackupError::Files { path: to.to_owned(), source };
    let to = &std::path::absolute(to).map_err(files)?;
    create_new(to).map_err(files)?;
    if let Err(source) = copy_pages(from, to) {
        // What is left of a failed copy is worthless, and would stand in the way of the next.
        fs::remove_file(to).map_err(files)?;
        return Err(BackupError::Database { path: to.clone(), source });
    }
    File::open(to).and_then(|file| file.sync_all()).map_err(files)
}

fn copy_pages(from: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    let all = -1;
    let done = Backup::new(from, &mut target)?.step(all)?;
    if done != StepResult::Done {
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None));
    }
    target.close().map_err(|(_, error)| error)
}
