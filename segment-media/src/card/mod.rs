//! A test card: colour bars, a running clock, the number of the frame, something that moves, and all of it once more as
//! a stamp that a program can read from the picture.

mod draw;
mod font;
mod stamp;

use std::thread::sleep;
use std::time::{Duration, Instant};

pub use draw::Card;
pub use stamp::Stamp;

use crate::source::{SourceEnd, SourceError, now_us};
use crate::{Format, Frame, Sender, Source, Track, jpeg};

/// What a test card is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardOptions {
    /// Columns of pixels.
    pub width: u16,
    /// Rows of pixels.
    pub height: u16,
    /// Frames a second.
    pub rate: u32,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

impl Default for CardOptions {
    fn default() -> Self {
        Self { width: 640, height: 360, rate: 30, quality: 85 }
    }
}

impl CardOptions {
    /// The same in the best quality that stays below so many thousands of bits a second, as far as one does.
    ///
    /// # Errors
    /// [`SourceError`]: there is no such card.
    pub fn within(self, kbps: u32) -> Result<Self, SourceError> {
        self.check()?;
        let mut card = Card::new(self.width, self.height);
        let bytes_max = usize::try_from(u64::from(kbps) * 125 / u64::from(self.rate)).unwrap_or(usize::MAX);
        let (mut low, mut high) = (1, QUALITY_MAX);
        while low < high {
            let quality = (low + high).div_ceil(2);
            match picture(&mut card, 0, Self { quality, ..self })?.payload.len() <= bytes_max {
                true => low = quality,
                false => high = quality - 1,
            }
        }
        Ok(Self { quality: low, ..self })
    }

    fn check(&self) -> Result<(), SourceError> {
        if self.is_possible() { Ok(()) } else { Err(SourceError::CardSize) }
    }

    fn is_possible(&self) -> bool {
        let width = (160..=4_096).contains(&self.width);
        width && (120..=4_096).contains(&self.height) && (1..=120).contains(&self.rate)
    }
}

/// More is not seen.
const QUALITY_MAX: u8 = 95;
/// The track of a card.
const TRACK: u8 = 0;

/// Streams a test card until nobody takes its frames any more.
///
/// # Errors
/// [`SourceError::CardSize`]; there is no thread.
pub fn open(options: CardOptions) -> Result<Source, SourceError> {
    options.check()?;
    let mut clock = Ticks::new(options.rate);
    let mut card = Card::new(options.width, options.height);
    let bytes = picture(&mut card, 0, options)?.payload.len();
    let track = Track {
        track: TRACK,
        codec: "mjpeg".into(),
        format: Format::video(options.width, options.height),
        rate_bps: u32::try_from(bytes).unwrap_or(u32::MAX).saturating_mul(8).saturating_mul(options.rate),
        interval_us: 1_000_000 / options.rate,
    };
    Source::start("test card", vec![track], move |frames| {
        run(&mut card, &mut clock, options, frames).map_or_else(SourceEnd::outcome, Ok)
    })
}

fn run(card: &mut Card, clock: &mut Ticks, options: CardOptions, frames: &Sender) -> Result<(), SourceEnd> {
    loop {
        let number = clock.wait();
        frames.push(picture(card, number, options).map_err(SourceEnd::Failed)?)?;
    }
}

fn picture(card: &mut Card, number: u32, options: CardOptions) -> Result<Frame, SourceError> {
    let timestamp_us = now_us();
    card.show(Stamp { timestamp_us, number });
    let payload = jpeg::encode(card.picture(), options.quality);
    let payload = payload.map_err(|error| SourceError::Encoding(error.to_string()))?;
    Ok(Frame { track: TRACK, timestamp_us, key: true, discardable: true, payload })
}

/// Moments at equal distances. Who comes late leaves out those that are over.
struct Ticks {
    began: Instant,
    interval: Duration,
    number: u32,
}

impl Ticks {
    fn new(rate: u32) -> Self {
        Self { began: Instant::now(), interval: Duration::from_secs(1) / rate, number: 0 }
    }

    fn wait(&mut self) -> u32 {
        let over = self.began.elapsed().as_micros() / self.interval.as_micros().max(1);
        self.number = u32::try_from(over).unwrap_or(u32::MAX).max(self.number).wrapping_add(1);
        let at = self.began + self.interval * self.number;
        sleep(at.saturating_duration_since(Instant::now()));
        self.number
    }
}
