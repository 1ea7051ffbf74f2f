//! Reading the newest records back, for `/log`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::files::archives;
use super::{LOG_FILE, RECORD_BYTES_MAX};

/// At most so many records are shown at once.
pub const SHOWN_RECORDS_MAX: u32 = 10_000;

/// The newest records, oldest first, also from the files before the current one.
///
/// # Errors
/// A file cannot be read; one that was removed meanwhile is passed over.
pub fn last_records(dir: &Path, count: usize) -> io::Result<Vec<String>> {
    let count = count.min(SHOWN_RECORDS_MAX as usize);
    let mut paths: Vec<_> = archives(dir)?.into_iter().map(|(_, path)| path).collect();
    paths.push(dir.join(LOG_FILE));
    let mut records = VecDeque::new();
    for path in paths.iter().rev() {
        if records.len() >= count {
            break;
        }
        let earlier = tail_of(path, count - records.len())?;
        earlier.into_iter().rev().for_each(|line| records.push_front(line));
    }
    Ok(records.into())
}

fn tail_of(path: &Path, count: usize) -> io::Result<VecDeque<String>> {
    let mut tail = VecDeque::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(tail),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while read_line(&mut reader, &mut line)? {
        tail.push_back(shown(&line));
        if tail.len() > count {
            tail.pop_front();
        }
    }
    Ok(tail)
}

/// Reads a line, or as much of it as a record may have; `false` at the end of the file.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    reader.by_ref().take(RECORD_BYTES_MAX as u64).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

/// The file lies on a disk where others may have written to it, so it is not trusted either.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.escape_ascii().to_string().replace("\\\\", "\\").replace("\\\"", "\"").replace("\\'", "'")
}
