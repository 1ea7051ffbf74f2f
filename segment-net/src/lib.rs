//! Drivers and transports that run Segment's machines on tokio.
//!
//! The machines of `segment-core` know neither sockets nor clocks nor disks; this
//! crate brings them, and takes no decision of the protocol.
//!
//! ```
//! use segment_core::peer::events::Stage;
//! use segment_net::{Config, Peer, Tracker};
//! use segment_proto::{View, Visitors, messages::Presence};
//! use segment_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let here = Some("127.0.0.1:0".parse()?);
//! let tracker = Tracker::start(Config { listen: here, ..Config::new([1; 32], MemoryStore::default()) }).await?;
//! let peer = Peer::start(Config { listen: here, ..Config::new([2; 32], MemoryStore::default()) }).await?;
//!
//! peer.connect(tracker.endpoint().ok_or("it listens")?).await?;
//! peer.register("ken", "a long password", Presence::Online).await?;
//! let channel = peer.create("#general", View::Public, Visitors::Read).await?;
//!
//! let receipt = channel.send("hello").await?; // on this device's disk
//! receipt.until(Stage::Committed).await?; // on the tracker's, for good
//! peer.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod clock;
pub mod codec;
mod driver;
mod embed;
mod events;
mod limits;
mod link;
mod open_files;
mod running;
mod traffic;
pub mod transport;

pub use driver::{Driver, DriverError, Handle, Observer, Setup, Stopped};
pub use embed::{
    Broadcast, Channel, ChannelEvents, Config, NotDelivered, Peer, PushFrameError, Receipt, RequestError, Seen,
    SendError, StartError, Tracker, Watching,
};
pub use events::{Events, Happening};
pub use limits::DriverLimits;
pub use open_files::{OpenFiles, raise_open_files};
pub use running::Running;
pub use traffic::Traffic;

/// The README's example is compiled and run like any other.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
