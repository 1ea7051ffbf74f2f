//! Version negotiation: once per link, in `Hello` and `Welcome`.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A version of the protocol.
///
/// A minor version only appends fields and kinds, so a newer minor is understood: what is
/// unknown is ignored or answered `unsupported_kind`. Another major is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProtocolVersion {
    /// Changes when an old peer would misunderstand.
    pub major: u16,
    /// Changes when something is added.
    pub minor: u16,
}

/// The other side speaks a major version that this build does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side speaks protocol {theirs}, this program {ours}: the older of the two must be updated")]
pub struct ProtocolMismatch {
    /// What this build speaks.
    pub ours: ProtocolVersion,
    /// What the other side offered.
    pub theirs: ProtocolVersion,
}

impl ProtocolVersion {
    /// What this build speaks.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };

    /// The version to use with a peer that offers `theirs`.
    ///
    /// # Errors
    /// [`ProtocolMismatch`] where the majors differ; the link is then closed.
    pub fn negotiate(self, theirs: Self) -> Result<Self, ProtocolMismatch> {
        if self.major != theirs.major {
            return Err(ProtocolMismatch { ours: self, theirs });
        }
        Ok(self.min(theirs))
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
