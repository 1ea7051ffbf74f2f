//! Judges the evidence of a chaos run, and nothing else: `chaos-check DIR`, with DIR/acks and DIR/exports.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use segment_chaos::check::{Evidence, canaries, judge};
use segment_chaos::report::Report;

/// Judges the logs of members in DIR/acks and the exports in DIR/exports
#[derive(Parser)]
struct Arguments {
    /// The evidence that `chaos --keep` has left
    dir: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let evidence = Evidence::load(&Arguments::parse().dir)?;
    let report = Report {
        verdict: judge(&evidence),
        canaries: canaries(&evidence),
        counts: segment_chaos::town::Counts::default(),
    };
    print!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
