//! What a run has shown.

use std::fmt::{self, Display};

use crate::check::{Canary, Kind, Verdict};
use crate::town::Counts;
use crate::waits::Wait;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// What the evidence proves.
    pub verdict: Verdict,
    /// Whether the checker finds what is planted.
    pub canaries: Vec<Canary>,
    /// What has happened to the processes.
    pub counts: Counts,
    /// The longest waits, and what was wrong meanwhile.
    pub waits: Vec<Wait>,
}

impl Report {
    /// Whether everything is as promised, and would have been found if not.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let canaries_sing = !self.canaries.is_empty() && self.canaries.iter().all(|canary| canary.found);
        self.verdict.is_clean() && canaries_sing && self.counts.ended.is_empty() && self.verdict.acked > 0
    }
}

/// What is always shown, zero or not.
const ALWAYS: [Kind; 4] = [Kind::Lost, Kind::Doubled, Kind::OutOfOrder, Kind::KeptLost];

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { acked, kept, unknown_found, unknown_missing, span_ms, gap_ms, .. } = self.verdict;
        let mut row = |what: &str, value: &dyn Display| writeln!(f, "  {what:<44} {value:>12}");
        row("acknowledged", &acked)?;
        row("acknowledged a second", &(acked * 1_000).checked_div(span_ms).unwrap_or(0))?;
        row("seconds from first to last", &format!("{:.1}", seconds(span_ms)))?;
        row("longest without an acknowledgement, seconds", &format!("{:.1}", seconds(gap_ms)))?;
        for (kind, count) in &self.counts.faults {
            row(kind, count)?;
        }
        row("programs started again", &self.counts.restarts)?;
        row("scripts that found no tracker", &self.counts.without_tracker)?;
        row("on the author's disk, no acknowledgement", &kept)?;
        row("of unknown fate, there", &unknown_found)?;
        row("of unknown fate, not there", &unknown_missing)?;
        let others = self.verdict.counts.keys().filter(|kind| !ALWAYS.contains(kind));
        for kind in ALWAYS.iter().chain(others) {
            row(&kind.to_string(), &self.verdict.count(*kind))?;
        }
        row("programs that ended by themselves", &self.counts.ended.len())?;
        let found = self.canaries.iter().filter(|canary| canary.found).count();
        row("planted faults that the checker found", &format!("{found} of {}", self.canaries.len()))?;
        self.waits(f)?;
        self.details(f)
    }
}

impl Report {
    fn waits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  the longest waits, in seconds, and what was wrong meanwhile")?;
        writeln!(f, "{:>8} {:>8} {:>12}  who", "from", "for", "undisturbed")?;
        self.waits.iter().try_for_each(|wait| writeln!(f, "{wait}"))
    }

    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict.violations.iter().try_for_each(|violation| writeln!(f, "VIOLATION {violation}"))?;
        self.counts.ended.iter().try_for_each(|ended| writeln!(f, "VIOLATION {ended}"))?;
        let missed = self.canaries.iter().filter(|canary| !canary.found);
        missed.into_iter().try_for_each(|canary| writeln!(f, "NOT FOUND {}", canary.planted))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run takes less than an age")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}
