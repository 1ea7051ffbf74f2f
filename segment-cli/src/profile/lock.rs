//! One process at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process;

use super::{ProfileError, private_file};

const LOCK_FILE: &str = "lock";

/// The lock on a directory. The operating system frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Whether the lock could be taken.
#[derive(Debug)]
pub enum LockOutcome {
    /// It is ours until the value is dropped.
    Taken(Lock),
    /// Somebody has it.
    Held {
        /// Who, if the lock says so.
        pid: Option<u32>,
    },
}

impl Lock {
    /// Takes the lock of a directory, without waiting.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]
    pub fn take(dir: &Path) -> Result<LockOutcome, ProfileError> {
        let path = dir.join(LOCK_FILE);
        let opened = private_file().create(true).truncate(false).open(&path);
        let mut file = opened.map_err(ProfileError::disk(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(LockOutcome::Held { pid: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(ProfileError::disk(&path, "locked")(error)),
        }
        sign(&mut file).map_err(ProfileError::disk(&path, "written"))?;
        Ok(LockOutcome::Taken(Self { _file: file }))
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
