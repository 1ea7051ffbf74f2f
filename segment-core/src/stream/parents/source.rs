//! Somebody from whom a stream comes, or is to come.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use segment_proto::messages::{Node, Taken};
use segment_proto::{DeviceId, Instant, LinkId, StreamId, UnixMillis};

use crate::stream::StreamContext;

/// Somebody who was asked for the stream.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) node: Node,
    pub(super) device: DeviceId,
    pub(super) link: LinkId,
    pub(super) heard: Instant,
    pub(super) said_at: Instant,
    pub(super) newest: Instant,
    /// What it has said of each track since it was asked. Before that comes only what was under way.
    pub(super) path: BTreeMap<u8, Vec<DeviceId>>,
    /// When the ticket ends that it was shown.
    pub(super) shown: UnixMillis,
    /// When it began a frame last.
    pub(super) began: Instant,
    /// Groups with frames that build on what it has kept back; the newest of them, and how many.
    pub(super) holes: (u64, u32),
    /// It is asked while another serves, and until then.
    pub(super) trial: Option<Trial>,
}

/// Somebody else is asked whether there are frames, because none come from the parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// When it is over.
    pub(super) until: Instant,
    /// When the first frame came of it.
    pub(super) fed: Option<Instant>,
}

impl Source {
    pub(super) fn new(node: Node, link: LinkId, shown: UnixMillis, now: Instant) -> Self {
        let (path, holes) = (BTreeMap::new(), (0, 0));
        let device = node.device;
        Self { node, device, link, heard: now, said_at: now, newest: now, path, shown, began: now, holes, trial: None }
    }

    pub(super) fn say_taken(&mut self, stream: StreamId, tally: &mut Tally, cx: &mut StreamContext<'_>) {
        let held = cx.now.mono.since(self.newest).as_micros();
        let held_us = u32::try_from(held).unwrap_or(u32::MAX);
        cx.send(self.link, &Taken { stream, bytes: tally.taken, held_us });
        (tally.said, self.said_at) = (tally.taken, cx.now.mono);
    }
}

/// Bytes that have come on a link, whoever was the parent then: what was under way when a parent was left comes later.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) taken: u64,
    pub(super) said: u64,
}

impl Tally {
    pub(super) fn unsaid(&self) -> u64 {
        self.taken - self.said
    }
}

/// A parent that was left because it was silent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) device: DeviceId,
    pub(super) link: LinkId,
    pub(super) heard: Instant,
}
