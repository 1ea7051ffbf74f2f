//! Segment under the same load: a tracker and a host in one process, each with a store of its own.

mod line;
mod serve;
pub mod stream;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use segment_benches::party::{CHANNEL, PASSWORD, limits};
use segment_core::Endpoint;
use segment_net::{Config, Peer, raise_open_files};
use segment_proto::messages::{ChannelFound, FindChannel, Greeter, Guest, LoggedIn, Presence};
use segment_proto::{ChannelId, DeviceId, Frame, Payload, RequestId, UnixMillis};
use segment_store::MemoryStore;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_local;
use tokio::time::timeout;

pub use line::Line;
pub use serve::serve;

use super::{Cover, SILENCE};
use crate::outcome::{Outcome, Watch};
use crate::room::Audience;
use crate::rows::Task;
use crate::system::WINDOW_BYTES;

/// Numbers of the devices that run: each makes a secret.
const TRACKER: u8 = 255;
const HOST: u8 = 254;
const AUTHOR: u8 = 253;
/// An author's messages that are not committed yet.
const UNCOMMITTED: usize = 2_048;
/// Who asks; members are numbered from 0.
const ASKER: u16 = 60_000;

/// Where everybody is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Places {
    tracker: Place,
    host: Place,
    channel: ChannelId,
    stream: Option<stream::Source>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    address: String,
    key: String,
}

impl Place {
    fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint { address: self.address.parse()?, key: DeviceId::from_hex(&self.key) })
    }
}

impl Places {
    fn of(task: &Task) -> Result<Self> {
        Ok(serde_json::from_str(&task.place)?)
    }
}

/// Limits that are above the load.
fn wide(config: Config, cover: Cover) -> Result<Config> {
    let mut limits = limits();
    let protocol = &mut limits.protocol;
    (protocol.uncommitted_per_author_max, protocol.visitors_per_address_max) = (UNCOMMITTED, 100_000);
    // More than one author's window, or the channel's tail is full before the window is.
    protocol.tail_entries_max = 2 * UNCOMMITTED;
    // The light members never ask for what a host has not pushed: none is to be taken for slow.
    protocol.send_queue_bytes_max = 4 * WINDOW_BYTES;
    let transport = match cover {
        Cover::Tls => None,
        _ => Some(cover.transport(&config.secret)?),
    };
    Ok(Config { limits, transport, ..config })
}

fn now() -> Result<UnixMillis> {
    Ok(UnixMillis(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?))
}

/// Who writes: a whole peer, which signs, keeps what is not committed, and sends it again if need be.
pub struct Author {
    peer: Peer,
    channel: ChannelId,
    text: Arc<str>,
}

impl Author {
    async fn join(task: &Task, places: &Places, bytes: usize) -> Result<Self> {
        let config = Config::new([AUTHOR; 32], MemoryStore::default());
        let peer = Peer::start(wide(Config { listen: None, ..config }, task.system.cover())?).await?;
        peer.connect(places.tracker.endpoint()?).await?;
        peer.register("author", PASSWORD, Presence::Online).await?;
        let channel = peer.join(CHANNEL).await?.id();
        Ok(Self { peer, channel, text: "x".repeat(bytes).into() })
    }

    pub async fn publish(&mut self, count: usize) -> Result<()> {
        let (channel, text) = (self.channel, Arc::clone(&self.text));
        let send = move |peer: &mut segment_core::peer::Peer, now| {
            (0..count).map(|_| peer.send(channel, &text, now)).find(Result::is_err)
        };
        match self.peer.call(send).await? {
            Some(Err(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Members who read and check nothing, and an author.
pub async fn open(task: &Task, audience: &Rc<Audience>, members: usize, bytes: usize) -> Result<Author> {
    let _ = raise_open_files();
    let places = Places::of(task)?;
    let author = Author::join(task, &places, bytes).await?;
    for member in 0..members {
        let line = Line::subscribe(u16::try_from(member)?, task.system.cover(), &places).await?;
        spawn_local(line.listen(member, Rc::clone(audience)));
    }
    Ok(author)
}

/// A visitor who is logged in at the tracker.
pub async fn guest(task: &Task, number: usize) -> Result<Line> {
    let (places, number) = (Places::of(task)?, u16::try_from(number)?);
    let mut line = Line::dial(number, task.system.cover(), places.tracker.endpoint()?, Greeter::Client).await?;
    line.ask(&Guest { name: format!("visitor{number}") }, LoggedIn::KIND).await?;
    Ok(line)
}

/// Channels looked up in the tracker's directory.
pub async fn requests(task: &Task, outstanding: usize) -> Result<Outcome> {
    let mut line = guest(task, usize::from(ASKER)).await?;
    let (mut times, mut sent, mut answered) = (Vec::new(), 0, 0);
    let find = FindChannel { name: CHANNEL.to_owned() };
    let watch = Watch::start(task.server)?;
    loop {
        let (asked, mut batch) = (Instant::now(), Vec::new());
        if watch.elapsed() < task.time() {
            while sent < answered + outstanding {
                sent += 1;
                batch.extend_from_slice(&Frame::request(request(sent), &find).bytes());
            }
            line.write(&batch).await?;
        } else if answered == sent {
            break;
        }
        let mut frame = Some(timeout(SILENCE, line.next()).await.context("no answer")??);
        while let Some(answer) = frame {
            answered += usize::from(answer.header.kind == ChannelFound::KIND);
            frame = line.waiting()?;
        }
        times.push(asked.elapsed());
    }
    Ok(watch.stop(answered)?.with_times(times))
}

fn request(number: usize) -> RequestId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    RequestId::from_random(id)
}
