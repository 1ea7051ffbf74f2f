//! Two pixels in each character: the upper is its colour, the lower that of its ground.

use std::fmt::Write;

use super::capability::Colours;
use super::fit::Area;
use crate::Picture;
use crate::picture::Rgb;

/// A colour that differs by less is left as it stands: codecs make still pictures tremble.
const NEAR: u8 = 5;

/// Draws pictures; only what changes is sent.
#[derive(Debug)]
pub struct HalfBlocks {
    colours: Colours,
    area: Option<Area>,
    shown: Vec<Cell>,
}

type Cell = [Rgb; 2];

impl HalfBlocks {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new(colours: Colours) -> Self {
        Self { colours, area: None, shown: Vec::new() }
    }

    /// The terminal has been wiped.
    pub fn forget(&mut self) {
        self.area = None;
    }

    /// What is to be sent so that the area shows this picture.
    pub fn draw(&mut self, picture: &Picture, area: Area) -> String {
        let (columns, rows) = (usize::from(area.columns), usize::from(area.rows));
        let scaled = picture.scaled(columns, rows * 2);
        let is_fresh = self.area.replace(area) != Some(area);
        if is_fresh {
            self.shown = vec![[[0; 3]; 2]; columns * rows];
        }
        let mut out = String::new();
        let mut pen = Pen::default();
        for row in 0..rows {
            pen.at = None;
            for column in 0..columns {
                let cell = [scaled.at(column, row * 2), scaled.at(column, row * 2 + 1)];
                let Some(shown) = self.shown.get_mut(row * columns + column) else { continue };
                if !is_fresh && is_near(*shown, cell) {
                    continue;
                }
                *shown = cell;
                pen.go(&mut out, area, row, column);
                pen.draw(&mut out, self.colours, cell);
            }
        }
        if !out.is_empty() {
            out.push_str("\x1b[0m");
        }
        out
    }
}

fn is_near(before: Cell, cell: Cell) -> bool {
    let pairs = before.iter().flatten().zip(cell.iter().flatten());
    pairs.into_iter().all(|(before, now)| before.abs_diff(*now) < NEAR)
}

/// What a terminal remembers of what it was sent.
#[derive(Default)]
struct Pen {
    at: Option<usize>,
    above: Option<Rgb>,
    below: Option<Rgb>,
}

impl Pen {
    fn go(&mut self, out: &mut String, area: Area, row: usize, column: usize) {
        if self.at.replace(column + 1) == Some(column) {
            return;
        }
        let (row, column) = (usize::from(area.top) + row + 1, usize::from(area.left) + column + 1);
        // Writing to a text does not fail.
        let _ = write!(out, "\x1b[{row};{column}H");
    }

    fn draw(&mut self, out: &mut String, colours: Colours, [above, below]: Cell) {
        if self.above.replace(above) != Some(above) {
            push_colour(out, 38, colours, above);
        }
        if self.below.replace(below) != Some(below) {
            push_colour(out, 48, colours, below);
        }
        out.push('▀');
    }
}

fn push_colour(out: &mut String, layer: u8, colours: Colours, colour: Rgb) {
    let [red, green, blue] = colour;
    let _ = match colours {
        Colours::True => write!(out, "\x1b[{layer};2;{red};{green};{blue}m"),
        Colours::Indexed => write!(out, "\x1b[{layer};5;{}m", indexed(colour)),
    };
}

/// The nearest of the colour cube and of the greys.
fn indexed(colour: Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |part: u8| (0..6).min_by_key(|at| LEVELS[*at as usize].abs_diff(part)).unwrap_or(0);
    let [red, green, blue] = colour.map(level);
    let cube = [red, green, blue].map(|at: u8| LEVELS[usize::from(at)]);
    let mean = colour.iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
    let step = u8::try_from((mean.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let grey = [8 + step * 10; 3];
    let far = |other: Rgb| colour.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum::<u32>();
    if far(grey) < far(cube) { 232 + step } else { 16 + 36 * red + 6 * green + blue }
}
