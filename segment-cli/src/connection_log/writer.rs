//! Writing off the path of the links.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use super::files::LogFiles;
use super::{Details, EventType, LogError, LogLimits, Record, Source};

/// Records between the links and the disk. When so many wait, recording waits: none is dropped.
pub const QUEUED_RECORDS_MAX: usize = 65_536;

enum Order {
    Write(Record),
    Flush(SyncSender<()>),
    Stop,
}

/// Where records go; cheap to clone.
#[derive(Clone, Debug)]
pub struct ConnectionLog {
    queue: SyncSender<Order>,
}

/// Ends the writing; dropping it writes everything that is queued and syncs the file.
#[derive(Debug)]
pub struct LogGuard {
    queue: SyncSender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl ConnectionLog {
    /// Opens the log of a directory, or goes on with the one that is there, and starts its thread.
    ///
    /// # Errors
    /// [`LogError`]: nothing was written.
    pub fn open(dir: &Path, limits: LogLimits) -> Result<(Self, LogGuard), LogError> {
        let files = LogFiles::open(dir, limits, now_ms())?;
        let (queue, orders) = sync_channel(QUEUED_RECORDS_MAX);
        let thread = thread::Builder::new().name("connection log".into()).spawn(move || run(files, &orders));
        let thread = thread.map_err(|source| LogError { path: dir.to_owned(), source })?;
        Ok((Self { queue: queue.clone() }, LogGuard { queue, thread: Some(thread) }))
    }

    /// Queues a record that happened now.
    pub fn record(&self, event: EventType, source: Source, details: Details) {
        self.write(Record { at_ms: now_ms(), event, source, details });
    }

    /// Queues a record. After the guard is gone it is dropped: the process is ending.
    pub fn write(&self, record: Record) {
        let _ = self.queue.send(Order::Write(record));
    }

    /// Returns once everything queued before is in the file.
    pub fn flush(&self) {
        let (done, is_done) = sync_channel(1);
        if self.queue.send(Order::Flush(done)).is_ok() {
            let _ = is_done.recv();
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let _ = self.queue.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut files: LogFiles, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Write(record) => files.write(&record),
            Order::Flush(done) => drop(done.send(())),
            Order::Stop => break,
        }
    }
    files.sync();
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
