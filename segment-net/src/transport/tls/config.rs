//! What both ends insist on in the handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    ServerConfig, SignatureScheme,
};

use super::ALPN;
use crate::transport::identity::key_of_spki;
use crate::transport::{DialError, Expected, PeerKey, TlsIdentity};

/// The process has one provider of cryptography, named here and nowhere by default.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

/// The accepting end: demands a key of the dialler, resumes nothing, so that
/// every connection proves its key anew.
pub(super) fn server_config(identity: &TlsIdentity) -> Result<ServerConfig, Error> {
    let keys = AlwaysResolvesServerRawPublicKeys::new(identity.certified());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(ClientKey))
        .with_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The dialling end, with its own idea of whom it wants to find.
pub(super) fn client_config(identity: &TlsIdentity, verifier: Arc<ServerKey>) -> Result<ClientConfig, Error> {
    let keys = AlwaysResolvesClientRawPublicKeys::new(identity.certified());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(keys));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// The key the other end has proven, provided that it also speaks our protocol.
pub(super) fn peer_key(state: &CommonState) -> io::Result<PeerKey> {
    if state.alpn_protocol() != Some(ALPN) {
        return Err(io::Error::other("no agreement on the protocol"));
    }
    state
        .peer_certificates()
        .and_then(|chain| key_of_spki(chain.first()?))
        .ok_or_else(|| io::Error::other("no ed25519 raw public key"))
}

fn schemes() -> WebPkiSupportedAlgorithms {
    provider().signature_verification_algorithms
}

fn key_of(certificate: &CertificateDer<'_>) -> Result<PeerKey, Error> {
    key_of_spki(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

fn verify_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = SubjectPublicKeyInfoDer::from(certificate.as_ref());
    verify_tls13_signature_with_raw_key(message, &spki, signed, &schemes())
}

fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerIncompatible::Tls12NotOffered.into())
}

/// Accepts any device that proves its key: who it is, is for the machines to ask.
#[derive(Debug)]
struct ClientKey;

impl ClientCertVerifier for ClientKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        key_of(key).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Accepts the expected device only, and remembers whom it has seen.
#[derive(Debug)]
pub(super) struct ServerKey {
    expected: Expected,
    seen: OnceLock<PeerKey>,
}

impl ServerKey {
    pub(super) fn new(expected: Expected) -> Self {
        let seen = OnceLock::new();
        Self { expected, seen }
    }

    /// Turns a failed handshake into its reason.
    pub(super) fn blame(&self, address: SocketAddr, source: io::Error) -> DialError {
        match (self.expected, self.seen.get()) {
            (Expected::Key(expected), Some(&seen)) if expected != seen => {
                DialError::WrongKey { address, expected, seen }
            }
            _ => DialError::NotSegment { address, source },
        }
    }
}

impl ServerCertVerifier for ServerKey {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = key_of(key)?;
        let seen = self.seen.get_or_init(|| key);
        if self.expected.allows(seen) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, key, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
