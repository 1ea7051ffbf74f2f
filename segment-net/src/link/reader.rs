//! The task that reads a link: it cuts frames, decodes them and checks their signatures, beside
//! the tasks of all other links.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use segment_proto::frame::{HEADER_BYTES, LENGTH_BYTES, Role};
use segment_proto::messages::{DecodeError, Failure, Goodbye};
use segment_proto::{Frame, Header, LinkId, Message, Reason, Verified, Verifier};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, copy, sink};
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::patience::or_else_wait;
use super::queue::{Level, SendQueue};
use super::{End, FrameLimit, Notice, Notices};
use crate::codec::{FrameCodec, RawFrame};
use crate::limits::{FORGERIES_MAX, READ_BYTES_MAX, READ_BYTES_MIN, RECEIVED_MAX};
use crate::traffic::Counters;
use crate::transport::Reader;

pub(super) struct LinkReader {
    pub(super) id: LinkId,
    pub(super) reader: Reader,
    pub(super) notices: Notices,
    pub(super) queue: Arc<SendQueue>,
    pub(super) closing: CancellationToken,
    pub(super) frame_limit: FrameLimit,
    pub(super) verifier: Verifier,
    /// Frames whose signatures did not verify.
    pub(super) forgeries: u32,
    pub(super) frame_complete: Duration,
    pub(super) linger: Duration,
    pub(super) counters: Counters,
}

impl LinkReader {
    pub(super) async fn run(mut self: Box<Self>) {
        let closing = self.closing.clone();
        let end = tokio::select! {
            end = self.read_until_closed() => Some(end),
            () = closing.cancelled() => None,
        };
        if let Some(end) = end {
            match end {
                End::BadLength => self.say(Frame::push(&Goodbye { reason: Reason::TooLarge })),
                End::Forgeries => self.say(Frame::push(&Goodbye { reason: Reason::BadSignature })),
                _ => Level::Calm,
            };
            // A driver that is gone needs no notice.
            let _ = self.tell(Notice::Down(end)).await;
        }
        Box::pin(self.discard_the_rest()).await;
    }

    /// Closing a socket with unread bytes resets it, and the other side would lose our last words.
    async fn discard_the_rest(&mut self) {
        let _ = timeout(self.linger, copy(&mut self.reader, &mut sink())).await;
    }

    async fn read_until_closed(&mut self) -> End {
        let mut stream = FrameStream::new(&self.frame_limit, self.frame_complete);
        loop {
            let first = match stream.next(&mut self.reader, &self.frame_limit).await {
                Ok(Some(frame)) => frame,
                Ok(None) => return End::Closed,
                Err(end) => return end,
            };
            let handful = self.gather(first, &mut stream);
            if let Err(end) = self.pass_on(handful).await {
                return end;
            }
        }
    }

    /// A message, and what has come in one piece with it.
    fn gather(&mut self, first: RawFrame, stream: &mut FrameStream) -> Handful {
        let (mut next, mut received, mut level) = (Ok(Some(first)), Vec::new(), Level::Calm);
        while let Ok(Some(frame)) = next {
            self.counters.came_in(LENGTH_BYTES + HEADER_BYTES + frame.payload.len());
            match self.understand(&frame) {
                Ok(message) => received.push((frame.header, message)),
                Err(failure) => level = level.max(self.refuse(frame.header, &failure)),
            }
            let is_full = received.len() >= RECEIVED_MAX || level == Level::Overflow;
            next = if self.forgeries >= FORGERIES_MAX {
                Err(End::Forgeries)
            } else if is_full {
                Ok(None)
            } else {
                stream.cut(&self.frame_limit)
            };
        }
        Handful { received, level, rest: next.map(|_| ()) }
    }

    async fn pass_on(&mut self, handful: Handful) -> Result<(), End> {
        if !handful.received.is_empty() {
            self.tell(Notice::Received(handful.received)).await?;
        }
        match handful.level {
            Level::Calm => {}
            Level::Filled => self.tell(Notice::Room(0)).await?,
            Level::Overflow => return Err(End::Overflow),
        }
        handful.rest
    }

    async fn tell(&mut self, notice: Notice) -> Result<(), End> {
        match self.notices.try_send((self.id, notice)) {
            Ok(()) => Ok(()),
            // The driver is behind, so the socket has to wait.
            Err(TrySendError::Full(notice)) => Box::pin(self.notices.send(notice)).await.map_err(|_| End::Hangup),
            Err(TrySendError::Closed(_)) => Err(End::Hangup),
        }
    }

    fn say(&self, frame: Frame) -> Level {
        let level = self.queue.push(frame);
        self.queue.wake();
        level
    }

