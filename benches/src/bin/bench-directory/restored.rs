//! The same tracker starts anew from its disk, in a process of its own, and knows all that it knew.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use segment_benches::{driven, machine};
use segment_core::store::scan_all;
use segment_core::{Store, Table};
use segment_proto::Limits;

use crate::report::mebibytes;
use crate::town::Expected;

/// Starts it, and compares what is there.
pub fn start(path: &Path, online: usize, expected: &Expected) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--online", &online.to_string(), "restored"]).arg(path);
    let output = command.output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "it does not start: {said}{}", String::from_utf8_lossy(&output.stderr));
    let (counts, rest) = said.split_once('\n').context("it says nothing")?;
    let wanted = format!("{} users, {} channels, {} memberships", expected.users, expected.channels, expected.joined);
    ensure!(counts == wanted, "it knows {counts}, not {wanted}");
    print!("started anew with {counts}; {rest}");
    Ok(())
}

/// That process.
pub fn say(path: &Path, limits: Limits) -> Result<()> {
    let mut store = crate::open(path)?;
    let counts = [Table::Account, Table::Channel, Table::Member].map(|table| count(&mut store, table));
    let [users, channels, joined] = counts;
    println!("{} users, {} channels, {} memberships", users?, channels?, joined?);
    let (began, before) = (Instant::now(), machine::thread_cpu());
    let tracker = driven::tracker(Box::new(store), limits, 8)?;
    let (took, spent) = (began.elapsed(), machine::thread_cpu().saturating_sub(before));
    let resident = machine::resident(std::process::id())?;
    println!(
        "up after {:.2} s ({:.2} s of processor), {} resident (RssAnon)",
        took.as_secs_f64(),
        spent.as_secs_f64(),
        mebibytes(resident)
    );
    drop(tracker);
    Ok(())
}

fn count(store: &mut dyn Store, table: Table) -> Result<u64> {
    let mut records = 0;
    scan_all(store, table, |_| records += 1)?;
    Ok(records)
}
