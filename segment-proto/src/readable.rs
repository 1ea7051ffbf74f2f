//! The rendering of bytes and messages for people, logs and `--json`.

use core::fmt::{self, Write};

use alloc::string::String;
use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::ids::write_hex;
use crate::untrusted::is_deceptive;

/// Bytes that are no text: `{"hex": "00ff"}`.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(self.0, f)
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("hex", alloc::format!("{self}"))])
    }
}

/// JSON of a message, on one line, with nothing in it that a terminal would obey.
pub(crate) fn json<P: Serialize>(name: &'static str, payload: &P) -> String {
    #[derive(Serialize)]
    struct Described<'a, P> {
        message: &'static str,
        #[serde(flatten)]
        payload: &'a P,
    }
    match serde_json::to_string(&Described { message: name, payload }) {
        Ok(json) => without_deceptive(json),
        Err(_) => alloc::format!("{{\"message\":\"{name}\"}}"),
    }
}

/// JSON with nothing in it that a terminal would obey.
///
/// Outside strings JSON is plain ASCII, so every such character is inside one, where an escape means the same.
#[must_use]
pub fn without_deceptive(json: String) -> String {
    if !json.chars().any(is_deceptive) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 32);
    for character in json.chars() {
        if is_deceptive(character) {
            escape(character, &mut safe);
        } else {
            safe.push(character);
        }
    }
    safe
}

fn escape(character: char, out: &mut String) {
    let mut units = [0; 2];
    for unit in character.encode_utf16(&mut units) {
        // Writing to a string does not fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// Bytes as they are; in hexadecimal for people.
pub(crate) fn bytes<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return Hex(bytes).serialize(serializer);
    }
    serializer.serialize_bytes(bytes)
}
