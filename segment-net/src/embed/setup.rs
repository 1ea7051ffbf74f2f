//! What a peer or a tracker needs to start.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use segment_core::store::{Fatal, Store};
use segment_proto::Identity;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::driver::{DriverError, Setup};
use crate::limits::DriverLimits;
use crate::transport::{
    BindError, IdentityError, Listener, MemoryNetwork, MemoryTransport, TlsIdentity, TlsTransport, Transport,
    TransportLimits,
};

/// What a peer or a tracker needs to start: change the fields that do not suit.
pub struct Config {
    /// The device's secret. Whoever has it, is this device; the same at every start.
    pub secret: [u8; 32],
    /// Where everything is kept that must survive.
    pub store: Box<dyn Store>,
    /// Where others come in: a tracker's clients, the members of hosted channels. `None`: nobody does.
    pub listen: Option<SocketAddr>,
    /// The address to be dialled at, if it is not the one that the tracker sees. Peers only.
    pub advertise: Option<IpAddr>,
    /// How bytes are carried; `None`: TCP with TLS.
    pub transport: Option<Arc<dyn Transport>>,
    /// What is held at most.
    pub limits: DriverLimits,
    /// Program and version, for people.
    pub software: String,
}

impl Config {
    /// Over TCP with TLS, on any free port, with the usual limits.
    #[must_use]
    pub fn new(secret: [u8; 32], store: impl Store + 'static) -> Self {
        Self {
            secret,
            store: Box::new(store),
            listen: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            advertise: None,
            transport: None,
            limits: DriverLimits::default(),
            software: concat!("segment ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// On a network inside this process, where others of this process can dial it.
    #[must_use]
    pub fn in_memory(secret: [u8; 32], store: impl Store + 'static, network: &MemoryNetwork) -> Self {
        let (here, key) = (IpAddr::V4(Ipv4Addr::LOCALHOST), Identity::from_secret(&secret).device().0);
        let transport = MemoryTransport::new(network, key, here, TransportLimits::default());
        let listen = Some(SocketAddr::new(here, 0));
        Self { listen, transport: Some(Arc::new(transport)), ..Self::new(secret, store) }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// Nothing was started, and nothing was left open.
#[derive(Debug, Error)]
pub enum StartError {
    /// The secret cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Nobody could come in.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What was kept cannot be read.
    #[error(transparent)]
    Store(#[from] Fatal),
    /// The driver could not be put together.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Runtime(#[source] io::Error),
}

/// A machine restored, with what its driver needs.
pub(super) struct Prepared<M> {
    pub(super) machine: M,
    pub(super) setup: Setup,
    pub(super) address: Option<SocketAddr>,
}

/// What a machine is restored from.
pub(super) struct Origin {
    pub(super) identity: Identity,
    pub(super) seed: [u8; 32],
}

/// Restores a machine and opens its doors.
pub(super) async fn prepare<M, F>(config: Config, restore: F) -> Result<Prepared<M>, StartError>
where
    M: Send + 'static,
    F: FnOnce(Origin, &mut dyn Store) -> Result<M, Fatal> + Send + 'static,
{
    let Config { secret, mut store, listen, transport, limits, .. } = config;
    let transport = match transport {
        Some(transport) => transport,
        None => tls(&secret, &limits)?,
    };
    let listener = listen.map(|address| transport.bind(address)).transpose()?;
    let address = listener.as_ref().map(Listener::address);
    let origin = Origin { identity: Identity::from_secret(&secret), seed: seed()? };
    let restoring = spawn_blocking(move || restore(origin, store.as_mut()).map(|machine| (machine, store)));
    let (machine, store) = restoring.await.map_err(|error| StartError::Runtime(error.into()))??;
    Ok(Prepared { machine, setup: Setup { transport, listener, store, limits }, address })
}

fn tls(secret: &[u8; 32], limits: &DriverLimits) -> Result<Arc<dyn Transport>, IdentityError> {
    let connections_per_address_max = limits.protocol.links_per_address_max;
    let limits = TransportLimits { connections_per_address_max, ..TransportLimits::default() };
    Ok(Arc::new(TlsTransport::new(TlsIdentity::from_secret(secret)?, limits)?))
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(StartError::Random)?;
    Ok(seed)
}
