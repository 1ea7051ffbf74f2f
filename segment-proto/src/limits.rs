//! Every limit, in one table. Nothing that a peer sends can make anything grow past one of these.
//!
//! The constants are part of the protocol: what is longer is not decoded. A [`Limits`] may lower them, not raise them.

use core::time::Duration;

/// Longest name of a user or a channel, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest body of an envelope, in bytes.
pub const BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest signed envelope, in bytes, its signature not counted: the body and all that stands around it.
pub const ENVELOPE_BYTES_MAX: usize = BODY_BYTES_MAX + 512;
/// Longest text other than a body, in bytes. Each has a closer rule of its own.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Longest explanation that this program gives with a failure, in bytes.
pub const DETAIL_BYTES_MAX: usize = 200;
/// Rows of one page of any list.
pub const PAGE_ROWS_MAX: usize = 256;
/// Entries, envelopes or fates of one batch.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// Epoch records in one message: the newest. A log older than these is compared from its start.
pub const EPOCHS_MAX: usize = 64;
/// Bytes of one part of a snapshot.
pub const SNAPSHOT_PART_BYTES_MAX: usize = 32 * 1024;
/// A snapshot is made each time that so many entries were committed behind the last one.
pub const SNAPSHOT_ENTRIES: u64 = 4_096;
/// Members of one channel.
pub const MEMBERS_PER_CHANNEL_MAX: usize = 10_000;
/// The last incarnation in which a device may begin to write: rights that change move it on from there, one by one.
pub const INCARNATION_MAX: u32 = u32::MAX / 2;
/// Tracks of one stream.
pub const STREAM_TRACKS_MAX: usize = 8;
/// Devices on the way of a stream, the streamer counted.
pub const STREAM_PATH_MAX: usize = 16;
/// Bytes of a chunk of a stream's frame: what a message waits for at most on its link.
pub const CHUNK_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a frame of a stream.
pub const STREAM_FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest frame on any link, in bytes, its length field included.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Longest frame before login.
pub const FRAME_BEFORE_LOGIN_BYTES_MAX: usize = 16 * 1024;

