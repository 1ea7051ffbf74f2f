//! A run: everything starts, a storm, everything heals, everybody says what they have, and it is judged.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use crate::args::Arguments;
use crate::check::{Evidence, canaries, judge};
use crate::plan::{Event, Fault, Road, draw};
use crate::report::Report;
use crate::town::{Programs, TROUBLES, Town};
use crate::{chronicle, waits};

/// How often it says how it goes.
const REPORT: Duration = Duration::from_secs(5);
/// Writing goes on for so long after the storm: what was broken has to work again.
const CALM: Duration = Duration::from_secs(3);
/// Everything is at rest by then, or something is stuck.
const CONVERGENCE: Duration = Duration::from_secs(120);
/// What a run takes besides its storm, at most.
const BESIDES: Duration = Duration::from_secs(45 * 60);

/// Runs and says what came of it; `false`: something is not as promised.
///
/// # Errors
/// It could not be run to its end, which proves nothing, or the contrary.
pub async fn run(args: &Arguments) -> Result<bool> {
    let mut plan = draw(args.seed, args.storm(), args.climate());
    plan.retain(|event| event.fault.kind().contains(&args.only));
    println!("seed {}, {} faults in {:.0} s of storm", args.seed, plan.len(), args.storm().as_secs_f64());
    if args.plan {
        plan.iter().for_each(|event| println!("{event}"));
        return Ok(true);
    }
    let programs = Programs::find()?;
    let dir = TempDir::with_prefix("segment-chaos-")?;
    let (mut interrupts, mut terminations) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let outcome = tokio::select! {
        outcome = timeout(args.calm() + args.storm() + BESIDES, play(dir.path(), programs, args, plan)) => {
            outcome.context("the run takes too long").flatten()
        }
        _ = interrupts.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminations.recv() => Err(anyhow::anyhow!("told to end")),
    };
    let is_clean = matches!(&outcome, Ok(report) if report.is_clean());
    keep(dir, args, is_clean)?;
    let report = outcome?;
    print!("{report}");
    println!("{}", if is_clean { "Nothing lost, nothing doubled, nothing out of order." } else { "NOT AS PROMISED." });
    Ok(is_clean)
}

/// What remains of a run that went wrong is needed to find out why.
fn keep(dir: TempDir, args: &Arguments, is_clean: bool) -> Result<()> {
    match &args.keep {
        Some(wanted) => {
            let dir = dir.keep();
            std::fs::rename(&dir, wanted).with_context(|| format!("everything is in {}", dir.display()))?;
            println!("everything is in {}", wanted.display());
        }
        None if !is_clean => println!("everything is in {}", dir.keep().display()),
        None => {}
    }
    Ok(())
}

async fn play(dir: &Path, programs: Programs, args: &Arguments, plan: Vec<Event>) -> Result<Report> {
    let mut town = Town::start(dir, programs, args).await?;
    println!("{} members write to {} channels of one host", args.members, args.channels);
    let began = Instant::now();
    tokio::select! {
        () = wear_out(&town, args, plan, began) => {}
        () = tell(&town, began) => bail!("telling never ends"),
    }
    ensure!(town.progress().iter().any(|(_, progress)| progress.acked > 0), "nothing was acknowledged");
    town.heal().await?;
    sleep(CALM).await;
    town.hush()?;
    println!("the storm is over; what is under way comes to rest");
    let at_rest = town.until("every outbox is empty and everybody level", CONVERGENCE, |progress| {
        progress.ready && progress.waiting == 0 && progress.level
    });
    at_rest.await?;
    println!("everybody says what they have");
    let path = town.export().await?;
    let counts = town.tally.so_far();
    let judged = tokio::task::spawn_blocking(move || -> Result<Report> {
        let evidence = Evidence::load(&path)?;
        let waits = waits::longest(&evidence, &chronicle::read(&path.join(TROUBLES))?);
        Ok(Report { verdict: judge(&evidence), canaries: canaries(&evidence), counts, waits })
    });
    judged.await?
}

/// The calm, and the storm.
async fn wear_out(town: &Town, args: &Arguments, plan: Vec<Event>, began: Instant) {
    sleep_until(began + args.calm()).await;
    println!("the storm begins");
    let began = Instant::now();
    play_faults(town, began, plan).await;
    sleep_until(began + args.storm()).await;
}

async fn play_faults(town: &Town, began: Instant, plan: Vec<Event>) {
    let mut clearing: JoinSet<Road> = JoinSet::new();
    let mut events = plan.into_iter().peekable();
    while let Some(event) = events.peek().copied() {
        tokio::select! {
            () = sleep_until(began + event.at) => {
                events.next();
                town.suffer(event.fault);
                if let Fault::Weather(road, _, lasts) = event.fault {
                    clearing.spawn(async move { sleep(lasts).await; road });
                }
            }
            Some(Ok(road)) = clearing.join_next() => town.clear_up(road),
        }
    }
    while let Some(Ok(road)) = clearing.join_next().await {
        town.clear_up(road);
    }
}

async fn tell(town: &Town, began: Instant) {
    let (mut tick, mut before) = (interval(REPORT), 0);
    loop {
        tick.tick().await;
        let everybody = town.progress();
        let acked: u64 = everybody.iter().map(|(_, progress)| progress.acked).sum();
        let waiting: usize = everybody.iter().map(|(_, progress)| progress.waiting).sum();
        let counts = town.tally.so_far();
        let (faults, rate) = (counts.faults.values().sum::<u64>(), acked.saturating_sub(before) / REPORT.as_secs());
        before = acked;
        println!(
            "{:5.0}s  {acked:>8} acknowledged  {rate:>5}/s  {waiting:>5} waiting  {faults:>4} faults  {:>4} restarts",
            began.elapsed().as_secs_f64(),
            counts.restarts
        );
    }
}
