//! The fenced epoch log, as host, backup and replica share it.
//!
//! A channel's content is a grow-only set of signed envelopes; one sequencer per epoch gives each a
//! dense place; the tracker is the epoch authority and the commit point (the configuration master of
//! Vertical Paxos; what is sequenced and not yet committed is provisional, as in Bayou).

pub mod accept;
pub mod deliveries;
pub mod fanout;
pub mod fold;
pub mod log;
pub mod persist;
pub mod retention;
pub mod sequencer;
pub mod serve;
pub mod snapshot;
pub mod subscribers;
pub mod verify;

pub use accept::{Verdict, accept};
pub use fold::Fold;
pub use log::ChannelLog;
pub use sequencer::Sequencer;
pub use serve::{Page, PageRequest, Serve};
pub use subscribers::{Subscriber, Subscribers};

#[cfg(test)]
pub(crate) mod tests;
