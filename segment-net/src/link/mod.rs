//! A link: one connection, one task that reads it, one that writes it.

mod batch;
mod patience;
mod queue;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use segment_proto::{Frame, Header, LinkId, Message, Verified, Verifier};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::limits::{AWAITED, DriverLimits};
use crate::traffic::Counters;
use crate::transport::{Connection, Role};
pub(crate) use queue::Level;
use queue::SendQueue;

/// What a link tells its driver.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Messages came in, their signatures checked.
    Received(Vec<(Header, Verified<Message>)>),
    /// The send queue has crossed a mark; it takes so many bytes now.
    Room(usize),
    /// The link is over.
    Down(End),
}

/// Why a link is over.
#[derive(Debug, Error)]
pub(crate) enum End {
    #[error("the other side closed it")]
    Closed,
    #[error("this side closed it")]
    Hangup,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("it announced a frame of impossible length")]
    BadLength,
    #[error("it went on sending what its authors have not signed")]
    Forgeries,
    #[error("a frame was not complete in time")]
    SlowFrame,
    #[error("it took no bytes for too long")]
    Stalled,
    #[error("it asked for more than it read")]
    Overflow,
}

/// Where links put their notices; one bounded queue for all.
pub(crate) type Notices = mpsc::Sender<(LinkId, Notice)>;

/// When the writer is woken for what is staged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Nothing is staged.
    #[default]
    Nothing,
    /// With the next frame that is not patient, or soon.
    Patient,
    /// At the end of this turn.
    Now,
}

/// The driver's end of a link. Dropping it flushes and closes.
#[derive(Debug)]
pub(crate) struct Link {
    queue: Arc<SendQueue>,
    /// Frames that the writer has not been woken for, when it will be, and how full they have made the queue.
    staged: usize,
    urgency: Urgency,
    level: Level,
    submitted: Option<Instant>,
    /// Tells the tasks what `is_closing` says here.
    closing: CancellationToken,
    is_closing: bool,
    frame_limit: FrameLimit,
    counters: Counters,
}

impl Link {
    /// Starts the tasks of a connection.
    pub(crate) fn start(
        id: LinkId,
        connection: Connection,
        notices: &Notices,
        limits: &DriverLimits,
        counters: &Counters,
    ) -> Self {
        let protocol = &limits.protocol;
        let queue = Arc::new(SendQueue::new(protocol.send_queue_bytes_max));
        let closing = CancellationToken::new();
        let frame_limit = FrameLimit::of_stranger(connection.role, limits);
        let reader = reader::LinkReader {
            id,
            reader: connection.reader,
            notices: notices.clone(),
            queue: Arc::clone(&queue),
            closing: closing.clone(),
            frame_limit: frame_limit.clone(),
            verifier: Verifier::ed25519(),
            forgeries: 0,
            frame_complete: limits.frame_complete,
            linger: limits.linger,
            counters: counters.clone(),
        };
        let writer = writer::LinkWriter {
            id,
            writer: connection.writer,
            notices: notices.clone(),
            queue: Arc::clone(&queue),
            closing: closing.clone(),
            no_progress: protocol.no_progress,
            flush: limits.flush,
            counters: counters.clone(),
        };
        // Boxed: what an async function is given stands in its task twice.
        tokio::spawn(Box::new(reader).run());
        tokio::spawn(Box::new(writer).run());
        let (level, counters) = (Level::Calm, counters.clone());
        Self {
            queue,
            staged: 0,
            urgency: Urgency::Nothing,
            level,
            submitted: None,
            closing,
            is_closing: false,
            frame_limit,
            counters,
        }
    }

    /// Queues a frame, for which the writer is woken by [`Link::flush`]; says whether that has become more urgent.
    pub(crate) fn stage(&mut self, frame: Frame, urgency: Urgency) -> bool {
        self.level = self.level.max(self.queue.push(frame));
        self.staged += 1;
        let is_more = self.urgency < urgency;
        self.urgency = self.urgency.max(urgency);
        is_more
    }

    /// The other side has submitted a message, and waits for its commit.
    pub(crate) fn note_submission(&mut self) {
        self.submitted = Some(Instant::now());
    }

    /// Whether the other side is an author who waits for a commit.
    pub(crate) fn awaits_commits(&self) -> bool {
        self.submitted.is_some_and(|at| at.elapsed() < AWAITED)
    }

    /// Whether something was staged since the last [`Link::flush`].
    pub(crate) fn is_staged(&self) -> bool {
        self.urgency > Urgency::Nothing
    }

    /// Wakes the writer once for all that was staged.
    pub(crate) fn flush(&mut self) -> Level {
        self.urgency = Urgency::Nothing;
        self.counters.queued(mem::take(&mut self.staged));
        self.queue.wake();
        mem::take(&mut self.level)
    }

    /// Lets the writer finish what is queued, then closes.
    pub(crate) fn close(&mut self) {
        self.flush();
        self.is_closing = true;
        self.queue.close();
        self.closing.cancel();
    }

    /// Whether [`Link::close`] was called.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// The other side is no stranger any more: it may send frames of full size.
    pub(crate) fn admit(&self, limits: &DriverLimits) {
        self.frame_limit.set(limits.protocol.frame_bytes_max);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

/// The longest frame that the other side may send, as of now.
#[derive(Clone, Debug)]
struct FrameLimit(Arc<AtomicUsize>);

impl FrameLimit {
    /// Who dials us is a stranger until the machine lets it in; whom we dial has proven the key we wanted.
    fn of_stranger(role: Role, limits: &DriverLimits) -> Self {
        let bytes = match role {
            Role::Accepted => limits.protocol.frame_before_login_bytes_max,
            Role::Dialled => limits.protocol.frame_bytes_max,
        };
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}
