//! What is printed: a table of configurations, a schedule, and the part of `docs/model.md` that is generated.

use std::fmt::Write;

use crate::config::Config;
use crate::explore::{Report, Verdict};
use crate::needed::{NEEDED, Need, OUTSIDE, SPARE};
use crate::rules::Rule;
use crate::step::Step;

/// The first lines of the table of configurations.
pub const HEAD: &str = "| configuration | states | transitions | seconds | result |\n|---|--:|--:|--:|---|";

/// A line of the table of configurations.
#[must_use]
pub fn row(config: &Config, report: &Report) -> String {
    format!(
        "| {} | {} | {} | {:.1} | {} |",
        config.name,
        grouped(report.states),
        grouped(report.transitions),
        report.took.as_secs_f32(),
        verdict(&report.verdict)
    )
}

/// What came of it, in a few words.
#[must_use]
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds { converged } => format!("holds; {} converged", grouped(*converged)),
        Verdict::CutOff => "sound as far as explored".to_owned(),
        Verdict::Unsound { breach, .. } => format!("**unsound**: {breach}"),
        Verdict::Stuck { worlds, .. } => format!("**stuck**: {} cannot converge", grouped(*worlds)),
    }
}

/// The schedule that leads to what is wrong.
#[must_use]
pub fn schedule(verdict: &Verdict) -> &[Step] {
    match verdict {
        Verdict::Unsound { schedule, .. } | Verdict::Stuck { schedule, .. } => schedule,
        Verdict::Holds { .. } | Verdict::CutOff => &[],
    }
}

/// A schedule, one numbered step a line.
#[must_use]
pub fn numbered(schedule: &[Step]) -> String {
    let lines = schedule.iter().enumerate().map(|(number, step)| format!("  {:>2}. {step}\n", number + 1));
    lines.collect()
}

/// A number with spaces between thousands.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|part| str::from_utf8(part).ok()).collect();
    parts.join(" ")
}

/// What removing each rule does: the generated part of `docs/model.md`.
#[must_use]
pub fn needed(found: &[(Need, Report)]) -> String {
    let mut text = String::from("| rule | caught in | after states | by |\n|---|---|--:|---|\n");
    for (need, report) in found {
        let name = need.rule.name();
        let stand_in = need.stand_in.map_or_else(String::new, |rule| format!(", with `{}`", rule.name()));
        let (config, states) = (need.config, grouped(report.states));
        let _ = writeln!(text, "| `{name}`{stand_in} | {config} | {states} | {} |", verdict(&report.verdict));
    }
    text.push_str("\nNot missed in the model, or not in it: needed against other faults, or for other reasons.\n\n| rule | why |\n|---|---|\n");
    for spare in SPARE {
        let _ = writeln!(text, "| `{}` | {} |", spare.rule.name(), spare.reason);
    }
    for outside in OUTSIDE {
        let _ = writeln!(text, "| {} | {} |", outside.rule, outside.reason);
    }
    text.push_str("\n### The rules, and the schedules\n\n");
    text.push_str("Each is the shortest; where worlds are stuck, the shortest to the first of them.\n");
    for (need, report) in found {
        let _ = write!(text, "\n**{}.** {}", need.rule.name(), need.rule.sentence().trim());
        let stand_in = need.stand_in.map_or_else(String::new, |rule| format!(" and `{}`", rule.name()));
        let _ = writeln!(text, " Without it{stand_in}:\n\n{}", list(schedule(&report.verdict)));
    }
    text
}

fn list(schedule: &[Step]) -> String {
    if schedule.is_empty() {
        return "(from the start)".to_owned();
    }
    let steps: Vec<String> = schedule.iter().map(Step::to_string).collect();
    format!("> {}.", steps.join("; "))
}

/// Removes every rule in turn.
#[must_use]
pub fn find_needed() -> Vec<(Need, Report)> {
    NEEDED.iter().filter_map(|need| Some((*need, need.explore()?))).collect()
}

/// Every rule with its sentence.
#[must_use]
pub fn rules() -> String {
    Rule::ALL.iter().map(|rule| format!("  {:<24}{}\n", rule.name(), rule.sentence().trim())).collect()
}
