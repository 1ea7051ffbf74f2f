#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod card;
mod ffmpeg;
mod matroska;
mod mjpeg;
mod queue;
#[cfg(unix)]
mod screen;
mod sinks;
mod track;
