//! Which entries go by the owner's policy: from the front of the log, page by page, as long as one of
//! the policy's limits says so, and never beyond what the other copy covers.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use segment_proto::{DeviceId, Instant, Limits, Position, Retention, UnixMillis};

use crate::rules::{Rule, Rules};
use crate::store::{Operation, StoreOperation, StoredEntry, Write};
use crate::sync::log::ChannelLog;
use crate::sync::persist::{Meta, put_meta};

/// Entries that go with one transaction. Policy: the rest goes with the next.
pub const TRIM_ENTRIES_MAX: u64 = 16_384;

/// A walk from the front of a log.
#[derive(Debug)]
struct Walk {
    policy: Retention,
    now: UnixMillis,
    /// The last place that may go.
    cap: u64,
    next: u64,
    /// Bytes of everything that is kept, while they are being counted; then of what is left.
    bytes: u64,
    counting: bool,
    gone: Option<Position>,
    devices: BTreeSet<DeviceId>,
}

/// How the trimming of one log stands.
#[derive(Debug, Default)]
pub struct Retaining {
    walk: Option<Box<Walk>>,
    due: Option<Instant>,
}

/// What comes of a page.
#[derive(Debug)]
pub enum Step {
    /// Read this next.
    Read(Operation),
    /// Everything up to here goes.
    Trim(Trim),
    /// Nothing goes.
    Keep,
}

/// A prefix that goes.
#[derive(Debug)]
pub struct Trim {
    /// The last place of it.
    pub to: Position,
    /// Its authors.
    pub devices: BTreeSet<DeviceId>,
}

impl Trim {
    /// One transaction: the entries go, and what is known of their end stays.
    #[must_use]
    pub fn writes(&self, log: &ChannelLog) -> Vec<Write> {
        let trim = Write::Trim { log: log.id, below: self.to.pos + 1 };
        alloc::vec![trim, put_meta(log.id, Meta::Below, &self.to)]
    }
}

impl Retaining {
    /// Whether a policy is set, and it is time to look. Without one, it never is.
    #[must_use]
    pub fn is_due(&mut self, policy: Retention, now: Instant) -> bool {
        if policy == Retention::default() {
            self.due = None;
            return false;
        }
        self.walk.is_none() && self.due.is_none_or(|due| due <= now)
    }

    /// Looks again at once where something has changed.
    pub fn hurry(&mut self) {
        self.due = None;
    }

    /// When it is to be looked again.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due.filter(|_| self.walk.is_none())
    }

    /// Begins to look from the front. `covered` is the last place that the other copy has.
    pub fn begin(
        &mut self,
        log: &ChannelLog,
        covered: u64,
        now: (Instant, UnixMillis),
        limits: &Limits,
        rules: Rules,
    ) -> Step {
        let policy = log.base().access().retention;
        self.due = Some(now.0 + limits.retention_every);
        let covered = if rules.has(Rule::TrimOnlyCovered) { covered } else { log.committed() };
        let cap = covered.min(log.committed()).min(log.below().pos + TRIM_ENTRIES_MAX);
        let next = log.below().pos + 1;
        if next > cap {
            return Step::Keep;
        }
        let (counting, gone, devices) = (policy.bytes > 0, None, BTreeSet::new());
        let walk = Walk { policy, now: now.1, cap, next, bytes: 0, counting, gone, devices };
        self.walk = Some(Box::new(walk));
        self.read(log, limits)
    }

    fn read(&self, log: &ChannelLog, limits: &Limits) -> Step {
        let Some(walk) = &self.walk else { return Step::Keep };
        let to = if walk.counting { log.committed() } else { walk.cap };
        let (entries_max, bytes_max) = (limits.batch_entries_max, limits.batch_bytes_max);
        Step::Read(Operation::Store(StoreOperation::Read { log: log.id, from: walk.next, to, entries_max, bytes_max }))
    }

    /// A page has been read; an empty one ends the walk.
    pub fn take(&mut self, log: &ChannelLog, entries: &[StoredEntry], limits: &Limits) -> Step {
        let Some(mut walk) = self.walk.take() else { return Step::Keep };
        let ended = if walk.counting { walk.count(entries, log) } else { walk.sort_out(entries, log) };
        if !ended {
            self.walk = Some(walk);
            return self.read(log, limits);
        }
        match walk.gone {
            Some(to) => Step::Trim(Trim { to, devices: walk.devices }),
            None => Step::Keep,
        }
    }
}

impl Walk {
    /// How many bytes there are, before it is decided which of them go.
    fn count(&mut self, entries: &[StoredEntry], log: &ChannelLog) -> bool {
        self.bytes += entries.iter().map(|stored| stored.entry.wire_bytes() as u64).sum::<u64>();
        self.next += entries.len() as u64;
        if !entries.is_empty() && self.next <= log.committed() {
            return false;
        }
        (self.counting, self.next) = (false, log.below().pos + 1);
        // Where not all could be read, nothing goes by its size.
        entries.is_empty()
    }

    fn sort_out(&mut self, entries: &[StoredEntry], log: &ChannelLog) -> bool {
        for stored in entries {
            if stored.entry.pos > self.cap || !self.goes(stored, log.committed()) {
                return true;
            }
            self.bytes = self.bytes.saturating_sub(stored.entry.wire_bytes() as u64);
            self.gone = Some(stored.position());
            self.devices.insert(stored.entry.envelope.key.device);
            self.next = stored.entry.pos + 1;
        }
        entries.is_empty() || self.next > self.cap
    }

    fn goes(&self, stored: &StoredEntry, committed: u64) -> bool {
        let Retention { count, age_seconds, bytes } = self.policy;
        let one_too_many = count > 0 && committed - stored.entry.pos >= count;
        let age = self.now.0.saturating_sub(stored.entry.sequenced.0);
        let too_old = age_seconds > 0 && age > age_seconds.saturating_mul(1_000);
        one_too_many || too_old || (bytes > 0 && self.bytes > bytes)
    }
}
