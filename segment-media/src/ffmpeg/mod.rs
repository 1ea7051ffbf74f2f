//! `ffmpeg`, a program beside ours, where it is installed.

mod child;
mod decoder;
mod input;
mod tool;

pub use decoder::{Decoder, DecoderError, Pictures};
pub use input::{FfmpegOptions, Input, open};
pub use tool::{Missing, Tool, find_tool};

pub(crate) use child::Child;
