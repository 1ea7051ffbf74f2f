//! Many viewers that cost little, so that the streamer is what is measured: they take and count, and check nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use segment_benches::machine;
use segment_benches::party::CHANNEL;
use segment_core::Endpoint;
use segment_net::codec::FrameCodec;
use segment_net::raise_open_files;
use segment_net::transport::{Connection, Expected, TlsIdentity, TlsTransport, Transport, TransportLimits};
use segment_proto::messages::{Chunk, Follow, Greeter, Hello, Taken, Welcome};
use segment_proto::{
    Frame, Identity, Payload, ProtocolVersion, RequestId, Signed, StreamDescription, Ticket, UnixMillis,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::codec::Decoder;

use crate::device::{Address, STREAMER, Tempo, now_us, secret, visitor};
use crate::log::{Glimpse, Log, Times, delays};
use crate::picture::{Shape, stamp};
use crate::process::{Part, Role, orders, say};
use crate::stage::{Stage, WARM_UP, WIDE_KBPS};
use crate::watch::find;

/// What is taken is said when it is so much, as real viewers do.
const TAKEN_BYTES: u64 = 32 * 1024;
/// Or so old.
const TAKEN_AFTER: Duration = Duration::from_millis(50);
/// Handshakes at the same time.
const AT_ONCE: usize = 32;
/// Light viewers are counted from here.
const FIRST: u16 = 1_000;

/// So many light viewers of a stream whose streamer hosts the channel.
#[derive(Debug, Serialize, Deserialize)]
pub struct CrowdRole {
    pub tracker: Address,
    pub streamer: String,
    pub count: u16,
}

impl CrowdRole {
    pub async fn play(self) -> Result<()> {
        let _ = raise_open_files();
        let peer = visitor(0, Tempo::Usual, None, &self.tracker).await?;
        let row = find(&peer.join(CHANNEL).await?).await?;
        let key = Some(row.description.device);
        let streamer = Endpoint { address: self.streamer.parse()?, key };
        let stopped = Arc::new(AtomicBool::new(false));
        let (mut connecting, mut taking) = (JoinSet::new(), JoinSet::new());
        for number in FIRST..FIRST + self.count {
            connecting.spawn(follow(number, streamer, row.description.clone()));
            if connecting.len() >= AT_ONCE {
                let (number, connection) = connecting.join_next().await.context("some are under way")???;
                taking.spawn(take(number, connection, row.description.clone(), stopped.clone()));
            }
        }
        while let Some(connected) = connecting.join_next().await {
            let (number, connection) = connected??;
            taking.spawn(take(number, connection, row.description.clone(), stopped.clone()));
        }
        peer.shutdown().await?;
        say(&taking.len())?;
        let mut orders = orders();
        while let Some(order) = orders.next_line().await? {
            if order == "now" {
                stopped.store(true, Ordering::Relaxed);
                let mut logs = Vec::new();
                while let Some(log) = taking.join_next().await {
                    logs.push(log??);
                }
                say(&logs)?;
            }
        }
        Ok(())
    }
}

async fn follow(number: u16, streamer: Endpoint, description: Signed<StreamDescription>) -> Result<(u16, Connection)> {
    let expected = streamer.key.map_or(Expected::Anyone, |key| Expected::Key(key.0));
    let transport = TlsTransport::new(TlsIdentity::from_secret(&secret(number))?, TransportLimits::default())?;
    let mut connection = transport.dial(streamer.address, expected).await?;
    let software = "bench".to_owned();
    let hello = Hello { protocol: ProtocolVersion::CURRENT, greeter: Greeter::Member, software };
    let id = RequestId::from_random([1; 16]);
    connection.writer.write_all(&Frame::request(id, &hello).bytes()).await?;
    connection.writer.flush().await?;
    let (mut codec, mut buffer) = (FrameCodec::new(64 * 1024), BytesMut::new());
    loop {
        if let Some(frame) = codec.decode(&mut buffer)? {
            ensure!(frame.header.kind == Welcome::KIND, "answered {}", frame.header.kind);
            break;
        }
        ensure!(connection.reader.read_buf(&mut buffer).await? > 0, "the streamer hung up");
    }
    let viewer = Identity::from_secret(&secret(number)).device();
    let expires = UnixMillis(now_us() / 1_000 + 3_600_000);
    let ticket = Ticket { channel: description.channel, stream: description.stream, viewer, expires };
    // The streamer hosts the channel, so its key admits.
    let ticket = Signed::new(ticket, &Identity::from_secret(&secret(STREAMER)));
    connection.writer.write_all(&Frame::push(&Follow { ticket, after: Vec::new() }).bytes()).await?;
    connection.writer.flush().await?;
    Ok((number, connection))
}

async fn take(
    number: u16,
    mut connection: Connection,
    description: Signed<StreamDescription>,
    stopped: Arc<AtomicBool>,
) -> Result<Log> {
    let mut log = Log { viewer: number, ..Log::default() };
    let (mut codec, mut buffer) = (FrameCodec::new(64 * 1024), BytesMut::new());
    let (mut taken, mut said, mut said_at) = (0, 0, Instant::now());
    while !stopped.load(Ordering::Relaxed) {
        let read = connection.reader.read_buf(&mut buffer);
        match tokio::time::timeout(Duration::from_millis(500), read).await {
            Err(_) => continue,
            Ok(size) => ensure!(size? > 0, "the streamer hung up"),
        }
        while let Some(frame) = codec.decode(&mut buffer)? {
            if frame.header.kind != Chunk::KIND {
                continue;
            }
            let chunk: Chunk = match segment_proto::Message::decode(&frame.header, &frame.payload)? {
                segment_proto::Message::Chunk(chunk) => chunk,
                _ => continue,
            };
            taken += chunk.payload.len() as u64;
            if chunk.index == 0 {
                let (number, captured) = stamp(&chunk.payload)?;
                log.frames.push(Glimpse(number, captured, now_us()));
            }
        }
        if taken - said >= TAKEN_BYTES || taken > said && said_at.elapsed() >= TAKEN_AFTER {
            (said, said_at) = (taken, Instant::now());
            let taken = Taken { stream: description.stream, bytes: taken, held_us: 0 };
            connection.writer.write_all(&Frame::push(&taken).bytes()).await?;
            connection.writer.flush().await?;
        }
    }
    Ok(log)
}

/// What a core of the streamer carries.
pub async fn measure(viewers: u16, plan: &crate::Plan) -> Result<()> {
    let mut stage = Stage::open(Shape::of_rate(1_400, 30), WIDE_KBPS, plan.tempo).await?;
    let role = CrowdRole { tracker: stage.address.clone(), streamer: stage.begun.address.clone(), count: viewers };
    let mut crowd = Part::start(&Role::Crowd(role))?;
    let there: usize = crowd.hear().await?;
    ensure!(there == usize::from(viewers), "only {there} came");
    sleep(WARM_UP).await;
    let (from_us, from) = (now_us(), Instant::now());
    let cpu = |pid: u32| machine::cpu_seconds_of(pid);
    let before = (cpu(stage.source.pid)?, cpu(crowd.pid)?);
    sleep(Duration::from_secs(plan.seconds)).await;
    let (wall, after) = (from.elapsed().as_secs_f64(), (cpu(stage.source.pid)?, cpu(crowd.pid)?));
    let last: u64 = stage.source.ask("stop").await?;
    sleep(WARM_UP).await;
    let (followers, left_out): (usize, u64) = stage.source.ask("followers").await?;
    let logs: Vec<Log> = crowd.ask("now").await?;
    let times = Times { from_us, last: None };
    let lost: usize = logs.iter().map(|log| log.lost(&times, last)).sum();
    let (sent, took) = (after.0 - before.0, after.1 - before.1);
    println!(
        "{viewers} viewers at 1.4 Mbit/s: the streamer takes {sent:.2} s of processor in {wall:.1} s, so {:.0} viewers a \
         core; theirs took {took:.2} s; {}; {followers} served, {lost} frames lost, {left_out} left out",
        f64::from(viewers) * wall / sent,
        delays(&logs, &times),
    );
    crowd.end().await?;
    stage.close().await
}
