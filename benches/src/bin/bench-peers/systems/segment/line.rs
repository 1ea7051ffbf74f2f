//! A link that is read frame by frame: less than a peer, so that the clients are not the bottleneck.

use std::mem;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::BytesMut;
use segment_core::Endpoint;
use segment_net::codec::{FrameCodec, RawFrame};
use segment_net::transport::{Connection, Expected};
use segment_proto::frame::{HEADER_BYTES, LENGTH_BYTES};
use segment_proto::messages::{Entries, Greeter, Hello, Subscribe, Subscribed, Welcome};
use segment_proto::{
    AccountId, Certificate, ChannelId, DeviceId, Evidence, Fence, Frame, Hash, Header, Identity, Kind, Payload,
    ProtocolVersion, RequestId, SessionId, Signed, UserName, Who,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::Decoder;

use super::{Cover, Places, TRACKER, now};
use crate::room::Audience;

const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// A record of TLS: one read gives no more.
const READ_BYTES: usize = 16 * 1024;
/// What is made room for at once: a part of a frame that is left over moves once for many reads.
const ROOM_BYTES: usize = 256 * 1024;
/// More than stands before the entries of a frame, with its header.
const BEGINNING_BYTES: usize = 128;
/// Of certificates.
const LIFE: Duration = Duration::from_secs(3_600);

/// One link.
pub struct Line {
    connection: Connection,
    codec: FrameCodec,
    buffer: BytesMut,
}

/// Members' and visitors' secrets.
pub fn secret(number: u16) -> [u8; 32] {
    let mut secret = [6; 32];
    secret[..2].copy_from_slice(&number.to_be_bytes());
    secret
}

pub fn device(number: u16) -> DeviceId {
    Identity::from_secret(&secret(number)).device()
}

impl Line {
    pub async fn dial(number: u16, cover: Cover, to: Endpoint, greeter: Greeter) -> Result<Self> {
        let expected = to.key.map_or(Expected::Anyone, |key| Expected::Key(key.0));
        let connection = cover.transport(&secret(number))?.dial(to.address, expected).await?;
        let mut line = Self { connection, codec: FrameCodec::new(FRAME_BYTES_MAX), buffer: BytesMut::new() };
        let hello = Hello { protocol: ProtocolVersion::CURRENT, greeter, software: "bench".to_owned() };
        line.ask(&hello, Welcome::KIND).await?;
        Ok(line)
    }

    /// A member's, at the host. The tracker's secret is known here, so the member's certificate is made here.
    pub(super) async fn subscribe(number: u16, cover: Cover, places: &Places) -> Result<Self> {
        let mut line = Self::dial(number, cover, places.host.endpoint()?, Greeter::Member).await?;
        let issued = now()?;
        let certificate = Certificate {
            who: Who { account: AccountId::NOBODY, name: UserName::new(&format!("reader{number}"))? },
            device: device(number),
            session: SessionId::from_random([7; 16]),
            issued,
            expires: issued.plus(LIFE),
        };
        let certificate = Some(Signed::new(certificate, &Identity::from_secret(&[TRACKER; 32])));
        let subscribe = Subscribe { channel: places.channel, certificate, device: None, evidence: Evidence::default() };
        line.ask(&subscribe, Subscribed::KIND).await?;
        Ok(line)
    }

    pub async fn ask(&mut self, request: &impl Payload, expected: Kind) -> Result<RawFrame> {
        let id = RequestId::from_random([1; 16]);
        self.write(&Frame::request(id, request).bytes()).await?;
        loop {
            let frame = self.next().await?;
            if frame.header.correlation == id {
                ensure!(frame.header.kind == expected, "answered {} for {expected}", frame.header.kind);
                return Ok(frame);
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.connection.writer.write_all(bytes).await?;
        Ok(self.connection.writer.flush().await?)
    }

    pub async fn next(&mut self) -> Result<RawFrame> {
        loop {
            if let Some(frame) = self.waiting()? {
                return Ok(frame);
            }
            if self.buffer.capacity() - self.buffer.len() < READ_BYTES {
                self.buffer.reserve(ROOM_BYTES);
            }
            ensure!(self.connection.reader.read_buf(&mut self.buffer).await? > 0, "hung up");
        }
    }

    /// The next frame, if it was read already.
    pub fn waiting(&mut self) -> Result<Option<RawFrame>> {
        Ok(self.codec.decode(&mut self.buffer)?)
    }

    /// Counts messages, until the link ends.
    pub async fn listen(mut self, member: usize, audience: Rc<Audience>) -> Result<()> {
        let (mut tally, mut read) = (Tally::default(), Vec::with_capacity(ROOM_BYTES));
        read.extend_from_slice(&self.buffer);
        loop {
            audience.hear(member, tally.count(&mut read)?);
            ensure!(self.connection.reader.read_buf(&mut read).await? > 0, "hung up");
        }
    }
}

/// Cuts frames by what stands at their beginning, and lets the rest of each pass by, as the other systems' members do:
/// what is kept for each of a thousand would be fetched from memory again and again.
#[derive(Default)]
struct Tally {
    passing: usize,
    messages: usize,
}

impl Tally {
    /// Messages in frames that are whole by now; a beginning that says too little stays.
    fn count(&mut self, read: &mut Vec<u8>) -> Result<usize> {
        let (mut at, mut whole) = (0, 0);
        loop {
            let step = self.passing.min(read.len() - at);
            (at, self.passing) = (at + step, self.passing - step);
            if self.passing > 0 {
                break;
            }
            whole += mem::take(&mut self.messages);
            let Some(begun) = begun(&read[at..])? else { break };
            (self.passing, self.messages) = begun;
        }
        read.drain(..at);
        Ok(whole)
    }
}

/// The length of a frame and how many messages are in it, as soon as enough of it is there.
fn begun(read: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(length) = read.first_chunk() else { return Ok(None) };
    let size = LENGTH_BYTES + usize::try_from(u32::from_be_bytes(*length))?;
    if read.len() < size.min(BEGINNING_BYTES) {
        return Ok(None);
    }
    let header = Header::parse(&read[LENGTH_BYTES..]).context("a frame without a header")?;
    let is_entries = header.kind == Entries::KIND;
    let messages = if is_entries { entries_in(&read[LENGTH_BYTES + HEADER_BYTES..])? } else { 0 };
    Ok(Some((size, messages)))
}

/// How many entries there are in the payload of [`Entries`]: what stands before them, and their number.
fn entries_in(payload: &[u8]) -> Result<usize> {
    let ((_, _, _, count), _) = postcard::take_from_bytes::<(ChannelId, Fence, Hash, usize)>(payload)?;
    Ok(count)
}
