//! Pictures out of frames that only `ffmpeg` can decode.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::child::Child;
use super::tool::Tool;
use crate::matroska::{MatroskaError, Writer};
use crate::picture::SIDE_MAX;
use crate::{Frame, Picture, Track};

/// Digits of a number in the head of a picture.
const DIGITS_MAX: u64 = 8;
const EXIT_MAX: Duration = Duration::from_millis(500);

/// Why pictures do not come.
#[derive(Debug, thiserror::Error)]
pub enum DecoderError {
    /// It could not be started, or has ended.
    #[error("ffmpeg does not decode this ({0}): nothing is shown; write the stream to a file with --out")]
    Ended(String),
    /// The track is of a codec that it cannot be told of.
    #[error("{0}")]
    Track(#[from] MatroskaError),
}

/// Where frames are put in.
#[derive(Debug)]
pub struct Decoder {
    writer: Option<Writer<ChildStdin>>,
    child: Arc<Child>,
}

/// Where pictures come out.
#[derive(Debug)]
pub struct Pictures {
    output: BufReader<ChildStdout>,
    /// Ends with whoever is the last to need it.
    _child: Arc<Child>,
}

impl Decoder {
    /// Decodes one track to pictures of at most this width.
    ///
    /// # Errors
    /// [`DecoderError`].
    pub fn start(tool: &Tool, track: &Track, width_max: usize) -> Result<(Self, Pictures), DecoderError> {
        let mut command = tool.command();
        // Not `-fflags nobuffer`: it throws away what was read to look at, and with it the first keyframe.
        let input = "-flags low_delay -probesize 32 -analyzeduration 0 -threads 1 -f matroska -i pipe:0";
        command.args(input.split(' ')).args(["-map", "0:v:0", tool.keep_times(), "passthrough"]);
        command.args(["-vf", &format!("scale='min({width_max},iw)':-2:flags=fast_bilinear")]);
        command.args("-c:v ppm -f image2pipe -flush_packets 1 pipe:1".split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let ended = |error: std::io::Error| DecoderError::Ended(error.to_string());
        let child = Arc::new(Child::start(&mut command).map_err(ended)?);
        let none = || DecoderError::Ended("no pipe".into());
        let (input, output) = (child.stdin().ok_or_else(none)?, child.stdout().ok_or_else(none)?);
        let writer = Some(Writer::new(input, std::slice::from_ref(track))?);
        let pictures = Pictures { output: BufReader::new(output), _child: Arc::clone(&child) };
        Ok((Self { writer, child }, pictures))
    }

    /// Puts a frame in. Waits while it is busy.
    ///
    /// # Errors
    /// [`DecoderError::Ended`].
    pub fn put(&mut self, frame: &Frame) -> Result<(), DecoderError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(frame).map_err(|error| {
            let _ = self.child.wait(EXIT_MAX);
            let said = self.child.said();
            DecoderError::Ended(if said.is_empty() { error.to_string() } else { said })
        })
    }

    /// No further frame comes: what is under way still comes out.
    pub fn finish(&mut self) {
        self.writer = None;
    }

    /// It ends at once.
    pub(crate) fn kill(&self) {
        self.child.kill();
    }
}

impl Pictures {
    /// The next; none at the end.
    pub fn next_picture(&mut self) -> Option<Picture> {
        self.word().filter(|magic| magic == "P6")?;
        let mut number = || self.word()?.parse::<usize>().ok();
        let (width, height, depth) = (number()?, number()?, number()?);
        let fits = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height) && depth == 255;
        let mut pixels = fits.then(|| vec![0; width * height * 3])?;
        self.output.read_exact(&mut pixels).ok()?;
        Picture::from_pixels(width, height, pixels)
    }

    /// Up to one white space.
    fn word(&mut self) -> Option<String> {
        let mut word = Vec::new();
        let mut limited = (&mut self.output).take(DIGITS_MAX);
        loop {
            let byte = *limited.fill_buf().ok()?.first()?;
            limited.consume(1);
            if byte.is_ascii_whitespace() {
                return String::from_utf8(word).ok();
            }
            word.push(byte);
        }
    }
}
