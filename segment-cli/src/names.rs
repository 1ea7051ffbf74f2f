//! What people type to name a channel, a person or a message.

use std::fmt;

/// The longest name, without its sigil.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a name is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// A character that names may not have, or one that begins a command.
    #[error("a name has letters and digits, and inside it also . _ - (no spaces, no / # @ ! ~)")]
    BadCharacter,
}

fn checked(text: &str) -> Result<String, NameError> {
    let inner = |c: char| matches!(c, '.' | '_' | '-');
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if text.starts_with(inner) || !text.chars().all(|c| c.is_alphanumeric() || inner(c)) {
        return Err(NameError::BadCharacter);
    }
    Ok(text.to_lowercase())
}

macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident, $sigil:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks and maps a name; a leading sigil is dropped.
            ///
            /// # Errors
            /// [`NameError`] says which rule the text breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked(text.strip_prefix($sigil).unwrap_or(text)).map(Self)
            }

            /// The name without its sigil.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of a channel.
    ChannelName,
    '#'
);
name_type!(
    /// The name of an account, or the one that a visitor gives.
    UserName,
    '@'
);

/// Which message is meant: `!12`, `!last`, `!-2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRef {
    /// The message with this number, from 1.
    Number(u64),
    /// The newest message.
    Last,
    /// Counted from the end: 1 is the newest.
    FromEnd(u64),
}

impl MessageRef {
    /// Reads `!12`, `!last` or `!-2`; `None` for anything else, 0 included.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let rest = word.strip_prefix('!')?;
        if rest == "last" {
            return Some(Self::Last);
        }
        match rest.strip_prefix('-') {
            Some(digits) => positive(digits).map(Self::FromEnd),
            None => positive(rest).map(Self::Number),
        }
    }
}

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "!{number}"),
            Self::Last => f.write_str("!last"),
            Self::FromEnd(count) => write!(f, "!-{count}"),
        }
    }
}

/// A number from 1 written in digits only (`u64::from_str` would also take `+1`).
pub(crate) fn positive(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}
