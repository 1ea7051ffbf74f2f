//! Writing, and noting what is promised about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use segment_core::peer::TrackerState;
use segment_core::peer::events::{PeerEvent, Stage};
use segment_net::{Channel, Events, Happening, NotDelivered, Peer, Receipt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::acks::{AckLog, Earlier};
use super::member::{Leftovers, Member, Renamed};
use super::{ClientArgs, Progress};
use crate::Label;

/// How often it says how it stands.
const REPORT: Duration = Duration::from_millis(500);
/// After a message was not taken.
const NOT_TAKEN: Duration = Duration::from_millis(200);
/// The log of what was promised.
pub const ACKS: &str = "acks.log";

/// Writes until it is told to end.
pub async fn work(member: &Member, args: &ClientArgs) -> Result<()> {
    let (acks, earlier) = AckLog::open(&args.dir.join(ACKS), member.peer.device())?;
    let entered = Arc::new(AtomicBool::new(false));
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    tasks.spawn(member.clone().stay());
    tasks.spawn(report(member.peer.clone(), acks.clone(), Arc::clone(&entered)));
    let leftovers = member.leftovers().await?;
    tasks.spawn(listen(member.peer.events(), acks.clone(), leftovers));
    tasks.spawn(write_everywhere(member.clone(), args.clone(), acks, earlier, entered));
    let mut told_to_end = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = told_to_end.recv() => Ok(()),
        () = orphaned() => Ok(()),
        ended = tasks.join_next() => ended.map_or(Ok(()), |ended| ended?),
    }
}

/// Returns once nobody holds this program's input open any more, as whoever started it does.
async fn orphaned() {
    let (gone, is_gone) = oneshot::channel::<()>();
    // A thread of its own: one of the runtime's would keep it from ending.
    let reading = thread::Builder::new().name("input".to_owned()).spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(gone);
    });
    if reading.is_ok() {
        let _ = is_gone.await;
    }
}

/// Notes what becomes of an earlier process's messages, for which nobody holds a receipt any more.
async fn listen(mut events: Events<PeerEvent>, acks: AckLog, mut leftovers: Leftovers) -> Result<()> {
    while let Some(happening) = events.next().await {
        match happening {
            Happening::Event(PeerEvent::MessageStage { key, stage: Stage::Committed, .. }) => {
                if let Some(label) = leftovers.remove(&key) {
                    ensure!(acks.acked(label, &key).await, "the log cannot be written");
                }
            }
            Happening::Event(PeerEvent::MessageSignedAgain { old, new }) => {
                if let Some(label) = leftovers.remove(&old) {
                    leftovers.insert(new, label);
                }
            }
            Happening::Event(PeerEvent::Replaced) => {
                bail!("replaced by another process of this device, which there is not")
            }
            Happening::Event(PeerEvent::Suspicious { what }) => eprintln!("suspicious: {what}"),
            _ => {}
        }
    }
    bail!("the peer has stopped by itself")
}

async fn report(peer: Peer, acks: AckLog, entered: Arc<AtomicBool>) -> Result<()> {
    let mut tick = interval(REPORT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let (waiting, level, logged_in) = peer.call(|machine, _| standing(machine)).await?;
        let ready = logged_in && entered.load(Ordering::SeqCst);
        let progress = Progress { acked: acks.synced(), waiting, ready, level };
        println!("{}", serde_json::to_string(&progress)?);
    }
}

fn standing(machine: &segment_core::peer::Peer) -> (usize, bool, bool) {
    let (waiting, level) =
        machine.channels().fold((0, true), |(waiting, level), view| (waiting + view.waiting, level && view.level));
    (waiting, level, machine.tracker_state() == TrackerState::LoggedIn)
}

async fn write_everywhere(
    member: Member,
    args: ClientArgs,
    acks: AckLog,
    earlier: Earlier,
    entered: Arc<AtomicBool>,
) -> Result<()> {
    let channels = member.enter(&args).await?;
    entered.store(true, Ordering::SeqCst);
    let mut writing = JoinSet::new();
    for (number, channel) in channels {
        let last = earlier.last.get(&number).copied().unwrap_or(0);
        let next = Label { member: args.member, channel: number, number: last + 1 };
        let (acks, renamed) = (acks.clone(), member.renamed());
        let desk = Desk { channel, acks, renamed, next, quiet: args.quiet.clone() };
        writing.spawn(desk.write(args.rate, args.window));
    }
    while let Some(ended) = writing.join_next().await {
        ended??;
    }
    // Quiet now; the rest is reported until this process is ended.
    std::future::pending().await
}

/// Where the messages to one channel are written.
struct Desk {
    channel: Channel,
    acks: AckLog,
    renamed: Renamed,
    next: Label,
    quiet: PathBuf,
}

impl Desk {
    async fn write(mut self, rate: u32, window: usize) -> Result<()> {
        let mut tick = interval(Duration::from_secs(1) / rate.max(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let window = Arc::new(Semaphore::new(window));
        while !is_quiet(&self.quiet).await {
            tick.tick().await;
            // Somebody is waited for, and meanwhile it may become quiet.
            let permit = tokio::select! {
                permit = Arc::clone(&window).acquire_owned() => permit?,
                () = sleep(REPORT) => continue,
            };
            self.write_one(permit).await?;
        }
        Ok(())
    }

    async fn write_one(&mut self, permit: OwnedSemaphorePermit) -> Result<()> {
        let label = self.next;
        self.next.number += 1;
        self.acks.note("sent", label, None)?;
        match self.channel.send(&label.to_string()).await {
            Ok(receipt) => {
                self.acks.kept(label, &receipt.key())?;
                tokio::spawn(follow(receipt, label, self.acks.clone(), self.renamed.clone(), permit));
            }
            Err(segment_net::SendError::Command(error)) => {
                self.acks.note("failed", label, None)?;
                eprintln!("{label}: {error}");
                sleep(NOT_TAKEN).await;
            }
            Err(error) => bail!("{label}: {error}"),
        }
        Ok(())
    }
}

async fn is_quiet(path: &Path) -> bool {
    tokio::fs::try_exists(path).await.unwrap_or(false)
}

/// Waits for the receipt of a message, and notes what it says.
async fn follow(
    receipt: Receipt,
    label: Label,
    acks: AckLog,
    renamed: Renamed,
    permit: OwnedSemaphorePermit,
) -> Result<()> {
    match receipt.until(Stage::Committed).await {
        Ok(()) => ensure!(acks.acked(label, &renamed.now(receipt.key())).await, "the log cannot be written"),
        Err(NotDelivered::Refused { .. }) => acks.note("refused", label, Some(&receipt.key()))?,
        Err(NotDelivered::Stopped) => {}
    }
    drop(permit);
    Ok(())
}
