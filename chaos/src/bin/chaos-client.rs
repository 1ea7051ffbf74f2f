//! A member of a chaos run.

use clap::Parser;
use segment_chaos::client::{ClientArgs, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(ClientArgs::parse()).await
}
