//! Copies of a tracker's data, and putting one in place: the store, and the key beside it, for a
//! tracker with another key is another tracker to everybody who has pinned it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use segment_core::tracker::{check_channels, mark_restored};
use segment_core::{Fatal, Store, StoreOperation};
use segment_store::{BackupError, OpenError, SqliteStore};
use serde::{Deserialize, Serialize};

use super::{STORE_FILE, control};
use crate::errors::{LocalReason, Problem};
use crate::profile::{DeviceSecret, Lock, LockOutcome, ProfileError, private_dir};

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its file; the key is beside it.
    pub to: PathBuf,
    /// The size of the file.
    pub bytes: u64,
}

/// A copy that was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// What is there now.
    #[serde(flatten)]
    pub copied: Copied,
    /// The channels of which not every message is what was written.
    pub damaged: Vec<Damaged>,
}

/// A channel of a copy that is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its name.
    pub channel: String,
    /// The first place that does not hold.
    pub pos: u64,
}

/// Why there is no copy, or it was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("{} holds no tracker's data: nothing was copied; check --data", dir.display())]
    Nothing {
        /// The data directory.
        dir: PathBuf,
    },
    /// Something is there already.
    #[error("{} exists already: it was left as it is; choose a path that does not exist yet", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// A tracker has the data, and could not be asked.
    #[error(
        "a tracker is at work in {} and cannot be asked for a copy: {source}; stop it first, or choose another --data",
        dir.display()
    )]
    NotAsked {
        /// Where.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tracker is at work where a copy was to be put.
    #[error("a tracker is at work in {}: nothing was changed; stop it first", dir.display())]
    InUse {
        /// Where.
        dir: PathBuf,
    },
    /// The tracker at work could not make the copy.
    #[error("{0}")]
    Tracker(String),
    /// The key that belongs to the copy is not beside it.
    #[error("{} is missing: nothing was changed; without its key a tracker is another one to everybody", path.display())]
    NoKey {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The directory belongs to another tracker.
    #[error("{} holds the key of another tracker: nothing was changed; choose another --data", dir.display())]
    OtherKey {
        /// Which directory.
        dir: PathBuf,
    },
    /// There is no such copy.
    #[error("{} does not exist: nothing was changed; check --from", path.display())]
    NoCopy {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The copy is not what was written.
    #[error("{} is damaged ({why}): nothing was changed; take another copy", path.display())]
    DamagedCopy {
        /// Which.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The copy cannot be written there.
    #[error("{} cannot be written ({source}): nothing was copied; choose another --to", path.display())]
    NotWritten {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file.
    #[error("{} cannot be used: {source}; nothing else was changed", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory, its lock or its key.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copying.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The copy.
    #[error("{0}")]
    Store(#[from] Fatal),
}

impl CopyError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    fn target(to: &Path, error: ProfileError) -> Self {
        match error {
            ProfileError::Disk { source, .. } => Self::NotWritten { path: to.to_owned(), source },
            other => other.into(),
        }
    }

    /// What is wrong with a draft is wrong with the copy that it was made from.
    fn opening(from: &Path, error: OpenError) -> Self {
        match error {
            OpenError::NotOurs { .. } => OpenError::NotOurs { path: from.to_owned() }.into(),
            OpenError::Database { source, .. } => Self::damaged(from, source),
            other => other.into(),
        }
    }

    fn damaged(from: &Path, why: impl std::fmt::Display) -> Self {
        Self::DamagedCopy { path: from.to_owned(), why: why.to_string() }
    }
}

impl From<CopyError> for Problem {
    fn from(error: CopyError) -> Self {
        Self::local(LocalReason::Start).saying(error)
    }
}

/// Copies the data of a directory into a new file, whether a tracker is at work there or not.
///
/// # Errors
/// [`CopyError`]: there is no copy, and the data is as it was.
pub async fn backup(dir: &Path, to: &Path) -> Result<Copied, CopyError> {
    if !dir.join(STORE_FILE).exists() {
        return Err(CopyError::Nothing { dir: dir.to_owned() });
    }
    match Lock::take(dir)? {
        LockOutcome::Held { .. } => control::ask(dir, to).await,
        LockOutcome::Taken(_lock) => {
            let store = SqliteStore::open(dir.join(STORE_FILE))?;
            copy(dir, to, |to| Ok(store.backup(to)?))
        }
    }
}

/// The key first: a copy that is there is a copy that can be used.
pub(super) fn copy(
    dir: &Path,
    to: &Path,
    store: impl FnOnce(&Path) -> Result<(), CopyError>,
) -> Result<Copied, CopyError> {
    let key = key_beside(to);
    refuse_existing(to)?;
    refuse_existing(&key)?;
    DeviceSecret::load_or_make(dir)?.save_as(&key).map_err(|error| CopyError::target(to, error))?;
    if let Err(error) = store(to) {
        // Without its store the key's copy is only in the way of the next attempt.
        let _ = fs::remove_file(&key);
        return Err(error);
    }
    sync_parent(to).map_err(|source| CopyError::file(to, source))?;
    let bytes = fs::metadata(to).map_err(|source| CopyError::file(to, source))?.len();
    Ok(Copied { to: to.to_owned(), bytes })
}

/// Puts a copy in place as the data of a directory that has none. Its channels begin a new store
/// generation at the first start: what was receipted after the copy was made is found out, and brought
/// again by those who have it.
///
/// # Errors
/// [`CopyError`]: the directory has no data, as before; where there was none, there is none.
pub fn restore(from: &Path, dir: &Path) -> Result<Placed, CopyError> {
    let (key, store) = (key_beside(from), dir.join(STORE_FILE));
    if !from.exists() {
        return Err(CopyError::NoCopy { path: from.to_owned() });
    }
    if !key.exists() {
        return Err(CopyError::NoKey { path: key });
    }
    let was_there = dir.exists();
    let restored = restore_into(from, &key, dir, &store);
    if restored.is_err() && !was_there {
        // What was made for it holds nothing of anybody's.
        let _ = fs::remove_dir_all(dir);
    }
    restored
}

fn restore_into(from: &Path, key: &Path, dir: &Path, store: &Path) -> Result<Placed, CopyError> {
    private_dir(dir)?;
    let LockOutcome::Taken(_lock) = Lock::take(dir)? else {
        return Err(CopyError::InUse { dir: dir.to_owned() });
    };
    refuse_existing(store)?;
    let secret = DeviceSecret::load_from(key)?;
    if secret.is_other_in(dir)? {
        return Err(CopyError::OtherKey { dir: dir.to_owned() });
    }
    let (draft, ready) = (dir.join("restoring.sqlite"), dir.join("restored.sqlite"));
    let placed = draft_of(from, &draft, &ready).and_then(|damaged| {
        secret.save_in(dir)?;
        let renamed = fs::rename(&ready, store).and_then(|()| sync_parent(store));
        renamed.map(|()| damaged).map_err(|source| CopyError::file(store, source))
    });
    for left in [&draft, &ready, &with_suffix(&draft, "-wal"), &with_suffix(&ready, "-wal")] {
        let _ = fs::remove_file(left);
    }
    let damaged = placed?;
    let bytes = fs::metadata(store).map_err(|source| CopyError::file(store, source))?.len();
    Ok(Placed { copied: Copied { to: store.to_owned(), bytes }, damaged })
}

/// The copy itself is never opened for writing. What is put in place is read from its draft page by
/// page, so that a damaged copy is found out now. The messages are gone through as well: what does not hold is named, and
/// no reason to do without the rest, for hosts and members have it.
fn draft_of(from: &Path, draft: &Path, ready: &Path) -> Result<Vec<Damaged>, CopyError> {
    let _ = fs::remove_file(ready);
    fs::copy(from, draft).map_err(|source| CopyError::file(draft, source))?;
    let mut store = SqliteStore::open(draft).map_err(|error| CopyError::opening(from, error))?;
    store.check().map_err(|_| CopyError::damaged(from, "not every page of it can be read"))?;
    let damaged = check_channels(&mut store).map_err(|_| CopyError::damaged(from, "not all of it can be read"))?;
    store.perform(&[StoreOperation::Write(vec![mark_restored()])])?;
    store.backup(ready)?;
    Ok(damaged.into_iter().map(|place| Damaged { channel: format!("#{}", place.channel), pos: place.pos }).collect())
}

fn refuse_existing(path: &Path) -> Result<(), CopyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(CopyError::Exists { path: path.to_owned() }),
        Err(_) => Ok(()),
    }
}

fn key_beside(file: &Path) -> PathBuf {
    with_suffix(file, ".key")
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let absolute = std::path::absolute(path)?;
    absolute.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
