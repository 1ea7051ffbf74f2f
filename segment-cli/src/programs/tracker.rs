//! `segment-tracker`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use segment_net::{OpenFiles, raise_open_files};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, start_tracing};
use crate::args::{TrackerAction, TrackerArgs, TrackerOptions};
use crate::chat::output::{Answer, Out};
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::node::{self, Copied, Damaged, Placed, TrackerNode};
use crate::profile::Paths;
use crate::render::Style;
use crate::url::TrackerUrl;

/// Runs a tracker until it is told to end.
#[must_use]
pub fn tracker() -> ExitCode {
    start_tracing();
    let options = TrackerArgs::parse().check();
    block_on(run(options))
}

async fn run(options: TrackerOptions) -> ExitCode {
    let out = Out::streams(options.output, Style::detect());
    let done = match &options.action {
        None => serve(&options, &out).await,
        Some(action) => keep(action, &options, &out).await,
    };
    match done {
        Ok(()) => ExitCode::Done,
        Err(problem) => {
            // Nobody reads it, or everybody knows.
            let _ = out.problem("segment-tracker", &problem).await;
            problem.exit
        }
    }
}

async fn serve(options: &TrackerOptions, out: &Out) -> Result<(), Problem> {
    let broken = |error: std::io::Error| Problem::local(LocalReason::Start).saying(error);
    let mut interrupts = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(broken)?;
    let files = raise_open_files();
    let node = TrackerNode::start(&data_dir(options)?, options.bind).await?;
    let started = Started::new(&node, options.advertise.as_deref(), files);
    out.answer(&started).await.map_err(broken)?;
    tokio::select! {
        ended = node.stopped() => return Ok(ended?),
        _ = interrupts.recv() => {}
        _ = terminations.recv() => {}
    }
    out.remark("Ending: what was begun is finished. Once more ends at once.").await.map_err(broken)?;
    tokio::select! {
        stopped = node.stop() => Ok(stopped?),
        _ = interrupts.recv() => Err(at_once()),
        _ = terminations.recv() => Err(at_once()),
    }
}

async fn keep(action: &TrackerAction, options: &TrackerOptions, out: &Out) -> Result<(), Problem> {
    let broken = |error: std::io::Error| Problem::local(LocalReason::Start).saying(error);
    let dir = match action {
        TrackerAction::Generate { .. } => PathBuf::new(),
        _ => data_dir(options)?,
    };
    match action {
        TrackerAction::Backup { to } => {
            let copied = node::backup(&dir, to).await?;
            out.answer(&BackedUp { data: dir, copied }).await.map_err(broken)
        }
        TrackerAction::Generate { what } => {
            super::generate::write(*what, TrackerArgs::definition(), &[]).map_err(broken)
        }
        TrackerAction::Restore { from } => {
            let (from, into) = (from.clone(), dir);
            let restored = tokio::task::spawn_blocking(move || node::restore(&from, &into)).await;
            let placed = restored.map_err(|error| broken(std::io::Error::other(error)))??;
            out.answer(&Restored { placed }).await.map_err(broken)
        }
    }
}

#[derive(Serialize)]
struct BackedUp {
    data: PathBuf,
    #[serde(flatten)]
    copied: Copied,
}

impl Answer for BackedUp {
    const TYPE: &'static str = "tracker_backed_up";

    fn text(&self, _: &Style) -> String {
        let (to, bytes) = (self.copied.to.display(), self.copied.bytes);
        format!(
            "Copied to {to} ({bytes} bytes), its key to {to}.key. Keep both to yourself: whoever has them is this tracker."
        )
    }
}

#[derive(Serialize)]
struct Restored {
    #[serde(flatten)]
    placed: Placed,
}

impl Answer for Restored {
    const TYPE: &'static str = "tracker_restored";

    fn text(&self, _: &Style) -> String {
        let (to, bytes) = (self.placed.copied.to.display(), self.placed.copied.bytes);
        let mut text = format!(
            "Checked, and put in place as {to} ({bytes} bytes). Its channels begin a new store generation when it is started."
        );
        for damaged in &self.placed.damaged {
            let Damaged { channel, pos } = damaged;
            text += &format!(
                "\n{channel} is damaged in this copy at !{pos}: /verify {channel} by its host or a member heals it."
            );
        }
        text
    }
}

fn at_once() -> Problem {
    let problem = Problem::local(LocalReason::Stopped).saying("ended at once");
    Problem { exit: ExitCode::Interrupted, ..problem }
}

fn data_dir(options: &TrackerOptions) -> Result<PathBuf, Problem> {
    match &options.data {
        Some(dir) => Ok(dir.clone()),
        None => Ok(Paths::find(None)?.tracker()),
    }
}

#[derive(Serialize)]
struct Started {
    address: SocketAddr,
    invite: String,
    open_files: Option<u64>,
}

impl Started {
    fn new(node: &TrackerNode, advertise: Option<&str>, files: OpenFiles) -> Self {
        let address = node.address();
        let host = advertise.map_or_else(|| reachable(address.ip()).to_string(), str::to_owned);
        let invite = TrackerUrl { host, port: address.port(), key: Some(node.key()) };
        Self { address, invite: invite.to_string(), open_files: files.now }
    }
}

/// A place that can be dialled: who listens everywhere, listens here, too.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

impl Answer for Started {
    const TYPE: &'static str = "tracker_started";

    fn text(&self, _: &Style) -> String {
        let files = self.open_files.map_or_else(|| "without limit".to_owned(), |limit| limit.to_string());
        format!("segment-tracker listens on {} · invite {} · open files {files}", self.address, self.invite)
    }
}
