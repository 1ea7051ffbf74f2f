//! Enumerations that may grow: a `u16` on the wire, with every value this build does not
//! know kept as `Unknown`, so that one new variant never spoils a whole message.

macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $value:literal => $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )+
            /// A value from a newer peer, kept as it came.
            Unknown(u16),
        }

        impl $name {
            /// Every value that this build knows.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self {
                    $( Self::$variant => $value, )+
                    Self::Unknown(code) => code,
                }
            }

            /// The value for a number on the wire.
            #[must_use]
            pub const fn from_code(code: u16) -> Self {
                match code {
                    $( $value => Self::$variant, )+
                    other => Self::Unknown(other),
                }
            }

            /// The name in logs, JSON and documentation; stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Unknown(_) => "unknown",
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self {
                    Self::Unknown(code) => write!(f, "unknown({code})"),
                    known => f.write_str(known.as_str()),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(self);
                }
                // A newtype is written as what it holds; its name is for whoever describes the wire.
                serializer.serialize_newtype_struct(stringify!($name), &self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u16::deserialize(deserializer).map(Self::from_code)
            }
        }
    };
}
