//! Drivers and transports that run Segment's machines on tokio.
//!
//! The machines of `segment-core` know neither sockets nor clocks nor disks; this
//! crate brings them, and takes no decision of the protocol.

mod open_files;
pub mod transport;

pub use open_files::{OpenFiles, raise_open_files};
