//! The server's process: a tracker and a host.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};
use segment_benches::party::{CHANNEL, PASSWORD, config};
use segment_net::{Config, Peer, Tracker, raise_open_files};
use segment_proto::messages::Presence;
use segment_proto::{View, Visitors};
use segment_store::MemoryStore;
use tokio::io::AsyncReadExt;

use super::{HOST, Place, Places, TRACKER, stream, wide};
use crate::rows::Row;
use crate::system::System;

/// Says where they are, and stops when its input ends.
pub async fn serve(system: System, row: &Row, dir: &Path) -> Result<()> {
    let _ = raise_open_files();
    let tracker = Tracker::start(own(system, dir, TRACKER)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let host = Peer::start(own(system, dir, HOST)?).await?;
    host.connect(endpoint).await?;
    host.register("host", PASSWORD, Presence::Online).await?;
    let channel = host.create(CHANNEL, View::Public, Visitors::Read).await?;
    let stream = match row {
        Row::Bulk { .. } => Some(stream::begin(&channel).await?),
        _ => None,
    };
    let address = host.address().context("a host listens")?.to_string();
    let places = Places {
        tracker: Place { address: endpoint.address.to_string(), key: tracker.key().to_string() },
        host: Place { address, key: host.device().to_string() },
        channel: channel.id(),
        stream,
    };
    println!("{}", serde_json::to_string(&places)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    host.shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

fn own(system: System, dir: &Path, number: u8) -> Result<Config> {
    let config = match system {
        System::SegmentMemory => Config::new([number; 32], MemoryStore::default()),
        _ => config(dir, number)?,
    };
    let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    wide(Config { listen, ..config }, system.cover())
}
