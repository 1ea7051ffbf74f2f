//! Messages that were found.

use std::ops::Range;

use jiff::Timestamp;
use segment_proto::Untrusted;

use super::lines::{Author, BOLD, DIM, GAP};
use super::style::{Colour, Style};
use super::wrap::width;

/// Around what was looked for, until a line is laid out; each takes a column, as the bracket does that it may become.
const MARK_BEGIN: char = '\u{27e6}';
const MARK_END: char = '\u{27e7}';
/// Where the further lines of a hit begin.
const INDENT: usize = 4;

/// A message that was found, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitLine<'a> {
    /// When it was written, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// Channel and number.
    pub place: &'a str,
    /// By whom.
    pub author: Author<'a>,
    /// What.
    pub text: &'a str,
    /// Which parts of the text were looked for, in bytes, in order.
    pub marks: &'a [Range<usize>],
}

impl Style {
    /// `#ops !12  22 Nov 14:02  ben       [deploy] at 3?`
    #[must_use]
    pub fn hit(&self, hit: &HitLine<'_>) -> String {
        let (name, colour) = self.shown_author(&hit.author);
        let (at, now) = (self.zoned(hit.at_ms), Timestamp::now().to_zoned(self.zone.clone()));
        let format = if at.year() == now.year() { "%-d %b %H:%M" } else { "%Y-%m-%d %H:%M" };
        let (time, place) = (at.strftime(format).to_string(), Untrusted(hit.place).to_string());
        let padding = self.look.name_columns.saturating_sub(width(&name));
        let painted = [(BOLD, &place), (DIM, &time), (colour, &name)].map(|(code, text)| self.paint(code, text));
        let lead = format!("{}{:padding$}{GAP}", painted.join(GAP), "");
        let used = width(&place) + width(&time) + width(&name) + padding + 3 * GAP.len();
        // A lead that is wider than the screen breaks by itself.
        let used = if self.columns.is_some_and(|columns| used > columns) { 0 } else { used };
        self.marked(&self.indented_at(&lead, used, INDENT, &between_marks(hit.text, hit.marks)))
    }

    /// Brackets where there are no colours.
    fn marked(&self, text: &str) -> String {
        let (begin, end) = match self.colour() {
            Colour::On => ("\x1b[1;35m", "\x1b[0m"),
            Colour::Off => ("[", "]"),
        };
        text.replace(MARK_BEGIN, begin).replace(MARK_END, end)
    }
}

/// The text with its marks. Where it has such characters itself, they become plain brackets.
fn between_marks(text: &str, marks: &[Range<usize>]) -> String {
    let plain = |part: &str| part.replace(MARK_BEGIN, "[").replace(MARK_END, "]");
    let (mut out, mut done) = (String::new(), 0);
    for mark in marks {
        let (Some(before), Some(inside)) = (text.get(done..mark.start), text.get(mark.clone())) else { continue };
        out.push_str(&plain(before));
        out.push(MARK_BEGIN);
        out.push_str(&plain(inside));
        out.push(MARK_END);
        done = mark.end;
    }
    out.push_str(&plain(text.get(done..).unwrap_or_default()));
    out
}

#[cfg(test)]
mod tests {
    use segment_proto::AccountId;

    use super::*;

    fn hit(columns: Option<usize>, colour: Colour, text: &str, marks: (usize, usize)) -> String {
        let style = Style { columns, colour, ..Style::plain() };
        let author = Author::User { name: "ben", account: AccountId(1) };
        style.hit(&HitLine {
            at_ms: 0,
            place: "#ops !12",
            author,
            text,
            marks: std::slice::from_ref(&(marks.0..marks.1)),
        })
    }

    #[test]
    fn what_was_looked_for_stands_in_brackets_or_in_colour() {
        let plain = hit(None, Colour::Off, "a \u{27e6}word\u{27e7}", (5, 9));
        assert_eq!(plain, "#ops !12  1970-01-01 00:00  ben       a [[word]]");
        let coloured = hit(None, Colour::On, "a word", (2, 6));
        assert!(coloured.ends_with("  a \x1b[1;35mword\x1b[0m"), "{coloured:?}");
    }

    #[test]
    fn further_lines_are_indented_and_fit() {
        for columns in [20, 40, 60] {
            let shown = hit(Some(columns), Colour::Off, &"some words ".repeat(9), (0, 4));
            let lines: Vec<&str> = shown.lines().collect();
            assert!(lines[1..].iter().all(|line| line.starts_with("    ") && width(line) <= columns), "{shown}");
        }
    }
}
