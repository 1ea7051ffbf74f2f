//! What is new, as frames for everybody: encoded once, however many get them.

use alloc::vec::Vec;

use segment_proto::messages::Entries;
use segment_proto::{Entry, Fence, Frame, Limits, Reason, View};

use crate::store::StoredEntry;
use crate::sync::log::ChannelLog;

/// The entries from `from` to `to`, which are in memory, in as few frames as they fit.
#[must_use]
pub fn frames(log: &ChannelLog, from: u64, to: u64, fence: Fence, limits: &Limits) -> Vec<Frame> {
    let Some((mut before, stored)) = log.slice(from, to) else {
        return Vec::new();
    };
    let frame = |batch: &[&StoredEntry]| {
        let entries: Vec<Entry> = batch.iter().map(|stored| stored.entry.clone()).collect();
        let frame = Frame::push(&Entries { channel: log.id.channel, fence, before, entries });
        before = batch.last().map_or(before, |stored| stored.chain);
        frame
    };
    batches(&stored, limits).map(frame).collect()
}

/// Whether one of these entries changes the rights.
#[must_use]
pub fn changes_access(log: &ChannelLog, from: u64, to: u64) -> bool {
    let stored = log.slice(from, to).map(|(_, stored)| stored).unwrap_or_default();
    stored.iter().any(|stored| stored.entry.envelope.access().is_some())
}

/// Cuts entries into batches that fit a frame.
pub fn batches<'a, 'b>(
    mut entries: &'a [&'b StoredEntry],
    limits: &Limits,
) -> impl Iterator<Item = &'a [&'b StoredEntry]> {
    let (entries_max, bytes_max) = (limits.batch_entries_max, limits.batch_bytes_max);
    core::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = entries
            .iter()
            .take(entries_max)
            .take_while(|stored| {
                bytes += stored.entry.wire_bytes();
                bytes <= bytes_max
            })
            .count();
        let (batch, rest) = entries.split_at_checked(fits.max(1))?;
        entries = rest;
        Some(batch)
    })
}

/// Why somebody without the right to read is not let in.
#[must_use]
pub fn no_read(view: View, visitor: bool) -> Reason {
    if visitor && view == View::Public { Reason::NoVisitors } else { Reason::MembersOnly }
}
