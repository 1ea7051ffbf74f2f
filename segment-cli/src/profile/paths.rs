//! Where everything lies.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

use super::ProfileError;

/// The longest name of a profile.
const NAME_BYTES_MAX: usize = 32;

/// The name of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProfileName(String);

impl ProfileName {
    /// The name without its type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for ProfileName {
    type Err = ProfileError;

    fn from_str(name: &str) -> Result<Self, ProfileError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let is_sized = (1..=NAME_BYTES_MAX).contains(&name.len());
        if is_sized && name.bytes().all(allowed) && !name.starts_with(['.', '-']) {
            return Ok(Self(name.to_owned()));
        }
        Err(ProfileError::BadName { name: name.chars().take(NAME_BYTES_MAX * 2).collect() })
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directories of this OS user, or those below `--dir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
}

impl Paths {
    /// Everything below one directory, if it is given; else the XDG directories.
    ///
    /// # Errors
    /// [`ProfileError::NoHome`]
    pub fn find(dir: Option<&Path>) -> Result<Self, ProfileError> {
        if let Some(dir) = dir {
            return Ok(Self { data: dir.to_owned(), config: dir.to_owned() });
        }
        let base = choose_base_strategy().map_err(|_| ProfileError::NoHome)?;
        Ok(Self { data: base.data_dir().join("segment"), config: base.config_dir().join("segment") })
    }

    /// The directory of a profile.
    #[must_use]
    pub fn profile(&self, name: &ProfileName) -> PathBuf {
        self.data.join("profiles").join(name.as_str())
    }

    /// The directory of the embedded tracker.
    #[must_use]
    pub fn tracker(&self) -> PathBuf {
        self.data.join("tracker")
    }

    /// The settings for all profiles.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}
