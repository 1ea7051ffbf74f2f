//! What is written: immutable envelopes, each fixing its author's whole past by the hash of the one before.

use std::fmt;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorId(pub u8);

/// A member.
pub const A: AuthorId = AuthorId(0);
/// Another member, who answers `A`.
pub const B: AuthorId = AuthorId(1);
/// The owner of the channel, who kicks `A` and lets them in again.
pub const OWNER: AuthorId = AuthorId(2);

impl fmt::Display for AuthorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["A", "B", "the owner"][usize::from(self.0).min(2)])
    }
}

/// What is said. Each content is written once by its author, however often it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// A line: 1, 2, 3 are A's in this order, 5, 6, 7 are B's, 9 is the owner's.
    Text(u8),
    /// A line that every sequencer refuses.
    TooBig,
    /// An access entry: `A` may not write any more.
    Kick,
    /// An access entry: `A` may write again.
    Allow,
}

impl Content {
    /// A number of its own below 16, in the order in which an author writes.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Text(n) => n,
            Self::TooBig => 0,
            Self::Kick => 10,
            Self::Allow => 11,
        }
    }

    /// The content with this number.
    #[must_use]
    pub const fn numbered(number: u8) -> Self {
        match number {
            0 => Self::TooBig,
            10 => Self::Kick,
            11 => Self::Allow,
            n => Self::Text(n),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(n) => write!(f, "m{n}"),
            Self::TooBig => f.write_str("too-big"),
            Self::Kick => f.write_str("kick-A"),
            Self::Allow => f.write_str("allow-A"),
        }
    }
}

/// A set of contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contents(u16);

impl Contents {
    /// Adds one.
    pub fn add(&mut self, content: Content) {
        self.0 |= 1 << content.number();
    }

    /// Whether it is in.
    #[must_use]
    pub const fn has(self, content: Content) -> bool {
        self.0 & (1 << content.number()) != 0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = Content> {
        (0..16).filter(move |number| self.0 & (1 << number) != 0).map(Content::numbered)
    }
}

/// The hash of an envelope; [`NO_HASH`] stands before an author's first.
pub type Hash = u32;

/// What the first envelope of an author names as its `prev`.
pub const NO_HASH: Hash = 0;

/// The place of an envelope in its author's chain: (incarnation, sequence number).
pub type Place = (u8, u8);

/// A signed message or access entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Envelope {
    /// Who signed it.
    pub author: AuthorId,
    /// Raised whenever an author signs the same content again.
    pub incarnation: u8,
    /// From 1 in each incarnation.
    pub seq: u8,
    /// What it says.
    pub content: Content,
    /// The hash in the author's row when it was signed.
    pub prev: Hash,
}

impl Envelope {
    /// Its hash, over every field.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let fields = [self.author.0, self.incarnation, self.seq, self.content.number()];
        let mixed = fields.iter().fold(self.prev ^ 0x5bd1_e995, |hash, field| {
            (hash ^ u32::from(*field)).wrapping_mul(0x9e37_79b1).rotate_left(13)
        });
        mixed.max(1)
    }

    /// Its place in its author's chain.
    #[must_use]
    pub const fn place(&self) -> Place {
        (self.incarnation, self.seq)
    }

    /// Whether two envelopes have the same key.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        self.author == other.author && self.place() == other.place()
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = ["A", "B", "O"][usize::from(self.author.0).min(2)];
        write!(f, "{letter}.{}.{} {}", self.incarnation, self.seq, self.content)
    }
}

/// What an author signs with: counters and the hash of the last envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signer {
    /// Of the next envelope.
    pub incarnation: u8,
    /// Of the next envelope.
    pub seq: u8,
    /// Of the next envelope.
    pub prev: Hash,
}

impl Default for Signer {
    fn default() -> Self {
        Self { incarnation: 1, seq: 1, prev: NO_HASH }
    }
}

impl Signer {
    /// Signs the next envelope.
    pub fn sign(&mut self, author: AuthorId, content: Content) -> Envelope {
        let envelope = Envelope { author, incarnation: self.incarnation, seq: self.seq, content, prev: self.prev };
        self.seq += 1;
        self.prev = envelope.hash();
        envelope
    }
}
