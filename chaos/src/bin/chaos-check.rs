//! Judges the evidence of a chaos run, and nothing else: `chaos-check DIR`, with DIR/acks and DIR/exports.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use segment_chaos::check::{Evidence, canaries, judge};
use segment_chaos::chronicle;
use segment_chaos::report::Report;
use segment_chaos::town::TROUBLES;
use segment_chaos::waits::longest;

/// Judges the logs of members in DIR/acks and the exports in DIR/exports
#[derive(Parser)]
struct Arguments {
    /// The evidence that `chaos --keep` has left
    dir: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let dir = Arguments::parse().dir;
    let evidence = Evidence::load(&dir)?;
    let report = Report {
        verdict: judge(&evidence),
        canaries: canaries(&evidence),
        counts: segment_chaos::town::Counts::default(),
        waits: longest(&evidence, &chronicle::read(&dir.join(TROUBLES))?),
    };
    print!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
