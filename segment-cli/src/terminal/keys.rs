//! What a terminal sends, understood as keys.

/// A paste with more is cut there: no message is longer.
pub(super) const PASTE_BYTES_MAX: usize = crate::grammar::LINE_BYTES_MAX;
/// A sequence that has not ended by then is none.
const SEQUENCE_BYTES_MAX: usize = 32;
const PASTE_END: &[u8] = b"\x1b[201~";

/// A key, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// By its upper-case letter.
    Ctrl(char),
    Alt(char),
    Enter,
    AltEnter,
    AltBackspace,
    Escape,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Up,
    Down,
    Home,
    End,
    /// Several characters at once, line ends among them.
    Paste(String),
    /// The window has become the one that is typed into, or has ceased to be.
    Focus(Focus),
    Unknown,
}

/// Whether the window of the terminal is the one that is typed into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The terminal does not say.
    #[default]
    Unknown,
    /// It is.
    Here,
    /// It is not.
    Elsewhere,
}

/// Bytes on their way to becoming keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

enum Parsed {
    Key(Key, usize),
    /// The rest is still to come.
    Part,
}

impl Decoder {
    /// More bytes have come.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while !self.pending.is_empty() {
            if self.paste.is_some() {
                match self.take_pasted() {
                    Some(key) => keys.push(key),
                    None => break,
                }
                continue;
            }
            match parse(&self.pending) {
                Parsed::Part => break,
                Parsed::Key(Key::Paste(_), used) => {
                    self.pending.drain(..used);
                    self.paste = Some(Vec::new());
                }
                Parsed::Key(key, used) => {
                    self.pending.drain(..used);
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Whether a sequence has begun whose rest may never come: the Escape key alone looks like that.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty() && self.paste.is_none()
    }

    /// The rest has not come.
    pub fn give_up(&mut self) -> Option<Key> {
        let began = std::mem::take(&mut self.pending);
        began.first().map(|byte| if *byte == 0x1b { Key::Escape } else { Key::Unknown })
    }

    fn take_pasted(&mut self) -> Option<Key> {
        let paste = self.paste.as_mut()?;
        let end = self.pending.windows(PASTE_END.len()).position(|part| part == PASTE_END);
        // The end may have come in part.
        let whole = end.unwrap_or_else(|| self.pending.len().saturating_sub(PASTE_END.len() - 1));
        let room = PASTE_BYTES_MAX.saturating_sub(paste.len());
        paste.extend(self.pending.drain(..whole).take(room));
        end?;
        self.pending.drain(..PASTE_END.len());
        let pasted = self.paste.take().unwrap_or_default();
        Some(Key::Paste(cleaned(&String::from_utf8_lossy(&pasted))))
    }
}

/// Line ends become one kind, and nothing stays that would move the cursor.
pub(super) fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn parse(bytes: &[u8]) -> Parsed {
    match bytes[0] {
        0x1b => parse_escape(bytes),
        b'\r' | b'\n' => Parsed::Key(Key::Enter, 1),
        b'\t' => Parsed::Key(Key::Tab, 1),
        0x7f | 0x08 => Parsed::Key(Key::Backspace, 1),
        control @ 0..0x20 => Parsed::Key(Key::Ctrl(char::from(control + b'@')), 1),
        _ => parse_char(bytes, 0, Key::Char),
    }
}

fn parse_char(bytes: &[u8], from: usize, make: fn(char) -> Key) -> Parsed {
    let rest = &bytes[from..];
    let length = match rest[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Parsed::Key(Key::Unknown, from + 1),
    };
    if rest.len() < length && std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none()) {
        return Parsed::Part;
    }
    let decoded = rest.get(..length).and_then(|part| std::str::from_utf8(part).ok());
    match decoded.and_then(|text| text.chars().next()) {
        Some(character) => Parsed::Key(make(character), from + length),
        None => Parsed::Key(Key::Unknown, from + 1),
    }
}

fn parse_escape(bytes: &[u8]) -> Parsed {
    match bytes.get(1) {
        None => Parsed::Part,
        Some(b'[') => parse_csi(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Parsed::Part,
            Some(last) => Parsed::Key(arrow(*last, 1), 3),
        },
        Some(0x1b) => Parsed::Key(Key::Escape, 1),
        Some(b'\r' | b'\n') => Parsed::Key(Key::AltEnter, 2),
        Some(0x7f | 0x08) => Parsed::Key(Key::AltBackspace, 2),
        Some(0..0x20) => Parsed::Key(Key::Unknown, 2),
        Some(_) => parse_char(bytes, 1, Key::Alt),
    }
}

