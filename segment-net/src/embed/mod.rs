//! Peers and trackers for programs that embed them: start one, and `await` what it does.

mod channel;
mod peer;
mod receipt;
mod setup;
mod streams;
mod tracker;
mod waiters;

pub use channel::{Channel, ChannelEvents};
pub use peer::{Peer, RequestError, SendError};
pub use receipt::{NotDelivered, Receipt};
pub use setup::{Config, StartError};
pub use streams::{Broadcast, PushFrameError, Seen, Watching};
pub use tracker::Tracker;
