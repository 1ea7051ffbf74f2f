//! Kills, freezes and cuts the real programs, and proves from their logs that nothing was lost.

use std::process::ExitCode;

use clap::Parser;
use segment_chaos::args::Arguments;
use segment_chaos::run::run;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let is_clean = run(&Arguments::parse()).await?;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
