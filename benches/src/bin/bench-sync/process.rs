//! A host in a process of its own, so that it can be killed.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use segment_benches::party::{CHANNEL, PASSWORD, config};
use segment_core::Endpoint;
use segment_core::peer::events::{PeerEvent, Transfer};
use segment_net::{Happening, Peer};
use segment_proto::messages::Presence;
use segment_proto::{View, Visitors};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The host's number: its secret and its store.
const HOST: u8 = 254;
/// Whatever takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The host's process: says when it may sequence, and leaves in order when its input ends.
pub async fn host(tracker: Endpoint, dir: &Path) -> Result<()> {
    let is_new = !dir.join(format!("{HOST}.sqlite")).exists();
    let peer = Peer::start(config(dir, HOST)?).await?;
    let mut events = peer.events();
    peer.connect(tracker).await?;
    if is_new {
        peer.register("host", PASSWORD, Presence::Online).await?;
        peer.create(CHANNEL, View::Public, Visitors::Read).await?;
    } else {
        peer.login("host", PASSWORD, Presence::Online).await?;
    }
    let (mut since, mut taken) = (Instant::now(), 0);
    loop {
        match events.next().await.context("the host has stopped")? {
            Happening::Event(PeerEvent::LoggedIn { .. }) => since = Instant::now(),
            Happening::Event(PeerEvent::Transferred { transfer: Transfer::Adopted, first, last, .. }) => {
                taken += if first == 0 { 0 } else { last + 1 - first };
            }
            Happening::Event(PeerEvent::Hosting { .. }) => break,
            _ => {}
        }
    }
    println!("hosting {} {taken}", since.elapsed().as_micros());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    peer.shutdown().await?;
    Ok(())
}

/// A host's process, from outside.
pub struct Host {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

/// How a host came to sequence.
#[derive(Clone, Copy, Debug)]
pub struct Handback {
    /// From its login to its epoch.
    pub took: Duration,
    /// Messages that it took over.
    pub taken: u64,
}

/// How a host goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It says goodbye.
    Logout,
    /// kill -9
    Kill,
    /// It stands still with its links open.
    Freeze,
}

impl Host {
    /// Starts it, and waits until it may sequence.
    pub async fn start(tracker: Endpoint, dir: &Path) -> Result<(Self, Handback)> {
        let key = tracker.key.context("a tracker has a key")?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("host").arg(tracker.address.to_string()).arg(key.to_string()).arg(dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let mut host = Self { input: child.stdin.take(), child, output };
        let line = timeout(PATIENCE, host.output.next_line()).await.context("the host never hosts")??;
        let line = line.context("the host has ended")?;
        let numbers: Vec<u64> = line.split(' ').skip(1).filter_map(|number| number.parse().ok()).collect();
        let [micros, taken] = numbers[..] else { bail!("a host said {line:?}") };
        Ok((host, Handback { took: Duration::from_micros(micros), taken }))
    }

    /// Makes it go.
    pub async fn go(&mut self, way: Way) -> Result<()> {
        match way {
            Way::Logout => self.input.take().context("it has gone")?.shutdown().await?,
            Way::Kill => self.child.start_kill()?,
            Way::Freeze => {
                let pid = self.child.id().context("it has ended")?.to_string();
                Command::new("kill").args(["-STOP", &pid]).status().await?;
            }
        }
        Ok(())
    }

    /// Waits until it is gone; a frozen one is killed.
    pub async fn gone(mut self, way: Way) -> Result<()> {
        if way == Way::Freeze {
            self.child.start_kill()?;
        }
        timeout(PATIENCE, self.child.wait()).await.context("the host does not end")??;
        Ok(())
    }
}
