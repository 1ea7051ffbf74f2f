//! What one measurement says, and what of it is shown.

use std::time::{Duration, Instant};

use anyhow::Result;
use segment_benches::machine::{cpu_seconds, cpu_seconds_of};
use serde::{Deserialize, Serialize};

/// What came of one measurement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// How much was done in a second.
    pub rate: f64,
    /// Seconds by the clock.
    pub wall: f64,
    /// Seconds of processor at the server, and at the clients.
    pub server_cpu: f64,
    pub client_cpu: f64,
    /// How long one of them took, in microseconds: the middle one, and that below which 99 of 100 lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<f64>,
    /// Resident bytes of the server for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident: Option<f64>,
}

impl Outcome {
    /// With the times of the single ones.
    pub fn with_times(self, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(rank).map(|time| time.as_secs_f64() * 1e6)
        };
        Self { p50_us: at(50), p99_us: at(99), ..self }
    }
}

/// Takes the times of both sides; without a server, of this one.
pub struct Watch {
    server: Option<u32>,
    began: Instant,
    cpu: (f64, f64),
}

impl Watch {
    pub fn start(server: Option<u32>) -> Result<Self> {
        Ok(Self { server, cpu: (cpu_of(server)?, cpu_seconds()?), began: Instant::now() })
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// So much was done.
    pub fn stop(self, count: usize) -> Result<Outcome> {
        let wall = self.elapsed().as_secs_f64();
        let (server_cpu, client_cpu) = (cpu_of(self.server)? - self.cpu.0, cpu_seconds()? - self.cpu.1);
        Ok(Outcome { rate: count as f64 / wall, wall, server_cpu, client_cpu, ..Outcome::default() })
    }
}

fn cpu_of(server: Option<u32>) -> Result<f64> {
    server.map_or(Ok(0.0), cpu_seconds_of)
}

/// A figure of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// In a second.
    Rate,
    /// Gigabytes in a second, of frames of this size.
    Bytes(usize),
    /// Nanoseconds for each.
    Nanoseconds,
    P50,
    P99,
    Resident,
    /// Until all was done.
    Seconds,
}

impl Metric {
    pub fn of(self, outcome: &Outcome) -> Option<f64> {
        match self {
            Self::Rate => Some(outcome.rate),
            Self::Bytes(size) => Some(outcome.rate * size as f64),
            Self::Nanoseconds => Some(1e9 / outcome.rate),
            Self::P50 => outcome.p50_us,
            Self::P99 => outcome.p99_us,
            Self::Resident => outcome.resident,
            Self::Seconds => Some(outcome.wall),
        }
    }

    /// Whether more is better.
    pub fn grows(self) -> bool {
        matches!(self, Self::Rate | Self::Bytes(_))
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Rate => "a second",
            Self::Bytes(_) => "bytes/s",
            Self::Nanoseconds => "ns",
            Self::P50 => "p50, us",
            Self::P99 => "p99, us",
            Self::Resident => "resident bytes each",
            Self::Seconds => "s until all are there",
        }
    }

    pub fn show(self, value: f64) -> String {
        match self {
            Self::P50 | Self::P99 if value >= 1e3 => format!("{:.2}k", value / 1e3),
            Self::P50 | Self::P99 | Self::Nanoseconds => format!("{value:.1}"),
            Self::Resident => format!("{value:.0}"),
            Self::Seconds => format!("{value:.2}"),
            Self::Rate | Self::Bytes(_) => short(value),
        }
    }
}

/// Thousands, millions and thousands of millions.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.2} G", value / 1e9),
        value if value >= 1e6 => format!("{:.2} M", value / 1e6),
        value if value >= 1e3 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.0}"),
    }
}
