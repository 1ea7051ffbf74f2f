//! Segment under the same load: a tracker and a host in one process, each with SQLite on the disk; members and an author.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use segment_benches::party::{CHANNEL, config, limits};
use segment_core::Endpoint;
use segment_net::codec::{FrameCodec, RawFrame};
use segment_net::transport::{Connection, Expected, TlsIdentity, TlsTransport, Transport, TransportLimits};
use segment_net::{Config, Peer, Tracker, raise_open_files};
use segment_proto::messages::{
    Entries, Greeter, Guest, Hello, LoggedIn, Ping, Pong, Presence, Subscribe, Subscribed, Welcome,
};
use segment_proto::{
    AccountId, Certificate, ChannelId, DeviceId, Frame, Identity, Kind, Message, Payload, ProtocolVersion, RequestId,
    SessionId, Signed, UnixMillis, UserName, View, Visitors, Who,
};
use segment_store::MemoryStore;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;
use tokio_util::codec::Decoder;

use crate::load::{Outcome, Watch};

/// The tracker's number, which makes its secret: here it signs the certificates of light members.
const TRACKER: u8 = 255;
const HOST: u8 = 254;
const AUTHOR: u8 = 253;
/// An author's messages that are not committed yet: the window.
pub const WINDOW: usize = 512;
const PATIENCE: Duration = Duration::from_secs(60);
/// Handed to the author's peer in one call.
const BATCH: usize = 64;

/// Where everybody is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Places {
    pub tracker: String,
    pub tracker_key: String,
    pub host: String,
    pub host_key: String,
    pub channel: String,
}

fn wide(mut config: Config) -> Config {
    config.limits = limits();
    let protocol = &mut config.limits.protocol;
    (protocol.uncommitted_per_author_max, protocol.visitors_per_address_max) = (WINDOW, 100_000);
    // More than one author's window, or the channel's tail is full before the window is.
    protocol.tail_entries_max = 4 * WINDOW;
    config
}

/// The server's process, until its input ends.
pub async fn serve() -> Result<()> {
    let _ = raise_open_files();
    let disk = TempDir::new()?;
    let tracker = Tracker::start(wide(config(disk.path(), TRACKER)?)).await?;
    let endpoint = tracker.endpoint().context("a tracker listens")?;
    let host = Peer::start(wide(config(disk.path(), HOST)?)).await?;
    host.connect(endpoint).await?;
    host.register("host", segment_benches::party::PASSWORD, Presence::Online).await?;
    let channel = host.create(CHANNEL, View::Public, Visitors::Read).await?;
    let places = Places {
        tracker: endpoint.address.to_string(),
        tracker_key: tracker.key().to_string(),
        host: host.address().context("a host listens")?.to_string(),
        host_key: host.device().to_string(),
        channel: serde_json::to_string(&channel.id())?,
    };
    println!("{}", serde_json::to_string(&places)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    host.shutdown().await?;
    tracker.shutdown().await?;
    Ok(())
}

struct Line {
    connection: Connection,
    codec: FrameCodec,
    buffer: BytesMut,
}

fn secret(number: u16) -> [u8; 32] {
    let mut secret = [6; 32];
    secret[..2].copy_from_slice(&number.to_be_bytes());
    secret
}

impl Line {
    async fn dial(number: u16, to: Endpoint, greeter: Greeter) -> Result<Self> {
        let expected = to.key.map_or(Expected::Anyone, |key| Expected::Key(key.0));
        let transport = TlsTransport::new(TlsIdentity::from_secret(&secret(number))?, TransportLimits::default())?;
        let connection = transport.dial(to.address, expected).await?;
        let mut line =
            Self { connection, codec: FrameCodec::new(1024 * 1024), buffer: BytesMut::with_capacity(256 * 1024) };
        let hello = Hello { protocol: ProtocolVersion::CURRENT, greeter, software: "bench".to_owned() };
        line.ask(&hello, Welcome::KIND).await?;
        Ok(line)
    }

    async fn ask(&mut self, request: &impl Payload, expected: Kind) -> Result<RawFrame> {
        let id = RequestId::from_random([1; 16]);
        self.write(&Frame::request(id, request).bytes()).await?;
        loop {
            let frame = self.next().await?;
            if frame.header.correlation == id {
                ensure!(frame.header.kind == expected, "answered {} for {}", frame.header.kind, expected);
                return Ok(frame);
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.connection.writer.write_all(bytes).await?;
        Ok(self.connection.writer.flush().await?)
    }

    async fn next(&mut self) -> Result<RawFrame> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer)? {
                return Ok(frame);
            }
            self.buffer.reserve(64 * 1024);
            ensure!(self.connection.reader.read_buf(&mut self.buffer).await? > 0, "hung up");
        }
    }
}

fn endpoint(address: &str, key: &str) -> Result<Endpoint> {
    Ok(Endpoint { address: address.parse()?, key: DeviceId::from_hex(key) })
}

