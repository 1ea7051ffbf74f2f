//! What can be recorded.

use crate::named::named_enum;

named_enum! {
    /// The type of a record. Names are stable; new ones may come.
    EventType {
        /// The program began to write this log.
        ProcessStarted = "process_started",
        /// The program ended in order.
        ProcessStopped = "process_stopped",
        /// A link is up and its other side has proved its key.
        ConnectionOpened = "connection_opened",
        /// A link has ended.
        ConnectionClosed = "connection_closed",
        /// A link or its key was not accepted, by us or by them.
        ConnectionRefused = "connection_refused",
        /// Nobody could be reached.
        ConnectionFailed = "connection_failed",
        /// A session began.
        SessionOpened = "session_opened",
        /// A session ended.
        SessionClosed = "session_closed",
        /// A request was not accepted.
        RequestRefused = "request_refused",
        /// A login or registration was not accepted.
        LoginRefused = "login_refused",
        /// Somebody joined a channel.
        ChannelJoined = "channel_joined",
        /// Somebody left a channel, or was removed from it.
        ChannelLeft = "channel_left",
        /// A channel was created.
        ChannelCreated = "channel_created",
        /// A member of a channel hosted here is connected.
        MemberCame = "member_came",
        /// A member of a channel hosted here is not connected any more.
        MemberWent = "member_went",
        /// The host of a channel is there.
        HostCame = "host_came",
        /// The host of a channel is away.
        HostWent = "host_went",
        /// The owner of a channel has named another host.
        HostMoved = "host_moved",
        /// The tracker sequences a channel, because its host is away.
        ChannelTakenOver = "channel_taken_over",
        /// A right or the view of a channel has changed.
        AccessChanged = "access_changed",
        /// A message came in.
        MessageReceived = "message_received",
        /// A message went out.
        MessageSent = "message_sent",
        /// A message is on the disk of its host.
        MessageStored = "message_stored",
        /// A message is on the disks of host and tracker.
        MessageCommitted = "message_committed",
        /// A message was not accepted.
        MessageRefused = "message_refused",
        /// Entries of a channel were copied to the tracker.
        EntriesReplicated = "entries_replicated",
        /// Entries of a channel were sequenced at the tracker.
        EntriesSequenced = "entries_sequenced",
        /// Older entries went by the owner's policy.
        EntriesRemoved = "entries_removed",
        /// Somebody wanted to read where a copy is damaged.
        DamageFound = "damage_found",
        /// Entries that a disk had damaged were put right from another copy.
        EntriesHealed = "entries_healed",
        /// A page of a channel's history came in.
        PageSynced = "page_synced",
        /// A page of a channel's history went out.
        PageServed = "page_served",
        /// A notification came in.
        NotificationReceived = "notification_received",
        /// A notification went out.
        NotificationSent = "notification_sent",
        /// A message waits on this machine.
        OutboxQueued = "outbox_queued",
        /// A message that waited went out.
        OutboxSent = "outbox_sent",
        /// A message that waited was dropped.
        OutboxDropped = "outbox_dropped",
        /// A stream began.
        StreamStarted = "stream_started",
        /// A stream ended.
        StreamStopped = "stream_stopped",
        /// Somebody began to watch a stream.
        ViewerJoined = "viewer_joined",
        /// Somebody stopped watching a stream.
        ViewerLeft = "viewer_left",
        /// The oldest file of this log was removed.
        LogFileRemoved = "log_file_removed",
        /// The end of this log was half a record, left by a crash, and was cut off.
        LogTailCut = "log_tail_cut",
        /// Records could not be written.
        LogRecordsLost = "log_records_lost",
    }
}
