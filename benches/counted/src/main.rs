//! Counts instructions with callgrind and compares them with a budget, so that a regression is seen on any machine,
//! however busy: `cargo run -p segment-counted`, and `-- --bless` where a change of the figures is meant. With
//! `-- --planted` it has to fail.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use segment_counted::{NAMES, PLANTED, prepare};

/// Where the budgets stand, from the root of the repository.
const BUDGETS: &str = ".ci/instructions";
/// Each is counted over so many repetitions: what a longer run takes more than a shorter one.
const TIMES: u32 = 200;
/// So many percent more fail.
const TOLERANCE: u64 = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", name, times] => run(name, times.parse()?),
        ["--bless"] => bless(),
        ["--planted"] => compare(&NAMES.map(|name| if name == "fan-out" { (name, PLANTED) } else { (name, name) })),
        [] => compare(&NAMES.map(|name| (name, name))),
        _ => bail!("no arguments: compare; --bless: write {BUDGETS} anew; --planted: compare with a fault, and fail"),
    }
}

fn run(name: &str, times: u32) -> Result<()> {
    let mut work = prepare(name)?;
    (0..times).try_for_each(|_| work())
}

fn bless() -> Result<()> {
    let mut text =
        String::from("# Instructions of one repetition, as callgrind counts them: cargo run -p segment-counted\n");
    for name in NAMES {
        writeln!(text, "{name} {}", count(name)?)?;
    }
    Ok(fs::write(BUDGETS, text)?)
}

/// Each by its name, and what is done for it.
fn compare(all: &[(&str, &str)]) -> Result<()> {
    let budgets = budgets()?;
    let mut over = Vec::new();
    for (name, work) in all {
        let count = count(work)?;
        let budget = *budgets.get(*name).with_context(|| format!("{BUDGETS} has no budget for {name}"))?;
        let change = (count as f64 / budget as f64 - 1.0) * 100.0;
        println!("{name:<10} {count:>9} instructions, budget {budget:>9} ({change:+.1} %)");
        if count * 100 > budget * (100 + TOLERANCE) {
            over.push(name);
        }
    }
    ensure!(over.is_empty(), "over budget by more than {TOLERANCE} %: {over:?}; where that is meant: --bless");
    Ok(())
}

fn budgets() -> Result<BTreeMap<String, u64>> {
    let text =
        fs::read_to_string(BUDGETS).with_context(|| format!("{BUDGETS}: run this from the repository's root"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let budget = |line: &str| {
        let (name, count) = line.split_once(' ').with_context(|| format!("{BUDGETS}: {line:?}"))?;
        Ok((name.to_owned(), count.trim().parse()?))
    };
    lines.map(budget).collect()
}

/// Instructions of one repetition.
fn count(work: &str) -> Result<u64> {
    Ok((count_process(work, 2 * TIMES)? - count_process(work, TIMES)?) / u64::from(TIMES))
}

/// Instructions of a process that does it so often.
fn count_process(work: &str, times: u32) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe()?);
    let output = command.args(["run", work, &times.to_string()]).output();
    let output = output.context("valgrind is missing: apt-get install valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{work} failed:\n{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected : ")).context("callgrind counted nothing")?;
    Ok(line.1.trim().parse()?)
}
