//! The log of what was promised: an acknowledgement counts once it is synced.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use segment_proto::{DeviceId, MessageKey};

use crate::Label;
use crate::chronicle::millis;

/// Acknowledgements that wait for the disk. Policy: whoever has one more waits.
const WAITING_MAX: usize = 4_096;

/// The log of a member; clones write the same one.
#[derive(Clone, Debug)]
pub struct AckLog {
    file: Arc<Mutex<File>>,
    acks: SyncSender<String>,
    synced: Arc<AtomicU64>,
}

/// What an earlier process has left.
#[derive(Debug, Default)]
pub struct Earlier {
    /// The number of the last message to each channel, sent or not.
    pub last: BTreeMap<u16, u32>,
    /// Acknowledgements.
    pub acked: u64,
}

impl AckLog {
    /// Opens the log and goes on behind what is there.
    pub fn open(path: &Path, device: DeviceId) -> io::Result<(Self, Earlier)> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let earlier = Earlier::read(&text);
        // A line that was torn ends here.
        write!(file, "\ndevice {device} .\n")?;
        let (acks, waiting) = sync_channel(WAITING_MAX);
        let synced = Arc::new(AtomicU64::new(earlier.acked));
        let writer = Writer { file: file.try_clone()?, waiting, synced: Arc::clone(&synced) };
        thread::Builder::new().name("acks".to_owned()).spawn(move || writer.run())?;
        Ok((Self { file: Arc::new(Mutex::new(file)), acks, synced }, earlier))
    }

    /// Writes a line that survives this process, though not the machine.
    pub fn note(&self, event: &str, label: Label, key: Option<&MessageKey>) -> io::Result<()> {
        let key = key.map_or_else(String::new, |key| format!(" {}:{}", key.incarnation, key.seq));
        self.write(&format!("{event} {label}{key} .\n"))
    }

    /// Notes that a message is on this disk, and since when.
    pub fn kept(&self, label: Label, key: &MessageKey) -> io::Result<()> {
        self.write(&format!("kept {label} {}:{} {} .\n", key.incarnation, key.seq, millis()))
    }

    fn write(&self, line: &str) -> io::Result<()> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }

    /// Notes an acknowledgement; it counts once it is synced. `false`: the disk failed, which ends this process.
    pub async fn acked(&self, label: Label, key: &MessageKey) -> bool {
        let line = format!("acked {label} {}:{} {} .\n", key.incarnation, key.seq, millis());
        let acks = self.acks.clone();
        match acks.try_send(line) {
            Ok(()) => true,
            Err(std::sync::mpsc::TrySendError::Full(line)) => {
                tokio::task::spawn_blocking(move || acks.send(line).is_ok()).await.unwrap_or(false)
            }
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => false,
        }
    }

    /// Acknowledgements that are synced.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::SeqCst)
    }
}

struct Writer {
    file: File,
    waiting: Receiver<String>,
    synced: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self) {
        while let Ok(mut lines) = self.waiting.recv() {
            let mut count = 1;
            while let Ok(line) = self.waiting.try_recv() {
                lines.push_str(&line);
                count += 1;
            }
            if self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data()).is_err() {
                return;
            }
            self.synced.fetch_add(count, Ordering::SeqCst);
        }
    }
}

impl Earlier {
    fn read(text: &str) -> Self {
        let mut earlier = Self::default();
        for line in text.lines().filter_map(|line| line.strip_suffix(" .")) {
            let mut words = line.split(' ');
            let event = words.next();
            let Some(Ok(label)) = words.next().map(str::parse::<Label>) else { continue };
            let last = earlier.last.entry(label.channel).or_default();
            *last = label.number.max(*last);
            earlier.acked += u64::from(event == Some("acked"));
        }
        earlier
    }
}
