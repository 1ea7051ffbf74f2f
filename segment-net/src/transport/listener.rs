//! Where finished handshakes are picked up.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Connection;

/// A bound address and the connections that arrive on it.
///
/// Dropping it stops listening soon; [`Listener::close`] stops it for certain.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    incoming: mpsc::Receiver<Connection>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// For a transport of one's own: the address bound, what arrives there, and the task that accepts it.
    #[must_use]
    pub fn new(address: SocketAddr, incoming: mpsc::Receiver<Connection>, accepting: Option<JoinHandle<()>>) -> Self {
        Self { address, incoming, accepting }
    }

    /// The address really bound, with its port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection whose handshake is done; `None` once nobody listens any more.
    ///
    /// Cancelling it loses no connection.
    pub async fn accept(&mut self) -> Option<Connection> {
        self.incoming.recv().await
    }

    /// Stops listening and drops handshakes under way. When this returns, the port is free.
    pub async fn close(mut self) {
        self.incoming.close();
        if let Some(task) = self.accepting.take() {
            task.abort();
            // Aborting is the expected outcome; what matters is that the socket is gone.
            let _ = task.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = &self.accepting {
            task.abort();
        }
    }
}
