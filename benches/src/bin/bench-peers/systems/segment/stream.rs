//! The media path: a stream of the host, watched over its links.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use segment_core::peer::StreamOptions;
use segment_net::{Broadcast, Channel};
use segment_proto::messages::{Chunk, Follow, Greeter, Taken};
use segment_proto::{Frame, FrameFlags, Identity, Message, Payload, Signed, StreamId, Ticket, Track, TrackKind};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::{HOST, Line, Places, line, now};
use crate::outcome::{Outcome, Watch};
use crate::rows::Task;
use crate::rows::bulk::FRAME_BYTES;
use crate::systems::SILENCE;

const TRACK: u8 = 1;
/// Frames of a group.
const GROUP: usize = 30;
/// Frames that are pushed before the slowest member has them.
const WINDOW: usize = 32;
/// As often a viewer says what it has taken.
const TAKEN_BYTES: u64 = 32 * 1024;
/// An uplink that carries whatever there is.
const UPLINK_KBPS: u32 = 4_000_000;
const LIFE: Duration = Duration::from_secs(3_600);

/// A stream that is sent, and where it is asked for its next frames: by a byte each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    stream: StreamId,
    reins: String,
}

/// Begins a stream in the server's process.
pub async fn begin(channel: &Channel) -> Result<Source> {
    let track = Track {
        track: TRACK,
        kind: TrackKind::Video,
        codec: "measured".into(),
        format: String::new(),
        rate_bps: u32::MAX,
        interval_us: 1_000,
    };
    let options = StreamOptions { title: "measured".into(), tracks: vec![track], uplink_kbps: UPLINK_KBPS };
    let broadcast = loop {
        // A member may stream as soon as the host has heard of it.
        match timeout(SILENCE, channel.stream(options.clone())).await? {
            Ok(broadcast) => break broadcast,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let source = Source { stream: broadcast.id(), reins: listener.local_addr()?.to_string() };
    tokio::spawn(push(listener, broadcast));
    Ok(source)
}

async fn push(listener: TcpListener, broadcast: Broadcast) -> Result<()> {
    let (mut reins, _) = listener.accept().await?;
    let (payload, mut number) = (Bytes::from(vec![b'x'; FRAME_BYTES]), 0);
    let mut wanted = [0; WINDOW];
    loop {
        let count = reins.read(&mut wanted).await?;
        ensure!(count > 0, "nobody wants more");
        for _ in 0..count {
            let flags = if number % GROUP == 0 { FrameFlags::KEY } else { FrameFlags::default() };
            broadcast.push(TRACK, now()?.0 * 1_000, flags, payload.clone()).await?;
            number += 1;
        }
    }
}

/// What viewers have taken.
struct Viewers {
    taken: Vec<Cell<u64>>,
    moved: Notify,
}

impl Viewers {
    fn whole_frames(&self) -> usize {
        let least = self.taken.iter().map(Cell::get).min().unwrap_or_default();
        least as usize / FRAME_BYTES
    }
}

/// So many members watch; frames are asked for as they are taken, and none is left out.
pub async fn watch(task: &Task, members: usize) -> Result<Outcome> {
    let places = Places::of(task)?;
    let source = places.stream.clone().context("nothing is streamed")?;
    let viewers = Rc::new(Viewers { taken: vec![Cell::default(); members], moved: Notify::new() });
    for member in 0..members {
        let line = follow(u16::try_from(member)?, task, &places, source.stream).await?;
        spawn_local(take(line, member, source.stream, Rc::clone(&viewers)));
    }
    let mut reins = TcpStream::connect(&source.reins).await?;
    reins.set_nodelay(true)?;
    // Windows have grown by then.
    drive(&mut reins, &viewers, task.time() / 2, 0).await?;
    let before = viewers.whole_frames();
    let watch = Watch::start(task.server)?;
    let sent = drive(&mut reins, &viewers, task.time(), before).await?;
    watch.stop((sent - before) * members)
}

/// Asks for frames for so long, and waits for the last of them.
async fn drive(reins: &mut TcpStream, viewers: &Viewers, time: Duration, before: usize) -> Result<usize> {
    let (began, mut sent) = (std::time::Instant::now(), before);
    loop {
        let there = viewers.whole_frames();
        if began.elapsed() < time {
            reins.write_all(&vec![1; WINDOW - (sent - there)]).await?;
            sent = there + WINDOW;
        } else if there >= sent {
            return Ok(sent);
        }
        timeout(SILENCE, viewers.moved.notified()).await.context("frames were left out")?;
    }
}

async fn follow(number: u16, task: &Task, places: &Places, stream: StreamId) -> Result<Line> {
    let host = places.host.endpoint()?;
    let mut line = Line::dial(number, task.system.cover(), host, Greeter::Member).await?;
    let ticket = Ticket { channel: places.channel, stream, viewer: line::device(number), expires: now()?.plus(LIFE) };
    // The streamer hosts the channel, so its key admits.
    let ticket = Signed::new(ticket, &Identity::from_secret(&[HOST; 32]));
    line.write(&Frame::push(&Follow { ticket, after: Vec::new() }).bytes()).await?;
    Ok(line)
}

async fn take(mut line: Line, member: usize, stream: StreamId, viewers: Rc<Viewers>) -> Result<()> {
    let (mut bytes, mut said) = (0, 0);
    loop {
        let frame = line.next().await?;
        if frame.header.kind != Chunk::KIND {
            continue;
        }
        let Message::Chunk(chunk) = Message::decode(&frame.header, &frame.payload)? else { continue };
        bytes += chunk.payload.len() as u64;
        viewers.taken[member].set(bytes);
        if bytes - said >= TAKEN_BYTES {
            said = bytes;
            line.write(&Frame::push(&Taken { stream, bytes, held_us: 0 }).bytes()).await?;
            viewers.moved.notify_one();
        }
    }
}
