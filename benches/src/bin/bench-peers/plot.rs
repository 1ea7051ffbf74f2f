//! The table as bars.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::report::{Row, Sample, short, spread};
use crate::servers::System;

const COLOURS: [RGBColor; 6] = [
    RGBColor(170, 170, 170),
    RGBColor(110, 110, 110),
    RGBColor(39, 170, 225),
    RGBColor(216, 44, 32),
    RGBColor(60, 130, 60),
    RGBColor(120, 60, 180),
];
const HEIGHT: i32 = 26;
const LEFT: i32 = 190;
const WIDTH: i32 = 560;

/// Each row its bars, on a scale of powers of ten: a tenth of the width for each half of a power.
pub fn draw(samples: &[Sample], rows: &[Row], path: &Path) -> Result<()> {
    let bars = rows.iter().map(|row| System::ALL.iter().filter(|system| system.can(row)).count() + 1).sum::<usize>();
    let height = u32::try_from(bars)? * HEIGHT.unsigned_abs() + 40;
    let root = SVGBackend::new(path, (u32::try_from(LEFT + WIDTH + 120)?, height)).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("the plot: {error}");
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let text = |content: String, at: (i32, i32)| Text::new(content, at, ("sans-serif", 15).into_font());
    root.draw(&text("per second, on a logarithmic scale".into(), (LEFT, 8))).map_err(|error| failed(&error))?;
    let mut y = 32;
    for row in rows {
        root.draw(&text(row.to_string(), (8, y))).map_err(|error| failed(&error))?;
        y += HEIGHT;
        for (system, colour) in System::ALL.iter().zip(COLOURS).filter(|(system, _)| system.can(row)) {
            let rate = spread(samples, *system, row).map(|(middle, _, _)| middle);
            root.draw(&text(system.name().into(), (40, y))).map_err(|error| failed(&error))?;
            let length = rate.map_or(0, |rate| ((rate.max(10.0).log10() - 1.0) / 7.0 * f64::from(WIDTH)) as i32);
            let bar = Rectangle::new([(LEFT, y), (LEFT + length, y + HEIGHT - 6)], colour.filled());
            root.draw(&bar).map_err(|error| failed(&error))?;
            let says = rate.map_or("missing".to_owned(), short);
            root.draw(&text(says, (LEFT + length + 6, y))).map_err(|error| failed(&error))?;
            y += HEIGHT;
        }
    }
    root.present().map_err(|error| failed(&error))
}
