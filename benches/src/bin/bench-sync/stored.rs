//! From sending to stored at the host, and to committed at the tracker.

use std::time::Instant;

use anyhow::{Context, Result};
use segment_benches::figures::Latencies;
use segment_benches::party::{CHANNEL, config, person};
use segment_core::peer::events::Stage;
use segment_net::Tracker;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::process::{Host, PATIENCE, Way};

/// One message at a time.
pub async fn measure(count: usize) -> Result<()> {
    let disk = TempDir::new()?;
    let tracker = Tracker::start(config(disk.path(), 255)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let (mut host, _) = Host::start(endpoint, disk.path()).await?;
    let author = person(disk.path(), 1, endpoint).await?.join(CHANNEL).await?;
    let (mut stored, mut committed) = (Latencies::default(), Latencies::default());
    for _ in 0..count {
        let sent = Instant::now();
        let receipt = author.send("a message of some thirty bytes.").await?;
        timeout(PATIENCE, receipt.until(Stage::Stored)).await.context("a message is not stored")??;
        stored.add(sent.elapsed());
        timeout(PATIENCE, receipt.until(Stage::Committed)).await.context("a message is not committed")??;
        committed.add(sent.elapsed());
    }
    println!("one message at a time ({count}), from send, the author's own disk included:");
    println!("  stored at the host: {stored}");
    println!("  committed at the tracker: {committed}");
    host.go(Way::Logout).await?;
    host.gone(Way::Logout).await?;
    author.peer().shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}
