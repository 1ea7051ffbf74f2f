//! What examples need besides Segment: a tracker of their own, and a place to keep things.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use segment_cli::profile::DeviceSecret;
use segment_cli::url::TrackerUrl;
use segment_core::Endpoint;
use segment_net::{Config, Peer, RequestError, Tracker};
use segment_proto::Reason;
use segment_proto::messages::Presence;
use segment_store::{MemoryStore, SqliteStore};

/// Good enough where everybody is in this process.
pub const PASSWORD: &str = "correct horse battery staple";

/// A tracker on a free port of this machine, which forgets everything at its end.
pub async fn tracker() -> Result<(Tracker, Endpoint)> {
    let tracker = Tracker::start(here(secret()?, MemoryStore::default())).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    Ok((tracker, endpoint))
}

/// A new device that is connected to that tracker, and nobody yet.
pub async fn stranger(tracker: Endpoint) -> Result<Peer> {
    let peer = Peer::start(here(secret()?, MemoryStore::default())).await?;
    peer.connect(tracker).await?;
    Ok(peer)
}

/// A new person at that tracker.
pub async fn person(name: &str, tracker: Endpoint) -> Result<Peer> {
    let peer = stranger(tracker).await?;
    peer.register(name, PASSWORD, Presence::Online).await?;
    Ok(peer)
}

/// The same peer at every start: its device and its messages are kept in `dir`. The account gets the password in
/// the environment variable `SEGMENT_PASSWORD`, and is created at the first start.
pub async fn lasting(dir: &Path, name: &str, tracker: &str) -> Result<Peer> {
    let password = env::var("SEGMENT_PASSWORD").context("set SEGMENT_PASSWORD, the password of the account")?;
    fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let store = SqliteStore::open(dir.join("messages.sqlite"))?;
    let peer = Peer::start(Config::new(*DeviceSecret::load_or_make(dir)?.expose(), store)).await?;
    peer.connect(endpoint(tracker).await?).await?;
    match peer.login(name, &password, Presence::Online).await {
        Err(RequestError::Refused(failure)) if failure.reason == Reason::WrongCredentials => {
            peer.register(name, &password, Presence::Online).await?;
        }
        other => drop(other?),
    }
    Ok(peer)
}

fn here(secret: [u8; 32], store: MemoryStore) -> Config {
    Config { listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))), ..Config::new(secret, store) }
}

async fn endpoint(url: &str) -> Result<Endpoint> {
    let url: TrackerUrl = url.parse()?;
    let mut found = tokio::net::lookup_host((url.host.as_str(), url.port)).await?;
    let address = found.next().with_context(|| format!("{} has no address", url.host))?;
    Ok(Endpoint { address, key: url.key })
}

/// 32 random bytes: whoever has them, is this device.
fn secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).context("the system gives no random bytes")?;
    Ok(secret)
}
