//! What a terminal can show, by what it says of itself.

/// Colours of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
}

impl Colours {
    /// By the conventions of `COLORTERM` and `TERM`.
    #[must_use]
    pub fn decide(colorterm: &str, term: &str) -> Self {
        let is_true = matches!(colorterm, "truecolor" | "24bit") || term.ends_with("-direct");
        if is_true { Self::True } else { Self::Indexed }
    }
}

/// How pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Its own pixels, by the protocol of kitty.
    Kitty,
    /// Its own pixels, by that of DEC.
    Sixel,
    /// Two pixels in each character.
    HalfBlocks(Colours),
}

/// Asked of a terminal: kitty's graphics, the size of a character, and what every terminal answers, so that the end of the
/// answers is known.
pub(super) const QUESTIONS: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c";

/// What a terminal has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// It knows kitty's graphics.
    pub kitty: bool,
    /// It knows sixel.
    pub sixel: bool,
    /// Pixels of a character: columns, rows.
    pub cell: Option<(u16, u16)>,
    /// That was all.
    pub is_all: bool,
}

impl Replies {
    /// Understands what has come so far; keys that were typed meanwhile are left out.
    #[must_use]
    pub fn understand(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut replies = Self { kitty: text.contains("\x1b_Gi=31;OK"), ..Self::default() };
        for part in text.split("\x1b[").skip(1) {
            if let Some((numbers, _)) = part.strip_prefix('?').and_then(|part| part.split_once('c')) {
                replies.sixel = numbers.split(';').any(|number| number == "4");
                replies.is_all = true;
            }
            if let Some((numbers, _)) = part.strip_prefix("6;").and_then(|part| part.split_once('t')) {
                replies.cell = cell(numbers);
            }
        }
        replies
    }

    /// The best of what it can.
    #[must_use]
    pub fn capability(&self, colours: Colours) -> Capability {
        match (self.kitty, self.sixel) {
            (true, _) => Capability::Kitty,
            (false, true) => Capability::Sixel,
            (false, false) => Capability::HalfBlocks(colours),
        }
    }
}

fn cell(numbers: &str) -> Option<(u16, u16)> {
    let (height, width) = numbers.split_once(';')?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=128).contains(side));
    Some((side(width)?, side(height)?))
}
