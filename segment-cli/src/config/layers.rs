//! Where values come from, and which one wins.

use std::collections::BTreeMap;
use std::env::VarError;
use std::path::{Path, PathBuf};

use super::error::{BadValue, SettingsError};
use super::file::{FileSettings, write_alias, write_setting};
use super::{Key, Settings};
use crate::commands::{AliasError, Aliases};
use crate::named::named_enum;

/// Checked values.
pub type Values = BTreeMap<Key, String>;

named_enum! {
    /// Where a value comes from; the later one wins.
    Source {
        /// The table.
        Default = "default",
        /// `config.toml`
        User = "config.toml",
        /// `profile.toml`
        Profile = "profile.toml",
        /// `SEGMENT_*`
        Variable = "environment",
        /// A flag, or `--set`.
        Flag = "flag",
    }
}

/// The value that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective<'a> {
    /// Of which setting.
    pub key: Key,
    /// `None` where there is none, not even a default.
    pub value: Option<&'a str>,
    /// Where it comes from.
    pub source: Source,
}

/// Every source of settings.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    flags: Values,
    variables: Values,
    profile: FileSettings,
    user: FileSettings,
    profile_path: PathBuf,
}

impl Layers {
    /// Reads the files, and puts flags and variables above them.
    ///
    /// # Errors
    /// [`SettingsError`]: one of them cannot be used.
    pub fn load(flags: Values, variables: Values, profile: &Path, user: &Path) -> Result<Self, SettingsError> {
        let (profile_path, user) = (profile.to_owned(), FileSettings::load(user)?);
        Ok(Self { flags, variables, profile: FileSettings::load(profile)?, user, profile_path })
    }

    /// The value of a setting that counts, and where it comes from.
    #[must_use]
    pub fn get(&self, key: Key) -> Effective<'_> {
        let layers = [
            (Source::Flag, &self.flags),
            (Source::Variable, &self.variables),
            (Source::Profile, &self.profile.values),
            (Source::User, &self.user.values),
        ];
        let found = layers.into_iter().find_map(|(source, values)| Some((source, values.get(&key)?.as_str())));
        let default = || (Source::Default, key.setting().default);
        let (source, value) = found.unwrap_or_else(default);
        Effective { key, value: Some(value).filter(|value| !value.is_empty()), source }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Effective<'_>> {
        Key::ALL.iter().map(|key| self.get(*key))
    }

    /// All of them, as their types.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings::of(self)
    }

    /// The profile's aliases, and those of the user that it does not have.
    #[must_use]
    pub fn aliases(&self) -> Aliases {
        self.profile.aliases.clone().or(&self.user.aliases)
    }

    /// Keeps a value in the profile's file; `None` takes it out of there.
    ///
    /// # Errors
    /// [`SettingsError`]: nothing was changed.
    pub fn change(&mut self, key: Key, value: Option<&str>) -> Result<(), SettingsError> {
        write_setting(&self.profile_path, key, value)?;
        self.reread()
    }

    /// Keeps an alias in the profile's file; `None` takes it out of there.
    ///
    /// # Errors
    /// [`SettingsError`]: nothing was changed.
    pub fn change_alias(&mut self, name: &str, text: Option<&str>) -> Result<(), SettingsError> {
        write_alias(&self.profile_path, name, text)?;
        self.reread()
    }

    /// Whether the profile has room for an alias.
    ///
    /// # Errors
    /// [`AliasError`]
    pub fn check_alias(&self, name: &str, text: &str) -> Result<(), AliasError> {
        self.profile.aliases.clone().keep(name, text)
    }

    /// Whether an alias stands in the profile's file.
    #[must_use]
    pub fn has_alias(&self, name: &str) -> bool {
        self.profile.aliases.get(name).is_some()
    }

    fn reread(&mut self) -> Result<(), SettingsError> {
        self.profile = FileSettings::load(&self.profile_path)?;
        Ok(())
    }
}

/// What the environment sets. A variable without a value sets nothing.
///
/// # Errors
/// [`SettingsError::Variable`]
pub fn variables(read: impl Fn(&str) -> Result<String, VarError>) -> Result<Values, SettingsError> {
    let mut values = Values::new();
    for key in Key::ALL.iter().copied() {
        let name = key.variable();
        let written = match read(&name) {
            Ok(written) if !written.is_empty() => written,
            Err(VarError::NotUnicode(raw)) => raw.to_string_lossy().into_owned(),
            _ => continue,
        };
        let kept = key.read(&written).map_err(|why: BadValue| SettingsError::Variable { name, why })?;
        values.insert(key, kept);
    }
    Ok(values)
}
