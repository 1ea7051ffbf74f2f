//! A peer at work in this process.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use segment_net::{Config, Peer};
use segment_proto::Identity;
use segment_store::{MemoryStore, SqliteStore};

use super::{NodeError, SOFTWARE, STORE_FILE, record_of_peer};
use crate::connection_log::{ConnectionLog, Details, EventType, Source};
use crate::profile::{DeviceSecret, Profile, ProfileError};

/// What a peer is started with.
#[derive(Clone, Copy, Debug)]
pub struct PeerPlan {
    /// Where it listens for members.
    pub bind: SocketAddr,
    /// The address to name instead of the one that the tracker sees.
    pub advertise: Option<IpAddr>,
}

/// What is kept of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Everything, in its profile.
    Profile,
    /// Nothing: a visitor has a device of its own, which ends with the visit.
    Nothing,
}

/// A peer at work.
#[derive(Debug)]
pub struct PeerNode {
    /// The way to it.
    pub peer: Peer,
    /// What is kept of it.
    pub keeping: Keeping,
}

impl PeerNode {
    /// Starts the peer of a profile, or a visitor's, which leaves nothing behind.
    ///
    /// # Errors
    /// [`NodeError`]: nothing was started.
    pub async fn start(
        profile: &Profile,
        keeping: Keeping,
        plan: PeerPlan,
        log: &ConnectionLog,
    ) -> Result<Self, NodeError> {
        let mut config = match keeping {
            Keeping::Profile => Config::new(*profile.device().expose(), open_store(profile.dir())?),
            Keeping::Nothing => Config::new(fresh_secret(profile.dir())?, MemoryStore::default()),
        };
        let details = Details::new().with("program", "peer").with("profile", profile.name());
        let details = details.with("key", Identity::from_secret(&config.secret).device());
        log.record(EventType::ProcessStarted, Source::own(), details);
        config.listen = Some(plan.bind);
        config.advertise = plan.advertise;
        config.software = SOFTWARE.to_owned();
        let observer = log.clone();
        let observe = move |event: &_| {
            if let Some((event, source, details)) = record_of_peer(event) {
                observer.record(event, source, details);
            }
        };
        let peer = Peer::start_observed(config, Box::new(observe)).await?;
        Ok(Self { peer, keeping })
    }

    /// Says goodbye and stops; everything is on disk.
    ///
    /// # Errors
    /// [`NodeError::Driver`]: not well.
    pub async fn stop(&self, log: &ConnectionLog) -> Result<(), NodeError> {
        let result = self.peer.shutdown().await;
        log.record(EventType::ProcessStopped, Source::own(), Details::new().with("program", "peer"));
        Ok(result?)
    }
}

fn open_store(dir: &Path) -> Result<SqliteStore, NodeError> {
    Ok(SqliteStore::open(dir.join(STORE_FILE))?)
}

fn fresh_secret(dir: &Path) -> Result<[u8; 32], ProfileError> {
    DeviceSecret::fresh(dir).map(|secret| *secret.expose())
}
