//! The device key in the form TLS wants it.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::{IdentityError, PeerKey};

/// PKCS#8 version 1 of an ed25519 secret is this followed by its 32 bytes (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A SubjectPublicKeyInfo of ed25519 is this followed by the 32 bytes of the key (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A device: an ed25519 key that proves itself as a TLS raw public key.
#[derive(Clone)]
pub struct TlsIdentity {
    key: PeerKey,
    certified: Arc<CertifiedKey>,
}

impl TlsIdentity {
    /// Makes the identity of a 32-byte ed25519 secret.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Self, IdentityError> {
        let mut der = PKCS8_PREFIX.to_vec();
        der.extend_from_slice(secret);
        let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(der)).map_err(IdentityError)?;
        let spki = signer.public_key();
        let key = spki.as_deref().and_then(key_of_spki);
        let key = key.ok_or(IdentityError(rustls::Error::General("no ed25519 key".to_owned())))?;
        let certificate = CertificateDer::from([&SPKI_PREFIX[..], &key].concat());
        let certified = Arc::new(CertifiedKey::new(vec![certificate], signer));
        Ok(Self { key, certified })
    }

    /// The public half, by which others know this device.
    #[must_use]
    pub fn key(&self) -> PeerKey {
        self.key
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

/// The key inside a SubjectPublicKeyInfo, if it is an ed25519 one and nothing else.
pub(super) fn key_of_spki(spki: &[u8]) -> Option<PeerKey> {
    spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}
