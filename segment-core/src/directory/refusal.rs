//! Why a request is refused.

use alloc::string::ToString;
use core::time::Duration;

use segment_proto::Reason;
use segment_proto::messages::Failure;
use segment_proto::names::NameError;

/// What is answered to a request that is refused; nothing was changed.
#[derive(Debug)]
pub(super) struct Refusal(pub Failure);

impl Refusal {
    pub fn new(reason: Reason, detail: &str) -> Self {
        Self(Failure::new(reason, detail))
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason, "")
    }
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        Self::new(Reason::BadName, &error.to_string())
    }
}

/// Too fast: again after this time.
impl From<Duration> for Refusal {
    fn from(wait: Duration) -> Self {
        let millis = wait.as_micros().div_ceil(1_000);
        Self(Failure::retry_after(Reason::SlowDown, u32::try_from(millis).unwrap_or(u32::MAX)))
    }
}
