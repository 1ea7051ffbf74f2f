//! A file that common players open.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Sink, SinkError};
use crate::matroska::{FileWriter, MatroskaError};
use crate::{Frame, Track};

/// Writes Matroska. The file can be played while it grows, and after a crash.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    writer: Option<FileWriter<BufWriter<File>>>,
}

impl FileSink {
    /// Makes the file; one that exists is left alone.
    ///
    /// # Errors
    /// [`SinkError::FileExists`], [`SinkError::FileNotMade`], [`SinkError::File`], [`SinkError::Container`].
    pub fn create(path: &Path, tracks: &[Track]) -> Result<Self, SinkError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => SinkError::FileExists(path.into()),
            _ => SinkError::FileNotMade { path: path.into(), why: error.to_string() },
        })?;
        let writer = FileWriter::new(BufWriter::new(file), tracks).map_err(|error| match error {
            MatroskaError::Io(_) => failed(path, &error),
            other => other.into(),
        })?;
        Ok(Self { path: path.into(), writer: Some(writer) })
    }
}

fn failed(path: &Path, error: &MatroskaError) -> SinkError {
    let why = match error {
        MatroskaError::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    SinkError::File { path: path.into(), why }
}

impl Sink for FileSink {
    fn take(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(frame).map_err(|error| failed(&self.path, &error))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.finish().map(drop).map_err(|error| failed(&self.path, &error))
    }
}
