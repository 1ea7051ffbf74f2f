//! The host goes away and comes back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use segment_benches::figures::{Latencies, millis};
use segment_benches::party::{CHANNEL, config, person};
use segment_core::Endpoint;
use segment_core::peer::events::{Reply, Serving, Stage};
use segment_net::{Channel, Tracker};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::process::{Handback, Host, PATIENCE, Way};

/// What is measured.
pub struct Plan {
    /// Rounds of each quick way.
    pub rounds: usize,
    /// Rounds in which only silence tells.
    pub frozen: usize,
    /// Messages that the tracker takes in each absence.
    pub carried: usize,
}

/// A host that comes and goes more often gets its channel back only after a growing pause, which is not what is measured:
/// after so many rounds, everything begins anew.
const ROUNDS_AT_ONCE: usize = 2;

/// From the going of a host to the next commit, and from its login to its next epoch.
pub async fn measure(plan: &Plan) -> Result<()> {
    let ways = [
        ("clean logout", Way::Logout, plan.rounds),
        ("kill -9", Way::Kill, plan.rounds),
        ("frozen", Way::Freeze, plan.frozen),
    ];
    for (name, way, rounds) in ways {
        let mut seen = Seen::default();
        let mut left = rounds;
        while left > 0 {
            let some = left.min(ROUNDS_AT_ONCE);
            some_rounds(way, some, plan.carried, &mut seen).await?;
            left -= some;
        }
        let Seen { takeovers, handbacks, pings, taken } = seen;
        println!("{name} of the host to the next commit at the tracker ({rounds} rounds): {takeovers}");
        println!("  longest {}; a ping to the tracker: {pings}", millis(takeovers.percentile(100)));
        println!("  handback, {taken} messages in {rounds} rounds, from the login to the new epoch: {handbacks}");
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    takeovers: Latencies,
    handbacks: Latencies,
    pings: Latencies,
    taken: u64,
}

async fn some_rounds(way: Way, rounds: usize, carried: usize, seen: &mut Seen) -> Result<()> {
    let disk = TempDir::new()?;
    let tracker = Tracker::start(config(disk.path(), 255)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let (mut host, _) = Host::start(endpoint, disk.path()).await?;
    let author = person(disk.path(), 1, endpoint).await?.join(CHANNEL).await?;
    round_trips(&author, 20, &mut seen.pings).await?;
    for _ in 0..rounds {
        let (took, next, back) = round(host, way, &author, endpoint, disk.path(), carried).await?;
        host = next;
        seen.takeovers.add(took);
        seen.handbacks.add(back.took);
        seen.taken += back.taken;
    }
    host.go(Way::Logout).await?;
    host.gone(Way::Logout).await?;
    author.peer().shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

async fn round(
    mut host: Host,
    way: Way,
    author: &Channel,
    tracker: Endpoint,
    dir: &std::path::Path,
    carried: usize,
) -> Result<(Duration, Host, Handback)> {
    until_served(author, |serving| matches!(serving, Serving::Host(_))).await?;
    commit(author).await?;
    let went = Instant::now();
    host.go(way).await?;
    let took = timeout(PATIENCE, next_commit(author, went)).await.context("nobody commits")??;
    for _ in 1..carried {
        commit(author).await?;
    }
    host.gone(way).await?;
    let (back, handback) = Host::start(tracker, dir).await?;
    ensure!(handback.taken >= carried as u64, "{} of {carried} messages were taken over", handback.taken);
    Ok((took, back, handback))
}

/// The first commit of a message that the host had no part in.
async fn next_commit(author: &Channel, went: Instant) -> Result<Duration> {
    loop {
        commit(author).await?;
        let took = went.elapsed();
        let view = author.view().await?.context("the channel is joined")?;
        if !matches!(view.serving, Serving::Host(_)) {
            return Ok(took);
        }
    }
}

async fn commit(author: &Channel) -> Result<()> {
    let receipt = author.send("a message of some thirty bytes.").await?;
    timeout(PATIENCE, receipt.until(Stage::Committed)).await.context("a message is not committed")??;
    Ok(())
}

async fn until_served(author: &Channel, is_it: impl Fn(Serving) -> bool) -> Result<()> {
    let served = async {
        while !is_it(author.view().await?.context("the channel is joined")?.serving) {
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    timeout(PATIENCE, served).await.context("the author never finds the host")?
}

async fn round_trips(author: &Channel, count: usize, latencies: &mut Latencies) -> Result<()> {
    for _ in 0..count {
        if let Reply::Pong(took) = author.peer().request(segment_core::peer::Peer::ping).await? {
            latencies.add(took);
        }
    }
    Ok(())
}
