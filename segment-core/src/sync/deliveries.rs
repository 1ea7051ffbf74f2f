//! How far each account has a channel on disk: one cursor for each, however many messages there are.
//!
//! Kept by whoever serves the channel, told to all whom it serves, and written lazily: after a crash
//! everybody says it again on coming back.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::limits::EPOCHS_MAX;
use segment_proto::messages::{Deliveries, DeliveryStep};
use segment_proto::{AccountId, Instant};

use crate::contract::{Deadline, earliest};
use crate::store::{LogId, Table, Write};
use crate::sync::persist::{Loaded, encode};

/// What several say at the same time is told at once, and never in the call in which it was said.
const GATHER: Duration = Duration::from_millis(10);
/// Between two of what everybody is told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The cursors of one channel.
#[derive(Debug, Default)]
pub struct Cursors {
    by_account: BTreeMap<AccountId, u64>,
    unwritten: BTreeSet<AccountId>,
    told: Option<Deliveries>,
    told_at: Option<Instant>,
    tell_at: Option<Instant>,
    write_at: Option<Instant>,
}

impl Cursors {
    /// As they were written last.
    #[must_use]
    pub fn restore(loaded: &Loaded) -> Self {
        Self { by_account: loaded.values::<(AccountId, u64)>(Table::Cursor).collect(), ..Self::default() }
    }

    /// An account has everything up to here on some disk. The highest of its devices counts.
    pub fn note(&mut self, account: AccountId, pos: u64, now: Instant, accounts_max: usize) {
        let known = self.by_account.get(&account);
        if known.is_some_and(|known| *known >= pos) || (known.is_none() && self.by_account.len() >= accounts_max) {
            return;
        }
        self.by_account.insert(account, pos);
        self.unwritten.insert(account);
        self.write_at.get_or_insert(now + WRITE_EVERY);
        self.tell_soon(now);
    }

    /// Somebody has come who has been told nothing yet.
    pub fn on_newcomer(&mut self, now: Instant) {
        if !self.by_account.is_empty() {
            self.told = None;
            self.tell_soon(now);
        }
    }

    fn tell_soon(&mut self, now: Instant) {
        let soon = now + GATHER;
        let earliest = self.told_at.map_or(soon, |told_at| soon.max(told_at + TELL_EVERY));
        self.tell_at.get_or_insert(earliest);
    }

    /// Everything behind a place was cut: nobody has that any more.
    pub fn cut(&mut self, pos: u64) {
        for (account, cursor) in self.by_account.iter_mut().filter(|(_, cursor)| **cursor > pos) {
            *cursor = pos;
            self.unwritten.insert(*account);
        }
    }

    /// Forgets accounts that do not count any more.
    pub fn retain(&mut self, log: LogId, counts: impl Fn(AccountId) -> bool) -> Vec<Write> {
        let gone = self.by_account.extract_if(.., |account, _| !counts(*account));
        let gone: Vec<AccountId> = gone.map(|(account, _)| account).collect();
        self.unwritten.retain(|account| !gone.contains(account));
        gone.into_iter().map(|account| Write::Delete { table: Table::Cursor, key: key(log, account) }).collect()
    }

    /// What everybody is to be told, if it is time and there is news.
    pub fn tell(&mut self, log: LogId, now: Instant) -> Option<Deliveries> {
        self.tell_at.take_if(|at| *at <= now)?;
        let deliveries = self.deliveries(log);
        if self.told.as_ref() == Some(&deliveries) {
            return None;
        }
        (self.told, self.told_at) = (Some(deliveries.clone()), Some(now));
        Some(deliveries)
    }

    /// What is to be written, if it is time.
    pub fn write(&mut self, log: LogId, now: Instant) -> Vec<Write> {
        if self.write_at.take_if(|at| *at <= now).is_none() {
            return Vec::new();
        }
        let put = |account: AccountId| {
            let cursor = self.by_account.get(&account).copied().unwrap_or_default();
            Write::Put { table: Table::Cursor, key: key(log, account), value: encode(&(account, cursor)) }
        };
        core::mem::take(&mut self.unwritten).into_iter().map(put).collect()
    }

    /// When to call [`Self::tell`] and [`Self::write`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let tell = self.tell_at.map(|at| Deadline::new(at, "deliveries are to be told"));
        let write = self.write_at.map(|at| Deadline::new(at, "deliveries are to be written"));
        earliest([tell, write])
    }

    fn deliveries(&self, log: LogId) -> Deliveries {
        let of = u32::try_from(self.by_account.len()).unwrap_or(u32::MAX);
        Deliveries { channel: log.channel, of, steps: coarse(&steps(self.by_account.values())) }
    }
}

fn key(log: LogId, account: AccountId) -> bytes::Bytes {
    log.key(&account.0.to_be_bytes())
}

/// How many have everything up to each place at which that number changes; highest place first.
fn steps<'a>(cursors: impl Iterator<Item = &'a u64>) -> Vec<DeliveryStep> {
    let mut at: BTreeMap<u64, u32> = BTreeMap::new();
    cursors.for_each(|pos| *at.entry(*pos).or_default() += 1);
    let mut accounts = 0;
    let step = |(pos, more): (u64, u32)| {
        accounts += more;
        DeliveryStep { pos, accounts }
    };
    at.into_iter().rev().map(step).collect()
}

/// At most as many as a message holds. What is left out makes some counts lower than they are, never higher.
fn coarse(steps: &[DeliveryStep]) -> Vec<DeliveryStep> {
    let every = steps.len().div_ceil(EPOCHS_MAX).max(1);
    steps.chunks(every).filter_map(|some| some.last().copied()).collect()
}
