//! The words of a command line.

use super::UsageError;

/// Reads the leading words of a line one by one; what is left is the raw rest.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a str,
    /// The same with the white space before it.
    raw: &'a str,
}

impl<'a> Words<'a> {
    /// Starts before the first word.
    #[must_use]
    pub fn new(rest: &'a str) -> Self {
        Self { rest: rest.trim_start(), raw: rest }
    }

    /// What has not been read, from the next word to the end of the line, raw.
    #[must_use]
    pub const fn rest(&self) -> &'a str {
        self.rest
    }

    /// What has not been read, without the one white space that ends the last word.
    #[must_use]
    pub fn tail(&self) -> &'a str {
        let mut characters = self.raw.chars();
        match characters.next() {
            Some(first) if first.is_whitespace() => characters.as_str(),
            _ => self.raw,
        }
    }

    /// Whether nothing but white space is left.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads `--` if it is the whole next word.
    pub fn take_separator(&mut self) -> bool {
        match self.rest.strip_prefix("--") {
            Some(after) if after.is_empty() || after.starts_with(char::is_whitespace) => {
                self.advance(2);
                true
            }
            _ => false,
        }
    }

    /// Reads `--key` or the `--key=` of `--key=word`.
    pub fn take_option(&mut self) -> Option<OptionWord<'a>> {
        let key = self.rest.strip_prefix("--")?;
        let end = key.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(key.len());
        if key[end..].starts_with('=') {
            (self.rest, self.raw) = (&key[end + 1..], &key[end + 1..]);
            return Some(OptionWord { key: &key[..end], value: Attached::Follows });
        }
        self.advance(2 + end);
        Some(OptionWord { key: &key[..end], value: Attached::Absent })
    }

    /// Reads the next word; an empty string where there is none.
    ///
    /// # Errors
    /// [`UsageError`] for a quote that is not closed, an unknown escape, or text glued to a closing quote.
    pub fn word(&mut self) -> Result<String, UsageError> {
        match self.rest.chars().next() {
            Some('"') => self.double_quoted(),
            Some('\'') => self.single_quoted(),
            _ => Ok(self.bare()),
        }
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let word = self.rest[..end].to_owned();
        self.advance(end);
        word
    }

    fn single_quoted(&mut self) -> Result<String, UsageError> {
        let inner = &self.rest[1..];
        let end = inner.find('\'').ok_or(UsageError::UnclosedQuote { quote: '\'' })?;
        let word = inner[..end].to_owned();
        self.close(end + 2)?;
        Ok(word)
    }

    fn double_quoted(&mut self) -> Result<String, UsageError> {
        let unclosed = UsageError::UnclosedQuote { quote: '"' };
        let mut word = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, character)) = chars.next() {
            match character {
                '"' => {
                    self.close(at + 1)?;
                    return Ok(word);
                }
                '\\' => match chars.next() {
                    Some((_, escaped)) => word.push(unescape(escaped)?),
                    None => return Err(unclosed),
                },
                plain => word.push(plain),
            }
        }
        Err(unclosed)
    }

    fn close(&mut self, end: usize) -> Result<(), UsageError> {
        if self.rest[end..].starts_with(|c: char| !c.is_whitespace()) {
            return Err(UsageError::GluedToQuote);
        }
        self.advance(end);
        Ok(())
    }

    fn advance(&mut self, bytes: usize) {
        self.raw = &self.rest[bytes..];
        self.rest = self.raw.trim_start();
    }
}

fn unescape(escaped: char) -> Result<char, UsageError> {
    match escaped {
        'n' => Ok('\n'),
        't' => Ok('\t'),
        '"' | '\\' => Ok(escaped),
        _ => Err(UsageError::BadEscape { escaped }),
    }
}

/// An option as it stands in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionWord<'a> {
    /// Without the dashes.
    pub key: &'a str,
    /// Whether `=` followed the key.
    pub value: Attached,
}

/// Whether the value of an option is attached to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// `--key=`: the value is next, without white space.
    Follows,
    /// `--key`: a value, if the option takes one, is the next word.
    Absent,
}
