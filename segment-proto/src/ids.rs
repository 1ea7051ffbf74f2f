//! Identifiers, each its own type, so that one is never taken for another.

use core::fmt;

use alloc::string::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Writes bytes as lower-case hexadecimal.
pub(crate) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly `N` bytes of hexadecimal, either case.
#[must_use]
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

macro_rules! byte_id {
    ($(#[$meta:meta])* $name:ident, $length:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// Reads the hexadecimal form that `Display` writes.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                $crate::ids::parse_hex(text).map(Self)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::ids::write_hex(&self.0, f)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                $crate::ids::write_hex(&self.0[..4], f)?;
                write!(f, "..)")
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes = <&[u8]>::deserialize(deserializer)?;
                <[u8; $length]>::try_from(bytes)
                    .map(Self)
                    .map_err(|_| serde::de::Error::invalid_length(bytes.len(), &stringify!($length)))
            }
        }
    };
}
pub(crate) use byte_id;

byte_id!(
    /// A device: its ed25519 public key, which is also its TLS raw public key.
    DeviceId,
    32
);
byte_id!(
    /// A BLAKE3 hash.
    Hash,
    32
);

impl Hash {
    /// The hash that stands before the first item of every chain.
    pub const ZERO: Self = Self([0; 32]);
}

byte_id!(
    /// Names one start of a host's process.
    Nonce,
    16
);

/// An account at a tracker. Zero is nobody: a visitor has no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub u64);

impl AccountId {
    /// What visitors carry in place of an account.
    pub const NOBODY: Self = Self(0);
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A link of one process: local, never on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id made of these random bytes, marked as a version 4 UUID.
            #[must_use]
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Uuid::deserialize(deserializer).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A channel; never reused, whatever it is called.
    ChannelId
);
uuid_id!(
    /// A login of one device, or of one visitor.
    SessionId
);
uuid_id!(
    /// A live stream.
    StreamId
);
uuid_id!(
    /// Names a request; its answer carries the same.
    RequestId
);

impl RequestId {
    /// What pushes carry: nobody waits for an answer.
    pub const NONE: Self = Self(Uuid::nil());

    /// Whether an answer is awaited.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_nil()
    }
}

/// Shortens an id to its first eight hexadecimal digits, for people.
#[must_use]
pub fn short(id: &impl fmt::Display) -> String {
    let mut text = alloc::format!("{id}");
    text.truncate(8);
    text
}
