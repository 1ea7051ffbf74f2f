//! A profile: one directory with one device key, used by one process at a time.
//!
//! ```text
//! <data>/segment/profiles/NAME/   0700: lock  device.key  trackers  login  last  history  profile.toml
//!                                       connection_log.txt  and the store
//! <data>/segment/tracker/         the embedded tracker of this OS user, whatever the profile
//! ```

mod device;
mod error;
mod files;
mod lock;
mod login;
mod marks;
mod paths;
mod pins;
mod remembered;

use std::path::{Path, PathBuf};

pub use device::DeviceSecret;
pub use error::ProfileError;
pub use files::{private_dir, private_file, write_atomically};
pub use lock::{Lock, LockOutcome};
pub use login::SavedLogin;
pub use marks::Marks;
pub use paths::{Paths, ProfileName};
pub use pins::{PinOutcome, Pins};
pub use remembered::Remembered;

/// A profile that this process has locked.
#[derive(Debug)]
pub struct Profile {
    name: ProfileName,
    dir: PathBuf,
    device: DeviceSecret,
    _lock: Lock,
}

impl Profile {
    /// Makes or opens a profile and locks it until the value is dropped.
    ///
    /// # Errors
    /// [`ProfileError::InUse`] where another process has it; the others say what to do about the disk.
    pub fn open(paths: &Paths, name: ProfileName) -> Result<Self, ProfileError> {
        let dir = paths.profile(&name);
        private_dir(&dir)?;
        let lock = match Lock::take(&dir)? {
            LockOutcome::Taken(lock) => lock,
            LockOutcome::Held { pid } => return Err(ProfileError::InUse { name, pid }),
        };
        let device = DeviceSecret::load_or_make(&dir)?;
        Ok(Self { name, dir, device, _lock: lock })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &ProfileName {
        &self.name
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The secret of its device.
    #[must_use]
    pub const fn device(&self) -> &DeviceSecret {
        &self.device
    }

    /// The keys of the trackers that it has met.
    ///
    /// # Errors
    /// [`ProfileError`]: the file cannot be read or understood.
    pub fn pins(&self) -> Result<Pins, ProfileError> {
        Pins::load(&self.dir)
    }

    /// The history of typed lines.
    #[must_use]
    pub fn history_path(&self) -> PathBuf {
        self.dir.join("history")
    }

    /// Its settings.
    #[must_use]
    pub fn settings_path(&self) -> PathBuf {
        settings_path(&self.dir)
    }
}

/// The settings file of a profile's directory.
#[must_use]
pub fn settings_path(dir: &Path) -> PathBuf {
    dir.join("profile.toml")
}

/// Takes the one embedded tracker of this OS user, if nobody has it.
///
/// # Errors
/// [`ProfileError`]: the directory cannot be made or locked.
pub fn take_tracker(paths: &Paths) -> Result<LockOutcome, ProfileError> {
    let dir = paths.tracker();
    private_dir(&dir)?;
    Lock::take(&dir)
}

#[cfg(test)]
mod tests;
