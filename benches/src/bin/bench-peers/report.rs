//! The table, and the raw rounds.

use std::fmt;
use std::fs::{File, create_dir_all};
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::load::Outcome;
use crate::servers::System;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// One author, so many members, as fast as can be.
    FanOut(usize),
    /// So many requests outstanding on one link.
    Requests(usize),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FanOut(members) => write!(f, "fan-out {members}"),
            Self::Requests(outstanding) => write!(f, "requests {outstanding}"),
        }
    }
}

impl FromStr for Row {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, number) = text.split_once(' ').context("a row is a name and a number")?;
        let number = number.parse()?;
        Ok(if name == "fan-out" { Self::FanOut(number) } else { Self::Requests(number) })
    }
}

impl Row {
    /// What Segment is to reach, as a part of the best broker or of raw TLS.
    fn goal(self) -> &'static str {
        match self {
            Self::FanOut(_) => ">= 1.0 of the best broker, >= 0.6 of raw TLS",
            Self::Requests(1) => ">= 0.77 of raw TLS",
            Self::Requests(_) => "3 x tarpc, 10 x tonic: not built here",
        }
    }
}

/// One system in one round.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub system: String,
    pub row: Row,
    pub round: usize,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The raw rounds.
pub fn lines(samples: &[Sample], path: &Path) -> Result<()> {
    path.parent().map(create_dir_all).transpose()?;
    let mut file = File::create(path)?;
    for sample in samples {
        writeln!(file, "{}", serde_json::to_string(sample)?)?;
    }
    Ok(())
}

/// The middle, the least and the most of what a system reached.
pub fn spread(samples: &[Sample], system: System, row: &Row) -> Option<(f64, f64, f64)> {
    let of = samples.iter().filter(|sample| sample.system == system.name() && sample.row == *row);
    let mut rates: Vec<f64> = of.map(|sample| sample.outcome.rate).collect();
    rates.sort_by(f64::total_cmp);
    Some((*rates.get(rates.len() / 2)?, *rates.first()?, *rates.last()?))
}

/// For people, with ratios and goals.
pub fn table(samples: &[Sample], rows: &[Row]) {
    for row in rows {
        println!("\n| {row} | per second: middle (least to most) | processor of server / clients | of one request |");
        println!("|---|---|---|---|");
        for system in System::ALL.into_iter().filter(|system| system.can(row)) {
            println!("| {} | {} |", system.name(), cells(samples, system, row));
        }
        println!("{}; goal: {}", ratios(samples, row), row.goal());
    }
}

fn cells(samples: &[Sample], system: System, row: &Row) -> String {
    let Some((middle, least, most)) = spread(samples, system, row) else {
        return "missing: no result | |".to_owned();
    };
    let of: Vec<&Sample> =
        samples.iter().filter(|sample| sample.system == system.name() && sample.row == *row).collect();
    let mean = |part: fn(&Outcome) -> f64| {
        of.iter().map(|sample| part(&sample.outcome) / sample.outcome.wall).sum::<f64>() / of.len() as f64 * 100.0
    };
    let (server, client) = (mean(|outcome| outcome.server_cpu), mean(|outcome| outcome.client_cpu));
    let single = of.iter().filter_map(|sample| sample.outcome.p50_us).reduce(f64::min);
    let single = single.map_or(String::new(), |us| format!("p50 {us:.1} us at best"));
    format!("{} ({} to {}) | {server:.0} % / {client:.0} % | {single}", short(middle), short(least), short(most))
}

/// Thousands and millions.
pub fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2} M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.1} k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

fn ratios(samples: &[Sample], row: &Row) -> String {
    let of = |system| spread(samples, system, row).map(|(middle, _, _)| middle);
    let best = [System::Nats, System::Redis, System::Mosquitto].into_iter().filter_map(of).reduce(f64::max);
    let ratio = |to: Option<f64>| match (of(System::Segment), to) {
        (Some(segment), Some(to)) => format!("{:.3}", segment / to),
        _ => "unknown".to_owned(),
    };
    format!("Segment reaches {} of the best broker, {} of raw TLS", ratio(best), ratio(of(System::Tls)))
}
