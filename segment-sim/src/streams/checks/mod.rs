//! What must hold in a world of streams.

mod screen;
mod wire;

use core::fmt;

pub(super) use screen::{Missed, Screen, payload};
pub(super) use wire::{Begun, Served, Waiting};

macro_rules! broken {
    ($( $(#[$meta:meta])* $name:ident, )+) => {
        /// What was broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Broken { $( $(#[$meta])* $name, )+ }

        impl Broken {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name, )+];
        }
    };
}

broken! {
    /// A frame was shown without the one that it builds on, or out of order.
    Decodable,
    /// A frame was shown that is not the streamer's.
    Genuine,
    /// A viewer stays with somebody who spoils the stream.
    Trusted,
    /// An honest device has sent a frame that its receiver cannot show.
    Showable,
    /// A frame was sent that is too old: its viewer should have jumped.
    Late,
    /// A viewer that jumps again and again is sent as much as before.
    Reduced,
    /// A viewer has lost a frame that others need, though its link carries those.
    Needed,
    /// More is under way, kept or served than may be.
    Bounded,
    /// A message waited too long beside the stream.
    MessagesFirst,
    /// A viewer on good ways has lost frames.
    Complete,
    /// A viewer does not see the present, though all is well.
    Present,
    /// A viewer whose parent crashed has no frames again in time, though it has a live backup.
    Repaired,
    /// A parent that serves was let go before another did.
    KeptParent,
    /// A parent that is there, and has the stream, was left for its silence.
    Patient,
    /// The stream goes in a circle.
    NoLoop,
    /// Somebody is to get the stream from who gets it from them.
    Planned,
    /// A relay is given, or serves, more viewers than it may be.
    FewChildren,
    /// Somebody passes the stream on who has not agreed.
    Agreed,
    /// The streamer sends more copies than its uplink carries.
    Copies,
    /// Somebody streams, or is sent a stream, who may not.
    Rights,
    /// A list shows who is gone or not to be seen, or not a streamer who may come back.
    Listed,
    /// A deadline stayed in the past.
    Contract,
}

impl Broken {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|broken| format!("{broken:?}") == name)
    }
}

/// Something that was broken, when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub broken: Broken,
    /// When, in microseconds.
    pub at: u64,
    /// By which node; the streamer is 0.
    pub node: usize,
    /// What else is known.
    pub detail: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { broken, at, node, detail } = self;
        write!(f, "{broken:?} at {}.{:06} s by node {node} {detail}", at / 1_000_000, at % 1_000_000)
    }
}
