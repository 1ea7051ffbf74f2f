//! Elements: a name, a size, and what is inside.

use std::io::{self, ErrorKind, Read};

use bytes::Bytes;

/// The head of an element; no size where it ends with its parent or the next of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub id: u32,
    pub size: Option<u64>,
}

/// Reads a head; none at the end.
pub(super) fn read_head(input: &mut impl Read) -> io::Result<Option<Head>> {
    let Some(first) = read_first(input)? else { return Ok(None) };
    let id = read_rest(input, first, 4, u64::from(first))?;
    let first = read_byte(input)?;
    let size = read_rest(input, first, 8, u64::from(first) & !marker(first))?;
    let size = (size != unknown_size(first.leading_zeros() + 1)).then_some(size);
    Ok(Some(Head { id: u32::try_from(id).map_err(io::Error::other)?, size }))
}

/// Reads what is inside, if it is not longer than `max`.
pub(super) fn read_body(input: &mut impl Read, size: u64, max: usize) -> io::Result<Option<Bytes>> {
    let Some(length) = usize::try_from(size).ok().filter(|length| *length <= max) else { return Ok(None) };
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(body.into()))
}

/// Leaves out what is inside.
pub(super) fn skip(input: &mut impl Read, size: u64) -> io::Result<()> {
    let skipped = io::copy(&mut input.take(size), &mut io::sink())?;
    if skipped < size { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

fn read_first(input: &mut impl Read) -> io::Result<Option<u8>> {
    match read_byte(input) {
        Ok(byte) => Ok(Some(byte)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_byte(input: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    input.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The number of leading zeros says how many bytes follow the first.
fn read_rest(input: &mut impl Read, first: u8, length_max: u32, mut value: u64) -> io::Result<u64> {
    if first.leading_zeros() >= length_max {
        return Err(io::Error::new(ErrorKind::InvalidData, "a number is too long"));
    }
    for _ in 0..first.leading_zeros() {
        value = value << 8 | u64::from(read_byte(input)?);
    }
    Ok(value)
}

fn marker(first: u8) -> u64 {
    0x80 >> first.leading_zeros()
}

fn unknown_size(length: u32) -> u64 {
    (1 << (7 * length)) - 1
}

/// The elements in a body that is at hand; ends at what is damaged.
pub(super) struct Children<'a>(pub &'a [u8]);

impl<'a> Iterator for Children<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head = read_head(&mut self.0).ok()??;
        let (body, rest) = self.0.split_at_checked(usize::try_from(head.size?).ok()?)?;
        self.0 = rest;
        Some((head.id, body))
    }
}

/// A number at the beginning of a block, and what follows it.
pub(super) fn split_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut rest = bytes;
    let first = read_byte(&mut rest).ok()?;
    let number = read_rest(&mut rest, first, 8, u64::from(first) & !marker(first)).ok()?;
    Some((number, bytes.len() - rest.len()))
}

pub(super) fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(super) fn float(body: &[u8]) -> f64 {
    match *body {
        [a, b, c, d] => f32::from_be_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
        _ => 0.0,
    }
}

/// Writes elements one behind the other.
#[derive(Debug, Default)]
pub(super) struct Elements(pub Vec<u8>);

impl Elements {
    pub fn bytes(&mut self, id: u32, body: &[u8]) -> &mut Self {
        self.head(id, Some(body.len() as u64));
        self.0.extend_from_slice(body);
        self
    }

    /// In eight bytes, whatever it is.
    pub fn unsigned(&mut self, id: u32, value: u64) -> &mut Self {
        self.bytes(id, &value.to_be_bytes())
    }

    pub fn float(&mut self, id: u32, value: f64) -> &mut Self {
        self.bytes(id, &value.to_be_bytes())
    }

    pub fn text(&mut self, id: u32, text: &str) -> &mut Self {
        self.bytes(id, text.as_bytes())
    }

    pub fn master(&mut self, id: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inside = Self::default();
        fill(&mut inside);
        self.bytes(id, &inside.0)
    }

    /// The size is in eight bytes.
    pub fn head(&mut self, id: u32, size: Option<u64>) -> &mut Self {
        let id = id.to_be_bytes();
        let from = id.iter().position(|byte| *byte != 0).unwrap_or(3);
        self.0.extend_from_slice(&id[from..]);
        self.0.extend_from_slice(&size_bytes(size));
        self
    }
}

/// A size in eight bytes.
fn size_bytes(size: Option<u64>) -> [u8; 8] {
    let unknown = unknown_size(8);
    (1 << 56 | size.unwrap_or(unknown).min(unknown)).to_be_bytes()
}
