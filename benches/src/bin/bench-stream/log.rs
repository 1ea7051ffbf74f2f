//! What viewers have seen, and what that means.

use std::collections::BTreeSet;
use std::time::Duration;

use segment_benches::figures::Latencies;
use serde::{Deserialize, Serialize};

/// A frame was seen: its number, when it was captured, when it was seen.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Glimpse(pub u64, pub u64, pub u64);

/// What one viewer has seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Log {
    pub viewer: u16,
    pub device: String,
    pub hops: u8,
    pub frames: Vec<Glimpse>,
}

impl Log {
    /// Frames that were captured within that time, up to the last, and not seen.
    pub fn lost(&self, times: &Times, last: u64) -> usize {
        let seen: BTreeSet<u64> = self.frames.iter().map(|glimpse| glimpse.0).collect();
        let inside = self.frames.iter().filter(|glimpse| times.include(glimpse)).map(|glimpse| glimpse.0);
        let Some(first) = inside.min() else { return usize::MAX };
        let expected = first..=last.min(times.last.unwrap_or(u64::MAX));
        expected.filter(|number| !seen.contains(number)).count()
    }

    /// From capture to sight.
    pub fn delays<'a>(&'a self, times: &'a Times) -> impl Iterator<Item = Duration> + 'a {
        let inside = self.frames.iter().filter(|glimpse| times.include(glimpse));
        inside.map(|Glimpse(_, captured, seen)| Duration::from_micros(seen.saturating_sub(*captured)))
    }

    /// When something was seen that was captured since then.
    pub fn flows_again(&self, since: u64) -> Option<Duration> {
        let later = self.frames.iter().filter(|Glimpse(_, captured, _)| *captured >= since);
        later.map(|Glimpse(_, _, seen)| Duration::from_micros(seen.saturating_sub(since))).min()
    }
}

/// Which frames are counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub from_us: u64,
    pub last: Option<u64>,
}

impl Times {
    fn include(&self, Glimpse(number, captured, _): &Glimpse) -> bool {
        *captured >= self.from_us && self.last.is_none_or(|last| *number <= last)
    }
}

/// The delays of several viewers.
pub fn delays<'a>(logs: impl IntoIterator<Item = &'a Log>, times: &Times) -> Latencies {
    let mut all = Latencies::default();
    logs.into_iter().flat_map(|log| log.delays(times)).for_each(|delay| all.add(delay));
    all
}
