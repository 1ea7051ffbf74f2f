//! `segment-tracker`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Command as ClapCommand, CommandFactory, Parser, Subcommand};

use super::{Generated, TEMPLATE};
use crate::url::DEFAULT_PORT;

const EXAMPLES: &str = "\
Examples:
  segment-tracker                               for everybody, port 22236; prints the invite
  segment-tracker --bind 127.0.0.1:22236        for this machine only
  segment-tracker --data /var/lib/segment       with its data there
  segment-tracker backup --to copy.sqlite       copies its data, also while it is at work
  segment-tracker restore --from copy.sqlite --data DIR
";

/// The arguments of `segment-tracker`, as written.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "segment-tracker",
    version,
    about = "Segment's tracker: knows who is here, and keeps a copy of every channel."
)]
#[command(before_help = EXAMPLES, help_template = TEMPLATE)]
pub struct TrackerArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "SEGMENT_TRACKER_BIND", value_parser = parse_bind)]
    bind: Option<SocketAddr>,
    /// The host name in the invite that is printed
    #[arg(long, value_name = "HOST", env = "SEGMENT_TRACKER_ADVERTISE")]
    advertise: Option<String>,
    /// Where its data is kept; without it, where the embedded tracker keeps it
    #[arg(long, value_name = "DIR", env = "SEGMENT_TRACKER_DATA", global = true)]
    data: Option<PathBuf>,
    /// Write records as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<TrackerAction>,
}

/// What to do instead of running a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TrackerAction {
    /// Copy a tracker's data into a new file, with its key beside it; it may be at work
    Backup {
        /// The file, which must not exist yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Put a copy in place as the data of a directory that has none
    Restore {
        /// The copy
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Write completions for a shell, or the man page, to standard output
    Generate {
        /// Which of them
        #[command(subcommand)]
        what: Generated,
    },
}

/// What `segment-tracker` is asked to do, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackerOptions {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The host name in the invite.
    pub advertise: Option<String>,
    /// Where data is kept; `None`: where the embedded tracker keeps it.
    pub data: Option<PathBuf>,
    /// What to do instead of running.
    pub action: Option<TrackerAction>,
    /// How it reports.
    pub output: super::Output,
}

impl TrackerArgs {
    /// The definition, for help and completion.
    #[must_use]
    pub fn definition() -> ClapCommand {
        <Self as CommandFactory>::command()
    }

    /// Completes the arguments with their defaults.
    #[must_use]
    pub fn check(self) -> TrackerOptions {
        TrackerOptions {
            bind: self.bind.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT))),
            advertise: self.advertise,
            data: self.data,
            action: self.action,
            output: if self.json { super::Output::Json } else { super::Output::Text },
        }
    }
}

fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let ip = text.parse().map_err(|_| "write an IP address and a port, such as 0.0.0.0:22236".to_owned())?;
    Ok(SocketAddr::new(ip, DEFAULT_PORT))
}
