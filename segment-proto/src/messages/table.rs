//! What the one table of messages becomes.

macro_rules! messages {
    ($( $code:literal $name:ident $(=> $response:ident)? ;)+) => {
        /// Any message, after decoding.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Message {
            $( $name($name), )+
        }

        $(
            impl Payload for $name {
                const KIND: Kind = Kind($code);
                const VERSION: u8 = 1;
                const NAME: &'static str = stringify!($name);
            }

            impl From<$name> for Message {
                fn from(payload: $name) -> Self {
                    Self::$name(payload)
                }
            }

            $( impl Request for $name { type Response = $response; } )?
        )+

        impl Message {
            /// Every request with the message that answers it.
            pub const ANSWERS: &'static [(&'static str, &'static str)] =
                &[$( $( (stringify!($name), stringify!($response)), )? )+];

            /// Number and name of every message.
            pub const TABLE: &'static [(Kind, &'static str)] = &[$( (Kind($code), stringify!($name)), )+];

            /// Reads the payload that `header` announces. Trailing bytes are what a newer minor version appended.
            ///
            /// # Errors
            /// [`DecodeError`] says what to answer.
            pub fn decode(header: &Header, payload: &[u8]) -> Result<Self, DecodeError> {
                match header.kind.0 {
                    $( $code => payload::decode::<$name>(header.version, payload).map(Self::$name), )+
                    _ => Err(DecodeError::UnknownKind(header.kind)),
                }
            }

            /// The name in logs and JSON.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$name(_) => stringify!($name), )+
                }
            }

            /// The number on the wire.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $( Self::$name(_) => Kind($code), )+
                }
            }

            /// The same message in a frame, as a push, a request or a response.
            #[must_use]
            pub fn encode(&self, encoder: impl Encoder) -> crate::frame::Frame {
                match self {
                    $( Self::$name(payload) => encoder.encode(payload), )+
                }
            }

            /// A self-describing rendering: `{"message":"Ping", ...}` with hexadecimal ids and readable bodies.
            #[must_use]
            pub fn to_json(&self) -> String {
                match self {
                    $( Self::$name(payload) => crate::readable::json(stringify!($name), payload), )+
                }
            }
        }
    };
}
