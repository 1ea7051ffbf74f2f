//! What a run is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::plan::{Climate, Disks};

/// Kills, freezes and cuts the real programs, and proves from their logs that nothing was lost.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos", version)]
pub struct Arguments {
    /// How long things go wrong
    #[arg(long, default_value_t = 2.0)]
    pub minutes: f64,
    /// For so long before that everybody writes and nothing goes wrong: there is a history then
    #[arg(long, value_name = "MINUTES", default_value_t = 0.0)]
    pub calm: f64,
    /// Draws what goes wrong, and when
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Members who write
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub members: u16,
    /// Channels, each with all members
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub channels: u16,
    /// Messages a second that each member writes to each channel; a host takes 10 at most
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Messages of a member to a channel that may wait for their receipts
    #[arg(long, default_value_t = 60)]
    pub window: usize,
    /// Faults a minute
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub faults_per_minute: u64,
    /// The tracker's and the host's disks may come back as they were some time ago, too
    #[arg(long)]
    pub old_disks: bool,
    /// Of the plan, only faults of kinds in whose names this stands, such as `host`
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub only: String,
    /// Shows the plan and does nothing
    #[arg(long)]
    pub plan: bool,
    /// Keeps everything in this directory, which must not exist
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

impl Arguments {
    /// What the plan is drawn for.
    #[must_use]
    pub const fn climate(&self) -> Climate {
        let disks = if self.old_disks { Disks::Old } else { Disks::Faithful };
        Climate { members: self.members, faults_per_minute: self.faults_per_minute, disks }
    }

    /// How long things go wrong.
    #[must_use]
    pub fn storm(&self) -> Duration {
        minutes(self.minutes)
    }

    /// How long nothing goes wrong before.
    #[must_use]
    pub fn calm(&self) -> Duration {
        minutes(self.calm)
    }
}

fn minutes(minutes: f64) -> Duration {
    Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default()
}
