//! TCP with TLS 1.3, both ends proving an ed25519 raw public key (RFC 7250).

mod accept;
mod admission;
mod config;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::ServerName;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::split;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    BindError, Connection, DialError, Dialling, Expected, IdentityError, Listener, Role, TlsIdentity, Transport,
    TransportLimits,
};
use accept::Door;
use admission::Admission;
use config::{ServerKey, client_config, peer_key, server_config};

/// The name of the protocol in the handshake; an end that does not say it is refused.
pub const ALPN: &[u8] = b"segment/1";

/// One device's way to others over TCP.
#[derive(Debug, Clone)]
pub struct TlsTransport {
    identity: TlsIdentity,
    server: Arc<ServerConfig>,
    limits: TransportLimits,
}

impl TlsTransport {
    /// Makes a transport for this device.
    pub fn new(identity: TlsIdentity, limits: TransportLimits) -> Result<Self, IdentityError> {
        let server = Arc::new(server_config(&identity).map_err(IdentityError)?);
        Ok(Self { identity, server, limits })
    }

    fn door(&self) -> Door {
        Door {
            acceptor: TlsAcceptor::from(Arc::clone(&self.server)),
            admission: Admission::new(&self.limits),
            limits: self.limits,
        }
    }
}

impl Transport for TlsTransport {
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError> {
        let failed = |source| BindError::from_io(address, source);
        let socket = listen(address, self.limits.backlog).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let (incoming, accepted) = mpsc::channel(self.limits.accepted_max);
        let accepting = tokio::spawn(accept::run(socket, self.door(), incoming));
        Ok(Listener::new(bound, accepted, Some(accepting)))
    }

    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling {
        Box::pin(dial(self.clone(), address, expected))
    }
}

fn listen(address: SocketAddr, backlog: u16) -> io::Result<TcpListener> {
    let kind = Type::STREAM;
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    // Elsewhere than on Unix this option would let two processes share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::from(backlog))?;
    TcpListener::from_std(socket.into())
}

async fn dial(from: TlsTransport, address: SocketAddr, expected: Expected) -> Result<Connection, DialError> {
    let connecting = timeout(from.limits.connect, TcpStream::connect(address));
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => return Err(DialError::from_connect(address, source)),
        Err(_) => return Err(DialError::TimedOut { address }),
    };
    stream.set_nodelay(true).map_err(|source| DialError::Unreachable { address, source })?;
    let verifier = Arc::new(ServerKey::new(expected));
    let handshake = shake_hands(&from.identity, Arc::clone(&verifier), stream, address);
    match timeout(from.limits.handshake, handshake).await {
        Ok(Ok(stream)) => dialled(stream, address),
        Ok(Err(source)) => Err(verifier.blame(address, source)),
        Err(_) => Err(DialError::TimedOut { address }),
    }
}

async fn shake_hands(
    identity: &TlsIdentity,
    verifier: Arc<ServerKey>,
    stream: TcpStream,
    address: SocketAddr,
) -> io::Result<TlsStream<TcpStream>> {
    let config = client_config(identity, verifier).map_err(io::Error::other)?;
    let name = ServerName::IpAddress(address.ip().into());
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn dialled(stream: TlsStream<TcpStream>, address: SocketAddr) -> Result<Connection, DialError> {
    let peer = peer_key(stream.get_ref().1);
    let peer = peer.map_err(|source| DialError::NotSegment { address, source })?;
    let (reader, writer) = split(stream);
    Ok(Connection { reader: Box::new(reader), writer: Box::new(writer), peer, address, role: Role::Dialled })
}
