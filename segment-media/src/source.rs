//! What gives a stream its tracks and frames.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::queue::Closed;
use crate::{Bounds, Frame, Receiver, Sender, Track, queue};

/// What waits between a source and who sends it. Policy: the oldest group goes.
pub const SOURCE_BOUNDS: Bounds = Bounds { frames: 128, bytes: 16 * 1024 * 1024 };

/// Why there is no source, or why it ended before its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// Its size or rate is beyond what there is.
    #[error(
        "a test card has 160x120 to 4096x4096 pixels and 1 to 120 frames a second: nothing is streamed; choose others"
    )]
    CardSize,
    /// A picture could not be encoded.
    #[error("{0}")]
    Encoding(String),
    /// There is no such file.
    #[error("there is no file {0}: nothing is streamed; check its name, or stream `test`, `camera` or `-`")]
    NoFile(String),
    /// There is no such camera.
    #[error("there is no camera {0}: nothing is streamed; plug one in, or name its device")]
    NoCamera(String),
    /// What `ffmpeg` said when it ended.
    #[error("ffmpeg has ended ({0}): the stream ends here; try `ffmpeg -i` with the same source")]
    Ffmpeg(String),
    /// The container cannot be read.
    #[error("{0}")]
    Container(String),
    /// It is neither MJPEG nor Matroska.
    #[error(
        "standard input gives neither JPEGs nor Matroska: nothing is streamed; \
         make it one with `ffmpeg -i - -c copy -f matroska -`"
    )]
    Unknown,
    /// The system gave no thread.
    #[error("the system gives this program no further thread ({0}): nothing is streamed; end something and try again")]
    Thread(String),
}

/// Tracks, and their frames as they come.
pub struct Source {
    tracks: Vec<Track>,
    frames: Receiver,
    ended: Ended,
    at_end: Option<AtEnd>,
}

/// Done when it is dropped.
struct AtEnd(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

type Ended = Arc<Mutex<Option<SourceError>>>;

impl Source {
    /// Runs what pushes frames in a thread of its own, until it returns or nobody takes them any more.
    pub(crate) fn start(
        name: &str,
        tracks: Vec<Track>,
        run: impl FnOnce(&Sender) -> Result<(), SourceError> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let (sender, frames) = queue(SOURCE_BOUNDS);
        let ended = Ended::default();
        let told = Arc::clone(&ended);
        let work = move || {
            if let Err(error) = run(&sender) {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        };
        thread::Builder::new().name(name.into()).spawn(work).map_err(|error| thread_error(&error))?;
        Ok(Self { tracks, frames, ended, at_end: None })
    }

    /// With something to be done when it is dropped.
    pub(crate) fn ending_with(mut self, at_end: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.at_end = Some(AtEnd(Some(Box::new(at_end))));
        self
    }

    /// Its tracks.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The next frame; none at the end.
    ///
    /// # Errors
    /// [`SourceError`]: it ended before its end.
    pub async fn next(&mut self) -> Result<Option<Frame>, SourceError> {
        let frame = self.frames.next().await;
        self.or_why(frame)
    }

    /// [`Source::next`] for a thread.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn next_blocking(&mut self) -> Result<Option<Frame>, SourceError> {
        let frame = self.frames.next_blocking();
        self.or_why(frame)
    }

    /// Frames that nobody took in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.frames.dropped()
    }

    fn or_why(&self, frame: Option<Frame>) -> Result<Option<Frame>, SourceError> {
        match (frame, self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()) {
            (None, Some(error)) => Err(error),
            (frame, _) => Ok(frame),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("tracks", &self.tracks).finish_non_exhaustive()
    }
}

pub(crate) fn thread_error(error: &io::Error) -> SourceError {
    SourceError::Thread(error.to_string())
}

/// Nobody takes frames any more: the source has done its work.
impl From<Closed> for SourceEnd {
    fn from(_: Closed) -> Self {
        Self::NotWanted
    }
}

/// How the work of a source ends.
pub(crate) enum SourceEnd {
    NotWanted,
    Failed(SourceError),
}

impl SourceEnd {
    pub(crate) fn outcome(self) -> Result<(), SourceError> {
        match self {
            Self::NotWanted => Ok(()),
            Self::Failed(error) => Err(error),
        }
    }
}

/// Microseconds since 1970 by this machine's clock.
#[must_use]
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
