//! A proxy for whatever runs over TCP: it carries bytes, and can delay, cut, stall and refuse them.

mod pump;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use pump::{Ends, pump};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    There,
    /// To the client.
    Back,
}

/// How bytes go one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As they come.
    Clear,
    /// Each read waits so long.
    Slow {
        /// How long.
        millis: u64,
    },
    /// In pieces, with a pause behind each.
    Trickle {
        /// How large.
        bytes: usize,
    },
    /// They wait.
    Stalled,
}

/// How a road is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// To the server.
    pub there: Flow,
    /// To the client.
    pub back: Flow,
    /// Whether new connections are taken.
    pub open: bool,
}

impl Weather {
    /// As if there were no proxy.
    pub const FAIR: Self = Self { there: Flow::Clear, back: Flow::Clear, open: true };
    /// New connections are closed at once; old ones go on.
    pub const CLOSED: Self = Self { open: false, ..Self::FAIR };

    /// Its kind, to be counted by.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match (self.open, self.there, self.back) {
            (false, ..) => "connections refused",
            (_, Flow::Stalled, _) | (.., Flow::Stalled) => "connections stalled",
            (_, Flow::Trickle { .. }, _) | (.., Flow::Trickle { .. }) => "connections trickling",
            _ => "connections delayed",
        }
    }

    /// Its kind in a word.
    #[must_use]
    pub fn in_short(&self) -> &'static str {
        self.kind().trim_start_matches("connections ")
    }

    const fn flow(&self, way: Way) -> Flow {
        match way {
            Way::There => self.there,
            Way::Back => self.back,
        }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.open {
            return f.write_str("refused");
        }
        write!(f, "there {:?}, back {:?}", self.there, self.back)
    }
}

/// What is closed of the connections that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Nothing,
    Both,
    Half(Way),
}

/// Connections at once. Policy: more are closed at once.
const CONNECTIONS_MAX: usize = 512;
/// A server on this machine answers sooner, or not.
const DIAL: Duration = Duration::from_secs(5);

/// A proxy before one server.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    closing: watch::Sender<Closing>,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Listens, and carries what comes to `server`.
    ///
    /// # Errors
    /// It cannot listen there.
    pub async fn start(listen: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (weather, weathers) = watch::channel(Weather::FAIR);
        let (closing, closings) = watch::channel(Closing::Nothing);
        let accepting = tokio::spawn(accept(listener, server, weathers, closings));
        Ok(Self { address, weather, closing, accepting })
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Closes what is open; new connections are taken.
    pub fn cut(&self) {
        self.closing.send_replace(Closing::Both);
    }

    /// Closes one direction of what is open.
    pub fn half_close(&self, way: Way) {
        self.closing.send_replace(Closing::Half(way));
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    weather: watch::Receiver<Weather>,
    closing: watch::Receiver<Closing>,
) {
    let mut open = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        if weather.borrow().open && open.len() < CONNECTIONS_MAX {
            open.spawn(carry(client, server, weather.clone(), closing.clone()));
        }
    }
}

async fn carry(
    client: TcpStream,
    server: SocketAddr,
    weather: watch::Receiver<Weather>,
    mut closing: watch::Receiver<Closing>,
) {
    closing.mark_unchanged();
    let Ok(Ok(server)) = timeout(DIAL, TcpStream::connect(server)).await else { return };
    // Only speed suffers.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pump(Ends { from: from_client, to: to_server }, Way::There, weather.clone(), closing.clone());
    let back = pump(Ends { from: from_server, to: to_client }, Way::Back, weather, closing.clone());
    tokio::select! {
        () = told(&mut closing, Closing::Both) => {}
        _ = async { tokio::join!(there, back) } => {}
    }
}

/// Returns once this is told anew.
async fn told(closing: &mut watch::Receiver<Closing>, wanted: Closing) {
    while closing.changed().await.is_ok() {
        if *closing.borrow_and_update() == wanted {
            return;
        }
    }
    // Nobody can tell any more: the pumps end by themselves.
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests;
