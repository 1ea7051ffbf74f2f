//! What the fuzz target of the REPL's parser runs; its corpus runs through the same function in the tests.

use crate::commands::parse;
use crate::grammar::{LINE_BYTES_MAX, Origin, UsageError};

/// `bytes` as a line from anywhere: understood, or refused in one line that a terminal can show.
///
/// # Panics
/// Where it is neither.
pub fn repl_parser(bytes: &[u8]) {
    let Ok(line) = core::str::from_utf8(bytes) else {
        return;
    };
    for origin in [Origin::Prompt, Origin::Argument, Origin::File] {
        let parsed = parse(line, origin);
        assert_eq!(
            line.len() > LINE_BYTES_MAX,
            matches!(parsed, Err(UsageError::LineTooLong { .. })),
            "a line is too long if and only if it is refused for that"
        );
        if let Err(error) = parsed {
            assert!(!error.to_string().contains(char::is_control), "an error moves the cursor: {error:?}");
        }
    }
}