/// The limits of one process. Machines are given a value; tests and benchmarks say which they raise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest frame, in bytes. Policy: the link is closed, its boundary is lost.
    pub frame_bytes_max: usize,
    /// Longest frame before login. Policy: as above.
    pub frame_before_login_bytes_max: usize,
    /// Longest body, in bytes. Policy: refused before it is signed, and again by the sequencer.
    pub body_bytes_max: usize,
    /// Rows of one page of any list. Policy: the rest comes with the next page.
    pub page_rows_max: usize,
    /// Entries of one batch or page. Policy: the rest comes with the next.
    pub batch_entries_max: usize,
    /// Bytes of entries in one batch or page, so that it fits a frame. Policy: as above.
    pub batch_bytes_max: usize,
    /// Entries that a host holds beyond the tracker's commit. Policy: `tail_full`, the author's outbox keeps it.
    pub tail_entries_max: usize,
    /// Uncommitted messages of one author in one channel on their way. Policy: the outbox keeps the rest.
    pub uncommitted_per_author_max: usize,
    /// Requests under way on one link. Policy: `slow_down` to a peer, `Busy` to a caller.
    pub pending_per_link_max: usize,
    /// Send queue of one link, in bytes. Policy: pushes pause, the link catches up by cursor.
    pub send_queue_bytes_max: usize,
    /// A link whose queue makes no progress for so long is closed.
    pub no_progress: Duration,
    /// Links from one address (loopback exempt). Policy: closed before the handshake.
    pub links_per_address_max: usize,
    /// Links of one process. Policy: closed before the handshake.
    pub links_max: usize,
    /// Sessions of one account. Policy: `limit_reached`.
    pub sessions_per_account_max: usize,
    /// Sessions of one tracker. Policy: `limit_reached`.
    pub sessions_max: usize,
    /// Messages a second of one device. Policy: `slow_down`, which the outbox heeds.
    pub messages_per_second: u32,
    /// Burst above the rate.
    pub messages_burst: u32,
    /// Members of one channel. Policy: `limit_reached`.
    pub members_per_channel_max: usize,
    /// Accounts of one tracker. Policy: `limit_reached`.
    pub accounts_max: usize,
    /// Registrations from one address in an hour (loopback exempt). Policy: `slow_down`.
    pub registrations_per_address_max: u32,
    /// Visitors from one address (loopback exempt). Policy: `limit_reached`.
    pub visitors_per_address_max: usize,
    /// Devices of one account. Policy: the one longest unused is revoked.
    pub devices_per_account_max: usize,
    /// Channels of one account. Policy: `limit_reached`.
    pub channels_per_account_max: usize,
    /// Channels of one tracker. Policy: `limit_reached`.
    pub channels_max: usize,
    /// Channels that one peer has joined. Policy: the command fails.
    pub joined_channels_max: usize,
    /// Items in the outbox of one channel. Policy: the command fails, the text stays with the person.
    pub outbox_items_max: usize,
    /// Failed logins per account and address before the wait grows. Policy: `slow_down`.
    pub login_failures_max: u32,
    /// Window in which failed logins count.
    pub login_failures_window: Duration,
    /// Password hashes under way or waiting. Policy: `slow_down`.
    pub password_hashes_max: usize,
    /// Outputs and events waiting to be drained. Policy: oldest droppable event first, counted.
    pub events_max: usize,
    /// How long a silent session stays listed, and a link open on which nobody says hello.
    pub lease: Duration,
    /// How long a link stays open on which nobody logs in: time for a person to think of a password. Policy: closed.
    pub login_wait: Duration,
    /// How long a session token is good for without being used.
    pub token_life: Duration,
    /// How long a certificate is good for.
    pub certificate_life: Duration,
    /// Tolerated difference of wall clocks.
    pub clock_tolerance: Duration,
    /// Time for an answer.
    pub request_timeout: Duration,
    /// Between pings to the tracker: hosts.
    pub host_ping: Duration,
    /// Between pings to the tracker: everybody else.
    pub ping: Duration,
    /// A host silent for so long counts as away.
    pub host_silence: Duration,
    /// First wait before dialling again; doubles with jitter.
    pub reconnect_first: Duration,
    /// Longest wait before dialling again.
    pub reconnect_max: Duration,
    /// Entries that one channel keeps in memory behind its head.
    pub memory_entries_max: usize,
    /// Entries from one snapshot to the next, where the owner lets old messages go. Policy: older ones stay until then.
    pub snapshot_entries: u64,
    /// How often it is looked whether something has become too old.
    pub retention_every: Duration,
    /// Device records of authors that a peer keeps. Policy: the one learned first goes, and is asked for again.
    pub authors_max: usize,
    /// Messages of one channel that wait for their authors' names. Policy: shown without.
    pub held_messages_max: usize,
    /// How long they wait at most.
    pub names_wait: Duration,
    /// How long a channel waits for its host to be reached before it is read from the tracker's copy.
    pub host_patience: Duration,
    /// A link that was up for so long was a good one: the wait before dialling again starts over.
    pub stable_link: Duration,
    /// The shortest silence after which a link is taken for dead.
    pub silence_min: Duration,
    /// Of live streams.
    pub streams: StreamLimits,
}

