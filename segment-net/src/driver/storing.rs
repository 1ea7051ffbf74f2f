//! The store on a thread of its own, with group commit.

use std::thread;
use std::time::{Duration, Instant};

use segment_core::store::{Fatal, Operation, Outcome, Store, StoreOperation};
use segment_core::{Haste, Input, OpId};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::queue::{Receiver, Sender, queue};

/// How long an operation that nobody waits for is held at most, until another goes with it.
const HELD_MAX: Duration = Duration::from_millis(50);

/// What became of operations.
#[derive(Debug)]
pub(super) enum Done {
    /// These are done, in this order.
    Performed(Vec<(OpId, Outcome)>),
    /// The store is stopped. Nothing under way is acknowledged.
    Failed(Fatal),
}

/// Where operations report. Unbounded by itself; the operations under way are counted before.
pub(super) type DoneSender = UnboundedSender<Done>;

pub(super) fn performed((op, outcome): (OpId, Outcome)) -> Input {
    Input::Performed { op, outcome }
}

type Queued = (OpId, StoreOperation, Haste);

/// The driver's end of the store's thread.
#[derive(Debug)]
pub(super) struct StoreThread {
    jobs: Sender<Queued>,
    finished: oneshot::Receiver<()>,
}

impl StoreThread {
    pub(super) fn start(store: Box<dyn Store>, group_max: usize, done: DoneSender) -> std::io::Result<Self> {
        let (jobs, queue) = queue();
        let (finish, finished) = oneshot::channel();
        let work = move || {
            Worker { store, group_max, queue, done }.run();
            // Nobody has to be there to hear it.
            let _ = finish.send(());
        };
        thread::Builder::new().name("segment-store".to_owned()).spawn(work)?;
        Ok(Self { jobs, finished })
    }

    /// Queues an operation. Where the store has failed, its failure is on the way already.
    pub(super) fn perform(&self, op: OpId, operation: StoreOperation, haste: Haste) {
        self.jobs.send((op, operation, haste));
    }

    /// Waits until everything queued is done and the store is closed.
    pub(super) async fn finish(self) {
        drop(self.jobs);
        // A thread that has failed is finished as well.
        let _ = self.finished.await;
    }
}

struct Worker {
    store: Box<dyn Store>,
    group_max: usize,
    queue: Receiver<Queued>,
    done: DoneSender,
}

impl Worker {
    fn run(mut self) {
        while let Some(first) = self.queue.next(None) {
            let (ops, group): (Vec<OpId>, Vec<StoreOperation>) = self.group(first).into_iter().unzip();
            let done = match perform(self.store.as_mut(), &group) {
                Ok(outcomes) => Done::Performed(ops.into_iter().zip(outcomes).collect()),
                Err(fatal) => Done::Failed(fatal),
            };
            let failed = matches!(done, Done::Failed(_));
            if self.done.send(done).is_err() || failed {
                return;
            }
        }
    }

    /// What is done with one sync, in the order in which it came: up to the first that somebody waits for, and what
    /// is there by then.
    fn group(&self, first: Queued) -> Vec<(OpId, StoreOperation)> {
        let (until, mut next, mut group) = (Instant::now() + HELD_MAX, Some(first), Vec::new());
        while let Some((op, operation, haste)) = next {
            group.push((op, operation));
            next = match haste {
                _ if group.len() >= self.group_max => None,
                Haste::AtOnce => self.queue.ready().map(|(op, operation, _)| (op, operation, Haste::AtOnce)),
                Haste::WithTheNext => self.queue.next(Some(until)),
            };
        }
        group
    }
}

fn perform(store: &mut dyn Store, group: &[StoreOperation]) -> Result<Vec<Outcome>, Fatal> {
    let outcomes = store.perform(group)?;
    if outcomes.len() != group.len() {
        return Err(Fatal("the store answered another number of operations than it was given".to_owned()));
    }
    Ok(outcomes.into_iter().map(Outcome::Store).collect())
}

/// An operation by who does it.
#[derive(Debug)]
pub(super) enum Job {
    Store(StoreOperation),
    Password(super::passwords::PasswordJob),
}

impl From<Operation> for Job {
    fn from(operation: Operation) -> Self {
        use super::passwords::PasswordJob;
        match operation {
            Operation::Store(operation) => Self::Store(operation),
            Operation::HashPassword { secret, salt } => Self::Password(PasswordJob::Hash { secret, salt }),
            Operation::VerifyPassword { secret, hash } => Self::Password(PasswordJob::Verify { secret, hash }),
        }
    }
}
