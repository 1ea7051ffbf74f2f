//! The clocks of a driver.

use std::time::{SystemTime, UNIX_EPOCH};

use segment_proto::{Instant, Now, UnixMillis};
use tokio::time::Duration;

/// Gives machines the time; its origin is when the driver was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }

    pub(crate) fn now(self) -> Now {
        let mono = Instant::default() + self.origin.elapsed();
        Now { mono, wall: wall() }
    }

    /// When a machine's moment comes on the runtime's clock.
    pub(crate) fn runtime_instant(self, moment: Instant) -> tokio::time::Instant {
        // A moment centuries away is as good as never.
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
        self.origin + Duration::from_micros(moment.0).min(100 * YEAR)
    }
}

fn wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
