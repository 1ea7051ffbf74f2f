//! What Segment is to reach, as a multiple of what another reaches in the same run.

use crate::outcome::Metric;
use crate::report::Results;
use crate::rows::{CHAT_BYTES, Row};
use crate::system::System::{self, *};

/// Beside the best of these, at least (or where less is better, at most) so many times as much.
pub struct Goal {
    pub row: Row,
    pub of: System,
    pub metric: Metric,
    pub times: f64,
    pub beside: &'static [System],
}

const BROKERS: &[System] = &[Nats, Redis, Mosquitto];

impl Goal {
    /// All goals of a row.
    pub fn of(row: Row) -> Vec<Self> {
        let goal = |of, metric, times, beside| Self { row, of, metric, times, beside };
        let main = row.metrics()[0];
        match row {
            Row::FanOut { bytes: CHAT_BYTES, .. } => vec![
                goal(SegmentPlain, main, 2.0, BROKERS),
                goal(Segment, main, 1.0, BROKERS),
                goal(Segment, main, 0.6, &[RawTls]),
                goal(Segment, main, 10.0, &[Jetstream]),
            ],
            Row::FanOut { .. } => vec![goal(Segment, main, 0.7, &[RawTls])],
            Row::Single { .. } => vec![goal(SegmentPlain, main, 1.0, &[Redis]), goal(Segment, main, 0.8, &[Redis])],
            // Before the sync to the disk.
            Row::Latency { members: 10, .. } => {
                [Metric::P50, Metric::P99].map(|metric| goal(SegmentMemory, metric, 1.1, &[Mosquitto])).into()
            }
            Row::Latency { .. } => vec![goal(Segment, Metric::P99, 1.0, &[Redis])],
            Row::Requests { outstanding: 1 } => {
                vec![goal(Segment, main, 1.3, &[RawTls]), goal(Segment, main, 1.0, &[Tarpc])]
            }
            Row::Requests { outstanding: 64 } => vec![
                goal(Segment, main, 3.0, &[Tarpc]),
                goal(Segment, main, 10.0, &[Tonic]),
                goal(Segment, main, 1.2, &[Nats]),
            ],
            Row::Requests { .. } => vec![goal(Segment, main, 4.0, &[Tarpc]), goal(Segment, main, 1.0, &[Nats])],
            Row::Idle { .. } => {
                [Metric::Resident, Metric::Seconds].map(|metric| goal(Segment, metric, 1.2, &[RawTls])).into()
            }
            Row::Bulk { .. } => vec![goal(Segment, main, 0.9, &[RawTls])],
            Row::Encode | Row::Decode => vec![goal(Segment, main, 1.3, &[Postcard])],
            Row::Append { .. } => vec![goal(Segment, main, 0.9, &[Sqlite])],
            // One alone costs what it costs.
            Row::Signatures { at_once: 1 } => vec![],
            Row::Signatures { .. } => vec![goal(Segment, main, 1.0, &[Singly])],
        }
    }

    /// Times as much as the best of the others; nothing, if one of both is missing.
    pub fn reached(&self, results: &Results) -> Option<f64> {
        let middle = |system: &System| results.spread(*system, self.row, self.metric).map(|spread| spread.middle);
        let others = self.beside.iter().filter_map(middle);
        let best = if self.metric.grows() { others.reduce(f64::max) } else { others.reduce(f64::min) };
        Some(middle(&self.of)? / best?)
    }

    pub fn is_met(&self, reached: f64) -> bool {
        if self.metric.grows() { reached >= self.times } else { reached <= self.times }
    }

    /// A line of the table of ratios.
    pub fn line(&self, results: &Results) -> String {
        let beside = if self.beside == BROKERS { "the best broker" } else { self.beside[0].title() };
        let sign = if self.metric.grows() { ">=" } else { "<=" };
        let (ratio, verdict) = match self.reached(results) {
            Some(reached) if self.is_met(reached) => (format!("{reached:.2}"), "met"),
            Some(reached) => (format!("{reached:.3}"), "**missed**"),
            None => (String::new(), "missing: not both were measured"),
        };
        let (what, unit) = (self.row, self.metric.unit());
        format!("| {what}, {unit} | {} | {beside} | {sign} {} | {ratio} | {verdict} |", self.of.title(), self.times)
    }
}
