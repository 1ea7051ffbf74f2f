//! Trackers and peers as the measuring commands start them: real drivers, TLS, SQLite, 127.0.0.1.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use segment_core::Endpoint;
use segment_net::{Config, DriverLimits, Peer};
use segment_proto::Limits;
use segment_proto::messages::Presence;
use segment_store::SqliteStore;

/// The channel in which everything is measured.
pub const CHANNEL: &str = "#bench";

/// The password of everybody.
pub const PASSWORD: &str = "a long password";

/// What is raised above the usual limits, in words.
pub const RAISED: &str = "raised limits: messages_per_second and messages_burst 1,000,000, outbox_items_max 100,000";

/// The limits of everybody here.
#[must_use]
pub fn limits() -> DriverLimits {
    let protocol = Limits {
        messages_per_second: 1_000_000,
        messages_burst: 1_000_000,
        outbox_items_max: 100_000,
        ..Limits::default()
    };
    DriverLimits { protocol, ..DriverLimits::default() }
}

/// A device whose store is in `dir`; the number makes its secret.
///
/// # Errors
/// The store cannot be opened.
pub fn config(dir: &Path, number: u8) -> Result<Config> {
    let store = SqliteStore::open(dir.join(format!("{number}.sqlite")))?;
    let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Ok(Config { listen, limits: limits(), ..Config::new([number; 32], store) })
}

/// A new person at a tracker.
///
/// # Errors
/// Whatever went wrong.
pub async fn person(dir: &Path, number: u8, tracker: Endpoint) -> Result<Peer> {
    let peer = Peer::start(config(dir, number)?).await?;
    peer.connect(tracker).await?;
    peer.register(&format!("member{number}"), PASSWORD, Presence::Online).await?;
    Ok(peer)
}