/// `ESC [ parameters letter`
fn parse_csi(bytes: &[u8]) -> Parsed {
    let Some(last) = bytes[2..].iter().position(|byte| (0x40..0x7f).contains(byte)) else {
        return if bytes.len() > SEQUENCE_BYTES_MAX { Parsed::Key(Key::Unknown, bytes.len()) } else { Parsed::Part };
    };
    let parameters = std::str::from_utf8(&bytes[2..2 + last]).unwrap_or_default();
    let mut numbers = parameters.split(';').map(|number| number.parse::<u16>().unwrap_or(1));
    let (first, second, third) =
        (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
    let key = match (bytes[2 + last], first, second, third) {
        (b'~', 1 | 7, ..) => Key::Home,
        (b'~', 4 | 8, ..) => Key::End,
        (b'~', 3, ..) => Key::Delete,
        (b'~', 200, ..) => Key::Paste(String::new()),
        // How newer terminals send Enter with Shift, Alt or Ctrl.
        (b'~', 27, _, 13) | (b'u', 13, 2.., _) => Key::AltEnter,
        (b'I', ..) if parameters.is_empty() => Key::Focus(Focus::Here),
        (b'O', ..) if parameters.is_empty() => Key::Focus(Focus::Elsewhere),
        (letter, ..) => arrow(letter, second),
    };
    Parsed::Key(key, 3 + last)
}

fn arrow(letter: u8, modifier: u16) -> Key {
    match (letter, modifier) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', 1 | 2) => Key::Right,
        (b'D', 1 | 2) => Key::Left,
        (b'C', _) => Key::WordRight,
        (b'D', _) => Key::WordLeft,
        (b'H', _) => Key::Home,
        (b'F', _) => Key::End,
        (b'M', _) => Key::Enter,
        _ => Key::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Decoder::default().feed(bytes)
    }

    #[test]
    fn sequences_are_keys() {
        let cases: [(&[u8], Key); 22] = [
            (b"a", Key::Char('a')),
            ("世".as_bytes(), Key::Char('世')),
            (b"\r", Key::Enter),
            (b"\x01", Key::Ctrl('A')),
            (b"\x1f", Key::Ctrl('_')),
            (b"\x7f", Key::Backspace),
            (b"\x1b\r", Key::AltEnter),
            (b"\x1b[27;3;13~", Key::AltEnter),
            (b"\x1b[13;2u", Key::AltEnter),
            (b"\x1ba", Key::Alt('a')),
            ("\x1bé".as_bytes(), Key::Alt('é')),
            (b"\x1b\x7f", Key::AltBackspace),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::WordRight),
            (b"\x1b[1;3D", Key::WordLeft),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[H", Key::Home),
            (b"\x1b[4~", Key::End),
            (b"\x1b[I", Key::Focus(Focus::Here)),
            (b"\x1b[O", Key::Focus(Focus::Elsewhere)),
            (b"\xff", Key::Unknown),
        ];
        for (bytes, key) in cases {
            assert_eq!(keys(bytes), [key], "{bytes:?}");
        }
    }

    #[test]
    fn a_paste_is_one_key_with_its_lines() {
        let pasted = keys(b"\x1b[200~one\rtwo\r\n\tthree\x1b[31m\x07\x1b[201~x");
        assert_eq!(pasted, [Key::Paste("one\ntwo\n\tthree[31m".into()), Key::Char('x')]);
        let long = [b"\x1b[200~".as_slice(), &[b'x'; PASTE_BYTES_MAX + 9], b"\x1b[201~"].concat();
        assert_eq!(keys(&long), [Key::Paste("x".repeat(PASTE_BYTES_MAX))]);
    }

    #[test]
    fn escape_alone_is_a_key_after_a_while() {
        let mut decoder = Decoder::default();
        assert!(decoder.feed(b"\x1b").is_empty() && decoder.is_waiting());
        assert_eq!(decoder.give_up(), Some(Key::Escape));
        assert!(!decoder.is_waiting() && decoder.give_up().is_none());
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(cut in 0_usize..60) {
            let bytes = "a\x1b[1;5C世\x1b[200~x\ry\x1b[201~\x1bOA\x1b\r\x7fend".as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut decoder = Decoder::default();
            let mut cut = decoder.feed(first);
            cut.extend(decoder.feed(second));
            prop_assert_eq!(cut, keys(bytes));
        }

        #[test]
        fn no_bytes_panic_or_pile_up(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            prop_assert!(decoder.paste.is_some() || decoder.pending.len() <= SEQUENCE_BYTES_MAX);
        }
    }
}
