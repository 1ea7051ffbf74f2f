//! Names of people and channels: validated once, where they enter, and a type from there on.

use core::fmt;

use alloc::string::{String, ToString};
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde::{Deserialize, Deserializer, Serialize};
use unicode_security::{GeneralSecurityProfile, MixedScript, skeleton};

use crate::limits::NAME_BYTES_MAX;
use crate::untrusted::is_deceptive;

/// Why a name is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// A character that names may not have (RFC 8265), or one that begins a command.
    #[error("a name has letters and digits, and inside it also . _ - (no spaces, no / # @ ! ~ and nothing invisible)")]
    BadCharacter,
    /// Letters of several scripts in one name.
    #[error("a name is written in one script")]
    MixedScripts,
}

/// Marks that may follow one another on a letter: scripts need two, more only hides what is below.
const MARKS_IN_A_ROW_MAX: usize = 2;

fn normalize(text: &str) -> Result<String, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if text.is_ascii() { normalize_ascii(text) } else { normalize_unicode(text) }
}

/// What the rules of Unicode come to for ASCII: a name is looked up far more often than given, and this is quick.
fn normalize_ascii(text: &str) -> Result<String, NameError> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_readable);
    is_name.then(|| text.to_ascii_lowercase()).ok_or(NameError::BadCharacter)
}

pub(crate) fn normalize_unicode(text: &str) -> Result<String, NameError> {
    let name = enforce_stable(text)?;
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if !name.starts_with(char::is_alphanumeric) || !name.chars().all(may_be_in_a_name) || has_stacked_marks(&name) {
        return Err(NameError::BadCharacter);
    }
    if !name.is_single_script() {
        return Err(NameError::MixedScripts);
    }
    Ok(name)
}

/// RFC 8264 wants the rules applied until nothing changes; a name that one pass leaves unstable is refused.
fn enforce_stable(text: &str) -> Result<String, NameError> {
    let once = UsernameCaseMapped::enforce(text).map_err(|_| NameError::BadCharacter)?;
    let twice = UsernameCaseMapped::enforce(once.as_ref()).map_err(|_| NameError::BadCharacter)?;
    if once != twice {
        return Err(NameError::BadCharacter);
    }
    Ok(once.to_string())
}

fn may_be_in_a_name(character: char) -> bool {
    is_readable(character) && character.identifier_allowed()
}

/// Holds for every name that any version of Unicode accepts: what is asked of a name that somebody else has checked.
fn is_readable(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    }
    !character.is_whitespace() && !is_deceptive(character)
}

fn has_stacked_marks(name: &str) -> bool {
    let is_mark = |c: char| !c.is_ascii() && !c.is_alphanumeric();
    let mut marks = 0;
    name.chars().any(|character| {
        marks = if is_mark(character) { marks + 1 } else { 0 };
        marks > MARKS_IN_A_ROW_MAX
    })
}

macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident, $sigil:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            /// Maps to the stored form (RFC 8265 `UsernameCaseMapped`) and checks it. A leading sigil is dropped.
            ///
            /// # Errors
            /// [`NameError`] says which rule the text breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                normalize(text.strip_prefix($sigil).unwrap_or(text)).map(Self)
            }

            /// The name without its sigil.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What look-alike names share (UTS 39, without case, so that `0` is like `o`): unique per tracker.
            /// Compare skeletons with skeletons only.
            #[must_use]
            pub fn skeleton(&self) -> String {
                skeleton(&self.0).flat_map(char::to_lowercase).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str>::deserialize(deserializer)?;
                if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.chars().all(is_readable) {
                    return Err(serde::de::Error::custom(NameError::BadCharacter));
                }
                Ok(Self(text.to_string()))
            }
        }
    };
}

name_type!(
    /// The name of an account, or the one that a visitor gives.
    UserName,
    '@'
);
name_type!(
    /// The name of a channel.
    ChannelName,
    '#'
);
