//! The systems that are compared: how each is started, pinned to a core, and ended by its process id.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::load::Outcome;
use crate::raw::Cover;
use crate::report::Row;
use crate::wire::{self, Wire};

/// The author is never so many messages ahead of the slowest member.
pub const WINDOW: usize = 2_048;
/// Ports for servers that cannot choose one themselves.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Tcp,
    Tls,
    Nats,
    Redis,
    Mosquitto,
    Segment,
}

impl System {
    pub const ALL: [Self; 6] = [Self::Tcp, Self::Tls, Self::Nats, Self::Redis, Self::Mosquitto, Self::Segment];

    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "raw-tcp",
            Self::Tls => "raw-tls",
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
            Self::Mosquitto => "mosquitto",
            Self::Segment => "segment",
        }
    }

    pub fn find(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name).with_context(|| format!("no such system: {name}"))
    }

    /// Whether it can do that by itself.
    pub fn can(self, row: &Row) -> bool {
        matches!(row, Row::FanOut(_)) || self != Self::Mosquitto
    }

    /// So many deliveries, that a round takes about a second; Segment makes as many messages whoever gets them, because
    /// an author signs each.
    pub fn deliveries(self, usual: usize, members: usize) -> usize {
        match self {
            Self::Tcp | Self::Tls => usual * 10,
            Self::Nats | Self::Redis => usual * 4,
            Self::Mosquitto => usual / 4,
            Self::Segment => usual / 500 * members,
        }
    }

    pub fn cover(self) -> Cover {
        if self == Self::Tls { Cover::Tls } else { Cover::Tcp }
    }

    pub fn wire(self, bytes: usize) -> Wire {
        match self {
            Self::Nats => wire::nats(bytes),
            Self::Redis => wire::redis(bytes),
            Self::Mosquitto => wire::mqtt(bytes),
            Self::Tcp | Self::Tls | Self::Segment => wire::raw(bytes),
        }
    }
}

/// A server at work.
pub struct Server {
    system: System,
    child: Child,
    place: String,
    /// Its settings and data.
    _files: TempDir,
}

fn free_port() -> Result<u16> {
    let mut ports = PORTS.skip(usize::from(std::process::id() as u16 % 4_096));
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).context("no port is free")
}

impl Server {
    pub async fn start(system: System) -> Result<Self> {
        let files = TempDir::new()?;
        let (port, dir) = (free_port()?, files.path());
        let mut words: Vec<String> = match system {
            System::Nats => vec!["-a".into(), "127.0.0.1".into(), "-p".into(), port.to_string()],
            System::Redis => ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]
                .into_iter()
                .map(String::from)
                .chain([dir.display().to_string()])
                .collect(),
            System::Mosquitto => {
                let settings = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n");
                std::fs::write(dir.join("mosquitto.conf"), settings)?;
                vec!["-c".into(), dir.join("mosquitto.conf").display().to_string()]
            }
            System::Tcp | System::Tls | System::Segment => vec!["serve".into(), system.name().into()],
        };
        let ours = words.first().is_some_and(|word| word == "serve");
        let program = if ours { std::env::current_exe()?.display().to_string() } else { system.name().to_owned() };
        words.splice(..0, ["-c".to_owned(), "0".to_owned(), program]);
        let mut command = Command::new("taskset");
        // Servers stand in /usr/sbin on Debian, which is not on everybody's way.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.args(words).stdin(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        command.stdout(if ours { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().context("taskset is missing: apt-get install util-linux")?;
        let place = match child.stdout.take() {
            Some(output) => {
                let mut lines = BufReader::new(output).lines();
                let line = timeout(PATIENCE, lines.next_line()).await??.context("it has ended")?;
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                line
            }
            None => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                wait_for(&mut child, address).await.with_context(|| format!("missing: {}", system.name()))?;
                address.to_string()
            }
        };
        Ok(Self { system, child, place, _files: files })
    }

    /// Drives it from a process of its own.
    pub async fn load(&self, core: &str, row: &Row, bytes: usize, count: usize) -> Result<Outcome> {
        let pid = self.child.id().context("it has ended")?.to_string();
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(std::env::current_exe()?).args(["load", self.system.name(), &self.place, &pid]);
        command.args([row.to_string(), bytes.to_string(), count.to_string()]).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.context("it took too long")??;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default()
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    pub async fn end(mut self) -> Result<()> {
        if let Some(mut input) = self.child.stdin.take().filter(|_| self.system == System::Segment) {
            input.shutdown().await?;
            drop(input);
            if timeout(Duration::from_secs(20), self.child.wait()).await.is_ok() {
                return Ok(());
            }
        }
        self.child.kill().await?;
        Ok(())
    }
}

async fn wait_for(child: &mut Child, address: SocketAddr) -> Result<()> {
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("it has ended: {status}; apt-get install nats-server redis-server mosquitto");
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("it does not listen")
}
