//! Measures what an idle tracker holds in memory, with nobody there and with many.
//!
//! `cargo run --release -p segment-benches --bin bench-idle`

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use clap::{Parser, Subcommand};
use segment_benches::figures::millis;
use segment_benches::machine;
use segment_benches::party::config;
use segment_core::Endpoint;
use segment_net::codec::FrameCodec;
use segment_net::transport::{Connection, Expected, TlsIdentity, TlsTransport, Transport, TransportLimits};
use segment_net::{Tracker, raise_open_files};
use segment_proto::messages::{Greeter, Guest, Hello};
use segment_proto::{DeviceId, Frame, Kind, Payload, ProtocolVersion, RequestId};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::codec::Decoder;

/// Links that are opened at the same time.
const AT_ONCE: usize = 64;
/// After so long everything that was only needed to begin is given back.
const REST: Duration = Duration::from_secs(3);

/// Resident memory of an idle tracker, with 0 links, with links, and with visitors on them.
///
/// The tracker runs in a process of its own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Links.
    #[arg(long, default_value_t = 1_000)]
    links: usize,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The tracker.
    #[command(hide = true)]
    Tracker,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Tracker) => serve().await,
        None => measure(arguments.links).await,
    }
}

/// Says where it is, and stops when its input ends.
async fn serve() -> Result<()> {
    let _ = raise_open_files();
    let disk = TempDir::new()?;
    let tracker = Tracker::start(config(disk.path(), 255)?).await?;
    println!("{} {}", tracker.address().context("a tracker listens")?, tracker.key());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    tracker.shutdown().await?;
    Ok(())
}

async fn measure(links: usize) -> Result<()> {
    let files = raise_open_files();
    println!("{}; open files: {:?}", machine::describe(), files.now);
    println!("resident memory without pages of files (RssAnon); loopback exempt from links_per_address_max");
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("tracker").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (endpoint, pid) = (endpoint(&mut child).await?, child.id().context("it runs")?);
    sleep(REST).await;
    let empty = machine::resident(pid)?;
    println!("0 links: {} KiB", empty / 1024);

    let began = Instant::now();
    let connections = open(endpoint, links).await?;
    let took = began.elapsed();
    sleep(REST).await;
    report("TLS links without a hello", links, machine::resident(pid)?, empty);
    println!("{links} links opened in {}, {AT_ONCE} at a time, both sides on this machine", millis(took));

    let began = Instant::now();
    let visitors = enter(connections).await?;
    let took = began.elapsed();
    sleep(REST).await;
    report("links with a visitor logged in", visitors.len(), machine::resident(pid)?, empty);
    println!("{} visitors logged in one after another in {}", visitors.len(), millis(took));
    drop(visitors);
    sleep(REST).await;
    println!("after all have gone: {} KiB", machine::resident(pid)? / 1024);
    drop(child.stdin.take());
    ensure!(child.wait().await?.success(), "the tracker failed");
    println!("load at the end: {}", machine::describe());
    Ok(())
}

fn report(what: &str, links: usize, resident: u64, empty: u64) {
    let each = resident.saturating_sub(empty) / links.max(1) as u64;
    println!("{links} {what}: {} KiB, {each} bytes each", resident / 1024);
}

async fn endpoint(child: &mut Child) -> Result<Endpoint> {
    let output = child.stdout.take().context("it says nothing")?;
    let line = BufReader::new(output).lines().next_line().await?.context("the tracker failed")?;
    let (address, key) = line.split_once(' ').context("where is it?")?;
    Ok(Endpoint { address: address.parse()?, key: DeviceId::from_hex(key) })
}

/// Opens links, each with a device of its own.
async fn open(tracker: Endpoint, links: usize) -> Result<Vec<Connection>> {
    let expected = tracker.key.map_or(Expected::Anyone, |key| Expected::Key(key.0));
    let (mut dialling, mut open) = (JoinSet::new(), Vec::new());
    for number in 0..links {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        let transport = Arc::new(TlsTransport::new(TlsIdentity::from_secret(&secret)?, TransportLimits::default())?);
        dialling.spawn(async move { transport.dial(tracker.address, expected).await });
        if dialling.len() >= AT_ONCE {
            open.push(dialling.join_next().await.context("dials are under way")???);
        }
    }
    while let Some(dialled) = dialling.join_next().await {
        open.push(dialled??);
    }
    Ok(open)
}

/// Logs a visitor in on each link.
async fn enter(connections: Vec<Connection>) -> Result<Vec<Connection>> {
    let mut entered = Vec::new();
    for (number, mut connection) in connections.into_iter().enumerate() {
        let software = "bench".to_owned();
        let hello = Hello { protocol: ProtocolVersion::CURRENT, greeter: Greeter::Client, software };
        ask(&mut connection, &hello, segment_proto::messages::Welcome::KIND).await?;
        let guest = Guest { name: format!("visitor{number}") };
        ask(&mut connection, &guest, segment_proto::messages::LoggedIn::KIND).await?;
        entered.push(connection);
    }
    Ok(entered)
}

/// Sends a request and reads until it is answered.
async fn ask(connection: &mut Connection, request: &impl Payload, expected: Kind) -> Result<()> {
    let id = RequestId::from_random([1; 16]);
    connection.writer.write_all(&Frame::request(id, request).bytes()).await?;
    connection.writer.flush().await?;
    let (mut codec, mut buffer) = (FrameCodec::new(64 * 1024), BytesMut::new());
    loop {
        while let Some(frame) = codec.decode(&mut buffer)? {
            if frame.header.correlation == id {
                ensure!(frame.header.kind == expected, "answered {}", frame.header.kind);
                return Ok(());
            }
        }
        ensure!(connection.reader.read_buf(&mut buffer).await? > 0, "the tracker hung up");
    }
}