/// The limits of live streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Streams of one channel. Policy: `limit_reached`.
    pub per_channel_max: usize,
    /// Streams that one peer sends or watches. Policy: the command fails.
    pub per_peer_max: usize,
    /// Bytes of one frame. Policy: refused before it is signed; a parent that sends a larger one is left.
    pub frame_bytes_max: usize,
    /// Bytes of one chunk, as this side cuts frames. Small: a message on the same link waits for one of them.
    pub chunk_bytes: usize,
    /// Frames are kept for so long, and their groups at least until there are two newer ones. Policy: the oldest group goes.
    pub ring: Duration,
    /// Bytes of frames that are kept. Policy: the oldest group goes, whatever its age.
    pub ring_bytes_max: usize,
    /// A viewer so far behind jumps to the newest keyframe.
    pub behind: Duration,
    /// A viewer in a group that was over so long ago jumps to the newest keyframe.
    pub group_past: Duration,
    /// So many jumps within [`Self::jumps_window`] reduce what a viewer gets.
    pub jumps_max: usize,
    /// See there. A viewer without jumps for so long gets everything again.
    pub jumps_window: Duration,
    /// Between two frames of a track that is reduced.
    pub reduced_interval: Duration,
    /// Bytes under way to one viewer. Policy: what follows waits in the ring.
    pub window_bytes_max: usize,
    /// Bytes under way to one viewer that is slow.
    pub window_bytes_min: usize,
    /// The delay that the stream itself may add on a link.
    pub window_delay: Duration,
    /// Viewers of one relay. Policy: `limit_reached`, the viewer asks its backup.
    pub children_max: usize,
    /// Viewers that a streamer serves itself, whatever its uplink. Policy: others are served by relays.
    pub direct_max: usize,
    /// Viewers of one stream. Policy: `limit_reached`.
    pub viewers_max: usize,
    /// The shortest silence after which a parent is taken for gone; three frame intervals, where those are longer.
    pub silence: Duration,
    /// A streamer that is gone has so long to come back.
    pub return_within: Duration,
    /// Between the reports of one viewer; more where there are many.
    pub report: Duration,
    /// A relay that leaves goes on for so long, for those who are still on their way to another.
    pub leaving: Duration,
    /// How long a ticket is good for. When half of that is over, there is a new one. Policy: whose ticket has ended is not
    /// served any more.
    pub ticket_life: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            per_channel_max: 16,
            per_peer_max: 16,
            frame_bytes_max: STREAM_FRAME_BYTES_MAX,
            chunk_bytes: 8 * 1024,
            ring: Duration::from_secs(2),
            ring_bytes_max: 16 * 1024 * 1024,
            behind: Duration::from_millis(250),
            group_past: Duration::from_millis(500),
            jumps_max: 3,
            jumps_window: Duration::from_secs(10),
            reduced_interval: Duration::from_millis(500),
            window_bytes_max: 1024 * 1024,
            window_bytes_min: 16 * 1024,
            window_delay: Duration::from_millis(25),
            children_max: 4,
            direct_max: 1_024,
            viewers_max: MEMBERS_PER_CHANNEL_MAX,
            silence: Duration::from_millis(150),
            return_within: Duration::from_secs(60),
            report: Duration::from_secs(2),
            leaving: Duration::from_secs(2),
            ticket_life: Duration::from_secs(120),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            frame_before_login_bytes_max: FRAME_BEFORE_LOGIN_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            page_rows_max: PAGE_ROWS_MAX,
            batch_entries_max: BATCH_ENTRIES_MAX,
            batch_bytes_max: 48 * 1024,
            tail_entries_max: 256,
            uncommitted_per_author_max: 64,
            pending_per_link_max: 1_024,
            send_queue_bytes_max: 256 * 1024,
            no_progress: Duration::from_secs(30),
            links_per_address_max: 32,
            links_max: 16_384,
            sessions_per_account_max: 16,
            sessions_max: 16_384,
            messages_per_second: 10,
            messages_burst: 30,
            members_per_channel_max: MEMBERS_PER_CHANNEL_MAX,
            accounts_max: 1_000_000,
            registrations_per_address_max: 20,
            visitors_per_address_max: 64,
            devices_per_account_max: 32,
            channels_per_account_max: 256,
            channels_max: 100_000,
            joined_channels_max: 1_024,
            outbox_items_max: 1_024,
            login_failures_max: 5,
            login_failures_window: Duration::from_secs(15 * 60),
            password_hashes_max: 512,
            events_max: 65_536,
            lease: Duration::from_secs(30),
            login_wait: Duration::from_secs(5 * 60),
            token_life: Duration::from_secs(30 * 24 * 3_600),
            certificate_life: Duration::from_secs(24 * 3_600),
            clock_tolerance: Duration::from_secs(5 * 60),
            request_timeout: Duration::from_secs(10),
            host_ping: Duration::from_millis(500),
            ping: Duration::from_secs(10),
            host_silence: Duration::from_secs(2),
            reconnect_first: Duration::from_millis(200),
            reconnect_max: Duration::from_secs(30),
            memory_entries_max: 1_024,
            snapshot_entries: SNAPSHOT_ENTRIES,
            retention_every: Duration::from_secs(60 * 60),
            authors_max: 16_384,
            held_messages_max: 1_024,
            names_wait: Duration::from_secs(2),
            host_patience: Duration::from_secs(1),
            stable_link: Duration::from_secs(10),
            silence_min: Duration::from_secs(5),
            streams: StreamLimits::default(),
        }
    }
}
