//! The card's picture; only what changes is drawn again.

use super::font::{GLYPH_HEIGHT, GLYPH_WIDTH, glyph};
use super::stamp::Stamp;
use crate::Picture;
use crate::picture::Rgb;

const BARS: [Rgb; 7] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];
const TEXT: Rgb = [235, 235, 235];
const GROUND: Rgb = [16, 16, 16];
const LANE: Rgb = [64, 64, 64];
const RUNNER: Rgb = [255, 200, 40];
/// Frames that the runner takes from one side to the other.
const LAP: u32 = 90;
/// Edges lie between the blocks of a JPEG where they may: they cost nearly nothing there.
const BLOCK: usize = 16;
/// The card is so many parts high: bars, a lane, the clock, the count, and the stamp.
const PARTS: usize = 45;
const LANE_AT: usize = 20;
const LANE_PARTS: usize = 4;
const CLOCK_AT: usize = 25;
const COUNT_AT: usize = 33;

/// A test card.
#[derive(Debug)]
pub struct Card {
    picture: Picture,
    shown: Option<Stamp>,
    clock: String,
    count: String,
}

impl Card {
    /// One that shows no time yet.
    #[must_use]
    pub fn new(width: u16, height: u16) -> Self {
        let mut picture = Picture::black(width.into(), height.into());
        let (width, height) = (picture.width(), picture.height());
        picture.fill(0, 0, width, height, GROUND);
        for (index, colour) in BARS.into_iter().enumerate() {
            let edge =
                |index: usize| if index == BARS.len() { width } else { index * width / BARS.len() / BLOCK * BLOCK };
            picture.fill(edge(index), 0, edge(index + 1) - edge(index), height * LANE_AT / PARTS, colour);
        }
        picture.fill(0, height * LANE_AT / PARTS, width, height * LANE_PARTS / PARTS, LANE);
        Self { picture, shown: None, clock: String::new(), count: String::new() }
    }

    /// The picture as it is now.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Shows another moment.
    pub fn show(&mut self, stamp: Stamp) {
        self.run(stamp.number);
        let height = self.picture.height();
        let clock = clock(stamp.timestamp_us);
        write(&mut self.picture, &self.clock, &clock, height * CLOCK_AT / PARTS);
        let count = format!("FRAME {:06}", stamp.number);
        write(&mut self.picture, &self.count, &count, height * COUNT_AT / PARTS);
        stamp.draw(self.shown, &mut self.picture);
        (self.clock, self.count, self.shown) = (clock, count, Some(stamp));
    }

    fn run(&mut self, number: u32) {
        let height = self.picture.height();
        let (y, side) = (height * LANE_AT / PARTS, height * LANE_PARTS / PARTS);
        let before = self.shown.map(|shown| place(self.picture.width(), side, shown.number));
        if let Some(x) = before {
            self.picture.fill(x, y, side, side, LANE);
        }
        let x = place(self.picture.width(), side, number);
        self.picture.fill(x, y, side, side, RUNNER);
    }
}

fn place(width: usize, side: usize, number: u32) -> usize {
    (number % LAP) as usize * width.saturating_sub(side) / LAP as usize
}

/// The time of day, UTC.
fn clock(timestamp_us: u64) -> String {
    let (seconds, millis) = (timestamp_us / 1_000_000, timestamp_us / 1_000 % 1_000);
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

/// Writes a line in the middle, where it differs from the one before.
fn write(picture: &mut Picture, before: &str, text: &str, y: usize) {
    let columns = text.chars().count() * (GLYPH_WIDTH + 1);
    let scale = (picture.width() / (columns + 4)).min(picture.height() / PARTS).max(1);
    let left = picture.width().saturating_sub(columns * scale) / 2 / scale * scale;
    let mut old = before.chars();
    for (index, character) in text.chars().enumerate() {
        if old.next() == Some(character) {
            continue;
        }
        draw(picture, character, left + index * (GLYPH_WIDTH + 1) * scale, y, scale);
    }
}

fn draw(picture: &mut Picture, character: char, x: usize, y: usize, scale: usize) {
    picture.fill(x, y, GLYPH_WIDTH * scale, GLYPH_HEIGHT * scale, GROUND);
    for (row, bits) in glyph(character).into_iter().enumerate() {
        for column in (0..GLYPH_WIDTH).filter(|column| bits >> (GLYPH_WIDTH - 1 - column) & 1 == 1) {
            picture.fill(x + column * scale, y + row * scale, scale, scale, TEXT);
        }
    }
}
