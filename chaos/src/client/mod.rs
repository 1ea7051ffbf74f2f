//! A member that writes numbered messages as an embedder would, and keeps a log of what it was promised.

mod acks;
mod export;
mod member;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use serde::{Deserialize, Serialize};

/// A member of a chaos run; `chaos` starts it.
#[derive(Clone, Debug, Parser)]
pub struct ClientArgs {
    /// Where its store and its log are
    #[arg(long)]
    pub dir: PathBuf,
    /// The tracker, or the proxy before it
    #[arg(long)]
    pub tracker: SocketAddr,
    /// The tracker's key
    #[arg(long)]
    pub key: String,
    /// Which member
    #[arg(long)]
    pub member: u16,
    /// How many channels there are
    #[arg(long)]
    pub channels: u16,
    /// Messages a second to each channel
    #[arg(long)]
    pub rate: u32,
    /// Messages of each channel that may wait for their receipts
    #[arg(long)]
    pub window: usize,
    /// Nothing new is written once this file exists
    #[arg(long)]
    pub quiet: PathBuf,
    /// Writes everything that it has there and ends
    #[arg(long)]
    pub export: Option<PathBuf>,
}

/// How a member stands, as it says twice a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Acknowledged messages of this and of earlier processes, on disk.
    pub acked: u64,
    /// Own messages on this disk that are not committed.
    pub waiting: usize,
    /// Logged in, and in every channel.
    pub ready: bool,
    /// Has everything that those have from whom it reads.
    pub level: bool,
}

/// Runs a member until its input ends or it is told to end.
///
/// # Errors
/// It cannot go on, which it should whatever happens.
pub async fn run(args: ClientArgs) -> Result<()> {
    let member = member::Member::start(&args).await?;
    match &args.export {
        Some(path) => {
            member.enter(&args).await?;
            export::export(&member, path).await?;
        }
        None => work::work(&member, &args).await?,
    }
    Ok(member.peer.shutdown().await?)
}
