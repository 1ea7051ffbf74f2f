//! The tables as bars.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::Results;
use crate::rows::Row;
use crate::system::System;

const LINE: i32 = 15;
const NAME: i32 = 160;
const LENGTH: i32 = 330;
const COLUMN: i32 = 580;
const COLUMNS: usize = 2;
/// Powers of ten from the longest bar to nothing.
const DECADES: f64 = 4.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Each row its bars, each a tenth as much as the longest one where it is a quarter shorter.
pub fn draw(results: &Results, rows: &[Row], path: &Path) -> Result<()> {
    let rows: Vec<Row> = rows.iter().copied().filter(|row| longest(results, *row).is_some()).collect();
    let all: i32 = rows.iter().map(|row| height(*row)).sum();
    let column_height = all / COLUMNS as i32 + 10 * LINE;
    let size = (COLUMNS as u32 * COLUMN.unsigned_abs(), column_height.unsigned_abs() + 2 * LINE.unsigned_abs());
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE).map_err(failed)?;
    say(
        &area,
        "on a logarithmic scale: a bar that is a quarter of the width shorter is a tenth of the longest",
        (8, 4),
    )?;
    let (mut x, mut y) = (8, 2 * LINE);
    for row in rows {
        if y + height(row) > column_height + 2 * LINE {
            (x, y) = (x + COLUMN, 2 * LINE);
        }
        bars(&area, results, row, (x, y))?;
        y += height(row);
    }
    area.present().map_err(failed)
}

fn failed(error: impl Display) -> anyhow::Error {
    anyhow!("the plot: {error}")
}

fn height(row: Row) -> i32 {
    (row.systems().len() as i32 + 2) * LINE
}

fn middle(results: &Results, system: System, row: Row) -> Option<f64> {
    results.spread(system, row, row.metrics()[0]).map(|spread| spread.middle)
}

fn longest(results: &Results, row: Row) -> Option<f64> {
    row.systems().iter().filter_map(|system| middle(results, *system, row)).reduce(f64::max)
}

fn say(area: &Area<'_>, words: &str, at: (i32, i32)) -> Result<()> {
    area.draw(&Text::new(words.to_owned(), at, ("sans-serif", 12).into_font())).map_err(failed)
}

fn bars(area: &Area<'_>, results: &Results, row: Row, (x, mut y): (i32, i32)) -> Result<()> {
    let (metric, longest) = (row.metrics()[0], longest(results, row).unwrap_or(1.0));
    say(area, &format!("{row}: {}", metric.unit()), (x, y))?;
    for system in row.systems() {
        y += LINE;
        let value = middle(results, *system, row);
        let part = value.map_or(0.0, |value| 1.0 - (longest / value).log10() / DECADES);
        let length = (part.max(0.0) * f64::from(LENGTH)) as i32;
        say(area, &system.to_string(), (x + 16, y))?;
        let bar = [(x + NAME, y), (x + NAME + length, y + LINE - 4)];
        area.draw(&Rectangle::new(bar, colour(*system).filled())).map_err(failed)?;
        let says = value.map_or("missing".to_owned(), |value| metric.show(value));
        say(area, &says, (x + NAME + length + 4, y))?;
    }
    Ok(())
}

fn colour(system: System) -> RGBColor {
    match system {
        System::Segment => RGBColor(120, 60, 180),
        System::SegmentPlain | System::SegmentMemory => RGBColor(190, 160, 220),
        System::RawTcp | System::RawTls | System::Memcpy | System::File => RGBColor(150, 150, 150),
        _ => RGBColor(60, 130, 190),
    }
}
