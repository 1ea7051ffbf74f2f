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

pub use copying::{Copied, CopyError, Damaged, Placed, backup, restore};
pub use embedded::{Embedded, TrackerOf, answers};
pub use error::NodeError;
pub use peer::{Keeping, PeerNode, PeerPlan};
pub use peer_log::record_of_peer;
pub use tracker::TrackerNode;
pub use tracker_log::record_of_tracker;

/// How much of the disk a profile's store takes, with the log that is written ahead of it.
#[must_use]
pub fn store_bytes(dir: &std::path::Path) -> u64 {
    let names = [STORE_FILE.to_owned(), format!("{STORE_FILE}-wal")];
    names.iter().filter_map(|name| std::fs::metadata(dir.join(name)).ok()).map(|facts| facts.len()).sum()
}

/// What is told to other programs.
pub(crate) const SOFTWARE: &str = concat!("segment ", env!("CARGO_PKG_VERSION"));
/// The store of a data directory.
const STORE_FILE: &str = "store.sqlite";
