//! What must never be shown: neither `Debug` nor any rendering for people or logs has it.

use core::fmt;

use alloc::string::String;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{Hash, parse_hex};
use crate::readable::Hex;

/// What stands where a secret would.
const HIDDEN: &str = "***";

/// A password on its way to the tracker.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({HIDDEN})")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = if serializer.is_human_readable() { HIDDEN } else { self.0.as_str() };
        serializer.serialize_str(shown)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::bounded::text(deserializer).map(Self)
    }
}

/// With this a session reconnects without a password. A tracker keeps only its [`Token::hash`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(pub [u8; 32]);

impl Token {
    /// What a tracker stores and looks up.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(*blake3::hash(&self.0).as_bytes())
    }

    /// The token in hexadecimal, for the file in which a profile keeps it, and nothing else.
    #[must_use]
    pub fn expose_hex(&self) -> String {
        alloc::format!("{}", Hex(&self.0))
    }

    /// Reads what [`Token::expose_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({HIDDEN})")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(HIDDEN);
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::invalid_length(bytes.len(), &"32"))
    }
}
