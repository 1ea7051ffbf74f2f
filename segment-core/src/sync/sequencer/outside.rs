//! What was brought and stands nowhere in the log: whoever builds on that comes too early, and no disk need be asked.
//!
//! An author has many submits under way. Where the first has to come again, so has each behind it, and a search of a
//! long log for what none of them can find takes long.

use alloc::collections::BTreeMap;

use segment_proto::{DeviceId, Hash, Row, SignedEnvelope};

/// Devices of which the last one is remembered. Policy: all are forgotten, and the disk is asked.
const DEVICES_MAX: usize = 256;

/// Of each author the last envelope that was brought and not taken.
#[derive(Debug, Default)]
pub(super) struct Outside {
    last: BTreeMap<DeviceId, Last>,
}

#[derive(Debug)]
struct Last {
    hash: Hash,
    incarnation: u32,
    seq: u64,
}

impl Outside {
    /// This one was not taken, or not yet.
    pub fn note(&mut self, envelope: &SignedEnvelope) {
        let key = envelope.key;
        if self.last.len() >= DEVICES_MAX && !self.last.contains_key(&key.device) {
            self.last.clear();
        }
        let last = Last { hash: envelope.hash(), incarnation: key.incarnation, seq: key.seq };
        self.last.insert(key.device, last);
    }

    /// Whether what the envelope builds on is known to stand nowhere in a log that has this row of its author: what
    /// stands in a log is not beyond its author's row.
    pub fn has_before(&self, envelope: &SignedEnvelope, row: &Row) -> bool {
        let is_before =
            |last: &&Last| last.hash == envelope.prev && (last.incarnation, last.seq) > (row.incarnation, row.seq);
        self.last.get(&envelope.key.device).filter(is_before).is_some()
    }
}
