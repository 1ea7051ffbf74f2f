//! Randomness as an input: a BLAKE3 generator keyed by the seed given at start.

use segment_proto::{ChannelId, Nonce, RequestId, SessionId, Token};

/// A deterministic generator. Each link and channel has its own, so that what one draws shifts nobody else's.
#[derive(Clone)]
pub struct Random {
    reader: blake3::OutputReader,
    seed: [u8; 32],
}

impl core::fmt::Debug for Random {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Random(..)")
    }
}

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { reader: blake3::Hasher::new_keyed(&seed).finalize_xof(), seed }
    }

    /// An independent generator for one purpose.
    #[must_use]
    pub fn child(&self, purpose: &[u8]) -> Self {
        Self::new(*blake3::keyed_hash(&self.seed, purpose).as_bytes())
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.reader.fill(&mut out);
        out
    }

    /// A random number.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A number below `bound`; 0 where that is 0. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.u64().checked_rem(bound).unwrap_or(0)
    }

    /// A fresh request id.
    pub fn request_id(&mut self) -> RequestId {
        RequestId::from_random(self.bytes())
    }

    /// A fresh session id.
    pub fn session_id(&mut self) -> SessionId {
        SessionId::from_random(self.bytes())
    }

    /// A fresh channel id.
    pub fn channel_id(&mut self) -> ChannelId {
        ChannelId::from_random(self.bytes())
    }

    /// A fresh session token.
    pub fn token(&mut self) -> Token {
        Token(self.bytes())
    }

    /// A fresh nonce.
    pub fn nonce(&mut self) -> Nonce {
        Nonce(self.bytes())
    }
}
