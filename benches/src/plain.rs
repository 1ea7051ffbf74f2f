//! TCP without TLS, for the measuring commands alone: what they show with it beside TLS is what TLS costs.
//!
//! Each end says its key and is believed; no program of Segment can be told to use this.

use std::io;
use std::net::SocketAddr;

use segment_net::transport::{
    BindError, Connection, DialError, Dialling, Expected, Listener, PeerKey, Role, Transport,
};
use segment_proto::Identity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// Connections that the kernel keeps before they are accepted, and that wait here for their taker.
const WAITING_MAX: u32 = 1_024;

/// One device's way to others over bare TCP.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    key: PeerKey,
}

impl Plain {
    /// For the device with this secret.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self { key: Identity::from_secret(secret).device().0 }
    }

    async fn shake_hands(self, mut stream: TcpStream, address: SocketAddr, role: Role) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.write_all(&self.key).await?;
        let mut peer = PeerKey::default();
        stream.read_exact(&mut peer).await?;
        let (reader, writer) = stream.into_split();
        Ok(Connection { reader: Box::new(reader), writer: Box::new(writer), peer, address, role })
    }

    async fn accept(self, socket: TcpListener, incoming: mpsc::Sender<Connection>) {
        while let Ok((stream, address)) = socket.accept().await {
            let incoming = incoming.clone();
            tokio::spawn(async move {
                if let Ok(connection) = self.shake_hands(stream, address, Role::Accepted).await {
                    // A taker that is gone has no use for it.
                    let _ = incoming.send(connection).await;
                }
            });
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

impl Transport for Plain {
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError> {
        let failed = |source| BindError::Failed { address, source };
        let socket = listen(address).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let (incoming, accepted) = mpsc::channel(WAITING_MAX as usize);
        let accepting = tokio::spawn(self.accept(socket, incoming));
        Ok(Listener::new(bound, accepted, Some(accepting)))
    }

    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling {
        let own = *self;
        Box::pin(async move {
            let dialled = async { own.shake_hands(TcpStream::connect(address).await?, address, Role::Dialled).await };
            let connection = dialled.await.map_err(|source| DialError::Unreachable { address, source })?;
            match expected {
                Expected::Key(key) if key != connection.peer => {
                    Err(DialError::WrongKey { address, expected: key, seen: connection.peer })
                }
                _ => Ok(connection),
            }
        })
    }
}
