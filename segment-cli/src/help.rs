//! What `/help` shows, made from the command table.

use std::fmt::Write;

use crate::commands::{CommandSpec, Group, Needs, find, names, of_group};
use crate::grammar::{UsageError, nearest};

/// The screen that `/help` fits, the line of the prompt left free.
pub const SCREEN_ROWS: usize = 23;
/// The width that it fits.
pub const SCREEN_COLUMNS: usize = 80;

const INDENT: usize = 10;

const FOOT: &str = "
Text without a slash goes to the current channel; // sends a line that begins
with a slash. #channel @user !message (!12 !last !-2). Options stand before the
text; -- starts the text. Tab completes; Up recalls; Ctrl-C drops the line.
/help COMMAND explains one of them, with examples.";

/// Every command on one screen.
#[must_use]
pub fn overview() -> String {
    let mut out = String::from("Commands");
    for group in Group::ALL {
        let words = of_group(group).map(|spec| format!("/{}", spec.name));
        let _ = write!(out, "\n{}", wrapped(group.title(), words));
    }
    out.push('\n');
    out.push_str(FOOT);
    out
}

fn wrapped(title: &str, words: impl Iterator<Item = String>) -> String {
    let mut out = format!("  {title:<width$}", width = INDENT);
    let mut column = INDENT + 2;
    for word in words {
        if column + word.len() + 1 > SCREEN_COLUMNS {
            let _ = write!(out, "\n{:width$}", "", width = INDENT + 2);
            column = INDENT + 2;
        }
        let _ = write!(out, "{word} ");
        column += word.len() + 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// One command, with examples.
///
/// # Errors
/// [`UsageError::UnknownCommand`] with a suggestion.
pub fn topic(name: &str) -> Result<String, UsageError> {
    match find(name) {
        Some((spec, _)) => Ok(explained(spec)),
        None => {
            Err(UsageError::UnknownCommand { name: name.to_owned(), near: nearest(name, names()).map(str::to_owned) })
        }
    }
}

fn explained(spec: &CommandSpec) -> String {
    let mut out = format!("{}\n  {}", spec.usage(), spec.help);
    for line in spec.details.lines() {
        let _ = write!(out, "\n  {line}");
    }
    for alias in spec.aliases {
        let _ = write!(out, "\n  also /{}", alias.name);
    }
    if spec.needs != Needs::Nothing {
        let _ = write!(out, "\n  needs {}", spec.needs.as_str());
    }
    let width = spec.examples.iter().map(|example| example.line.len()).max().unwrap_or(0);
    for example in spec.examples {
        let _ = write!(out, "\n    {:<width$}  {}", example.line, example.does);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::commands::table;

    #[test]
    fn the_overview_fits_one_screen_and_names_every_command() {
        let overview = overview();
        assert!(overview.lines().count() <= SCREEN_ROWS, "{} rows", overview.lines().count());
        for line in overview.lines() {
            assert!(line.chars().count() <= SCREEN_COLUMNS, "{line}");
        }
        for spec in table() {
            let shown = overview.split_whitespace().any(|word| word == format!("/{}", spec.name));
            assert!(shown, "/{} is missing", spec.name);
        }
    }

    #[test]
    fn every_command_is_explained_with_its_examples() {
        for name in names() {
            let (spec, _) = find(name).unwrap();
            let text = topic(name).unwrap();
            assert!(text.starts_with(&spec.usage()), "{text}");
            assert!(spec.examples.iter().all(|example| text.contains(example.line)));
        }
    }

    #[test]
    fn an_unknown_topic_suggests_a_near_one() {
        let error = topic("jion").unwrap_err().to_string();
        assert!(error.contains("did you mean /join?"), "{error}");
    }
}
