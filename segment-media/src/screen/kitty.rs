//! Pictures by the protocol of kitty: pixels in base64, in parts.

use std::fmt::Write;

use super::fit::{Area, Window};
use crate::Picture;

/// Columns of pixels that are sent. Policy: made smaller, the terminal stretches it.
const WIDTH_MAX: usize = 640;
const PART_BYTES: usize = 4_096;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Draws pictures, in turns with two numbers: the new one is there before the old one goes.
#[derive(Debug, Default)]
pub struct Kitty {
    is_second: bool,
}

impl Kitty {
    /// What is to be sent so that the area shows this picture.
    pub fn draw(&mut self, picture: &Picture, area: Area, window: &Window) -> String {
        let width = (usize::from(area.columns) * usize::from(window.cell().0)).min(WIDTH_MAX).min(picture.width());
        let height = (picture.height() * width / picture.width()).max(1);
        let scaled = picture.scaled(width, height);
        let (number, other) = if self.is_second { (2, 1) } else { (1, 2) };
        self.is_second = !self.is_second;
        let encoded = base64(scaled.pixels());
        let mut out = format!("\x1b[{};{}H", area.top + 1, area.left + 1);
        let mut parts = encoded.as_bytes().chunks(PART_BYTES).peekable();
        let (columns, rows) = (area.columns, area.rows);
        let mut head = format!("a=T,f=24,t=d,i={number},s={width},v={height},c={columns},r={rows},C=1,q=2,");
        while let Some(part) = parts.next() {
            let more = u8::from(parts.peek().is_some());
            // Writing to a text does not fail.
            let _ = write!(out, "\x1b_G{head}m={more};{}\x1b\\", String::from_utf8_lossy(part));
            head.clear();
        }
        let _ = write!(out, "\x1b_Ga=d,d=I,i={other},q=2\x1b\\");
        out
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let sextet = group >> (18 - 6 * at) & 0x3f;
            out.push(if at <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    out
}
