//! Members come back, one after the other, to a channel that has grown by a million messages.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use segment_benches::figures::per_second;
use segment_benches::machine;
use segment_benches::party::{CHANNEL, PASSWORD, config, person};
use segment_core::Endpoint;
use segment_core::peer::events::Stage;
use segment_net::{Channel, Config, Peer, Tracker};
use segment_proto::messages::Presence;
use segment_proto::{View, Visitors};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::process::PATIENCE;

/// The first member that comes back; the others follow it.
const MEMBER: u8 = 100;
/// Messages that are handed to an author's peer in one call.
const HANDED_AT_ONCE: u64 = 256;
/// Messages of an author that are on their way at most.
const ON_THEIR_WAY_MAX: usize = 1_024;
/// Longer than this nobody waits for a million messages.
const FETCH_MAX: Duration = Duration::from_secs(600);

/// Fills a channel and lets members fetch it, each from a process of its own.
pub async fn measure(messages: u64, authors: u8, fetches: u8) -> Result<()> {
    let disk = TempDir::new()?;
    let tracker = Tracker::start(quick(config(disk.path(), 255)?)).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let host = quick_person(disk.path(), 1, endpoint).await?;
    let here = host.create(CHANNEL, View::Public, Visitors::Read).await?;
    here.send("the first").await?.until(Stage::Committed).await?;
    for number in MEMBER..MEMBER + fetches {
        have_the_first(disk.path(), number, endpoint).await?;
    }
    let began = Instant::now();
    let head = fill(&here, disk.path(), endpoint, messages, authors).await?;
    println!(
        "a channel of {head} messages by {authors} authors, made in {:.0} s ({} messages/s committed; on their way up \
         to {ON_THEIR_WAY_MAX} of each author)",
        began.elapsed().as_secs_f64(),
        per_second(usize::try_from(head)?, began.elapsed())
    );
    for number in MEMBER..MEMBER + fetches {
        fetch(disk.path(), number, endpoint, head).await?;
    }
    host.shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

/// A member joins, gets the first message and goes.
async fn have_the_first(dir: &Path, number: u8, tracker: Endpoint) -> Result<()> {
    let member = person(dir, number, tracker).await?;
    until_head(&member.join(CHANNEL).await?, 1).await?;
    member.shutdown().await?;
    Ok(())
}

/// It comes back.
async fn fetch(dir: &Path, number: u8, tracker: Endpoint, head: u64) -> Result<()> {
    let key = tracker.key.context("a tracker has a key")?.to_string();
    let before = machine::cpu_seconds()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["member", &tracker.address.to_string(), &key]).arg(dir).args([number.to_string(), head.to_string()]);
    let status = command.kill_on_drop(true).status().await?;
    ensure!(status.success(), "the member failed");
    println!("  {:.2} s of processor at tracker and host", machine::cpu_seconds()? - before);
    Ok(())
}

/// More on the way than usual: only the filling is made quicker by that.
pub fn quick(config: Config) -> Config {
    let mut limits = config.limits;
    limits.protocol.uncommitted_per_author_max = ON_THEIR_WAY_MAX;
    limits.protocol.tail_entries_max = 16 * ON_THEIR_WAY_MAX;
    Config { limits, ..config }
}

/// A person with these limits.
pub async fn quick_person(dir: &Path, number: u8, tracker: Endpoint) -> Result<Peer> {
    let peer = Peer::start(quick(config(dir, number)?)).await?;
    peer.connect(tracker).await?;
    peer.register(&format!("member{number}"), PASSWORD, Presence::Online).await?;
    Ok(peer)
}

/// Lets authors write until a channel has so many messages more, all committed; says how many it has.
pub async fn fill(here: &Channel, dir: &Path, tracker: Endpoint, messages: u64, authors: u8) -> Result<u64> {
    let each = messages / u64::from(authors.max(1));
    let mut writing = JoinSet::new();
    writing.spawn(write(here.clone(), each));
    for number in 2..=authors {
        let channel = quick_person(dir, number, tracker).await?.join(CHANNEL).await?;
        writing.spawn(write(channel, each));
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let head = 1 + each * u64::from(authors.max(1));
    until_head(here, head).await?;
    Ok(head)
}

async fn write(channel: Channel, count: u64) -> Result<()> {
    let (id, mut written) = (channel.id(), 0);
    while written < count {
        let some = HANDED_AT_ONCE.min(count - written);
        let text = |n: u64| format!("message {n:<120}");
        let from = written;
        let handed = channel.peer().call(move |peer, now| {
            let on_their_way = peer.outgoing(id).map_or(0, Iterator::count);
            if on_their_way >= ON_THEIR_WAY_MAX {
                return Ok(0);
            }
            for n in from..from + some {
                peer.send(id, &text(n), now)?;
            }
            Ok::<u64, segment_core::peer::CommandError>(some)
        });
        match handed.await?? {
            0 => sleep(Duration::from_millis(2)).await,
            some => written += some,
        }
    }
    Ok(())
}

/// Waits until everything up to a place is here, and committed.
async fn until_head(channel: &Channel, head: u64) -> Result<()> {
    let fetched = async {
        loop {
            let view = channel.view().await?.context("the channel is joined")?;
            if view.committed >= head {
                return Ok(());
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(FETCH_MAX, fetched).await.context("it takes too long")?
}

/// The member's process.
pub async fn member(tracker: Endpoint, dir: &Path, number: u8, head: u64) -> Result<()> {
    let peer = Peer::start(config(dir, number)?).await?;
    peer.connect(tracker).await?;
    let id = peer.call(|machine, _| machine.channels().map(|view| view.record.channel).next()).await?;
    let channel = peer.channel(id.context("the member has joined")?);
    let before = machine::cpu_seconds()?;
    let began = Instant::now();
    timeout(PATIENCE, peer.login(&format!("member{number}"), PASSWORD, Presence::Online)).await??;
    let logged_in = Instant::now();
    until_head(&channel, head).await?;
    let took = logged_in.elapsed();
    println!(
        "  fetched, checked and kept in {:.2} s after the login: {} messages/s; {:.2} s of processor at the member; login {:.2} s",
        took.as_secs_f64(),
        per_second(usize::try_from(head)?, took),
        machine::cpu_seconds()? - before,
        (logged_in - began).as_secs_f64(),
    );
    peer.shutdown().await?;
    Ok(())
}
