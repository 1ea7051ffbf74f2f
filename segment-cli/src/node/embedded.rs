//! The tracker of this OS user: whoever takes its lock runs it, with the same key, port and data.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use segment_proto::DeviceId;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{NodeError, TrackerNode};
use crate::profile::{LockOutcome, Paths, take_tracker};

/// A tracker on this machine answers sooner.
const PROBE: Duration = Duration::from_millis(500);
/// How often the lock is tried while nobody answers.
const WATCH: Duration = Duration::from_millis(200);
/// Who lost the race for the lock waits at most so long for the winner to listen.
const WINNER: Duration = Duration::from_secs(10);

/// Who runs the tracker of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerOf {
    /// This process.
    ThisProcess,
    /// Another one.
    AnotherProcess,
}

/// The embedded tracker, and the watch over it.
#[derive(Debug)]
pub struct Embedded {
    node: Arc<Mutex<Option<TrackerNode>>>,
    watch: JoinHandle<()>,
}

/// Whether anybody listens there.
pub async fn answers(address: SocketAddr) -> bool {
    matches!(timeout(PROBE, TcpStream::connect(address)).await, Ok(Ok(_)))
}

impl Embedded {
    /// Makes sure that a tracker runs on this machine, now and whenever its process ends. `took_over`
    /// is called when this process takes it from another one.
    ///
    /// # Errors
    /// [`NodeError`]: nobody runs it, and this process cannot.
    pub async fn ensure(
        paths: &Paths,
        port: u16,
        took_over: impl Fn() + Send + 'static,
    ) -> Result<(Self, TrackerOf), NodeError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut first = None;
        if !answers(address).await {
            first = take(paths, address).await?;
            if first.is_none() {
                wait_for_winner(address).await;
            }
        }
        let of = if first.is_some() { TrackerOf::ThisProcess } else { TrackerOf::AnotherProcess };
        let node = Arc::new(Mutex::new(first));
        let watch = tokio::spawn(watch(paths.clone(), address, Arc::clone(&node), took_over));
        Ok((Self { node, watch }, of))
    }

    /// The key of the tracker, if this process runs it.
    pub async fn key(&self) -> Option<DeviceId> {
        self.node.lock().await.as_ref().map(TrackerNode::key)
    }

    /// Stops the tracker, if this process runs it.
    ///
    /// # Errors
    /// [`NodeError::Driver`]: not well.
    pub async fn stop(self) -> Result<(), NodeError> {
        self.watch.abort();
        match self.node.lock().await.take() {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }
}

/// Runs the tracker, if nobody else does.
async fn take(paths: &Paths, address: SocketAddr) -> Result<Option<TrackerNode>, NodeError> {
    match take_tracker(paths)? {
        LockOutcome::Taken(lock) if !answers(address).await => {
            TrackerNode::start_locked(lock, &paths.tracker(), address).await.map(Some)
        }
        LockOutcome::Taken(_) | LockOutcome::Held { .. } => Ok(None),
    }
}

async fn wait_for_winner(address: SocketAddr) {
    let listening = async {
        while !answers(address).await {
            sleep(WATCH).await;
        }
    };
    // Where it takes longer, the peer goes on trying by itself.
    let _ = timeout(WINNER, listening).await;
}

/// The lock is free as soon as the process that held it has ended, however it ended.
async fn watch(paths: Paths, address: SocketAddr, node: Arc<Mutex<Option<TrackerNode>>>, took_over: impl Fn()) {
    loop {
        sleep(WATCH).await;
        let mut node = node.lock().await;
        if node.is_some() {
            return;
        }
        match take(&paths, address).await {
            Ok(Some(taken)) => {
                *node = Some(taken);
                took_over();
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the tracker could not be taken over"),
        }
    }
}
