//! Connections inside one process, for examples and tests.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{DuplexStream, duplex, split};
use tokio::sync::mpsc::{self, error::SendTimeoutError};

use super::{
    BindError, Connection, DialError, Dialling, Expected, Listener, PeerKey, Role, Transport, TransportLimits,
};

/// Ports handed out for port 0 and for diallers start here, as the kernel's do.
const FIRST_EPHEMERAL_PORT: u16 = 49_152;

/// A network of its own: addresses of one are unknown in another.
#[derive(Debug, Clone, Default)]
pub struct MemoryNetwork {
    shared: Arc<Mutex<Registry>>,
}

#[derive(Debug, Default)]
struct Registry {
    listeners: HashMap<SocketAddr, Bound>,
    ports_taken: u16,
}

#[derive(Debug, Clone)]
struct Bound {
    key: PeerKey,
    incoming: mpsc::Sender<Connection>,
}

impl MemoryNetwork {
    /// A network with nobody on it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn next_port(&mut self) -> u16 {
        let span = u16::MAX - FIRST_EPHEMERAL_PORT;
        self.ports_taken = (self.ports_taken + 1) % span;
        FIRST_EPHEMERAL_PORT + self.ports_taken
    }

    fn with_port(&mut self, mut address: SocketAddr) -> SocketAddr {
        if address.port() == 0 {
            address.set_port(self.next_port());
        }
        address
    }

    fn listener(&self, address: SocketAddr) -> Option<&Bound> {
        self.listeners.get(&address).filter(|bound| !bound.incoming.is_closed())
    }
}

/// One device's way into a [`MemoryNetwork`]. Its key is believed, not proven:
/// whoever can make one is in this process anyway.
#[derive(Debug, Clone)]
pub struct MemoryTransport {
    network: MemoryNetwork,
    key: PeerKey,
    ip: IpAddr,
    limits: TransportLimits,
}

impl MemoryTransport {
    /// Joins `network` as the device `key` whose outgoing connections come from `ip`.
    #[must_use]
    pub fn new(network: &MemoryNetwork, key: PeerKey, ip: IpAddr, limits: TransportLimits) -> Self {
        Self { network: network.clone(), key, ip, limits }
    }
}

impl Transport for MemoryTransport {
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError> {
        let mut registry = self.network.registry();
        let address = registry.with_port(address);
        if registry.listener(address).is_some() {
            return Err(BindError::AddressInUse { address });
        }
        let (incoming, accepted) = mpsc::channel(self.limits.accepted_max);
        let key = self.key;
        registry.listeners.insert(address, Bound { key, incoming });
        Ok(Listener::new(address, accepted, None))
    }

    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling {
        Box::pin(dial(self.clone(), address, expected))
    }
}

async fn dial(from: MemoryTransport, address: SocketAddr, expected: Expected) -> Result<Connection, DialError> {
    let (bound, own_address) = {
        let mut registry = from.network.registry();
        let bound = registry.listener(address).cloned();
        let own = registry.with_port(SocketAddr::new(from.ip, 0));
        (bound.ok_or(DialError::Refused { address })?, own)
    };
    let seen = bound.key;
    if let (Expected::Key(expected), false) = (expected, expected.allows(&seen)) {
        return Err(DialError::WrongKey { address, expected, seen });
    }
    let (near, far) = duplex(from.limits.memory_pipe_bytes);
    let theirs = connection(far, from.key, own_address, Role::Accepted);
    deliver(&bound, theirs, from.limits.connect, address).await?;
    Ok(connection(near, seen, address, Role::Dialled))
}

async fn deliver(
    bound: &Bound,
    connection: Connection,
    within: Duration,
    address: SocketAddr,
) -> Result<(), DialError> {
    match bound.incoming.send_timeout(connection, within).await {
        Ok(()) => Ok(()),
        Err(SendTimeoutError::Timeout(_)) => Err(DialError::TimedOut { address }),
        Err(SendTimeoutError::Closed(_)) => Err(DialError::Refused { address }),
    }
}

fn connection(pipe: DuplexStream, peer: PeerKey, address: SocketAddr, role: Role) -> Connection {
    let (reader, writer) = split(pipe);
    Connection { reader: Box::new(reader), writer: Box::new(writer), peer, address, role }
}
