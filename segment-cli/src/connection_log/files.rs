//! The files of the log: exact numbers of records, oldest removed first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Details, EventType, LOG_FILE, Record, Source};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// A file holds exactly so many records; at least 2.
    pub records_per_file: u64,
    /// So many files are kept, the one being written included; then the oldest is removed. At least 1.
    pub files: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { records_per_file: 10_000, files: 100 }
    }
}

/// The log cannot be opened; nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("the connection log {} cannot be opened ({source}); free the disk or correct its permissions, or choose another directory", path.display())]
pub struct LogError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The file being written, and those before it.
pub(super) struct LogFiles {
    dir: PathBuf,
    limits: LogLimits,
    file: File,
    records: u64,
    bytes: u64,
    lost: u64,
}

impl LogFiles {
    /// Opens or goes on; half a record at the end is cut off and recorded.
    pub fn open(dir: &Path, limits: LogLimits, now_ms: u64) -> Result<Self, LogError> {
        let limits = LogLimits { records_per_file: limits.records_per_file.max(2), files: limits.files.max(1) };
        let path = dir.join(LOG_FILE);
        let failed = |source| LogError { path: path.clone(), source };
        let mut file = open_file(&path).map_err(failed)?;
        let found = measure(&mut file).map_err(failed)?;
        file.set_len(found.whole_bytes).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut files =
            Self { dir: dir.to_owned(), limits, file, records: found.records, bytes: found.whole_bytes, lost: 0 };
        if found.torn_bytes > 0 {
            files.write(&own(now_ms, EventType::LogTailCut, Details::new().with("bytes", found.torn_bytes)));
        }
        Ok(files)
    }

    /// Writes a record, beginning a new file first where the current one is full. A record that
    /// cannot be written is counted, and the count recorded once writing works again.
    pub fn write(&mut self, record: &Record) {
        if self.lost > 0 && self.write_plain(&self.lost_record(record.at_ms)).is_ok() {
            self.lost = 0;
        }
        if let Err(error) = self.write_plain(record) {
            tracing::error!(%error, "a record of the connection log could not be written");
            self.lost += 1;
        }
    }

    /// Asks the operating system to put everything on the disk.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::error!(%error, "the connection log could not be synced");
        }
    }

    fn lost_record(&self, at_ms: u64) -> Record {
        own(at_ms, EventType::LogRecordsLost, Details::new().with("count", self.lost))
    }

    fn write_plain(&mut self, record: &Record) -> io::Result<()> {
        if self.records >= self.limits.records_per_file {
            self.rotate(record.at_ms)?;
        }
        self.append(record)
    }

    /// All or nothing: a line that was written in part is cut off again.
    fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = format!("{record}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.file.set_len(self.bytes)?;
            self.file.seek(SeekFrom::End(0))?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        self.records += 1;
        Ok(())
    }

    fn rotate(&mut self, now_ms: u64) -> io::Result<()> {
        self.file.sync_data()?;
        let archived = archives(&self.dir)?;
        let number = archived.last().map_or(1, |(number, _)| number + 1);
        let path = self.dir.join(LOG_FILE);
        match fs::rename(&path, self.dir.join(archive_name(number))) {
            // An earlier attempt renamed it and then could not make the new file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = open_file(&path)?;
        self.records = 0;
        self.bytes = 0;
        self.remove_oldest(now_ms)
    }

    fn remove_oldest(&mut self, now_ms: u64) -> io::Result<()> {
        let archived = archives(&self.dir)?;
        let surplus = (archived.len() + 1).saturating_sub(self.limits.files);
        let room = usize::try_from(self.limits.records_per_file - 1).unwrap_or(usize::MAX);
        for (_, path) in archived.iter().take(surplus.min(room)) {
            fs::remove_file(path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.append(&own(now_ms, EventType::LogFileRemoved, Details::new().with("file", name)))?;
        }
        Ok(())
    }
}

fn own(at_ms: u64, event: EventType, details: Details) -> Record {
    Record { at_ms, event, source: Source::own(), details }
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

struct Measured {
    records: u64,
    whole_bytes: u64,
    torn_bytes: u64,
}

fn measure(file: &mut File) -> io::Result<Measured> {
    let mut found = Measured { records: 0, whole_bytes: 0, torn_bytes: 0 };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(found);
        }
        for byte in &buffer[..read] {
            found.torn_bytes += 1;
            if *byte == b'\n' {
                found.records += 1;
                found.whole_bytes += std::mem::take(&mut found.torn_bytes);
            }
        }
    }
}

fn archive_name(number: u64) -> String {
    format!("connection_log.{number:06}.txt")
}

/// The full files, oldest first.
pub(super) fn archives(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(number) = path.file_name().and_then(|name| archive_number(name.to_str()?)) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn archive_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("connection_log.")?.strip_suffix(".txt")?.parse().ok()?;
    (archive_name(number) == name).then_some(number)
}
