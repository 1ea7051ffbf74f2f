//! Drivers and transports that run Segment's machines on tokio.
//!
//! The machines of `segment-core` know neither sockets nor clocks nor disks; this
//! crate brings them, and takes no decision of the protocol.

mod clock;
pub mod codec;
mod driver;
mod events;
mod limits;
mod link;
mod open_files;
pub mod transport;

pub use driver::{Driver, DriverError, Handle, Setup, Stopped};
pub use events::{Events, Happening};
pub use limits::DriverLimits;
pub use open_files::{OpenFiles, raise_open_files};
