//! How each system is started and spoken to: one file each.

pub mod jetstream;
pub mod mosquitto;
pub mod nats;
pub mod raw;
pub mod redis;
pub mod segment;
#[cfg(feature = "peers")]
pub mod tarpc;
#[cfg(feature = "peers")]
pub mod tonic;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use segment_benches::plain::Plain;
use segment_net::transport::{
    Connection, Expected, Reader, TlsIdentity, TlsTransport, Transport, TransportLimits, Writer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::rows::Row;
use crate::system::System;

/// Whoever says nothing for so long has failed.
pub const SILENCE: Duration = Duration::from_secs(10);
/// Of servers and clients that need none of their own.
pub const SECRET: [u8; 32] = [5; 32];

/// What bytes go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// TCP as others speak it.
    Bare,
    /// TCP in which each end says its key.
    Plain,
    Tls,
}

impl Cover {
    pub fn transport(self, secret: &[u8; 32]) -> Result<Arc<dyn Transport>> {
        Ok(match self {
            Self::Tls => Arc::new(TlsTransport::new(TlsIdentity::from_secret(secret)?, TransportLimits::default())?),
            Self::Plain | Self::Bare => Arc::new(Plain::from_secret(secret)),
        })
    }
}

/// Both halves of a connection.
pub type Halves = (Reader, Writer);

/// Connects.
pub async fn connect(cover: Cover, address: SocketAddr) -> Result<Halves> {
    if cover == Cover::Bare {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        return Ok((Box::new(reader), Box::new(writer)));
    }
    let Connection { reader, writer, .. } = cover.transport(&SECRET)?.dial(address, Expected::Anyone).await?;
    Ok((reader, writer))
}

/// Says something, and waits for what ends the answer.
pub async fn greet(halves: &mut Halves, words: &[u8], answer: &[u8]) -> Result<()> {
    halves.1.write_all(words).await?;
    halves.1.flush().await?;
    let mut heard = Vec::new();
    while !heard.ends_with(answer) {
        let read = timeout(SILENCE, halves.0.read_buf(&mut heard)).await.context("no answer to a greeting")?;
        ensure!(read? > 0, "the server hung up: {}", String::from_utf8_lossy(&heard));
    }
    Ok(())
}

fn text(bytes: usize) -> Vec<u8> {
    vec![b'x'; bytes]
}

/// What is said to a server, byte for byte: few words, whose lengths are known, so that a client can read in batches.
#[derive(Clone, Debug)]
pub struct Wire {
    pub cover: Cover,
    /// Said by a member, and what ends the answer.
    pub subscribe: Vec<u8>,
    pub subscribed: Vec<u8>,
    /// Said by an author, by who asks and by who is only there, and what ends the answer.
    pub author: Vec<u8>,
    pub asker: Vec<u8>,
    pub guest: Vec<u8>,
    pub welcomed: Vec<u8>,
    /// One message as it is published.
    pub publication: Vec<u8>,
    pub deliveries: Deliveries,
    /// Nothing where nobody answers.
    pub request: Option<Request>,
}

impl Wire {
    /// What a member says, some of them each something else.
    pub fn subscription(&self, member: usize) -> Vec<u8> {
        const MEMBER: &[u8] = b"MEMBER";
        let Some(at) = self.subscribe.windows(MEMBER.len()).position(|words| words == MEMBER) else {
            return self.subscribe.clone();
        };
        [&self.subscribe[..at], member.to_string().as_bytes(), &self.subscribe[at + MEMBER.len()..]].concat()
    }
}

/// A request, and how long its answer is.
#[derive(Clone, Debug)]
pub struct Request {
    pub words: Vec<u8>,
    pub answer_bytes: usize,
}

/// How deliveries are told apart.
#[derive(Clone, Copy, Debug)]
pub enum Deliveries {
    /// All have the same length.
    Bytes(usize),
    /// Each begins with a line that ends with the length of what follows.
    Nats,
}

impl Deliveries {
    /// Whole ones in what was read, which may begin with a rest; what is not whole stays.
    pub fn count(self, read: &mut Vec<u8>) -> usize {
        match self {
            Self::Bytes(size) => {
                let whole = read.len() / size;
                read.truncate(read.len() % size);
                whole
            }
            Self::Nats => {
                let (mut count, mut at) = (0, 0);
                while let Some(end) = nats_end(&read[at..]).map(|end| at + end).filter(|end| *end <= read.len()) {
                    (count, at) = (count + 1, end);
                }
                read.drain(..at);
                count
            }
        }
    }
}

fn nats_end(bytes: &[u8]) -> Option<usize> {
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&bytes[..line]).ok()?.trim_end();
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    Some(line + 1 + size + 2)
}

/// A server of others.
pub struct Program {
    pub name: String,
    pub words: Vec<String>,
}

impl Program {
    pub fn new<'a>(name: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        Self { name: name.to_owned(), words: words.into_iter().map(str::to_owned).collect() }
    }
}

/// How it is started; nothing, if it is one of ours.
pub fn program(system: System, port: u16, dir: &Path) -> Result<Option<Program>> {
    Ok(Some(match system {
        System::Nats => nats::program(port),
        System::Jetstream => jetstream::program(port, dir)?,
        System::Redis => redis::program(port, dir),
        System::Mosquitto => mosquitto::program(port, dir)?,
        _ => return Ok(None),
    }))
}

/// One of ours, until its input ends or it is ended.
pub async fn serve(system: System, row: &Row, dir: &Path) -> Result<()> {
    match system {
        System::RawTcp | System::RawTls => raw::serve(system.cover()).await,
        #[cfg(feature = "peers")]
        System::Tarpc => tarpc::serve().await,
        #[cfg(feature = "peers")]
        System::Tonic => tonic::serve().await,
        #[cfg(not(feature = "peers"))]
        System::Tarpc | System::Tonic => bail!("built without it; build with --features peers"),
        system if system.is_segment() => segment::serve(system, row, dir).await,
        other => bail!("{other} is none of our servers"),
    }
}

/// What is said to it, if it takes bytes.
pub fn wire(system: System, bytes: usize) -> Result<Wire> {
    Ok(match system {
        System::RawTcp | System::RawTls => raw::wire(system.cover(), bytes),
        System::Nats => nats::wire(bytes),
        System::Jetstream => jetstream::wire(bytes),
        System::Redis => redis::wire(bytes),
        System::Mosquitto => mosquitto::wire(bytes),
        other => bail!("{other} is not spoken to in bytes"),
    })
}
