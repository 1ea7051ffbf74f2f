//! Tracker and host start again, with few messages on their disks and with many.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use segment_benches::machine;
use segment_benches::party::{CHANNEL, PASSWORD, config};
use segment_core::Endpoint;
use segment_core::peer::events::Stage;
use segment_net::{Peer, Tracker};
use segment_proto::messages::Presence;
use segment_proto::{View, Visitors};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::cold::{fill, quick, quick_person};
use crate::process::PATIENCE;

const SIZES: [u64; 3] = [1_000, 10_000, 100_000];

/// For each size: fills a channel, ends both programs, starts them again and commits a message.
pub async fn measure() -> Result<()> {
    for size in SIZES {
        let disk = TempDir::new()?;
        filled(disk.path(), size).await?;
        let (began, before) = (Instant::now(), machine::cpu_seconds()?);
        let tracker = Tracker::start(quick(config(disk.path(), 255)?)).await?;
        let with_tracker = began.elapsed();
        let host = Peer::start(quick(config(disk.path(), 1)?)).await?;
        let with_host = began.elapsed();
        host.connect(endpoint(&tracker)?).await?;
        timeout(PATIENCE, host.login("member1", PASSWORD, Presence::Online)).await??;
        let logged_in = began.elapsed();
        let id = host.call(|machine, _| machine.channels().map(|view| view.record.channel).next()).await?;
        let here = host.channel(id.context("the host has its channel")?);
        timeout(PATIENCE, here.send("again").await?.until(Stage::Committed)).await??;
        println!(
            "{size:>8} messages: tracker up {:.3} s, host up {:.3} s, logged in {:.3} s, the next commit {:.3} s after the start; {:.2} s of processor",
            with_tracker.as_secs_f64(),
            with_host.as_secs_f64(),
            logged_in.as_secs_f64(),
            began.elapsed().as_secs_f64(),
            machine::cpu_seconds()? - before,
        );
        host.shutdown().await?;
        tracker.shutdown().await?;
    }
    Ok(())
}

async fn filled(dir: &Path, size: u64) -> Result<()> {
    let tracker = Tracker::start(quick(config(dir, 255)?)).await?;
    let endpoint = endpoint(&tracker)?;
    let host = quick_person(dir, 1, endpoint).await?;
    let here = host.create(CHANNEL, View::Public, Visitors::Read).await?;
    here.send("the first").await?.until(Stage::Committed).await?;
    fill(&here, dir, endpoint, size - 1, 1).await?;
    host.shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

fn endpoint(tracker: &Tracker) -> Result<Endpoint> {
    tracker.endpoint().context("a tracker listens")
}
