//! Measures a channel: from send to shown, and messages a second.
//!
//! `cargo run --release -p segment-benches --bin bench-chat`

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use segment_benches::party::{CHANNEL, RAISED, config, person};
use segment_benches::rounds::{Audience, Author, Plan, Rounds, Shown, TEXT_BYTES};
use segment_benches::{machine, raw};
use segment_core::Endpoint;
use segment_net::{Channel, ChannelEvents, Tracker};
use segment_proto::{DeviceId, View, Visitors};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc::{self, UnboundedSender};

/// Messages that are handed to the author's peer in one call.
const HANDED_AT_ONCE: usize = 64;

/// From send to shown, and messages a second, over loopback.
///
/// Tracker and host run in this process, all members and the author in a second one.
#[derive(Debug, Parser)]
struct Arguments {
    /// Members of the channel, besides its host and the author.
    #[arg(long, value_delimiter = ',', default_values_t = [5, 50])]
    members: Vec<u8>,
    /// Messages of the round with one at a time.
    #[arg(long, default_value_t = 300)]
    single: usize,
    /// Messages a second of the round with a fixed rate.
    #[arg(long, default_value_t = 50)]
    rate: usize,
    /// Seconds of it.
    #[arg(long, default_value_t = 6)]
    seconds: usize,
    /// Messages of the round with as many as possible.
    #[arg(long, default_value_t = 5_000)]
    burst: usize,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The second process.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Members { tracker: SocketAddr, key: String },
    #[command(hide = true)]
    Readers { server: SocketAddr },
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plan =
        Plan { single: arguments.single, rate: arguments.rate, seconds: arguments.seconds, burst: arguments.burst };
    match (&arguments.part, arguments.members.first()) {
        (Some(Part::Members { tracker, key }), Some(members)) => {
            let key = Some(DeviceId::from_hex(key).context("not a key")?);
            attend(Endpoint { address: *tracker, key }, *members, plan).await
        }
        (Some(Part::Readers { server }), Some(members)) => {
            let (author, audience) = raw::join(*server, (*members).into()).await?;
            Rounds::new(format!("raw TCP, {members} readers"), author, audience).run(plan).await
        }
        _ => measure(&arguments, plan).await,
    }
}

async fn measure(arguments: &Arguments, plan: Plan) -> Result<()> {
    println!("{}", machine::describe());
    println!("texts of {TEXT_BYTES} bytes; loopback; tracker and host in one process, author and members in another");
    println!("Segment: TLS 1.3, signed, SQLite with synchronous=FULL at everybody; {RAISED}");
    for members in &arguments.members {
        baseline(*members, plan).await?;
        host(*members, plan).await?;
    }
    println!("load at the end: {}", machine::describe());
    Ok(())
}

async fn baseline(members: u8, plan: Plan) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let server = listener.local_addr()?.to_string();
    let serving = tokio::spawn(raw::fan_out(listener, members.into()));
    second_process(members, plan, &["readers", &server]).await?;
    serving.await?
}

/// Runs tracker and host here, and the members in a second process.
async fn host(members: u8, plan: Plan) -> Result<()> {
    let disk = TempDir::new()?;
    let tracker = Tracker::start(config(disk.path(), 255)?).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let host = person(disk.path(), 254, endpoint).await?;
    host.create(CHANNEL, View::Public, Visitors::Read).await?;
    let before = machine::cpu_seconds()?;
    second_process(members, plan, &["members", &endpoint.address.to_string(), &tracker.key().to_string()]).await?;
    println!("Segment, {members} members: {:.1} s of processor at tracker and host", machine::cpu_seconds()? - before);
    host.shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

async fn second_process(members: u8, plan: Plan, part: &[&str]) -> Result<()> {
    let numbers =
        [("--single", plan.single), ("--rate", plan.rate), ("--seconds", plan.seconds), ("--burst", plan.burst)];
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(format!("--members={members}")).args(numbers.map(|(name, number)| format!("{name}={number}")));
    let status = command.args(part).kill_on_drop(true).status().await?;
    ensure!(status.success(), "the second process failed");
    Ok(())
}

/// The second process: members and an author.
async fn attend(tracker: Endpoint, members: u8, plan: Plan) -> Result<()> {
    let disk = TempDir::new()?;
    let (sender, shown) = mpsc::unbounded_channel();
    let mut channels = Vec::new();
    for number in 1..=members {
        let channel = person(disk.path(), number, tracker).await?.join(CHANNEL).await?;
        tokio::spawn(read(channel.events(), sender.clone()));
        channels.push(channel);
    }
    let author = Writer(person(disk.path(), 253, tracker).await?.join(CHANNEL).await?);
    let audience = Audience { members: members.into(), shown };
    let before = machine::cpu_seconds()?;
    Rounds::new(format!("Segment, {members} members"), author, audience).run(plan).await?;
    println!(
        "Segment, {members} members: {:.1} s of processor at author and members",
        machine::cpu_seconds()? - before
    );
    for channel in channels {
        channel.peer().shutdown().await?;
    }
    Ok(())
}

async fn read(mut events: ChannelEvents, shown: UnboundedSender<Shown>) {
    while let Some(message) = events.next_message().await {
        let index = message.text().and_then(|text| text.trim_end().parse().ok());
        if index.is_none_or(|index| shown.send((index, Instant::now())).is_err()) {
            return;
        }
    }
}

struct Writer(Channel);

fn text(index: usize) -> String {
    format!("{index:<TEXT_BYTES$}")
}

impl Author for Writer {
    /// Waits until it is on the author's own disk.
    async fn send(&mut self, index: usize) -> Result<()> {
        self.0.send(&text(index)).await?;
        Ok(())
    }

    async fn send_all(&mut self, indices: Range<usize>) -> Result<()> {
        let channel = self.0.id();
        for start in indices.clone().step_by(HANDED_AT_ONCE) {
            let some = start..indices.end.min(start + HANDED_AT_ONCE);
            let call = move |peer: &mut segment_core::peer::Peer, now| {
                some.map(|index| peer.send(channel, &text(index), now)).find(Result::is_err)
            };
            if let Some(Err(error)) = self.0.peer().call(call).await? {
                return Err(error.into());
            }
        }
        Ok(())
    }
}
