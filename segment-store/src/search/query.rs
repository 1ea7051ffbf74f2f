//! What somebody looks for, made into an expression that SQLite can only read in one way.

use std::fmt::Write;

use super::spacing::{self, is_indexed};

/// Words that all have to stand in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery(String);

impl SearchQuery {
    /// Reads what was typed: each word matches the beginning of a word, one that ends with a sign a whole word,
    /// `"words in quotes"` stand side by side as they are. There is no other syntax, so nothing can be wrong; `None`
    /// where there is nothing to look for.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        let mut expression = String::new();
        // Every second part stood between quotes.
        for (at, part) in typed.split('"').enumerate() {
            let is_quoted = at % 2 == 1;
            if is_quoted {
                add(&mut expression, part, "");
            } else {
                part.split_whitespace().for_each(|word| add(&mut expression, word, suffix(word)));
            }
        }
        (!expression.is_empty()).then_some(Self(expression))
    }

    pub(super) fn expression(&self) -> &str {
        &self.0
    }
}

fn suffix(word: &str) -> &'static str {
    if word.ends_with(is_indexed) { "*" } else { "" }
}

/// A phrase without anything to look for would match nothing.
fn add(expression: &mut String, phrase: &str, suffix: &str) {
    if phrase.chars().any(is_indexed) {
        // A string takes memory as it needs it.
        let _ = write!(expression, "\"{}\"{suffix} ", spacing::spaced(phrase));
    }
}