/// A member that reads and checks nothing; the tracker's secret is known here, so its certificate is made here.
async fn member(number: u16, places: &Places) -> Result<Line> {
    let mut line = Line::dial(number, endpoint(&places.host, &places.host_key)?, Greeter::Member).await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = UnixMillis(u64::try_from(now.as_millis())?);
    let certificate = Certificate {
        who: Who { account: AccountId::NOBODY, name: UserName::new(&format!("reader{number}"))? },
        device: Identity::from_secret(&secret(number)).device(),
        session: SessionId::from_random([7; 16]),
        issued: now,
        expires: now.plus(Duration::from_secs(3_600)),
    };
    let certificate = Some(Signed::new(certificate, &Identity::from_secret(&[TRACKER; 32])));
    let channel: ChannelId = serde_json::from_str(&places.channel)?;
    let subscribe = Subscribe { channel, certificate, device: None, evidence: segment_proto::Evidence::default() };
    line.ask(&subscribe, Subscribed::KIND).await?;
    Ok(line)
}

/// What members have got: all of them bytes, the first of them messages.
#[derive(Default)]
struct Progress {
    bytes: RefCell<Vec<usize>>,
    messages: Cell<usize>,
    moved: Notify,
}

async fn take(mut line: Line, index: usize, progress: Rc<Progress>) -> Result<()> {
    loop {
        let frame = line.next().await?;
        if frame.header.kind != Entries::KIND {
            continue;
        }
        progress.bytes.borrow_mut()[index] += frame.payload.len();
        if index == 0
            && let Message::Entries(entries) = Message::decode(&frame.header, &frame.payload)?
        {
            progress.messages.set(progress.messages.get() + entries.entries.len());
        }
        progress.moved.notify_one();
    }
}

/// So many messages by one author, to so many members.
pub async fn fan_out(places: &Places, server: u32, members: usize, messages: usize, bytes: usize) -> Result<Outcome> {
    let _ = raise_open_files();
    LocalSet::new().run_until(fan_out_here(places, server, members, messages, bytes)).await
}

async fn fan_out_here(places: &Places, server: u32, members: usize, messages: usize, bytes: usize) -> Result<Outcome> {
    let author = Peer::start(wide(Config::new([AUTHOR; 32], MemoryStore::default()))).await?;
    author.connect(endpoint(&places.tracker, &places.tracker_key)?).await?;
    author.register("author", segment_benches::party::PASSWORD, Presence::Online).await?;
    let channel = author.join(CHANNEL).await?;
    let progress = Rc::new(Progress { bytes: RefCell::new(vec![0; members]), ..Progress::default() });
    for index in 0..members {
        let line = member(u16::try_from(index)?, places).await?;
        spawn_local(take(line, index, Rc::clone(&progress)));
    }
    let (id, text) = (channel.id(), "x".repeat(bytes));
    let watch = Watch::start(server)?;
    for start in (0..messages).step_by(BATCH) {
        let (count, text) = (BATCH.min(messages - start), text.clone());
        let call = move |peer: &mut segment_core::peer::Peer, now| {
            (0..count).map(|_| peer.send(id, &text, now)).find(Result::is_err)
        };
        if let Some(Err(error)) = author.call(call).await? {
            return Err(error.into());
        }
    }
    let all_there = || {
        let bytes = progress.bytes.borrow();
        progress.messages.get() >= messages && bytes.iter().all(|got| *got >= bytes[0])
    };
    while !all_there() {
        timeout(PATIENCE, progress.moved.notified()).await.context("messages were lost")?;
    }
    let outcome = watch.stop(messages * members)?;
    author.shutdown().await?;
    Ok(outcome)
}

/// So many pings to the tracker on one link.
pub async fn requests(places: &Places, server: u32, count: usize, outstanding: usize) -> Result<Outcome> {
    let mut line = Line::dial(9_999, endpoint(&places.tracker, &places.tracker_key)?, Greeter::Client).await?;
    line.ask(&Guest { name: "pinger".to_owned() }, LoggedIn::KIND).await?;
    let mut times = Vec::with_capacity(count);
    let watch = Watch::start(server)?;
    let (mut sent, mut answered) = (0, 0);
    while answered < count {
        let (asked, mut batch) = (Instant::now(), Vec::new());
        while sent < (answered + outstanding).min(count) {
            sent += 1;
            let mut id = [0; 16];
            id[..8].copy_from_slice(&sent.to_be_bytes());
            batch.extend_from_slice(&Frame::request(RequestId::from_random(id), &Ping {}).bytes());
        }
        if !batch.is_empty() {
            line.write(&batch).await?;
        }
        let mut frame = Some(timeout(PATIENCE, line.next()).await.context("no answer")??);
        while let Some(answer) = frame {
            answered += usize::from(answer.header.kind == Pong::KIND);
            frame = line.codec.decode(&mut line.buffer)?;
        }
        times.push(asked.elapsed());
    }
    let outcome = watch.stop(count)?;
    times.sort_unstable();
    let p50_us = (outstanding == 1).then(|| times[times.len() / 2].as_secs_f64() * 1e6);
    Ok(Outcome { p50_us, ..outcome })
}
