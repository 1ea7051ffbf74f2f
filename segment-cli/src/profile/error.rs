//! Why a profile cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use segment_proto::DeviceId;

use super::ProfileName;
use crate::exit::ExitCode;

/// A profile cannot be used; nothing was connected or sent.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Another process has it.
    #[error("profile {name} is in use by pid {}; choose another with -P", .pid.map_or("?".to_owned(), |pid| pid.to_string()))]
    InUse {
        /// Which profile.
        name: ProfileName,
        /// Which process, if its lock says so.
        pid: Option<u32>,
    },
    /// Not a name that a directory should have.
    #[error("{name:?} is not a profile name; use 1 to 32 of a-z 0-9 - _ .")]
    BadName {
        /// As given.
        name: String,
    },
    /// There is no home directory to keep profiles in.
    #[error("there is no home directory to keep profiles in; set HOME, or name a directory with --dir")]
    NoHome,
    /// The disk refused.
    #[error("{} cannot be {doing} ({source}); check the disk and its permissions, or choose another directory", path.display())]
    Disk {
        /// Which file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of ours is not what we wrote.
    #[error("{} is damaged ({what}); restore it from a backup, or move it away to start anew", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Others may read a secret.
    #[error("{} can be read by others (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key of a tracker is not the one that it had.
    #[error(
        "THE KEY OF THE TRACKER {address} HAS CHANGED.\n  pinned {pinned}\n  shown  {shown}\nSomebody may be in between: nothing was sent. Ask its operator. If the change is right,\nremove the line of {address} from {} and connect again.",
        path.display()
    )]
    KeyChanged {
        /// `host:port`
        address: String,
        /// The key of before.
        pinned: DeviceId,
        /// The key of now.
        shown: DeviceId,
        /// Where keys are pinned.
        path: PathBuf,
    },
    /// As many trackers are pinned as are kept.
    #[error("{} holds as many trackers as are kept ({max}); remove some lines", path.display())]
    TooManyPins {
        /// Where keys are pinned.
        path: PathBuf,
        /// How many are kept.
        max: usize,
    },
}

impl ProfileError {
    pub(super) fn disk(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { path: path.to_owned(), doing, source }
    }

    /// How a program ends because of it.
    #[must_use]
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::BadName { .. } => ExitCode::BadCommand,
            _ => ExitCode::Refused,
        }
    }
}
