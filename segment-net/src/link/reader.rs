//! The task that reads a link: it cuts frames, decodes them and checks their signatures, beside
//! the tasks of all other links.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use segment_proto::frame::{HEADER_BYTES, LENGTH_BYTES, Role};
use segment_proto::messages::{DecodeError, Failure, Goodbye};
use segment_proto::{Frame, Header, LinkId, Message, Reason, Verified, Verifier};
use tokio::io::{AsyncReadExt, copy, sink};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::queue::{Level, SendQueue};
use super::{End, FrameLimit, Notice, Notices};
use crate::codec::{FrameCodec, RawFrame};
use crate::limits::{READ_BYTES_MAX, READ_BYTES_MIN, RECEIVED_MAX};
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
    pub(super) frame_complete: Duration,
    pub(super) linger: Duration,
    pub(super) counters: Counters,
}

impl LinkReader {
    pub(super) async fn run(mut self) {
        let closing = self.closing.clone();
        let end = tokio::select! {
            end = self.read_until_closed() => Some(end),
            () = closing.cancelled() => None,
        };
        let Some(end) = end else {
            return self.discard_the_rest().await;
        };
        if matches!(end, End::BadLength) {
            self.queue.push([Frame::push(&Goodbye { reason: Reason::TooLarge })]);
        }
        // A driver that is gone needs no notice.
        let _ = self.notices.send((self.id, Notice::Down(end))).await;
        self.discard_the_rest().await;
    }

    /// Closing a socket with unread bytes resets it, and the other side would lose our last words.
    async fn discard_the_rest(mut self) {
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
            if let Err(end) = self.pass_on(first, &mut stream).await {
                return end;
            }
        }
    }

    /// Hands over a message, and what has come in one piece with it.
    async fn pass_on(&mut self, first: RawFrame, stream: &mut FrameStream) -> Result<(), End> {
        let mut next = Ok(Some(first));
        let mut received = Vec::new();
        while let Ok(Some(frame)) = next {
            self.counters.came_in(LENGTH_BYTES + HEADER_BYTES + frame.payload.len());
            match self.understand(&frame) {
                Ok(message) => received.push((frame.header, message)),
                Err(failure) => self.refuse(frame.header, &failure).await?,
            }
            next = if received.len() < RECEIVED_MAX { stream.cut(&self.frame_limit) } else { Ok(None) };
        }
        if !received.is_empty() {
            // Full: the driver is behind, so the socket has to wait.
            self.notices.send((self.id, Notice::Received(received))).await.map_err(|_| End::Hangup)?;
        }
        next.map(|_| ())
    }

    fn understand(&self, frame: &RawFrame) -> Result<Verified<Message>, Failure> {
        let message = Message::decode_shared(&frame.header, &frame.payload).map_err(|error| failure_of(&error))?;
        let checked = self.verifier.check(message);
        checked.map_err(|error| Failure::new(Reason::BadSignature, &error.to_string()))
    }

    /// The frame's end is known, so the link lives on.
    async fn refuse(&mut self, header: Header, failure: &Failure) -> Result<(), End> {
        debug!(link = %self.id, kind = %header.kind, reason = ?failure.reason, "frame refused");
        if header.role != Role::Request {
            return Ok(());
        }
        match self.queue.push([Frame::response(header.correlation, failure)]) {
            Level::Calm => Ok(()),
            Level::Filled => self.notices.send((self.id, Notice::Room(0))).await.map_err(|_| End::Hangup),
            Level::Overflow => Err(End::Overflow),
        }
    }
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
        self.make_room();
        let reading = reader.read_buf(&mut self.buffer);
        let read = match self.begun {
            None => reading.await?,
            Some(begun) => match timeout_at(begun + self.frame_complete, reading).await {
                Ok(read) => read?,
                Err(_) => return Err(End::SlowFrame),
            },
        };
        self.adapt(read);
        Ok(read)
    }

    /// An idle link keeps a small buffer, a busy one reads much at once.
    fn make_room(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > self.read_bytes && self.begun.is_none() {
            self.buffer = BytesMut::new();
        }
        if self.buffer.capacity() - self.buffer.len() < self.read_bytes {
            self.buffer.reserve(self.read_bytes);
        }
    }

    fn adapt(&mut self, read: usize) {
        self.read_bytes = match read {
            read if read >= self.read_bytes => (2 * self.read_bytes).min(self.read_bytes_max),
            read if read < self.read_bytes / 4 => (self.read_bytes / 2).max(READ_BYTES_MIN),
            _ => self.read_bytes,
        };
    }
}
