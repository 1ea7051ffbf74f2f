//! What a driver holds at most, and how long it waits, beyond what the protocol itself limits.

use std::time::Duration;

use segment_proto::Limits;

/// The limits of a driver. Those that both sides of the wire have to know are in [`Limits`].
#[derive(Clone, Debug)]
pub struct DriverLimits {
    /// The protocol's limits: frames, send queues, links, events.
    pub protocol: Limits,
    /// A frame not complete so long after its first byte closes its link.
    pub frame_complete: Duration,
    /// A link that is being closed has so long to flush; what is left then is dropped.
    pub flush: Duration,
    /// A closed link is listened to for so long, so that the last words are not lost to a reset.
    pub linger: Duration,
    /// A shutdown takes at most so long.
    pub shutdown: Duration,
    /// Handfuls of messages of all links that wait for the machine. Policy: links are read no further, a handful each
    /// in turn.
    pub notices_max: usize,
    /// Calls of handles that wait for the machine. Policy: callers wait.
    pub calls_max: usize,
    /// Operations under way. Policy: nothing is taken in until some are done.
    pub operations_max: usize,
    /// Operations of one transaction of the store. Policy: the rest go with the next.
    pub group_max: usize,
    /// Dials at once. Policy: the rest wait.
    pub dials_max: usize,
    /// Passwords hashed at once, so that logins leave processor time to chat. Policy: the rest wait.
    pub password_threads: usize,
    /// Events that wait for one consumer. Policy: the oldest are dropped, and it is told how many.
    pub events_max: usize,
}

impl Default for DriverLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let protocol = Limits::default();
        Self {
            frame_complete: Duration::from_secs(10),
            flush: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            shutdown: Duration::from_secs(10),
            notices_max: 256,
            calls_max: 1_024,
            operations_max: 4_096,
            group_max: 1_024,
            dials_max: 64,
            password_threads: (cores / 2).max(1),
            events_max: protocol.events_max,
            protocol,
        }
    }
}

/// A send queue that holds so many times its limit belongs to somebody who asks without reading: closed.
pub(crate) const OVERFLOW_FACTOR: usize = 4;

/// So long a frame that is not urgent waits for another that goes with it.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2);

/// So long after its last message an author's link is told of commits at once; who has waited longer can wait a moment.
pub(crate) const AWAITED: Duration = Duration::from_secs(1);

/// Most bytes that go to a connection in one write.
pub(crate) const WRITE_BYTES: usize = 64 * 1024;

/// Most bytes of streams that go in one write to a connection that has made us wait: a message waits for one of them.
pub(crate) const MEDIA_WRITE_BYTES: usize = 16 * 1024;

/// A link with so many bytes of streams in its queue is given up: no honest window allows them.
pub(crate) const MEDIA_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Frames of a watched stream that wait for one consumer. Policy: the oldest are dropped, and it is told how many.
pub(crate) const FRAMES_WAITING_MAX: usize = 256;

/// Messages of one link that are handed to the machine in one piece: those that have come together.
pub(crate) const RECEIVED_MAX: usize = 32;

/// A link that has brought so many frames with a signature that does not verify is given up: each costs a check.
pub(crate) const FORGERIES_MAX: u32 = 64;

/// Most bytes asked of a connection in one read.
pub(crate) const READ_BYTES_MAX: usize = 64 * 1024;

/// Fewest: so much goes by way of the stack, and an idle link keeps no buffer.
pub(crate) const READ_BYTES_MIN: usize = 4 * 1024;
