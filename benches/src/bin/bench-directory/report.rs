//! Lines for people.

use std::time::Instant;

use anyhow::Result;

use crate::town::Town;

/// Does something many times, and says what it cost.
pub fn stage(what: &str, count: u64, town: &mut Town, call: impl FnOnce(&mut Town) -> Result<()>) -> Result<()> {
    let (began, before) = (Instant::now(), town.tracker.work);
    call(town)?;
    let work = town.tracker.work;
    let each = |spent: std::time::Duration| spent.as_secs_f64() * 1e6 / count.max(1) as f64;
    println!(
        "{count} {what}: {:.1} us of the machine and {:.1} us of SQLite each, {:.0} s by the clock",
        each(work.machine - before.machine),
        each(work.store - before.store),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Bytes.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
