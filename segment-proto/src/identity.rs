//! Who signs.

use core::fmt;

use ed25519_dalek::{Signer, SigningKey};

use crate::ids::DeviceId;
use crate::signed::Signature;
use crate::verify::Verifier;

/// A device's secret: signs envelopes, and, at a tracker, certificates, records and receipts.
#[derive(Clone)]
pub struct Identity {
    scheme: SecretScheme,
    device: DeviceId,
}

#[derive(Clone)]
enum SecretScheme {
    Ed25519(alloc::boxed::Box<SigningKey>),
    Keyed,
}

impl Identity {
    /// The identity of 32 secret bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let device = DeviceId(key.verifying_key().to_bytes());
        Self { scheme: SecretScheme::Ed25519(alloc::boxed::Box::new(key)), device }
    }

    /// An identity for simulations only, whose signatures are cheap and forgeable: drivers never make one.
    #[must_use]
    pub fn simulated(device: DeviceId) -> Self {
        Self { scheme: SecretScheme::Keyed, device }
    }

    /// The public key.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> Signature {
        match &self.scheme {
            SecretScheme::Ed25519(key) => Signature(key.sign(bytes).to_bytes()),
            SecretScheme::Keyed => keyed_signature(&self.device, &[bytes]),
        }
    }

    /// The verifier that understands this identity's signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        match self.scheme {
            SecretScheme::Ed25519(_) => Verifier::ed25519(),
            SecretScheme::Keyed => Verifier::simulated(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.device)
    }
}

pub(crate) fn keyed_signature(device: &DeviceId, parts: &[&[u8]]) -> Signature {
    let mut hasher = blake3::Hasher::new_keyed(&device.0);
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; 64];
    hasher.finalize_xof().fill(&mut out);
    Signature(out)
}
