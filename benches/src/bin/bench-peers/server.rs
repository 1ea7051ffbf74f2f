//! Servers and clients as processes: pinned to a core, and ended by their ids, whatever becomes of this one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::outcome::Outcome;
use crate::rows::{Row, Task};
use crate::system::System;
use crate::systems;

/// Below the kernel's own, for servers that cannot choose one themselves.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const SERVER_CORE: &str = "0";
const PATIENCE: Duration = Duration::from_secs(60);
/// Until stores are closed.
const FAREWELL: Duration = Duration::from_secs(10);

/// A program on one core, which the kernel ends with this process, however that ends.
fn pinned(core: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    // Servers stand in /usr/sbin on Debian, which is not on everybody's way.
    command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
    command.args(["--pdeathsig", "KILL", "taskset", "-c", core]).arg(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn free_port() -> Result<u16> {
    let mut ports = PORTS.skip(usize::from(std::process::id() as u16 % 4_096));
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).context("no port is free")
}

/// A directory on the disk on which this was built: what is in memory is synced in no time.
pub fn disk() -> Result<TempDir> {
    let here = std::env::current_exe()?;
    Ok(TempDir::new_in(here.parent().map_or_else(|| PathBuf::from("."), Path::to_owned))?)
}

/// A server at work.
pub struct Server {
    child: Child,
    place: String,
    /// One with stores stops when this is closed.
    input: Option<ChildStdin>,
    files: TempDir,
}

impl Server {
    pub async fn start(system: System, row: &Row) -> Result<Self> {
        let (files, port) = (disk()?, free_port()?);
        let program = systems::program(system, port, files.path())?;
        let Some(program) = program else { return Self::ours(system, row, files).await };
        let mut command = pinned(SERVER_CORE, &program.name);
        command.args(&program.words).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().context("setpriv is missing: apt-get install util-linux")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_for(&mut child, address).await.with_context(|| program.name.clone())?;
        Ok(Self { child, place: address.to_string(), input: None, files })
    }

    async fn ours(system: System, row: &Row, files: TempDir) -> Result<Self> {
        let mut command = pinned(SERVER_CORE, std::env::current_exe()?);
        command.args(["serve", &system.to_string(), &serde_json::to_string(row)?]).arg(files.path());
        let mut child = command.spawn().context("setpriv is missing: apt-get install util-linux")?;
        let input = child.stdin.take().filter(|_| system.is_segment());
        let output = child.stdout.take().context("it says nothing")?;
        match first_line(output).await? {
            Some(place) => Ok(Self { child, place, input, files }),
            None => bail!(first_complaint(&child.wait_with_output().await?.stderr)),
        }
    }

    /// Drives it from a process of its own.
    pub async fn drive(&self, system: System, row: Row, seconds: f64) -> Result<Outcome> {
        let server = Some(self.child.id().context("it has ended")?);
        let dir = self.files.path().display().to_string();
        drive(&Task { system, row, place: self.place.clone(), server, seconds, dir }).await
    }

    pub async fn end(mut self) -> Result<()> {
        if let Some(mut input) = self.input.take() {
            input.shutdown().await?;
            drop(input);
            if timeout(FAREWELL, self.child.wait()).await.is_ok() {
                return Ok(());
            }
        }
        Ok(self.child.kill().await?)
    }
}

async fn first_line(output: ChildStdout) -> Result<Option<String>> {
    let mut lines = BufReader::new(output).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.context("it does not start")??;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(line)
}

fn first_complaint(stderr: &[u8]) -> String {
    let words = String::from_utf8_lossy(stderr);
    words
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it has ended")
        .trim_start_matches("Error: ")
        .to_owned()
}

/// The clients, in a process of their own.
pub async fn drive(task: &Task) -> Result<Outcome> {
    let mut command = pinned(task.row.client_core(), std::env::current_exe()?);
    command.args(["load", &serde_json::to_string(task)?]);
    let output = timeout(PATIENCE, command.output()).await.context("it took too long")??;
    ensure!(output.status.success(), first_complaint(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

async fn wait_for(child: &mut Child, address: SocketAddr) -> Result<()> {
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("it is not there, or does not start ({status}): see scripts/bench-peers");
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("it does not listen")
}
