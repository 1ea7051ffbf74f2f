//! One chat message as it is pushed to members: the whole frame of Segment beside what its payload alone costs.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use segment_core::sync::{ChannelLog, Fold};
use segment_core::{LogId, LogRole, Rules};
use segment_proto::messages::Entries;
use segment_proto::{
    Access, AccountId, ChannelId, DeviceId, Envelope, EnvelopeKind, Fence, Frame, Hash, Identity, Message, MessageKey,
    SignedEnvelope, UnixMillis, View, Visitors,
};

use super::{CHAT_BYTES, Task};
use crate::outcome::{Outcome, Watch};
use crate::system::System;

/// Repetitions between two looks at the clock.
const REPETITIONS: usize = 1_000;
pub const FENCE: Fence = Fence { generation: 0, epoch: 1 };

/// A log whose only author writes messages of the usual length.
pub struct Town {
    pub log: ChannelLog,
    identity: Identity,
}

impl Town {
    pub fn new(identity: Identity) -> Self {
        let channel = ChannelId::from_random([9; 16]);
        let access = Access::new(AccountId(1), View::Public, Visitors::Nothing);
        Self { log: ChannelLog::new(LogId { channel, role: LogRole::Host }, Fold::new(access)), identity }
    }

    /// Signed with a key of which only its hash is right: quick to make.
    pub fn simulated() -> Self {
        Self::new(Identity::simulated(DeviceId([3; 32])))
    }

    /// The author's next message, and its place.
    pub fn write(&mut self) -> segment_core::store::StoredEntry {
        let envelope = self.envelope();
        self.log.sequence(envelope, FENCE.epoch, UnixMillis(1_800_000_000_000), Rules::all())
    }

    fn envelope(&self) -> SignedEnvelope {
        let (device, account) = (self.identity.device(), AccountId(1));
        let row = self.log.fold().row(device, account);
        let key = MessageKey { channel: self.log.id.channel, device, incarnation: 1, seq: row.seq + 1 };
        let prev = if row.seq == 0 { Hash::ZERO } else { row.hash };
        let body = vec![b'x'; CHAT_BYTES].into();
        let sent = UnixMillis(1_800_000_000_000);
        SignedEnvelope::new(Envelope { key, account, prev, sent, kind: EnvelopeKind::Text, body }, &self.identity)
    }

    fn entries(&mut self) -> Entries {
        let (channel, before) = (self.log.id.channel, self.log.head().chain);
        Entries { channel, fence: FENCE, before, entries: vec![self.write().entry] }
    }
}

pub fn encode(task: &Task) -> Result<Outcome> {
    let entries = Town::simulated().entries();
    let bytes = postcard::to_allocvec(&entries)?;
    ensure!(postcard::from_bytes::<Entries>(&bytes)? == entries, "it does not come back");
    let mut buffer = vec![0; 2 * bytes.len()];
    match task.system {
        System::Memcpy => repeat(task, || {
            buffer[..bytes.len()].copy_from_slice(black_box(&bytes));
            black_box(&buffer);
            Ok(())
        }),
        System::Postcard => repeat(task, || Ok(postcard::to_allocvec(black_box(&entries))?)),
        System::Json => repeat(task, || Ok(serde_json::to_vec(black_box(&entries))?)),
        System::Segment => repeat(task, || Ok(Frame::push(black_box(&entries)))),
        other => bail!("{other} encodes nothing"),
    }
}

pub fn decode(task: &Task) -> Result<Outcome> {
    let entries = Town::simulated().entries();
    let (bytes, frame) = (postcard::to_allocvec(&entries)?, Frame::push(&entries).bytes());
    match task.system {
        System::Memcpy => repeat(task, || Ok(black_box(&bytes).clone())),
        System::Postcard => repeat(task, || Ok(postcard::from_bytes::<Entries>(black_box(&bytes))?)),
        System::Segment => repeat(task, || {
            let frame = Frame::from_body(black_box(&frame[LENGTH_BYTES..])).context("a frame")?;
            let header = frame.header().context("a header")?;
            Ok(Message::decode(&header, &frame.payload())?)
        }),
        other => bail!("{other} decodes nothing"),
    }
}

/// Of a frame's length field.
const LENGTH_BYTES: usize = 4;

fn repeat<T>(task: &Task, mut work: impl FnMut() -> Result<T>) -> Result<Outcome> {
    for _ in 0..REPETITIONS {
        black_box(work()?);
    }
    let (watch, until, mut count) = (Watch::start(None)?, Instant::now() + task.time() / 2, 0);
    while Instant::now() < until {
        for _ in 0..REPETITIONS {
            black_box(work()?);
        }
        count += REPETITIONS;
    }
    watch.stop(count)
}
