//! A tracker at work in this process.

use std::net::SocketAddr;
use std::path::Path;

use segment_net::{Config, Tracker};
use segment_proto::DeviceId;
use segment_store::SqliteStore;

use super::control::Control;
use super::shared::SharedStore;
use super::{NodeError, SOFTWARE, STORE_FILE, record_of_tracker};
use crate::connection_log::{ConnectionLog, Details, EventType, LogGuard, LogLimits, Source};
use crate::profile::{DeviceSecret, Lock, LockOutcome, private_dir};

/// A tracker at work, with its lock on its data.
#[derive(Debug)]
pub struct TrackerNode {
    tracker: Tracker,
    address: SocketAddr,
    log: ConnectionLog,
    _control: Option<Control>,
    _log_guard: LogGuard,
    _lock: Lock,
}

impl TrackerNode {
    /// Starts the tracker of a data directory.
    ///
    /// # Errors
    /// [`NodeError::InUse`] where another process has it; nothing was started.
    pub async fn start(dir: &Path, bind: SocketAddr) -> Result<Self, NodeError> {
        private_dir(dir)?;
        match Lock::take(dir)? {
            LockOutcome::Taken(lock) => Self::start_locked(lock, dir, bind).await,
            LockOutcome::Held { pid } => Err(NodeError::InUse { dir: dir.to_owned(), pid }),
        }
    }

    /// Starts it where the lock is taken already.
    ///
    /// # Errors
    /// [`NodeError`]: nothing was started.
    pub async fn start_locked(lock: Lock, dir: &Path, bind: SocketAddr) -> Result<Self, NodeError> {
        let secret = DeviceSecret::load_or_make(dir)?;
        let store = SharedStore::new(SqliteStore::open(dir.join(STORE_FILE))?);
        let control = Control::listen(dir, store.clone());
        let (log, log_guard) = ConnectionLog::open(dir, LogLimits::default())?;
        let mut config = Config::new(*secret.expose(), store);
        config.listen = Some(bind);
        config.software = SOFTWARE.to_owned();
        let observer = log.clone();
        let observe = move |event: &_| {
            if let Some((event, source, details)) = record_of_tracker(event) {
                observer.record(event, source, details);
            }
        };
        let tracker = Tracker::start_observed(config, Box::new(observe)).await?;
        let address = tracker.address().unwrap_or(bind);
        let details = Details::new().with("program", "tracker").with("address", address).with("key", tracker.key());
        log.record(EventType::ProcessStarted, Source::own(), details);
        Ok(Self { tracker, address, log, _control: control, _log_guard: log_guard, _lock: lock })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key that its clients pin.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.tracker.key()
    }

    /// Waits until it has stopped by itself.
    ///
    /// # Errors
    /// [`NodeError::Driver`]
    pub async fn stopped(&self) -> Result<(), NodeError> {
        Ok(self.tracker.stopped().await?)
    }

    /// Stops it: what was begun is finished, everything is on disk.
    ///
    /// # Errors
    /// [`NodeError::Driver`]: not well.
    pub async fn stop(self) -> Result<(), NodeError> {
        let result = self.tracker.shutdown().await;
        self.log.record(EventType::ProcessStopped, Source::own(), Details::new().with("program", "tracker"));
        Ok(result?)
    }
}
