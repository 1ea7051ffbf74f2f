//! What stands at both ends of a live stream: sources of tracks and frames, and sinks for them.
//!
//! A [`Source`] gives frames at its own pace and never waits for who takes them; a [`Sink`] takes them, and a slow one
//! loses whole groups, oldest first. Nothing here knows how a stream is carried.

pub mod card;
pub mod ffmpeg;
pub mod input;
pub mod jpeg;
pub mod matroska;
pub mod mjpeg;
mod paced;
mod picture;
mod queue;
#[cfg(unix)]
pub mod screen;
pub mod sink;
mod source;
mod stop;
mod track;

pub use picture::Picture;
pub use queue::{Bounds, Receiver, Sender, queue};
pub use sink::{FileSink, Outlet, PlayerSink, Sink, SinkError, Summary};
pub use source::{Source, SourceError};
pub use stop::Stop;
pub use track::{BadFormat, Format, Frame, Track, TrackKind};

#[cfg(test)]
mod tests;
