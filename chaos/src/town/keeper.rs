//! Whoever keeps a process running: kills, ends and freezes it as ordered, and starts it again.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::programs::{Recipe, Site};
use super::tally::Tally;
use crate::chronicle::{Chronicle, Place, STARTING};
use crate::client::Progress;
use crate::plan::Party;

/// Before a program that ended by itself is started again.
const AGAIN: Duration = Duration::from_millis(300);
/// A program that is told to end does so sooner; else it is killed, which is reported.
const ENDING: Duration = Duration::from_secs(30);
/// Orders that wait. Policy: more are skipped.
const ORDERS_MAX: usize = 1;
/// `segment-peer` ends with this where it finds no tracker.
const NO_CONNECTION: i32 = 3;

/// What is to be done to a process.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// `kill -9`, and back after a while.
    Kill(Duration),
    /// `kill -9`, its store as it was some time ago, and back after a while.
    OldDisk(Duration),
    /// Told to end, and back after a while.
    End(Duration),
    /// Stopped for a while.
    Freeze(Duration),
    /// Told to end, for good.
    Finish,
}

/// A process that is kept.
#[derive(Debug)]
pub struct Keeper {
    orders: mpsc::Sender<Order>,
    progress: watch::Receiver<Option<Progress>>,
    busy: watch::Receiver<bool>,
    keeping: JoinHandle<Result<()>>,
}

impl Keeper {
    /// Starts a process and keeps it.
    pub fn start(party: Party, recipe: Recipe, tally: &Tally, chronicle: &Chronicle) -> Result<Self> {
        let running = Running::start(&recipe)?;
        Ok(Self::keep(party, recipe, running, tally, chronicle))
    }

    /// Starts the tracker and keeps it; its key.
    pub async fn start_tracker(site: &Site, tally: &Tally, chronicle: &Chronicle) -> Result<(Self, String)> {
        let recipe = site.command(Party::Tracker)?;
        let mut running = Running::start(&recipe)?;
        let line = running.output.next_line().await?.context("the tracker says nothing")?;
        let started: Value = serde_json::from_str(&line)?;
        let invite = started["invite"].as_str().context("the tracker names no invite")?;
        let (_, key) = invite.split_once('#').context("the invite has no key")?;
        Ok((Self::keep(Party::Tracker, recipe, running, tally, chronicle), key.to_owned()))
    }

    fn keep(party: Party, recipe: Recipe, running: Running, tally: &Tally, chronicle: &Chronicle) -> Self {
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let (told, progress) = watch::channel(None);
        let (is_busy, busy) = watch::channel(false);
        let (tally, chronicle) = (tally.clone(), chronicle.clone());
        let keeping = Keeping { party, recipe, ordered, told, is_busy, is_up: true, tally, chronicle };
        Self { orders, progress, busy, keeping: tokio::spawn(keeping.run(running)) }
    }

    /// Gives an order; `false`: it is skipped, as one waits already.
    #[must_use]
    pub fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }

    /// Whether the process is there, and no order waits.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        !*self.busy.borrow() && self.orders.capacity() == ORDERS_MAX
    }

    /// What it said last, if it is one that says how it stands.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        *self.progress.borrow()
    }

    /// Ends it for good.
    pub async fn finish(self) -> Result<()> {
        // Where it cannot be ordered any more, its end says why.
        let _ = self.orders.send(Order::Finish).await;
        self.keeping.await?
    }
}

