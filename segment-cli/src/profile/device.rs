//! The secret by which a device is known.

use std::fmt;
use std::path::Path;

use super::ProfileError;
use super::files::{read_small, require_private, write_atomically};

const KEY_FILE: &str = "device.key";
const SECRET_BYTES: usize = 32;

/// 32 secret bytes, from which the ed25519 key of the device is made. Never shown.
#[derive(Clone)]
pub struct DeviceSecret([u8; SECRET_BYTES]);

impl DeviceSecret {
    /// Reads the secret of a directory, or makes one where there is none.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`], [`ProfileError::Exposed`] or [`ProfileError::Disk`].
    pub fn load_or_make(dir: &Path) -> Result<Self, ProfileError> {
        let path = dir.join(KEY_FILE);
        let Some(bytes) = read_small(&path, SECRET_BYTES as u64)? else {
            return Self::make(&path);
        };
        require_private(&path)?;
        let what = "it does not have 32 bytes";
        let secret = bytes.try_into().map_err(|_| ProfileError::Damaged { path, what })?;
        Ok(Self(secret))
    }

    /// Reads the secret in a file.
    ///
    /// # Errors
    /// As [`Self::load_or_make`].
    pub fn load_from(path: &Path) -> Result<Self, ProfileError> {
        let bytes = read_small(path, SECRET_BYTES as u64)?.unwrap_or_default();
        require_private(path)?;
        let (path, what) = (path.to_owned(), "it does not have 32 bytes");
        Ok(Self(bytes.try_into().map_err(|_| ProfileError::Damaged { path, what })?))
    }

    /// Whether a directory has a secret already, and another one.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`] or [`ProfileError::Disk`].
    pub fn is_other_in(&self, dir: &Path) -> Result<bool, ProfileError> {
        let found = read_small(&dir.join(KEY_FILE), SECRET_BYTES as u64)?;
        Ok(found.is_some_and(|found| found != self.0))
    }

    /// Writes it as the secret of a directory.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]
    pub fn save_in(&self, dir: &Path) -> Result<(), ProfileError> {
        self.save_as(&dir.join(KEY_FILE))
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]
    pub fn save_as(&self, path: &Path) -> Result<(), ProfileError> {
        write_atomically(path, &self.0)
    }

    fn make(path: &Path) -> Result<Self, ProfileError> {
        let secret = Self::fresh(path)?;
        write_atomically(path, &secret.0)?;
        Ok(secret)
    }

    /// A secret that is kept nowhere; `path` is named where the system has no randomness for it.
    ///
    /// # Errors
    /// [`ProfileError::Disk`]
    pub fn fresh(path: &Path) -> Result<Self, ProfileError> {
        let mut secret = [0; SECRET_BYTES];
        let filled = getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()));
        filled.map_err(ProfileError::disk(path, "filled with randomness"))?;
        Ok(Self(secret))
    }

    /// The bytes, for the one who makes the key of them.
    #[must_use]
    pub const fn expose(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(..)")
    }
}
