//! What keeps passwords from being guessed, and the tracker from being flooded with accounts.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use segment_proto::{Instant, Limits};

use crate::rate::Gcra;

/// Addresses and names that are watched at once. Policy: the one not seen for longest is forgotten.
const WATCHED_MAX: usize = 16_384;
/// The window in which registrations of one address count.
const REGISTRATIONS_WINDOW: Duration = Duration::from_secs(3_600);
/// The first wait after too many failed logins; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Whose address this is: an IPv4 address, or the IPv6 network of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
            other => Self(other),
        }
    }

    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }
}

/// For whom and from where a login is tried.
pub(super) type AttemptKey = (String, Network);

/// Logins that did not succeed, those under way included: trying many at once gains nothing.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// When the next attempt may begin.
    fn next_at(&self, limits: &Limits) -> Instant {
        let over = self.count.saturating_sub(limits.login_failures_max);
        match self.count < limits.login_failures_max {
            true => self.last,
            false => self.last + FIRST_WAIT.saturating_mul(1 << over.min(16)).min(limits.login_failures_window),
        }
    }
}

/// Counts attempts.
#[derive(Debug, Default)]
pub(super) struct Guard {
    failures: BTreeMap<AttemptKey, Failures>,
    registrations: BTreeMap<Network, Gcra>,
    hashes: usize,
}

impl Guard {
    /// A login begins. It counts as failed until [`Self::succeeded`].
    pub fn try_login(&mut self, key: &AttemptKey, limits: &Limits, now: Instant) -> Result<(), Duration> {
        let past = self.failures.get(key).copied().unwrap_or(Failures { count: 0, last: now });
        let past = match now.since(past.last) >= limits.login_failures_window {
            true => Failures { count: 0, last: now },
            false => past,
        };
        let wait = past.next_at(limits).since(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.make_room_for_failures(limits, now);
        self.failures.insert(key.clone(), Failures { count: past.count.saturating_add(1), last: now });
        Ok(())
    }

    pub fn succeeded(&mut self, key: &AttemptKey) {
        self.failures.remove(key);
    }

    fn make_room_for_failures(&mut self, limits: &Limits, now: Instant) {
        if self.failures.len() < WATCHED_MAX {
            return;
        }
        self.failures.retain(|_, failures| now.since(failures.last) < limits.login_failures_window);
        if self.failures.len() >= WATCHED_MAX
            && let Some(oldest) = self.failures.iter().min_by_key(|(_, f)| f.last).map(|(key, _)| key.clone())
        {
            self.failures.remove(&oldest);
        }
    }

    /// A registration begins.
    pub fn try_register(&mut self, network: Network, limits: &Limits, now: Instant) -> Result<(), Duration> {
        if network.is_loopback() {
            return Ok(());
        }
        if self.registrations.len() >= WATCHED_MAX {
            self.registrations.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.registrations.len() >= WATCHED_MAX && !self.registrations.contains_key(&network) {
            return Err(FIRST_WAIT);
        }
        let burst = limits.registrations_per_address_max;
        let fresh = || Gcra::every(REGISTRATIONS_WINDOW / burst.max(1), burst);
        self.registrations.entry(network).or_insert_with(fresh).check(now)
    }

    /// A password is to be hashed.
    pub fn begin_hash(&mut self, limits: &Limits) -> Result<(), Duration> {
        if self.hashes >= limits.password_hashes_max {
            return Err(FIRST_WAIT);
        }
        self.hashes += 1;
        Ok(())
    }

    /// Names and addresses that are watched.
    #[cfg(test)]
    pub fn watched(&self) -> (usize, usize) {
        (self.failures.len(), self.registrations.len())
    }

    pub fn end_hash(&mut self) {
        self.hashes = self.hashes.saturating_sub(1);
    }
}
