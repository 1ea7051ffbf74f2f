//! Being somebody at the tracker, and in every channel, whatever happens meanwhile.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use segment_core::Endpoint;
use segment_core::peer::TrackerState;
use segment_core::peer::events::PeerEvent;
use segment_net::{Channel, Config, Peer, RequestError};
use segment_proto::messages::Presence;
use segment_proto::{DeviceId, MessageKey};
use segment_store::SqliteStore;
use tokio::time::sleep;

use super::ClientArgs;
use crate::Label;

const PASSWORD: &str = "correct horse battery staple";
/// How often it is looked whether something is missing.
const LOOK: Duration = Duration::from_millis(250);
/// A session that is not resumed by itself so many looks after the tracker is there, is begun anew.
const PATIENCE: u32 = 12;

/// A peer and who it is.
#[derive(Clone, Debug)]
pub struct Member {
    pub peer: Peer,
    name: String,
    tracker: Endpoint,
    renamed: Renamed,
}

/// Messages that were signed again, by their earlier keys: a receipt goes on under the later one.
#[derive(Clone, Debug, Default)]
pub struct Renamed(Arc<Mutex<HashMap<MessageKey, MessageKey>>>);

impl Renamed {
    fn note(&self, event: &PeerEvent) {
        if let PeerEvent::MessageSignedAgain { old, new } = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(*old, *new);
        }
    }

    /// The key that a message has now.
    pub fn now(&self, mut key: MessageKey) -> MessageKey {
        let renamed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(later) = renamed.get(&key).filter(|later| **later != key) {
            key = *later;
        }
        key
    }
}

/// What an earlier process has left in the outboxes.
pub type Leftovers = HashMap<MessageKey, Label>;

impl Member {
    pub async fn start(args: &ClientArgs) -> Result<Self> {
        std::fs::create_dir_all(&args.dir)?;
        let store = SqliteStore::open(args.dir.join("store.sqlite"))?;
        let mut secret = [0xc4; 32];
        secret[..2].copy_from_slice(&args.member.to_be_bytes());
        let listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let renamed = Renamed::default();
        let noting = renamed.clone();
        // Seen here before anybody is told how far the message has come.
        let observer = Box::new(move |event: &PeerEvent| noting.note(event));
        let peer = Peer::start_observed(Config { listen, ..Config::new(secret, store) }, observer).await?;
        let key = DeviceId::from_hex(&args.key).context("the tracker's key is not one")?;
        let tracker = Endpoint { address: args.tracker, key: Some(key) };
        Ok(Self { peer, name: format!("m{}", args.member), tracker, renamed })
    }

    pub fn renamed(&self) -> Renamed {
        self.renamed.clone()
    }

    /// What waits to be sent, before anything is.
    pub async fn leftovers(&self) -> Result<Leftovers> {
        let list = |machine: &mut segment_core::peer::Peer, _| {
            let channels: Vec<_> = machine.channels().map(|view| view.record.channel).collect();
            let of = |channel| machine.outgoing(channel).map(Iterator::collect).unwrap_or_default();
            channels.into_iter().flat_map(|channel| -> Vec<_> { of(channel) }).collect::<Vec<_>>()
        };
        let waiting = self.peer.call(list).await?.into_iter();
        Ok(waiting.filter_map(|item| Some((item.key, item.text?.parse().ok()?))).collect())
    }

    async fn connect(&self) -> Result<()> {
        match self.peer.connect(self.tracker).await {
            // It is tried on by itself.
            Ok(()) | Err(RequestError::NoAnswer(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns once this is somebody who is in every channel.
    pub async fn enter(&self, args: &ClientArgs) -> Result<Vec<(u16, Channel)>> {
        self.connect().await?;
        self.log_in().await?;
        let mut channels = Vec::new();
        for number in 1..=args.channels {
            channels.push((number, self.join(number).await?));
        }
        Ok(channels)
    }

    async fn log_in(&self) -> Result<()> {
        // Who was here before may write again at once: the login is on disk, and the rest comes by itself.
        if self.peer.call(|machine, _| machine.whoami().is_some()).await? {
            return Ok(());
        }
        while !self.ask_for_login().await? {
            sleep(LOOK).await;
        }
        Ok(())
    }

    async fn ask_for_login(&self) -> Result<bool> {
        if let Ok(_who) = self.peer.register(&self.name, PASSWORD, Presence::Online).await {
            return Ok(true);
        }
        match self.peer.login(&self.name, PASSWORD, Presence::Online).await {
            Ok(_) => Ok(true),
            Err(RequestError::Stopped(_)) => bail!("the peer has stopped by itself"),
            Err(_) => Ok(false),
        }
    }

    async fn join(&self, number: u16) -> Result<Channel> {
        let name = format!("c{number}");
        loop {
            if let Some(channel) = self.joined(&name).await? {
                return Ok(channel);
            }
            match self.peer.join(&name).await {
                Ok(channel) => return Ok(channel),
                Err(RequestError::Stopped(_)) => bail!("the peer has stopped by itself"),
                Err(_) => sleep(LOOK).await,
            }
        }
    }

    async fn joined(&self, name: &str) -> Result<Option<Channel>> {
        let name = name.to_owned();
        let find = move |machine: &mut segment_core::peer::Peer, _| {
            machine
                .channels()
                .find(|view| view.member && view.record.name.as_str() == name)
                .map(|view| view.record.channel)
        };
        Ok(self.peer.call(find).await?.map(|id| self.peer.channel(id)))
    }

    /// Sees to it that there is a session. A peer resumes its own by itself, but not an earlier process's, whose token
    /// is gone.
    pub async fn stay(self) -> Result<()> {
        let (mut missing, mut patience) = (0, 1);
        loop {
            sleep(LOOK).await;
            match self.peer.call(|machine, _| machine.tracker_state()).await? {
                TrackerState::LoggedIn => (missing, patience) = (0, PATIENCE),
                TrackerState::Connected => missing += 1,
                _ => missing = 0,
            }
            if missing >= patience {
                missing = 0;
                // What goes wrong here goes wrong again, or is mended meanwhile.
                let _ = self.peer.login(&self.name, PASSWORD, Presence::Online).await;
            }
        }
    }
}
