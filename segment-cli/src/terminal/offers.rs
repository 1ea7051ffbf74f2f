//! What Tab offers, in columns.

use crate::render::width;

/// Rows that are shown; what does not fit is counted.
const ROWS_MAX: usize = 8;
const GAP: usize = 2;

/// The words in as many columns as fit.
pub(super) fn offered(words: &[String], (columns, _): (usize, usize)) -> String {
    let widest = words.iter().map(|word| width(word)).max().unwrap_or(0) + GAP;
    let per_row = (columns / widest).max(1);
    let mut out = String::new();
    for row in words.chunks(per_row).take(ROWS_MAX) {
        let cells = row.iter().map(|word| format!("{word}{:gap$}", "", gap = widest - width(word)));
        let row: String = cells.collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    let left = words.len().saturating_sub(per_row * ROWS_MAX);
    if left > 0 {
        out.push_str(&format!("and {left} more\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_columns_and_what_does_not_fit_is_counted() {
        let words: Vec<String> = (0..30).map(|number| format!("#c{number}")).collect();
        assert_eq!(offered(&words[..3], (40, 24)), "#c0  #c1  #c2\n");
        let narrow = offered(&words, (14, 24));
        assert_eq!(narrow.lines().count(), ROWS_MAX + 1);
        assert!(narrow.ends_with("and 14 more\n"), "{narrow}");
    }
}
