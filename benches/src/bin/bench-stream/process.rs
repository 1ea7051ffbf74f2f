//! Further processes of this program, and how they are talked to: a word a line in, a line of JSON out.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::crowd::CrowdRole;
use crate::plain::{PlainSourceRole, PlainWatchRole};
use crate::source::SourceRole;
use crate::watch::{JoinRole, WatchRole};

/// Whatever takes longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a process does.
#[derive(Debug, Serialize, Deserialize)]
pub enum Role {
    Source(SourceRole),
    Watch(WatchRole),
    Join(JoinRole),
    Crowd(CrowdRole),
    PlainSource(PlainSourceRole),
    PlainWatch(PlainWatchRole),
}

impl Role {
    /// Does it.
    pub async fn play(self) -> Result<()> {
        match self {
            Self::Source(role) => role.play().await,
            Self::Watch(role) => role.play().await,
            Self::Join(role) => role.play().await,
            Self::Crowd(role) => role.play().await,
            Self::PlainSource(role) => role.play().await,
            Self::PlainWatch(role) => role.play().await,
        }
    }
}

/// Lines that say what to do next.
pub type Orders = Lines<BufReader<Stdin>>;

/// Listens for them.
pub fn orders() -> Orders {
    BufReader::new(tokio::io::stdin()).lines()
}

/// Says something to whoever has started this process.
pub fn say(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// Another process, from outside. It ends with its input, or with this value.
pub struct Part {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    pub pid: u32,
}

impl Part {
    pub fn start(role: &Role) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("part").arg(serde_json::to_string(role)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let pid = child.id().context("it runs")?;
        Ok(Self { input: child.stdin.take(), child, output, pid })
    }

    /// What it says next.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = timeout(PATIENCE, self.output.next_line()).await.context("a process says nothing")??;
        let Some(line) = line else { bail!("a process has ended") };
        Ok(serde_json::from_str(&line)?)
    }

    pub async fn order(&mut self, order: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input is closed")?;
        input.write_all(format!("{order}\n").as_bytes()).await?;
        Ok(input.flush().await?)
    }

    pub async fn ask<T: DeserializeOwned>(&mut self, order: &str) -> Result<T> {
        self.order(order).await?;
        self.hear().await
    }

    /// kill -9
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.child.start_kill()?)
    }

    /// It stands still with its links open.
    pub async fn freeze(&self) -> Result<()> {
        Command::new("kill").args(["-STOP", &self.pid.to_string()]).status().await?;
        Ok(())
    }

    pub async fn end(mut self) -> Result<()> {
        self.input.take();
        timeout(PATIENCE, self.child.wait()).await.context("a process does not end")??;
        Ok(())
    }
}
