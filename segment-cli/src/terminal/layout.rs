//! The line being typed, as rows of the terminal.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::render::{clipped, width};

const TAB_COLUMNS: usize = 8;

/// Makes a text look like something.
pub(super) type Paint = fn(&str) -> String;

/// What is drawn at the bottom: a prompt, the text behind it, and a hint behind that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// As it is, and how it looks; both equally wide.
    pub prompt: (&'a str, &'a str),
    pub text: &'a str,
    pub cursor: usize,
    /// As it is, and how it looks; never wraps, and is left out where there is no room.
    pub hint: Option<(&'a str, Paint)>,
    /// How the text looks.
    pub paint: Option<Paint>,
}

/// Rows, and where the cursor stands in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Laid {
    pub rows: Vec<String>,
    pub row: usize,
    pub column: usize,
}

impl<'a> Block<'a> {
    /// A prompt, as it is and as it looks, and a text with the cursor before it.
    pub const fn of(prompt: &'a str, painted: &'a str, text: &'a str) -> Self {
        Self { prompt: (prompt, painted), text, cursor: 0, hint: None, paint: None }
    }

    /// Lays it out in so many columns; of more than `rows_max` rows those around the cursor are shown.
    pub fn lay_out(&self, columns: usize, rows_max: usize) -> Laid {
        let mut laid = Laid { rows: vec![String::new()], ..Laid::default() };
        let mut column = width(self.prompt.0);
        let mut cursor = None;
        for (at, cluster) in self.text.grapheme_indices(true) {
            let (shown, wide) = shown(cluster, column);
            if cluster != "\n" && column + wide > columns {
                laid.rows.push(String::new());
                column = 0;
            }
            if cursor.is_none() && at >= self.cursor {
                cursor = Some((laid.rows.len() - 1, column));
            }
            if cluster == "\n" {
                laid.rows.push(String::new());
                column = 0;
                continue;
            }
            if let Some(row) = laid.rows.last_mut() {
                row.push_str(&shown);
            }
            column += wide;
        }
        if column >= columns {
            laid.rows.push(String::new());
            column = 0;
        }
        (laid.row, laid.column) = cursor.unwrap_or((laid.rows.len() - 1, column));
        // A cursor behind a full row stands on its last cell.
        laid.column = laid.column.min(columns.saturating_sub(1));
        self.paint(&mut laid);
        self.add_hint(&mut laid, columns.saturating_sub(column + 1));
        laid.limited(rows_max.max(1))
    }

    /// What was laid out as plain text becomes what is drawn.
    fn paint(&self, laid: &mut Laid) {
        if let Some(paint) = self.paint {
            laid.rows.iter_mut().filter(|row| !row.is_empty()).for_each(|row| *row = paint(row));
        }
        if let Some(row) = laid.rows.first_mut() {
            row.insert_str(0, self.prompt.1);
        }
    }

    fn add_hint(&self, laid: &mut Laid, room: usize) {
        let Some((hint, paint)) = self.hint.filter(|_| room > 0 && self.cursor == self.text.len()) else { return };
        if let Some(row) = laid.rows.last_mut() {
            row.push_str(&paint(&clipped(hint, room)));
        }
    }
}

/// A cluster as it is shown in a column, and how wide.
fn shown(cluster: &str, column: usize) -> (String, usize) {
    match cluster {
        "\t" => {
            let wide = TAB_COLUMNS - column % TAB_COLUMNS;
            (" ".repeat(wide), wide)
        }
        cluster => (cluster.to_owned(), width(cluster)),
    }
}

impl Laid {
    fn limited(mut self, rows_max: usize) -> Self {
        let first = (self.row + 1).saturating_sub(rows_max);
        self.rows.drain(..first);
        self.rows.truncate(rows_max);
        self.row -= first;
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn laid(text: &str, cursor: usize, columns: usize) -> Laid {
        Block { cursor, ..Block::of("> ", "> ", text) }.lay_out(columns, 50)
    }

    #[test]
    fn rows_break_where_the_terminal_ends() {
        let cases: [(&str, &[&str], (usize, usize)); 6] = [
            ("", &["> "], (0, 2)),
            ("1234567", &["> 1234567"], (0, 9)),
            ("12345678", &["> 12345678", ""], (1, 0)),
            ("1234567世", &["> 1234567", "世"], (1, 2)),
            ("a\nb", &["> a", "b"], (1, 1)),
            ("a\tb", &["> a     b"], (0, 9)),
        ];
        for (text, rows, cursor) in cases {
            let laid = laid(text, text.len(), 10);
            assert_eq!(laid.rows, rows, "{text:?}");
            assert_eq!((laid.row, laid.column), cursor, "{text:?}");
        }
    }

    #[test]
    fn the_cursor_stands_before_its_character() {
        let laid = laid("ab\ncd", 1, 10);
        assert_eq!((laid.row, laid.column), (0, 3));
        assert_eq!((self::laid("ab\ncd", 2, 10).column, self::laid("ab\ncd", 3, 10).row), (4, 1));
    }

    #[test]
    fn a_text_longer_than_the_screen_shows_the_rows_around_the_cursor() {
        let text = (0..30).map(|row| row.to_string()).collect::<Vec<_>>().join("\n");
        let block = Block { cursor: text.len(), ..Block::of("> ", "> ", &text) };
        let laid = block.lay_out(20, 5);
        assert_eq!((laid.rows.join(" ").as_str(), laid.row), ("25 26 27 28 29", 4));
        assert_eq!(Block { cursor: 0, ..block }.lay_out(20, 5).rows[0], "> 0");
    }

    #[test]
    fn a_hint_stands_behind_the_text_and_never_wraps() {
        let hint = Some(("in #channel", str::to_uppercase as Paint));
        let block = Block { cursor: 3, hint, ..Block::of("> ", "> ", "/jo") };
        assert_eq!(block.lay_out(40, 9).rows, ["> /joIN #CHANNEL"]);
        assert_eq!(block.lay_out(10, 9).rows, ["> /joIN …"]);
        assert_eq!(Block { cursor: 1, ..block }.lay_out(40, 9).rows, ["> /jo"]);
    }

    #[test]
    fn a_painted_text_is_painted_row_by_row_and_its_prompt_is_not() {
        let block = Block { cursor: 3, paint: Some(|row| format!("<{row}>")), ..Block::of("> ", "> ", "abc\nd") };
        assert_eq!(block.lay_out(40, 9).rows, ["> <abc>", "<d>"]);
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_the_terminal(
            text in "[ a-c\t\u{301}\u{4e16}\u{1f600}\u{200d}\n]{0,80}",
            columns in 10_usize..40,
            at in 0_usize..80,
        ) {
            let cursor = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let laid = laid(&text, cursor, columns);
            prop_assert!(laid.rows.iter().all(|row| width(row) <= columns), "{laid:?}");
            prop_assert!(laid.row < laid.rows.len() && laid.column < columns, "{laid:?}");
        }
    }
}
