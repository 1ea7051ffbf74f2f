//! The tables, as Markdown, and the raw rounds.

use std::fmt::Write as _;
use std::fs::{self, File, create_dir_all};
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::goals::Goal;
use crate::outcome::{Metric, Outcome};
use crate::rows::Row;
use crate::system::System;

/// One system in one round.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub row: String,
    pub system: System,
    pub round: usize,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// One that has no result, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    pub row: String,
    pub system: System,
    pub round: usize,
    pub missing: String,
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Results {
    samples: Vec<Sample>,
    missing: Vec<Missing>,
}

/// Of all rounds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub middle: f64,
    least: f64,
    most: f64,
}

impl Results {
    pub fn add(&mut self, row: Row, system: System, round: usize, result: Result<Outcome>) {
        let row = row.to_string();
        match result {
            Ok(outcome) => self.samples.push(Sample { row, system, round, outcome }),
            Err(error) => {
                let missing = format!("{error:#}");
                eprintln!("{row}, {system}: no result: {missing}");
                self.missing.push(Missing { row, system, round, missing });
            }
        }
    }

    fn of(&self, system: System, row: Row) -> Vec<&Outcome> {
        let row = row.to_string();
        let of = self.samples.iter().filter(|sample| sample.system == system && sample.row == row);
        of.map(|sample| &sample.outcome).collect()
    }

    pub fn spread(&self, system: System, row: Row, metric: Metric) -> Option<Spread> {
        let mut values: Vec<f64> = self.of(system, row).into_iter().filter_map(|outcome| metric.of(outcome)).collect();
        values.sort_by(f64::total_cmp);
        Some(Spread { middle: *values.get(values.len() / 2)?, least: *values.first()?, most: *values.last()? })
    }

    /// The raw rounds, as lines of JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        path.parent().map(create_dir_all).transpose()?;
        let mut file = File::create(path)?;
        for sample in &self.samples {
            writeln!(file, "{}", serde_json::to_string(sample)?)?;
        }
        for missing in &self.missing {
            writeln!(file, "{}", serde_json::to_string(missing)?)?;
        }
        Ok(())
    }

    /// What stands in docs/performance.md.
    pub fn markdown(&self, head: &str, rows: &[Row]) -> String {
        let mut page = format!("{head}\n");
        page.push_str(&self.ratios(rows));
        let mut tables: Vec<&str> = rows.iter().map(|row| row.table()).collect();
        tables.dedup();
        for table in tables {
            let rows: Vec<Row> = rows.iter().copied().filter(|row| row.table() == table).collect();
            page.push_str(&self.table(table, &rows));
        }
        page
    }

    fn ratios(&self, rows: &[Row]) -> String {
        let mut lines = "| measure | of | beside | goal | reached | |\n|---|---|---|---|---|---|\n".to_owned();
        for goal in rows.iter().flat_map(|row| Goal::of(*row)) {
            lines.push_str(&goal.line(self));
            lines.push('\n');
        }
        lines
    }

    fn table(&self, title: &str, rows: &[Row]) -> String {
        let mut table = format!("\n| {title} |");
        for row in rows {
            let _ = write!(table, " {} |", row.column());
        }
        let _ = writeln!(table, "\n|---|{}", "---|".repeat(rows.len()));
        let mut systems: Vec<System> = Vec::new();
        for system in rows.iter().flat_map(|row| row.systems()) {
            if !systems.contains(system) {
                systems.push(*system);
            }
        }
        for system in systems {
            let cells: Vec<String> = rows.iter().map(|row| self.cell(system, *row)).collect();
            let _ = writeln!(table, "| {} | {} |", system.title(), cells.join(" | "));
        }
        table
    }

    /// The middle (the least to the most) of each metric; seconds of processor of the server and of the clients.
    fn cell(&self, system: System, row: Row) -> String {
        if !row.systems().contains(&system) {
            return String::new();
        }
        let figures: Option<Vec<String>> =
            row.metrics().iter().map(|metric| self.figure(system, row, *metric)).collect();
        let Some(figures) = figures else { return self.why_missing(system, row) };
        let of = self.of(system, row);
        let mean = |part: fn(&Outcome) -> f64| of.iter().map(|outcome| part(outcome)).sum::<f64>() / of.len() as f64;
        let clients = mean(|outcome| outcome.client_cpu);
        let cpu = if row.has_server() {
            format!("{:.2}+{clients:.2} s", mean(|outcome| outcome.server_cpu))
        } else {
            format!("{clients:.2} s")
        };
        format!("{}; {cpu}", figures.join(" / "))
    }

    fn figure(&self, system: System, row: Row, metric: Metric) -> Option<String> {
        let Spread { middle, least, most } = self.spread(system, row, metric)?;
        Some(format!("{} ({} to {})", metric.show(middle), metric.show(least), metric.show(most)))
    }

    fn why_missing(&self, system: System, row: Row) -> String {
        let row = row.to_string();
        let why = self.missing.iter().find(|missing| missing.system == system && missing.row == row);
        why.map_or("not asked for".to_owned(), |why| format!("missing: {}", why.missing.replace('|', "/")))
    }
}

/// Writes a page, and the directories on the way to it.
pub fn write(path: &Path, page: &str) -> Result<()> {
    path.parent().map(create_dir_all).transpose()?;
    Ok(fs::write(path, page)?)
}
