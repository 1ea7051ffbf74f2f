//! Settings that cannot be used.

use std::io;
use std::path::PathBuf;

use super::{KEY_NAMES, Key};
use crate::commands::AliasError;
use crate::profile::ProfileError;

/// A value that a setting cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} cannot be \"{}\": {want}", .word.chars().take(60).flat_map(char::escape_debug).collect::<String>())]
pub struct BadValue {
    /// Of which setting.
    pub key: Key,
    /// As written.
    pub word: String,
    /// What to write.
    pub want: String,
}

/// Settings that cannot be used; nothing was connected or sent.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Those of a file.
    #[error("the settings in {} cannot be used: {why}\ncorrect the file or move it away", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: SettingsFault,
    },
    /// Those of a variable.
    #[error("the variable {name} cannot be used: {why}; correct it or unset it")]
    Variable {
        /// Which one.
        name: String,
        /// What is wrong with it.
        why: BadValue,
    },
    /// The changed file cannot be written.
    #[error("the setting is not kept: {0}")]
    NotWritten(#[from] ProfileError),
}

/// What is wrong with a settings file.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// It cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(io::Error),
    /// Not TOML.
    #[error("it is not TOML\n{0}")]
    Syntax(#[from] toml_edit::TomlError),
    /// A setting that we do not know.
    #[error("line {line}: there is no setting {name}{}; known are {} and [alias]", near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default(), KEY_NAMES.join(", "))]
    Unknown {
        /// Where.
        line: usize,
        /// As written.
        name: String,
        /// What may have been meant.
        near: Option<&'static str>,
    },
    /// Something else than a text or a number.
    #[error("line {line}: {name} is neither a text nor a number; write {name} = \"...\"")]
    NotAValue {
        /// Where.
        line: usize,
        /// Of what.
        name: String,
    },
    /// A value that the setting cannot have.
    #[error("line {line}: {why}")]
    Value {
        /// Where.
        line: usize,
        /// What is wrong with it.
        why: BadValue,
    },
    /// An alias that cannot be.
    #[error("line {line}: {why}")]
    Alias {
        /// Where.
        line: usize,
        /// What is wrong with it.
        why: AliasError,
    },
}
