//! The tracker does not list this account among a channel's members, and where that may be the tracker's loss.

use core::time::Duration;

use bytes::Bytes;
use segment_proto::{ChannelId, Fence, Instant};
use serde::{Deserialize, Serialize};

use crate::store::{Fatal, Record, Table, Write};
use crate::sync::persist::encode;

const PREFIX: &[u8] = b"peer/absent/";
/// Between two times of asking the tracker; it doubles.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Once a minute at least.
const DOUBLINGS_MAX: u32 = 6;

/// Why this account is no member; on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Absence {
    /// Not known yet. The tracker has lost the membership, where the channel is in a newer generation than this one, which
    /// is the last that was known here.
    Since(u32),
    /// It has left on another device, it was removed, or another account has logged in: only a person joins again.
    Over,
}

fn key(channel: &ChannelId) -> Bytes {
    [PREFIX, channel.as_bytes()].concat().into()
}

/// What is to be written where this has changed.
pub(super) fn put(channel: &ChannelId, absence: Option<Absence>) -> Write {
    let (table, key) = (Table::Setting, key(channel));
    match absence {
        Some(absence) => Write::Put { table, key, value: encode(&absence) },
        None => Write::Delete { table, key },
    }
}

/// The setting of such a channel.
pub(super) fn read(record: &Record) -> Result<Option<(ChannelId, Absence)>, Fatal> {
    let Some(id) = record.key.strip_prefix(PREFIX).and_then(|id| id.try_into().ok()) else {
        return Ok(None);
    };
    let absence = postcard::from_bytes(&record.value)
        .map_err(|_| Fatal("the record of a membership that is missed cannot be read".into()))?;
    Ok(Some((ChannelId(uuid::Uuid::from_bytes(id)), absence)))
}

/// What the tracker has said of a channel that does not list this account.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    asked: u32,
    pub(super) again_at: Option<Instant>,
    /// The epoch of the host, where it was there when this was asked last.
    host_in: Option<Fence>,
    /// Whether the embedder knows.
    pub(crate) told: bool,
}

impl Missing {
    /// What was said before a new session says nothing about the host now.
    pub(super) fn begin_anew(&mut self) {
        (self.asked, self.again_at, self.host_in) = (0, None, None);
    }

    /// The host's epoch, where it is there. `true`: it was there in the same epoch the last time, so that it has brought what
    /// only it had: its log has the last word on who may come.
    pub(crate) fn is_settled(&mut self, host_in: Option<Fence>) -> bool {
        let before = core::mem::replace(&mut self.host_in, host_in);
        if before != host_in {
            self.asked = 0;
        }
        host_in.is_some() && before == host_in
    }

    /// Asks again later.
    pub(crate) fn ask_later(&mut self, now: Instant) {
        self.again_at = Some(now + ASK_AGAIN * 2_u32.pow(self.asked.min(DOUBLINGS_MAX)));
        self.asked = self.asked.saturating_add(1);
    }

    /// Whether it is time; asked once.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        self.again_at.take_if(|at| *at <= now).is_some()
    }
}
