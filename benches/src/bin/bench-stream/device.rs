//! Devices of these measurements: everything in memory, so that no disk is measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use segment_benches::narrow::Narrow;
use segment_benches::party::{PASSWORD, limits};
use segment_core::Endpoint;
use segment_net::transport::{TlsIdentity, TlsTransport, TransportLimits};
use segment_net::{Config, Peer};
use segment_proto::DeviceId;
use segment_proto::messages::Presence;
use segment_store::MemoryStore;
use serde::{Deserialize, Serialize};

/// The numbers of those who are always there; viewers are counted from 0.
pub const STREAMER: u16 = 10_000;
pub const HOST: u16 = 10_001;
pub const TRACKER: u16 = 10_002;

/// Whether streams keep their usual limits of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tempo {
    /// They do.
    Usual,
    /// They are widened, so that a busy machine loses nothing: for counts, not for times.
    Patient,
}

/// Where a tracker is, in a form that goes from process to process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub address: String,
    pub key: String,
}

impl Address {
    pub fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint { address: self.address.parse()?, key: DeviceId::from_hex(&self.key) })
    }
}

/// The secret of a device.
pub fn secret(number: u16) -> [u8; 32] {
    let mut secret = [9; 32];
    secret[..2].copy_from_slice(&number.to_be_bytes());
    secret
}

/// What a device starts with; its links carry only so many kilobits a second to it where that is said.
pub fn config(number: u16, tempo: Tempo, link_kbps: Option<u32>) -> Result<Config> {
    let mut limits = limits();
    if tempo == Tempo::Patient {
        let streams = &mut limits.protocol.streams;
        (streams.behind, streams.group_past) = (Duration::from_secs(10), Duration::from_secs(10));
        (streams.ring, streams.silence) = (Duration::from_secs(10), Duration::from_secs(2));
    }
    let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let config = Config { listen, limits, ..Config::new(secret(number), MemoryStore::default()) };
    let Some(kbps) = link_kbps else { return Ok(config) };
    let tls = TlsTransport::new(TlsIdentity::from_secret(&secret(number))?, TransportLimits::default())?;
    Ok(Config { transport: Some(Arc::new(Narrow::new(tls, kbps))), ..config })
}

/// A member with an account.
pub async fn member(number: u16, tempo: Tempo, tracker: &Address) -> Result<Peer> {
    let peer = Peer::start(config(number, tempo, None)?).await?;
    peer.connect(tracker.endpoint()?).await?;
    peer.register(&format!("member{number}"), PASSWORD, Presence::Online).await?;
    Ok(peer)
}

/// A visitor, who has none.
pub async fn visitor(number: u16, tempo: Tempo, link_kbps: Option<u32>, tracker: &Address) -> Result<Peer> {
    let peer = Peer::start(config(number, tempo, link_kbps)?).await?;
    peer.connect(tracker.endpoint()?).await?;
    peer.guest(&format!("viewer{number}")).await?;
    Ok(peer)
}

/// Microseconds since 1970, the same clock in all processes of this machine.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Where a tracker listens.
pub fn address_of(tracker: &segment_net::Tracker) -> Result<Address> {
    let address = tracker.address().context("a tracker listens")?.to_string();
    Ok(Address { address, key: tracker.key().to_string() })
}
