//! What this machine says about itself and about processes; Linux only.

use std::fmt::Display;
use std::fs;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks of a second in `/proc/PID/stat`: 100 on every Linux of today.
const TICKS: f64 = 100.0;

/// Cores, kernel and load, in one line.
#[must_use]
pub fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cores = available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, Linux {}, load {}", read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"))
}

/// Processor time of this thread, to the nanosecond: other work on the machine does not count.
#[must_use]
pub fn thread_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (spent.tv_sec.try_into().unwrap_or(0), spent.tv_nsec.try_into().unwrap_or(0));
    Duration::new(seconds, nanos)
}

/// Seconds of processor time that this process has used.
///
/// # Errors
/// `/proc` is not there.
pub fn cpu_seconds() -> Result<f64> {
    cpu_seconds_of("self")
}

/// The same of another process, by its number.
///
/// # Errors
/// There is no such process.
pub fn cpu_seconds_of(pid: impl Display) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("a stat line without a name")?;
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS)
}

/// Bytes of a process that are in memory, without pages of files.
///
/// # Errors
/// There is no such process.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
