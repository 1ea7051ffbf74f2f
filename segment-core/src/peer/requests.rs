//! What the peer's own requests are for.

/// What a request of the peer itself is for.
#[derive(Debug)]
pub enum PeerRequest {}
