//! Links that carry little: a door in front of a server, through which few bytes come.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use segment_net::transport::{BindError, Connection, DialError, Dialling, Expected, Listener, TlsTransport, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

/// What the kernel keeps for a door: little, or the server would see a fast link with a long delay.
const KERNEL_BYTES: u32 = 16 * 1024;
/// What passes at once, as a part of what passes in a second.
const PIECES_PER_SECOND: u64 = 200;

/// Opens a door for one connection; what comes from the target passes at so many kilobits a second.
///
/// # Errors
/// There is no free port.
pub async fn door(target: SocketAddr, kbps: u32) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // A connection that breaks is seen at both of its ends.
    tokio::spawn(async move { pass(listener, target, kbps).await.ok() });
    Ok(address)
}

async fn pass(listener: TcpListener, target: SocketAddr, kbps: u32) -> io::Result<()> {
    let (near, _) = listener.accept().await?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(KERNEL_BYTES)?;
    let far: TcpStream = socket.connect(target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((mut from_near, to_near), (from_far, mut to_far)) = (near.into_split(), far.into_split());
    tokio::try_join!(slowly(from_far, to_near, kbps), async {
        copy(&mut from_near, &mut to_far).await?;
        to_far.shutdown().await
    })?;
    Ok(())
}

async fn slowly(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, kbps: u32) -> io::Result<()> {
    let per_second = u64::from(kbps) * 125;
    let piece = usize::try_from(per_second / PIECES_PER_SECOND).unwrap_or(usize::MAX).clamp(128, 64 * 1024);
    let (mut buffer, mut free_at) = (vec![0; piece], Instant::now());
    loop {
        let size = from.read(&mut buffer).await?;
        if size == 0 {
            return to.shutdown().await;
        }
        let takes = Duration::from_nanos(size as u64 * 1_000_000_000 / per_second.max(1));
        free_at = free_at.max(Instant::now()) + takes;
        sleep_until(free_at).await;
        to.write_all(&buffer[..size]).await?;
    }
}

/// TLS through doors: whatever this device dials, it hears slowly.
pub struct Narrow {
    inner: std::sync::Arc<TlsTransport>,
    kbps: u32,
}

impl Narrow {
    /// Over that transport.
    #[must_use]
    pub fn new(inner: TlsTransport, kbps: u32) -> Self {
        Self { inner: inner.into(), kbps }
    }
}

impl Transport for Narrow {
    fn bind(&self, address: SocketAddr) -> Result<Listener, BindError> {
        self.inner.bind(address)
    }

    fn dial(&self, address: SocketAddr, expected: Expected) -> Dialling {
        let (inner, kbps) = (self.inner.clone(), self.kbps);
        Box::pin(async move {
            let door = door(address, kbps).await.map_err(|source| DialError::Unreachable { address, source })?;
            let connection = inner.dial(door, expected).await?;
            Ok(Connection { address, ..connection })
        })
    }
}