/// A process, with its ends.
struct Running {
    child: Child,
    /// Programs that read commands end with their input.
    _input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(recipe: &Recipe) -> Result<Self> {
        let mut command = recipe.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(recipe.errors()?).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{recipe:?}"))?;
        let output = child.stdout.take().context("its output is piped")?;
        Ok(Self { _input: child.stdin.take(), output: BufReader::new(output).lines(), child })
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // It may have ended a moment ago, which is noticed elsewhere. Not waited for, its number is its own still.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

struct Keeping {
    party: Party,
    recipe: Recipe,
    ordered: mpsc::Receiver<Order>,
    told: watch::Sender<Option<Progress>>,
    is_busy: watch::Sender<bool>,
    /// Whether it has said, since it was started, that it is there.
    is_up: bool,
    tally: Tally,
    chronicle: Chronicle,
}

enum Heard {
    Order(Option<Order>),
    Line(Option<String>),
    Ended(ExitStatus),
}

impl Keeping {
    async fn run(mut self, mut running: Running) -> Result<()> {
        let mut speaks = true;
        loop {
            let heard = tokio::select! {
                order = self.ordered.recv() => Heard::Order(order),
                line = running.output.next_line(), if speaks => Heard::Line(line.unwrap_or(None)),
                status = running.child.wait() => Heard::Ended(status?),
            };
            match heard {
                Heard::Line(Some(line)) => self.listen(&line),
                Heard::Line(None) => speaks = false,
                Heard::Ended(status) => {
                    self.is_busy.send_replace(true);
                    self.ended(status);
                    running = self.again(AGAIN).await?;
                    speaks = true;
                }
                Heard::Order(None) => bail!("{} is not wanted any more", self.party),
                Heard::Order(Some(Order::Finish)) => return self.end(&mut running).await,
                Heard::Order(Some(order)) => {
                    self.is_busy.send_replace(true);
                    if let Some(away) = self.carry_out(order, &mut running).await? {
                        running = self.again(away).await?;
                        speaks = true;
                    }
                }
            }
            self.is_busy.send_replace(false);
        }
    }

    fn listen(&mut self, line: &str) {
        let progress: Option<Progress> = serde_json::from_str(line).ok();
        if !self.is_up && progress.is_none_or(|progress| progress.ready) {
            self.is_up = true;
            self.chronicle.ends(self.place());
        }
        if let Some(progress) = progress {
            self.told.send_replace(Some(progress));
        }
    }

    const fn place(&self) -> Place {
        Place::Process(self.party)
    }

    /// For how long the process is away now, if it is.
    async fn carry_out(&self, order: Order, running: &mut Running) -> Result<Option<Duration>> {
        match order {
            Order::Kill(away) => {
                self.chronicle.begins(self.place(), "away");
                running.child.kill().await?;
                Ok(Some(away))
            }
            Order::OldDisk(away) => {
                self.chronicle.begins(self.place(), "away");
                running.child.kill().await?;
                self.recipe.disk.put_back()?;
                Ok(Some(away))
            }
            Order::End(away) => {
                self.chronicle.begins(self.place(), "away");
                self.end(running).await?;
                Ok(Some(away))
            }
            Order::Freeze(lasts) => {
                self.chronicle.begins(self.place(), "frozen");
                running.signal(Signal::STOP);
                sleep(lasts).await;
                running.signal(Signal::CONT);
                if self.is_up {
                    self.chronicle.ends(self.place());
                } else {
                    self.chronicle.begins(self.place(), STARTING);
                }
                Ok(None)
            }
            Order::Finish => Ok(None),
        }
    }

    async fn end(&self, running: &mut Running) -> Result<()> {
        running.signal(Signal::TERM);
        let drained = async {
            while let Ok(Some(_)) = running.output.next_line().await {}
            running.child.wait().await
        };
        match timeout(ENDING, drained).await {
            Ok(status) => {
                // Told to end while it starts, a program may end by the signal itself; a script says so by its code.
                let _status = status?;
            }
            Err(_) => {
                self.tally.ended(format!("{} did not end within {ENDING:?} and was killed", self.party));
                running.child.kill().await?;
            }
        }
        Ok(())
    }

    async fn again(&mut self, away: Duration) -> Result<Running> {
        self.told.send_modify(|progress| {
            if let Some(progress) = progress {
                *progress = Progress { ready: false, level: false, ..*progress };
            }
        });
        sleep(away).await;
        self.tally.restarted();
        self.is_up = false;
        self.chronicle.begins(self.place(), STARTING);
        Running::start(&self.recipe)
    }

    fn ended(&self, status: ExitStatus) {
        if self.party == Party::Host && status.code() == Some(NO_CONNECTION) {
            return self.tally.without_tracker();
        }
        self.tally.ended(format!("{} ended by itself: {status}", self.party));
    }
}
