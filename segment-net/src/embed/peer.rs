//! A peer to `await`.

use std::net::SocketAddr;
use std::sync::Arc;

use segment_core::Endpoint;
use segment_core::peer::context::Unanswered;
use segment_core::peer::events::{PeerEvent, Reply};
use segment_core::peer::{CommandError, Inspection, Peer as Machine, PeerConfig};
use segment_core::rules::Rules;
use segment_proto::messages::{ChannelRow, Failure, Presence, Secret};
use segment_proto::pending::NoAnswer;
use segment_proto::{ChannelId, DeviceId, MessageKey, Now, RequestId, SessionId, Token, View, Visitors, Who};
use thiserror::Error;
use tokio::sync::watch;

use super::channel::Channel;
use super::receipt::{NotDelivered, Receipt};
use super::setup::{Config, Prepared, StartError, prepare};
use super::waiters::{Progress, Waiters};
use crate::driver::{Driver, DriverError, Handle, Observer, Stopped};
use crate::events::Events;
use crate::running::Running;
use crate::traffic::Traffic;

/// A request was not answered with what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not even asked.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The tracker refuses; `reason` says why, and whether it is worth trying again.
    #[error("refused: {reason:?} {detail}", reason = .0.reason, detail = .0.detail)]
    Refused(Failure),
    /// No answer came; the tracker may have done what was asked.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Something else was answered than what was asked: the tracker is broken.
    #[error("the tracker answered something else than what was asked")]
    OtherAnswer,
    /// This peer has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<Unanswered> for RequestError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(failure) => Self::Refused(failure),
            Unanswered::NoAnswer(no_answer) => Self::NoAnswer(no_answer),
        }
    }
}

