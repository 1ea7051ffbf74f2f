//! The standard input of a player.

use std::ffi::OsStr;
use std::io::BufWriter;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use super::{Sink, SinkError};
use crate::ffmpeg::{Child, find_tool};
use crate::matroska::Writer;
use crate::{Frame, Track};

/// A player is given so long to show what it has, then it is closed.
const EXIT_MAX: Duration = Duration::from_secs(2);

/// The players, the better first, and how each is told to show at once what comes on its standard input.
const PLAYERS: [(&str, &str); 2] = [
    ("mpv", "--no-terminal --profile=low-latency --cache=no --force-seekable=no -"),
    ("ffplay", "-hide_banner -loglevel error -flags low_delay -probesize 32 -analyzeduration 0 -autoexit -i pipe:0"),
];

/// Plays a stream.
#[derive(Debug)]
pub struct PlayerSink {
    writer: Option<Writer<BufWriter<ChildStdin>>>,
    child: Child,
}

impl PlayerSink {
    /// Opens a player, looked for in the folders of `path`.
    ///
    /// # Errors
    /// [`SinkError::NoPlayer`], [`SinkError::PlayerEnded`], [`SinkError::Container`].
    pub fn open(path: &OsStr, tracks: &[Track]) -> Result<Self, SinkError> {
        let mut found = PLAYERS.iter().filter_map(|(name, args)| Some((find_tool(name, path)?, args)));
        let (program, args) = found.next().ok_or(SinkError::NoPlayer)?;
        let mut command = Command::new(program);
        command.args(args.split(' ')).stdin(Stdio::piped()).stdout(Stdio::null());
        let child = Child::start(&mut command).map_err(|error| SinkError::PlayerEnded(error.to_string()))?;
        let input = child.stdin().ok_or_else(|| ended(&child))?;
        let writer = Writer::new(BufWriter::new(input), tracks)?;
        Ok(Self { writer: Some(writer), child })
    }
}

fn ended(child: &Child) -> SinkError {
    match child.said() {
        said if said.is_empty() => SinkError::PlayerEnded("its window was closed".into()),
        said => SinkError::PlayerEnded(said),
    }
}

impl Sink for PlayerSink {
    fn take(&mut self, frame: &Frame) -> Result<(), SinkError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(frame).map_err(|_| ended(&self.child))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let written = self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop));
        self.child.wait(EXIT_MAX);
        written.map_err(|_| ended(&self.child))
    }
}
