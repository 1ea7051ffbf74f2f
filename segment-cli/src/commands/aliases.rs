//! Names that people give to beginnings of lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::find;
use crate::grammar::{Line, Origin, classify};

/// A profile has at most so many. Policy: a further one is refused.
pub const ALIASES_MAX: usize = 64;
/// A longer name is refused.
pub const ALIAS_NAME_BYTES_MAX: usize = 32;
/// A longer text is refused.
pub const ALIAS_TEXT_BYTES_MAX: usize = 1_024;

/// An alias that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AliasError {
    /// Not a name that can be typed after a slash.
    #[error("\"{}\" is not the name of an alias; write 1 to {ALIAS_NAME_BYTES_MAX} of a-z 0-9 - _", clipped(.0))]
    BadName(String),
    /// The name of a command.
    #[error("/{0} is a command, and stays one; choose another name")]
    IsACommand(String),
    /// Not the beginning of a command.
    #[error("an alias stands for a command, not for another alias or a text; begin with one, such as /send #general")]
    NotACommand,
    /// Longer than [`ALIAS_TEXT_BYTES_MAX`], or of several lines.
    #[error("an alias is one line of at most {ALIAS_TEXT_BYTES_MAX} bytes; write a shorter one")]
    BadText,
    /// More than [`ALIASES_MAX`].
    #[error("there are {ALIASES_MAX} aliases, as many as are kept; take one away with /alias --remove NAME")]
    TooMany,
}

fn clipped(text: &str) -> String {
    text.chars().take(ALIAS_NAME_BYTES_MAX * 2).flat_map(char::escape_debug).collect()
}

/// The aliases of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// Checks what an alias is called and stands for. Whether its name is a command's is not asked here: a command
    /// that comes later hides the alias.
    ///
    /// # Errors
    /// [`AliasError`]
    pub fn check(name: &str, text: &str) -> Result<(), AliasError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=ALIAS_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(allowed) || name.starts_with('-') {
            return Err(AliasError::BadName(name.to_owned()));
        }
        if text.len() > ALIAS_TEXT_BYTES_MAX || text.contains(char::is_control) {
            return Err(AliasError::BadText);
        }
        match classify(text, Origin::Prompt) {
            Ok(Line::Command { name, .. }) if find(name).is_some() => Ok(()),
            _ => Err(AliasError::NotACommand),
        }
    }

    /// Keeps one, in place of an older one of this name.
    ///
    /// # Errors
    /// [`AliasError`]
    pub fn keep(&mut self, name: &str, text: &str) -> Result<(), AliasError> {
        Self::check(name, text)?;
        if self.0.len() >= ALIASES_MAX && !self.0.contains_key(name) {
            return Err(AliasError::TooMany);
        }
        self.0.insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    /// These, and those of `lower` that are not here.
    #[must_use]
    pub fn or(mut self, lower: &Self) -> Self {
        for (name, text) in &lower.0 {
            self.0.entry(name.clone()).or_insert_with(|| text.clone());
        }
        self
    }

    /// What an alias stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// A typed line with its alias replaced, once: what an alias stands for is never an alias.
    #[must_use]
    pub fn expand<'a>(&self, line: &'a str) -> Cow<'a, str> {
        match classify(line, Origin::Prompt) {
            Ok(Line::Command { name, rest }) if find(name).is_none() => match self.get(name) {
                Some(text) => Cow::Owned(format!("{text}{rest}")),
                None => Cow::Borrowed(line),
            },
            _ => Cow::Borrowed(line),
        }
    }
}
