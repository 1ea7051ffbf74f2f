//! The process that is killed, cut off and failed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use segment_core::Store;
use segment_store::{Settings, SqliteStore, Syncing};

use crate::transactions;

const PATH: &str = "SEGMENT_CRASH_PATH";
const SYNCING: &str = "SEGMENT_CRASH_SYNCING";
const COUNT: &str = "SEGMENT_CRASH_COUNT";
const OFF: &str = "off";

/// Few, so that the log is copied into the database and begun again all the time.
const CHECKPOINT_PAGES: i32 = 24;

pub const OPENED: &str = "opened";
pub const ACKNOWLEDGED: &str = "acknowledged ";
pub const STOPPED: &str = "stopped";
pub const NOT_OPENED: &str = "not opened";

/// A child that is to be started.
pub struct Child {
    pub path: PathBuf,
    syncing: Syncing,
    count: u64,
}

impl Child {
    /// It will write so many transactions to the store at `path`.
    pub fn new(path: &Path, syncing: Syncing, count: u64) -> Self {
        Self { path: path.to_owned(), syncing, count }
    }

    /// This program, asked to run [`writes_and_acknowledges`] only.
    pub fn command(&self, before: &[&str]) -> Command {
        let this = std::env::current_exe().unwrap();
        let mut command = match before {
            [] => Command::new(this),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
        };
        command.args(["--exact", "child::writes_and_acknowledges", "--nocapture", "--test-threads=1"]);
        command.env(PATH, &self.path).env(COUNT, self.count.to_string());
        if self.syncing == Syncing::Off {
            command.env(SYNCING, OFF);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Kills it so many milliseconds after its first acknowledgement; gives the last one.
    pub fn killed_after(&self, milliseconds: u64) -> u64 {
        let mut process = self.command(&[]).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let acknowledged = |line: std::io::Result<String>| acknowledgement(&line.unwrap());
        let first = lines.by_ref().find_map(acknowledged).expect("the child acknowledges something");
        std::thread::sleep(Duration::from_millis(milliseconds));
        process.kill().unwrap();
        process.wait().unwrap();
        lines.filter_map(acknowledged).last().unwrap_or(first)
    }
}

/// Which transaction a line acknowledges, with all before it.
pub fn acknowledgement(line: &str) -> Option<u64> {
    // A line that was cut off by the kill acknowledges nothing, but a number may have been: "12" of "123" is less.
    line.strip_prefix(ACKNOWLEDGED)?.trim_end().parse().ok()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // One call of the system for each line; a parent that is gone does not matter.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

/// Batches of one to three transactions, from the last one that is there on.
fn write(path: &Path, settings: Settings, count: u64, say: &mut dyn FnMut(&str)) {
    let mut store = match SqliteStore::open_with(path, settings) {
        Ok(store) => store,
        Err(error) => return say(&format!("{NOT_OPENED}: {error}")),
    };
    say(OPENED);
    let mut done = transactions::last(&mut store);
    if done > 0 {
        // What was found is shown to others from now on, whoever wrote it.
        say(&format!("{ACKNOWLEDGED}{done}"));
    }
    let mut stops = 0;
    while done < count && stops < 3 {
        let last = done + 1 + done % 3;
        let batch: Vec<_> = (done + 1..=last).map(transactions::transaction).collect();
        match store.perform(&batch) {
            Ok(_) => say(&format!("{ACKNOWLEDGED}{last}")),
            Err(fatal) => {
                stops += 1;
                say(&format!("{STOPPED}: {fatal}"));
            }
        }
        done = last;
    }
}

/// The child, when its parent asks for it; else the same on a store of its own, left in peace.
#[test]
fn writes_and_acknowledges() {
    let syncing = std::env::var(SYNCING).map_or(Syncing::Full, |_| Syncing::Off);
    let settings = Settings { syncing, checkpoint_pages: CHECKPOINT_PAGES };
    if let Some(path) = std::env::var_os(PATH) {
        let count = std::env::var(COUNT).unwrap().parse().unwrap();
        return write(Path::new(&path), settings, count, &mut say);
    }
    let (_directory, path) = crate::store();
    let mut said = Vec::new();
    write(&path, settings, 6, &mut |line| said.push(line.to_owned()));
    assert_eq!(said, ["opened", "acknowledged 1", "acknowledged 3", "acknowledged 4", "acknowledged 6"]);
    assert_eq!(transactions::verify_file(&path, 6), Ok(6));
}