/// A message was not taken: it is not on disk and will not be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The command was refused.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// It could not be kept, or it was refused at once.
    #[error(transparent)]
    NotDelivered(#[from] NotDelivered),
    /// This peer has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// A peer at work; clones are the same one. It stops when told to, or when nobody holds it any more.
#[derive(Clone, Debug)]
pub struct Peer {
    handle: Handle<Machine>,
    waiters: Waiters,
    running: Running,
    device: DeviceId,
    address: Option<SocketAddr>,
    events_max: usize,
}

impl Peer {
    /// Starts a peer as its store has it: what waited in its outboxes goes out once it is connected.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_observed(config, Box::new(|_| {})).await
    }

    /// [`Peer::start`], and `observer` sees every event from the first on.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_observed(config: Config, mut observer: Observer<PeerEvent>) -> Result<Self, StartError> {
        let (software, protocol) = (config.software.clone(), config.limits.protocol.clone());
        let (advertise, events_max) = (config.advertise, config.limits.events_max);
        let prepared = prepare(config, move |origin, store| {
            let (identity, seed) = (origin.identity, origin.seed);
            Machine::restore(PeerConfig { identity, limits: protocol, rules: Rules::all(), seed, software }, store)
        });
        let Prepared { machine, setup, address } = prepared.await?;
        let device = machine.device();
        let (driver, handle) = Driver::new(machine, setup)?;
        let waiters = Waiters::default();
        let (watching, ending) = (waiters.clone(), waiters.clone());
        let driver = driver.observed_by(Box::new(move |event| {
            observer(event);
            watching.on_event(event);
        }));
        let running = Running::start(driver, move || ending.give_up());
        let peer = Self { handle, waiters, running, device, address, events_max };
        if let Some(port) = address.map(|address| address.port()) {
            // A driver that has stopped already says so at the first request.
            let _ = peer.call(move |machine, now| machine.listen(port, advertise, now)).await;
        }
        Ok(peer)
    }

    /// The way to its machine, for what has no method here.
    #[must_use]
    pub fn handle(&self) -> &Handle<Machine> {
        &self.handle
    }

    /// What has gone over its links since it was started.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.handle.traffic()
    }

    /// The whole of it at this moment, for people who look for a fault.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn inspect(&self) -> Result<Inspection, Stopped> {
        self.call(|machine, now| machine.inspect(now)).await
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Where this peer listens, if it does.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Connects to a tracker and stays connected.
    ///
    /// # Errors
    /// [`RequestError`]; after a [`RequestError::NoAnswer`] it is tried on in the background.
    pub async fn connect(&self, tracker: Endpoint) -> Result<(), RequestError> {
        self.request(move |machine, now| machine.connect(tracker, now)).await.map(drop)
    }

    /// Creates an account and logs in.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn register(&self, name: &str, password: &str, presence: Presence) -> Result<Who, RequestError> {
        let (name, secret) = (name.to_owned(), Secret(password.to_owned()));
        self.log_in(move |machine, now| machine.register(&name, secret, presence, now)).await
    }

    /// Logs in with a password.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn login(&self, name: &str, password: &str, presence: Presence) -> Result<Who, RequestError> {
        let (name, secret) = (name.to_owned(), Secret(password.to_owned()));
        self.log_in(move |machine, now| machine.login(&name, secret, presence, now)).await
    }

    /// Enters as a visitor, who reads and nothing else.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn guest(&self, name: &str) -> Result<Who, RequestError> {
        let name = name.to_owned();
        self.log_in(move |machine, now| machine.guest(&name, now)).await
    }

    /// Goes on with a session of an earlier process; see [`PeerEvent::LoggedIn`].
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn resume(&self, session: SessionId, token: Token) -> Result<Who, RequestError> {
        self.log_in(move |machine, now| machine.resume(session, token, now)).await
    }

    async fn log_in<F>(&self, command: F) -> Result<Who, RequestError>
    where
        F: FnOnce(&mut Machine, Now) -> Result<RequestId, CommandError> + Send + 'static,
    {
        match self.request(command).await? {
            Reply::LoggedIn { who, .. } => Ok(who),
            _ => Err(RequestError::OtherAnswer),
        }
    }

    /// Creates a channel that this device hosts.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn create(&self, name: &str, view: View, visitors: Visitors) -> Result<Channel, RequestError> {
        let name = name.to_owned();
        self.enter(move |machine, now| machine.create_channel(&name, view, visitors, now)).await
    }

    /// Joins a channel, with or without its `#`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn join(&self, name: &str) -> Result<Channel, RequestError> {
        let name = name.to_owned();
        self.enter(move |machine, now| machine.join(&name, now)).await
    }

    async fn enter<F>(&self, command: F) -> Result<Channel, RequestError>
    where
        F: FnOnce(&mut Machine, Now) -> Result<RequestId, CommandError> + Send + 'static,
    {
        match self.request(command).await? {
            Reply::Channel(ChannelRow { record, .. }) => Ok(self.channel(record.channel)),
            _ => Err(RequestError::OtherAnswer),
        }
    }

    /// A channel that was joined before.
    #[must_use]
    pub fn channel(&self, channel: ChannelId) -> Channel {
        Channel::new(self.clone(), channel)
    }

    /// Everything that this peer tells from now on, but for the frames of streams: those come to whoever watches. A lost
    /// link is an event, never the end.
    #[must_use]
    pub fn events(&self) -> Events<PeerEvent> {
        self.handle.events_of(self.events_max, |event| !matches!(event, PeerEvent::FrameReady { .. }))
    }

    /// Makes a request and waits for its end. Once asked, dropping the future changes nothing.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request<F>(&self, command: F) -> Result<Reply, RequestError>
    where
        F: FnOnce(&mut Machine, Now) -> Result<RequestId, CommandError> + Send + 'static,
    {
        let waiters = self.waiters.clone();
        let asked = self.call(move |machine, now| command(machine, now).map(|id| waiters.reply(id)));
        let replied = asked.await??.await.map_err(|_| Stopped)?;
        Ok(replied?)
    }

    /// Writes a message and waits until it is on disk. From then on it goes out by itself; dropping
    /// the future earlier may or may not have sent it.
    ///
    /// # Errors
    /// [`SendError`]: it was not taken.
    pub async fn write<F>(&self, command: F) -> Result<Receipt, SendError>
    where
        F: FnOnce(&mut Machine, Now) -> Result<MessageKey, CommandError> + Send + 'static,
    {
        let waiters = self.waiters.clone();
        let written = self.call(move |machine, now| -> Result<(MessageKey, watch::Receiver<Progress>), CommandError> {
            let key = command(machine, now)?;
            Ok((key, waiters.progress(key)))
        });
        let (key, progress) = written.await??;
        let receipt = Receipt::new(key, progress);
        receipt.kept().await?;
        Ok(receipt)
    }

    /// Does anything else with the machine.
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

    /// Says goodbye and stops: what was begun is finished, everything is on disk.
    ///
    /// # Errors
    /// [`DriverError`]: not cleanly.
    pub async fn shutdown(&self) -> Result<(), Arc<DriverError>> {
        // Where it has stopped already, there is nobody to say goodbye to.
        let _ = self.call(Machine::shutdown).await;
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
