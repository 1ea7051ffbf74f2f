//! Drivers and transports that run Segment's machines on tokio.
//!
//! The machines of `segment-core` know neither sockets nor clocks nor disks; this
//! crate brings them, and takes no decision of the protocol.

mod clock;
pub mod codec;
mod driver;
mod embed;
mod events;
mod limits;
mod link;
mod open_files;
mod running;
pub mod transport;

pub use driver::{Driver, DriverError, Handle, Observer, Setup, Stopped};
pub use embed::{
    Channel, ChannelEvents, Config, NotDelivered, Peer, Receipt, RequestError, SendError, StartError, Tracker,
};
pub use events::{Events, Happening};
pub use limits::DriverLimits;
pub use open_files::{OpenFiles, raise_open_files};
pub use running::Running;