    fn understand(&mut self, frame: &RawFrame) -> Result<Verified<Message>, Failure> {
        let message = Message::decode_shared(&frame.header, &frame.payload).map_err(|error| failure_of(&error))?;
        self.verifier.check(message).map_err(|error| {
            self.forgeries += 1;
            Failure::new(Reason::BadSignature, &error.to_string())
        })
    }

    /// The frame's end is known, so the link lives on.
    fn refuse(&self, header: Header, failure: &Failure) -> Level {
        debug!(link = %self.id, kind = %header.kind, reason = ?failure.reason, "frame refused");
        if header.role != Role::Request {
            return Level::Calm;
        }
        self.say(Frame::response(header.correlation, failure))
    }
}

/// What has come in one piece: messages, how full the refusals of others have made the queue, and whether it goes on.
struct Handful {
    received: Vec<(Header, Verified<Message>)>,
    level: Level,
    rest: Result<(), End>,
}

fn failure_of(error: &DecodeError) -> Failure {
    let reason = match error {
        DecodeError::UnknownKind(_) => Reason::UnsupportedKind,
        DecodeError::UnknownVersion { .. } => Reason::UnsupportedVersion,
        DecodeError::Malformed(_) => Reason::Malformed,
    };
    Failure::new(reason, &error.to_string())
}

/// Bytes of a connection on their way to being frames.
struct FrameStream {
    codec: FrameCodec,
    buffer: BytesMut,
    begun: Option<Instant>,
    frame_complete: Duration,
    read_bytes: usize,
    read_bytes_max: usize,
}

impl FrameStream {
    fn new(limit: &FrameLimit, frame_complete: Duration) -> Self {
        Self {
            codec: FrameCodec::new(limit.get()),
            buffer: BytesMut::new(),
            begun: None,
            frame_complete,
            read_bytes: READ_BYTES_MIN,
            read_bytes_max: READ_BYTES_MAX,
        }
    }

    fn set_limit(&mut self, frame_bytes_max: usize) {
        self.codec.set_limit(frame_bytes_max);
        self.read_bytes_max = READ_BYTES_MAX.min(frame_bytes_max);
    }

    /// The next whole frame; `None` where the stream ends between two.
    async fn next(&mut self, reader: &mut Reader, limit: &FrameLimit) -> Result<Option<RawFrame>, End> {
        loop {
            let begun = !self.buffer.is_empty();
            if let Some(frame) = self.cut(limit)? {
                return Ok(Some(frame));
            }
            if begun && self.begun.is_none() {
                self.begun = Some(Instant::now());
            }
            if self.read(reader).await? == 0 {
                return if self.begun.is_none() { Ok(None) } else { Err(End::Closed) };
            }
        }
    }

    /// The next frame that is whole already.
    fn cut(&mut self, limit: &FrameLimit) -> Result<Option<RawFrame>, End> {
        self.set_limit(limit.get());
        let frame = self.codec.decode(&mut self.buffer).map_err(|_| End::BadLength)?;
        if frame.is_some() {
            self.begun = None;
        }
        Ok(frame)
    }

    async fn read(&mut self, reader: &mut Reader) -> Result<usize, End> {
        if self.buffer.is_empty() && self.begun.is_none() && self.read_bytes == READ_BYTES_MIN {
            self.buffer = BytesMut::new();
        }
        let (begun, complete) = (self.begun, self.frame_complete);
        let reading = read_some(reader, &mut self.buffer, self.read_bytes);
        let read = match begun {
            None => reading.await?,
            Some(begun) => match or_else_wait(reading, |reading| timeout_at(begun + complete, reading)).await {
                (Ok(read), _) => read?,
                (Err(_), _) => return Err(End::SlowFrame),
            },
        };
        self.adapt(read);
        Ok(read)
    }

    fn adapt(&mut self, read: usize) {
        self.read_bytes = match read {
            read if read >= self.read_bytes => (2 * self.read_bytes).min(self.read_bytes_max),
            read if read < self.read_bytes / 4 => (self.read_bytes / 2).max(READ_BYTES_MIN),
            _ => self.read_bytes,
        };
    }
}

/// Appends what has come, or waits for it; a busy link reads much at once, and an idle one keeps no buffer while it waits:
/// little goes by way of the stack.
async fn read_some(reader: &mut Reader, buffer: &mut BytesMut, bytes: usize) -> io::Result<usize> {
    if bytes > READ_BYTES_MIN {
        if buffer.capacity() - buffer.len() < bytes {
            buffer.reserve(bytes);
        }
        return reader.read_buf(buffer).await;
    }
    poll_fn(|context| {
        let mut little = [MaybeUninit::uninit(); READ_BYTES_MIN];
        let mut read = ReadBuf::uninit(&mut little);
        ready!(Pin::new(&mut *reader).poll_read(context, &mut read))?;
        buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    })
    .await
}
