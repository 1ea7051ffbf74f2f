//! Lines from arguments, files and standard input, each of bounded length.

use std::io::{self, BufRead, Read};

use crate::grammar::LINE_BYTES_MAX;

/// Reads one line without its end; `None` at the end of the input.
///
/// # Errors
/// The input cannot be read, is not UTF-8, or has a line of more than [`LINE_BYTES_MAX`] bytes.
pub fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(LINE_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    if line.len() > LINE_BYTES_MAX {
        return Err(invalid("a line is longer than any command"));
    }
    let text = String::from_utf8(line).map_err(|_| invalid("a line is not UTF-8 text"))?;
    Ok(Some(text))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let mut input = &b"/one \r\n\n  two\nlast"[..];
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["/one ", "", "  two", "last"]);
    }

    #[test]
    fn a_line_that_never_ends_is_refused_without_being_read() {
        let mut endless = io::BufReader::new(io::repeat(b'x'));
        assert_eq!(read_line(&mut endless).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let longest = "x".repeat(LINE_BYTES_MAX) + "\n";
        assert_eq!(read_line(&mut longest.as_bytes()).unwrap().unwrap().len(), LINE_BYTES_MAX);
        assert!(read_line(&mut &b"\xff\n"[..]).is_err());
    }
}
