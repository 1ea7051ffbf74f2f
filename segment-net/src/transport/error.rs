//! What can go wrong before a connection stands.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use super::PeerKey;

/// An identity could not be made from the secret.
#[derive(Debug, Error)]
#[error("the device key is unusable; restore it from a backup or make a new profile")]
pub struct IdentityError(#[source] pub(super) rustls::Error);

/// Listening failed; nothing was left open.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process listens there: stop it, or choose another port.
    #[error("{address} is in use by another process; stop it or choose another port")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system forbids this address: ports below 1024 often need privileges.
    #[error("not permitted to listen on {address}; choose a port above 1023")]
    NotPermitted {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else, such as an address this machine does not have.
    #[error("cannot listen on {address}; check that it is an address of this machine")]
    Failed {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn from_io(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { address },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address },
            _ => Self::Failed { address, source },
        }
    }
}

/// A dial failed; nothing was sent above the transport and nothing was left open.
#[derive(Debug, Error)]
pub enum DialError {
    /// Nobody listens there: the other side is down, or the address is old. Try later.
    #[error("nobody listens at {address}; try again later")]
    Refused {
        /// The address dialled.
        address: SocketAddr,
    },
    /// The network knows no way there, or this machine has no socket left. Try later.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// The address dialled.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time: the way may be blocked. Try later or by another address.
    #[error("{address} did not answer in time")]
    TimedOut {
        /// The address dialled.
        address: SocketAddr,
    },
    /// Somebody else answered. Do not retry: either the address is old or somebody
    /// impersonates the device; a pinned key changes only by its owner's word.
    #[error("{address} proved another key than the expected one; refusing to talk to it")]
    WrongKey {
        /// The address dialled.
        address: SocketAddr,
        /// The key that should have been proven.
        expected: PeerKey,
        /// The key that was.
        seen: PeerKey,
    },
    /// Whoever listens there does not speak `segment/1`. Check the address.
    #[error("{address} does not speak Segment; check the address")]
    NotSegment {
        /// The address dialled.
        address: SocketAddr,
        /// What the handshake said.
        source: io::Error,
    },
}

impl DialError {
    pub(super) fn from_connect(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { address },
            io::ErrorKind::TimedOut => Self::TimedOut { address },
            _ => Self::Unreachable { address, source },
        }
    }
}
