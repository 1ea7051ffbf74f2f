//! What `/help` shows, made from the command table.

use std::fmt::Write;

use crate::commands::{CommandSpec, Example, Group, Needs, find, names, of_group};
use crate::grammar::{UsageError, nearest};
use crate::render::{width, wrap};

/// The screen that `/help` fits, the line of the prompt left free.
pub const SCREEN_ROWS: usize = 23;
/// The width that it fits.
pub const SCREEN_COLUMNS: usize = 80;

const INDENT: usize = 10;
/// Wider lines are hard to read.
const COLUMNS_MAX: usize = 100;
/// Narrower terminals are written to as if they had so many.
const COLUMNS_MIN: usize = 24;

const FOOT: &str = "Text without a slash goes to the current channel; // sends a line that begins with a slash. #channel @user \
                    !message (!12 !last !-2). Options stand before the text; -- starts the text. Tab completes; Up \
                    recalls; Alt-Enter begins a new row; Alt-A goes to the next unread; Ctrl-X Ctrl-E opens your \
                    editor; Ctrl-C drops the line.";
const MORE: &str = "/help COMMAND explains one of them, with examples.";

/// The columns that a help text may take, of those that there are.
#[must_use]
pub fn columns_of(columns: Option<usize>) -> usize {
    columns.unwrap_or(SCREEN_COLUMNS).clamp(COLUMNS_MIN, COLUMNS_MAX)
}

/// Every command, on one screen of [`SCREEN_COLUMNS`].
#[must_use]
pub fn overview(columns: usize) -> String {
    let mut out = String::from("Commands");
    for group in Group::ALL {
        let words: Vec<String> = of_group(group).map(|spec| format!("/{}", spec.name)).collect();
        let title = format!("  {:<width$}", group.title(), width = INDENT);
        let _ = write!(out, "\n{}", hanging(&title, INDENT + 2, &words.join(" "), columns));
    }
    let _ = write!(out, "\n\n{}\n{}", hanging("", 0, FOOT, columns), hanging("", 0, MORE, columns));
    out
}

/// A text behind its beginning, its further lines as far in as the first.
fn hanging(lead: &str, indent: usize, text: &str, columns: usize) -> String {
    let lines = wrap(text, columns.saturating_sub(indent).max(1));
    format!("{lead}{}", lines.join(&format!("\n{:indent$}", "")))
}

/// One command, with examples.
///
/// # Errors
/// [`UsageError::UnknownCommand`] with a suggestion.
pub fn topic(name: &str, columns: usize) -> Result<String, UsageError> {
    match find(name) {
        Some((spec, _)) => Ok(explained(spec, columns)),
        None => {
            let near = nearest(name, names()).map(str::to_owned);
            Err(UsageError::UnknownCommand { name: name.to_owned(), near })
        }
    }
}

fn explained(spec: &CommandSpec, columns: usize) -> String {
    let mut out = hanging("", 4, &spec.usage(), columns);
    let mut say = |text: &str| {
        let _ = write!(out, "\n  {}", hanging("", 2, text, columns));
    };
    say(spec.help);
    if !spec.details.is_empty() {
        say(&spec.details.replace('\n', " "));
    }
    spec.aliases.iter().for_each(|alias| say(&format!("also /{}", alias.name)));
    if spec.needs != Needs::Nothing {
        say(&format!("needs {}", spec.needs.as_str()));
    }
    examples(&mut out, spec, columns);
    out
}

/// Beside one another where there is room, below one another where there is not.
fn examples(out: &mut String, spec: &CommandSpec, columns: usize) {
    const GAP: usize = 2;
    const LEAD: usize = 4;
    let longest = |of: fn(&Example) -> &str| spec.examples.iter().map(|example| width(of(example))).max().unwrap_or(0);
    let (lines, does) = (longest(|example| example.line), longest(|example| example.does));
    for Example { line, does: what } in spec.examples {
        if LEAD + lines + GAP + does <= columns {
            let _ = write!(out, "\n    {line:<lines$}  {what}");
        } else {
            let _ = write!(out, "\n    {}", hanging("", LEAD + 2, line, columns));
            let _ = write!(out, "\n      {}", hanging("", LEAD + 2, what, columns));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::commands::table;

    #[test]
    fn the_overview_fits_one_screen_and_names_every_command() {
        let overview = overview(SCREEN_COLUMNS);
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
            let text = topic(name, 100).unwrap();
            assert!(text.starts_with(&format!("/{}", spec.name)), "{text}");
            assert!(spec.examples.iter().all(|example| text.contains(example.line)));
        }
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        for columns in [24, 40, 60, 80, 100] {
            let topics = names().map(|name| topic(name, columns).unwrap());
            for text in topics.chain([overview(columns)]) {
                assert!(text.lines().all(|line| width(line) <= columns), "{columns}: {text}");
            }
        }
        assert_eq!([columns_of(None), columns_of(Some(3)), columns_of(Some(400))], [80, 24, 100]);
    }

    #[test]
    fn an_unknown_topic_suggests_a_near_one() {
        let error = topic("jion", 80).unwrap_err().to_string();
        assert!(error.contains("did you mean /join?"), "{error}");
    }
}
