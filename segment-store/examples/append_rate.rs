//! Measures durable appends per second beside plain SQLite with full syncing, in one run:
//! `cargo run --release -p segment-store --example append_rate [DIRECTORY]`. A measurement, not a test.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use segment_core::{LogId, LogRole, Store, StoreOperation, StoredEntry, Write};
use segment_proto::{
    AccountId, ChannelId, DeviceId, Entry, Envelope, EnvelopeKind, Hash, Identity, MessageKey, Signed, UnixMillis,
};
use segment_store::SqliteStore;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1_500);
const BODY_BYTES: usize = 119;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for (waiting, authors) in [(1, 1), (64, 1), (64, 50)] {
        let mut rates = Vec::new();
        let mut plain = Plain::open(&directory)?;
        let files = Files::new(&directory, "store")?;
        let mut store = SqliteStore::open(files.0.join("store"))?;
        let mut batches = Batches { next: 1, authors };
        for _ in 0..ROUNDS {
            let plain = rate(waiting, |_| (), |count, ()| plain.append(count))?;
            let store = rate(waiting, |count| batches.next(count), |_, batch| store.perform(&batch).map(|_| ()))?;
            rates.push((store / plain, plain, store));
        }
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, plain, store) = rates[ROUNDS / 2];
        println!(
            "{waiting:>3} waiting, {authors:>2} authors: plain SQLite {plain:>9.0}/s, store {store:>9.0}/s, ratio {ratio:.2}"
        );
    }
    Ok(())
}

/// Appends per second; making what is appended does not count.
fn rate<T, E: Error + 'static>(
    waiting: u64,
    mut make: impl FnMut(u64) -> T,
    mut append: impl FnMut(u64, T) -> Result<(), E>,
) -> Outcome<f64> {
    let mut took = Duration::ZERO;
    let mut done = 0;
    while took < ROUND {
        let made = make(waiting);
        let start = Instant::now();
        append(waiting, made)?;
        took += start.elapsed();
        done += waiting;
    }
    Ok(done as f64 / took.as_secs_f64())
}

/// One table, one index: what a plain append costs.
struct Plain {
    connection: Connection,
    body: Vec<u8>,
    _files: Files,
}

impl Plain {
    fn open(directory: &Path) -> Outcome<Self> {
        let files = Files::new(directory, "plain")?;
        let connection = Connection::open(files.0.join("plain"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute("CREATE TABLE entries (pos INTEGER PRIMARY KEY, entry BLOB NOT NULL)", [])?;
        let body = sample(1, 1, &Hash::ZERO).entry.envelope.bytes().to_vec();
        // The same bytes to keep: signature and both hashes.
        let body = [body, vec![7; 64 + 32 + 32]].concat();
        Ok(Self { connection, body, _files: files })
    }

    fn append(&mut self, count: u64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for _ in 0..count {
            transaction.prepare_cached("INSERT INTO entries (entry) VALUES (?1)")?.execute([&self.body])?;
        }
        transaction.commit()
    }
}

/// One transaction for each entry, as machines give them.
struct Batches {
    next: u64,
    authors: u64,
}

impl Batches {
    fn next(&mut self, count: u64) -> Vec<StoreOperation> {
        let places = self.next..self.next + count;
        self.next = places.end;
        let log = LogId { channel: ChannelId::from_random([1; 16]), role: LogRole::Host };
        let append = |entry| StoreOperation::Write(vec![Write::Append { log, entries: vec![entry] }]);
        places.map(|pos| append(sample(pos, pos % self.authors, &Hash::ZERO))).collect()
    }
}

fn sample(pos: u64, author: u64, before: &Hash) -> StoredEntry {
    let device = DeviceId([author as u8; 32]);
    let key = MessageKey { channel: ChannelId::from_random([1; 16]), device, incarnation: 1, seq: pos };
    let envelope = Envelope {
        key,
        account: AccountId(7),
        prev: *before,
        sent: UnixMillis(pos),
        kind: EnvelopeKind::Text,
        body: vec![b'x'; BODY_BYTES].into(),
    };
    let envelope = Signed::new(envelope, &Identity::simulated(device));
    StoredEntry::new(Entry { pos, epoch: 1, sequenced: UnixMillis(pos), envelope }, before)
}

/// A directory that goes with the measurement.
struct Files(PathBuf);

impl Files {
    fn new(directory: &Path, name: &str) -> Outcome<Self> {
        let path = directory.join(format!("append-rate-{name}-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
