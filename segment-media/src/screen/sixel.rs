//! Pictures by the protocol of DEC: bands of six rows, one colour after the other.

use std::fmt::Write;

use super::fit::{Area, Window};
use crate::Picture;
use crate::picture::Rgb;

/// Columns of pixels that are sent. Policy: shown smaller.
const WIDTH_MAX: usize = 800;
const BAND: usize = 6;
/// Of each of red, green and blue.
const LEVELS: u8 = 6;
/// Spreads what is lost by so few colours.
const DITHER: [[u16; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// What is to be sent so that the area shows this picture.
#[must_use]
pub fn sixel(picture: &Picture, area: Area, window: &Window) -> String {
    let width = (usize::from(area.columns) * usize::from(window.cell().0)).clamp(1, WIDTH_MAX);
    let rows = usize::from(area.rows) * usize::from(window.cell().1);
    let height = (picture.height() * width / picture.width()).clamp(1, rows.max(1));
    let scaled = picture.scaled(width, height);
    let mut out = format!("\x1b[{};{}H\x1bP0;1;0q\"1;1;{width};{height}", area.top + 1, area.left + 1);
    let indexed: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| colour(&scaled, x, y)).collect();
    push_palette(&mut out, &indexed);
    for band in indexed.chunks(width * BAND) {
        push_band(&mut out, band, width);
    }
    out.push_str("\x1b\\");
    out
}

fn colour(picture: &Picture, x: usize, y: usize) -> u8 {
    let step = 255 / u16::from(LEVELS - 1);
    let threshold = DITHER[y % 4][x % 4] * step / 16;
    let level = |part: u8| u8::try_from((u16::from(part) + threshold) / step).unwrap_or(0).min(LEVELS - 1);
    let [red, green, blue]: Rgb = picture.at(x, y).map(level);
    (red * LEVELS + green) * LEVELS + blue
}

fn push_palette(out: &mut String, indexed: &[u8]) {
    let percent = |level: u8| u16::from(level) * 100 / u16::from(LEVELS - 1);
    for index in (0..LEVELS.pow(3)).filter(|index| indexed.contains(index)) {
        let (red, green, blue) = (index / LEVELS / LEVELS, index / LEVELS % LEVELS, index % LEVELS);
        // Writing to a text does not fail.
        let _ = write!(out, "#{index};2;{};{};{}", percent(red), percent(green), percent(blue));
    }
}

fn push_band(out: &mut String, band: &[u8], width: usize) {
    let mut used = [false; 256];
    band.iter().for_each(|index| used[usize::from(*index)] = true);
    for index in (0..LEVELS.pow(3)).filter(|index| used[usize::from(*index)]) {
        let _ = write!(out, "#{index}");
        let sixels = (0..width).map(|x| {
            let column = band.iter().skip(x).step_by(width).enumerate();
            column.fold(63, |sixel, (row, other)| sixel + (u8::from(*other == index) << row))
        });
        push_runs(out, sixels);
        out.push('$');
    }
    out.push('-');
}

fn push_runs(out: &mut String, sixels: impl Iterator<Item = u8>) {
    let mut sixels = sixels.peekable();
    while let Some(sixel) = sixels.next() {
        let mut count = 1;
        while sixels.next_if_eq(&sixel).is_some() {
            count += 1;
        }
        let _ = match count {
            1..=3 => (0..count).try_for_each(|_| out.write_char(char::from(sixel))),
            _ => write!(out, "!{count}{}", char::from(sixel)),
        };
    }
}
