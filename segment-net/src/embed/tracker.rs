//! A tracker to `await`.

use std::net::SocketAddr;
use std::sync::Arc;

use segment_core::Endpoint;
use segment_core::rules::Rules;
use segment_core::tracker::events::TrackerEvent;
use segment_core::tracker::{Tracker as Machine, TrackerConfig};
use segment_proto::{DeviceId, Now};

use super::setup::{Config, Prepared, StartError, prepare};
use crate::driver::{Driver, DriverError, Handle, Observer, Stopped};
use crate::events::Events;
use crate::running::Running;

/// A tracker at work; clones are the same one. It stops when told to, or when nobody holds it any more.
#[derive(Clone, Debug)]
pub struct Tracker {
    handle: Handle<Machine>,
    running: Running,
    key: DeviceId,
    address: Option<SocketAddr>,
}

impl Tracker {
    /// Starts a tracker as its store has it; an empty store makes a new one.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_observed(config, Box::new(|_| {})).await
    }

    /// [`Tracker::start`], and `observer` sees every event from the first on.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_observed(config: Config, observer: Observer<TrackerEvent>) -> Result<Self, StartError> {
        let (software, protocol) = (config.software.clone(), config.limits.protocol.clone());
        let key = segment_proto::Identity::from_secret(&config.secret).device();
        let prepared = prepare(config, move |origin, store| {
            let (identity, seed) = (origin.identity, origin.seed);
            Machine::restore(TrackerConfig { identity, limits: protocol, rules: Rules::all(), seed, software }, store)
        });
        let Prepared { machine, setup, address } = prepared.await?;
        let (driver, handle) = Driver::new(machine, setup)?;
        let running = Running::start(driver.observed_by(observer), || {});
        Ok(Self { handle, running, key, address })
    }

    /// The key that its clients pin.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.key
    }

    /// Where it listens, if it does.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whom clients connect to, where it listens on an address that they can dial.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        self.address.map(|address| Endpoint { address, key: Some(self.key) })
    }

    /// Everything that this tracker tells from now on.
    #[must_use]
    pub fn events(&self) -> Events<TrackerEvent> {
        self.handle.events()
    }

    /// Does something with the machine.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn call<R, F>(&self, call: F) -> Result<R, Stopped>
    where
        F: FnOnce(&mut Machine, Now) -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.call(call).await
    }

    /// Stops: what was begun is finished, everything is on disk.
    ///
    /// # Errors
    /// [`DriverError`]: not cleanly.
    pub async fn shutdown(&self) -> Result<(), Arc<DriverError>> {
        self.running.stop().await
    }

    /// Waits until it has stopped, for whatever reason.
    ///
    /// # Errors
    /// [`DriverError`]: by itself, or not cleanly.
    pub async fn stopped(&self) -> Result<(), Arc<DriverError>> {
        self.running.ended().await
    }
}
