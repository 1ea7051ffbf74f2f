//! The accept loop: it outlives every fault of the network and of those who dial.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::split;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::admission::{Admission, Admitted};
use super::config::peer_key;
use crate::transport::{Connection, Role, TransportLimits};

/// How long to leave the system alone when it has no socket to give.
const PAUSE_WITHOUT_FILES: Duration = Duration::from_millis(100);

/// Everything that decides who comes in.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) acceptor: TlsAcceptor,
    pub(super) admission: Admission,
    pub(super) limits: TransportLimits,
}

/// Accepts until the task is aborted; each handshake runs beside the others.
pub(super) async fn run(socket: TcpListener, door: Door, incoming: mpsc::Sender<Connection>) {
    let mut handshakes = Handshakes::new(door.limits.handshakes_max);
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, address)) => welcome(&door, &mut handshakes, &incoming, stream, address),
                Err(error) => after_failed_accept(&error).await,
            },
            Some(_) = handshakes.tasks.join_next() => handshakes.forget_finished(),
        }
    }
}

async fn after_failed_accept(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    warn!(%error, "cannot accept connections for a moment");
    sleep(PAUSE_WITHOUT_FILES).await;
}

fn welcome(
    door: &Door,
    handshakes: &mut Handshakes,
    incoming: &mpsc::Sender<Connection>,
    stream: TcpStream,
    address: SocketAddr,
) {
    let Some(place) = door.admission.admit(address.ip()) else {
        debug!(%address, "closed: the address holds its share of connections");
        return;
    };
    let stream = Admitted { stream, _place: place };
    handshakes.spawn(finish(door.clone(), stream, address, incoming.clone()));
}

async fn finish(door: Door, stream: Admitted, address: SocketAddr, incoming: mpsc::Sender<Connection>) {
    match timeout(door.limits.handshake, shake_hands(&door, stream, address)).await {
        // A driver that is gone has no use for the connection: dropping it is right.
        Ok(Ok(connection)) => drop(incoming.send(connection).await),
        Ok(Err(error)) => debug!(%address, %error, "handshake failed"),
        Err(_) => debug!(%address, "handshake timed out"),
    }
}

async fn shake_hands(door: &Door, stream: Admitted, address: SocketAddr) -> io::Result<Connection> {
    stream.stream.set_nodelay(true)?;
    let stream = door.acceptor.accept(stream).await?;
    let peer = peer_key(stream.get_ref().1)?;
    let (reader, writer) = split(stream);
    Ok(Connection { reader: Box::new(reader), writer: Box::new(writer), peer, address, role: Role::Accepted })
}

/// The handshakes under way, oldest first.
struct Handshakes {
    tasks: JoinSet<()>,
    order: VecDeque<AbortHandle>,
    max: usize,
}

impl Handshakes {
    fn new(max: usize) -> Self {
        Self { tasks: JoinSet::new(), order: VecDeque::new(), max }
    }

    /// A handle holds the memory of its task.
    fn forget_finished(&mut self) {
        while self.order.pop_front_if(|oldest| oldest.is_finished()).is_some() {}
    }

    /// An honest handshake takes milliseconds, so the oldest of too many is an idle one.
    fn spawn(&mut self, handshake: impl Future<Output = ()> + Send + 'static) {
        if self.order.len() >= self.max {
            self.order.retain(|handle| !handle.is_finished());
        }
        if self.order.len() >= self.max
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(handshake));
    }
}
