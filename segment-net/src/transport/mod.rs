//! Transports: how bytes get from one device to another, each end proving its key.
//!
//! A transport hands out [`Connection`]s whose `peer` has been proven in the
//! handshake; nothing above this module ever trusts a key it was merely told.

mod error;
mod identity;
mod listener;
mod memory;
mod tls;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use error::{BindError, DialError, IdentityError};
pub use identity::TlsIdentity;
pub use listener::Listener;
pub use memory::{MemoryNetwork, MemoryTransport};
pub use tls::{ALPN, TlsTransport};

/// The public half of a device's ed25519 key, as proven in a handshake.
pub type PeerKey = [u8; 32];

/// The receiving half of a connection.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The sending half of a connection; shutting it down is a half close.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A dial under way; dropping it gives up.
pub type Dialling = Pin<Box<dyn Future<Output = Result<Connection, DialError>> + Send>>;

/// Carries connections between devices.
///
/// Both calls need a tokio runtime around them.
pub trait Transport: Send + Sync + 'static {
    /// Listens on `address`; port 0 takes any free one, see [`Listener::address`].
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError>;

    /// Connects to `address` and insists on `expected` being at the other end.
    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling;
}

/// Whom a dialler is willing to find at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This device and no other: anybody else is [`DialError::WrongKey`].
    Key(PeerKey),
    /// Whoever answers (trust on first use); the key seen is [`Connection::peer`].
    Anyone,
}

impl Expected {
    /// Whether a device with this key may be talked to.
    #[must_use]
    pub fn allows(self, seen: &PeerKey) -> bool {
        match self {
            Self::Key(key) => key == *seen,
            Self::Anyone => true,
        }
    }
}

/// Which end of a connection this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This end dialled.
    Dialled,
    /// This end accepted.
    Accepted,
}

/// Two byte streams to a device whose key has been proven.
pub struct Connection {
    /// Bytes from the other end.
    pub reader: Reader,
    /// Bytes to the other end.
    pub writer: Writer,
    /// The other end's device key.
    pub peer: PeerKey,
    /// The other end's address as this end sees it.
    pub address: SocketAddr,
    /// Which end this is.
    pub role: Role,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Whether connections from this machine count against the cap per address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopbackRule {
    /// They do not: bots and tests of one machine share one address.
    Exempt,
    /// They do, like any other address.
    Counted,
}

/// What a transport holds at most, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct TransportLimits {
    /// A handshake not finished by then is dropped, at either end.
    pub handshake: Duration,
    /// A dial whose connection does not stand by then fails.
    pub connect: Duration,
    /// Connections of one address (an IPv6 /64 is one); more are closed unanswered.
    pub connections_per_address_max: usize,
    /// Whether 127.0.0.0/8 and `::1` count.
    pub loopback: LoopbackRule,
    /// Handshakes at once; one more drops the oldest, which is the likeliest to be idle.
    pub handshakes_max: usize,
    /// Finished handshakes that wait for [`Listener::accept`].
    pub accepted_max: usize,
    /// Connections that the kernel keeps for us before we accept them.
    pub backlog: u16,
    /// Bytes a connection of the in-memory transport holds in each direction.
    pub memory_pipe_bytes: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(3),
            connect: Duration::from_secs(5),
            connections_per_address_max: 32,
            loopback: LoopbackRule::Exempt,
            handshakes_max: 2_048,
            accepted_max: 256,
            backlog: 1_024,
            memory_pipe_bytes: 64 * 1024,
        }
    }
}
