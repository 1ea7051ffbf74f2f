//! The running parts of the two programs: a tracker, a peer, and the tracker that a peer brings along.

mod control;
mod copying;
mod embedded;
mod error;
mod peer;
mod peer_log;
mod shared;
mod tracker;
mod tracker_log;

pub use copying::{Copied, CopyError, backup, restore};
pub use embedded::{Embedded, TrackerOf, answers};
pub use error::NodeError;
pub use peer::{Keeping, PeerNode, PeerPlan};
pub use peer_log::record_of_peer;
pub use tracker::TrackerNode;
pub use tracker_log::record_of_tracker;

/// What is told to other programs.
pub(crate) const SOFTWARE: &str = concat!("segment ", env!("CARGO_PKG_VERSION"));
/// The store of a data directory.
const STORE_FILE: &str = "store.sqlite";
