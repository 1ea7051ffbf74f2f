//! What takes the tracks and frames of a stream.

mod file;
mod outlet;
mod player;

pub use file::FileSink;
pub use outlet::{OUTLET_BOUNDS, Outlet, Summary, serve};
pub use player::PlayerSink;

use std::path::PathBuf;

use crate::Frame;
use crate::ffmpeg::{DecoderError, Missing};
use crate::matroska::MatroskaError;

/// Takes frames, in a thread of its own ([`Outlet`]).
pub trait Sink: Send {
    /// Takes a frame. May wait: what piles up meanwhile goes by whole groups.
    ///
    /// # Errors
    /// [`SinkError`]: it takes no further ones.
    fn take(&mut self, frame: &Frame) -> Result<(), SinkError>;

    /// No further frame comes.
    ///
    /// # Errors
    /// [`SinkError`]: what was taken is not whole.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// Why nothing is shown or written, or nothing further.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file cannot be written.
    #[error("{path} cannot be written ({why}): what came until now is in it; make room, or name another file")]
    File {
        /// Its name.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file cannot be made.
    #[error("{path} cannot be made ({why}): nothing is written; name another file")]
    FileNotMade {
        /// Its name.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There is something by that name.
    #[error("{0} exists: nothing is written over it; name another file, or remove it first")]
    FileExists(PathBuf),
    /// The player has ended.
    #[error("the player has ended ({0}); watch again to open another")]
    PlayerEnded(String),
    /// Neither `mpv` nor `ffplay`.
    #[error(
        "neither mpv nor ffplay is installed: nothing is played. Install one (Debian, Ubuntu: apt install mpv; macOS: brew \
         install mpv), or watch in the terminal with --term"
    )]
    NoPlayer,
    /// A program that is needed is not installed.
    #[error("{0}")]
    Missing(#[from] Missing),
    /// The stream has no pictures.
    #[error("the stream has no pictures: a terminal has nothing to show; use --play or --out")]
    NoPictures,
    /// This is not a terminal, or one that shows no pictures.
    #[error("this terminal shows no pictures ({0}): use --play or --out FILE")]
    NoScreen(String),
    /// What decodes the pictures does not.
    #[error("{0}")]
    Decoder(#[from] DecoderError),
    /// The stream cannot be put into a container.
    #[error("{0}")]
    Container(#[from] MatroskaError),
    /// The system gave no thread.
    #[error("the system gives this program no further thread ({0}): nothing is shown; end something and try again")]
    Thread(String),
    /// The thread of the sink has failed.
    #[error("showing the stream has failed within this program: please report it; watch again to go on")]
    Broken,
}
