//! The log: dense, with a hash chain, and what is folded from it: rows and rights.

use std::ops::Deref;

use crate::envelope::{A, AuthorId, Content, Envelope, Hash, NO_HASH, Place, Signer};
use crate::rules::{Rule, Rules};

/// An envelope in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The epoch in which it was sequenced.
    pub epoch: u8,
    /// What stands here.
    pub envelope: Envelope,
}

/// The hash over a prefix of a log.
pub type Chain = u64;

/// Entries in their order; position 0 is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log(Vec<Entry>);

impl Deref for Log {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0
    }
}

impl Log {
    /// Puts an envelope at the end.
    pub fn append(&mut self, epoch: u8, envelope: Envelope) {
        self.0.push(Entry { epoch, envelope });
    }

    /// Cuts everything from a position on.
    pub fn cut(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The first entries.
    #[must_use]
    pub fn prefix(&self, len: usize) -> Self {
        Self(self.0[..len.min(self.0.len())].to_vec())
    }

    /// The chain hash over the first entries.
    #[must_use]
    pub fn chain(&self, len: usize) -> Chain {
        self.0.iter().take(len).fold(len as u64, |chain, entry| {
            let entry = u64::from(entry.envelope.hash()) << 8 | u64::from(entry.epoch);
            (chain ^ entry).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        })
    }

    /// Whether this very envelope is in it.
    #[must_use]
    pub fn holds(&self, envelope: &Envelope) -> bool {
        self.position(envelope).is_some()
    }

    /// Where this very envelope stands.
    #[must_use]
    pub fn position(&self, envelope: &Envelope) -> Option<usize> {
        self.0.iter().position(|entry| entry.envelope == *envelope)
    }

    /// Whether a content is in it, under whatever key.
    #[must_use]
    pub fn says(&self, content: Content) -> bool {
        self.0.iter().any(|entry| entry.envelope.content == content)
    }

    /// Its envelopes.
    pub fn envelopes(&self) -> impl Iterator<Item = Envelope> + '_ {
        self.0.iter().map(|entry| entry.envelope)
    }
}

/// What a log's prefix says about an author's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the last envelope, or set by an access entry.
    pub incarnation: u8,
    /// Of the last envelope; 0 after an access entry.
    pub seq: u8,
    /// Of the last envelope or access entry.
    pub hash: Hash,
}

impl Row {
    /// The row of an author, folded over some entries.
    #[must_use]
    pub fn fold(entries: &[Entry], author: AuthorId, rules: Rules) -> Self {
        entries.iter().fold(Self { incarnation: 1, seq: 0, hash: NO_HASH }, |row, entry| {
            row.after(&entry.envelope, author, rules)
        })
    }

    fn after(self, envelope: &Envelope, author: AuthorId, rules: Rules) -> Self {
        if envelope.author == author {
            return Self { incarnation: envelope.incarnation, seq: envelope.seq, hash: envelope.hash() };
        }
        let moves = match envelope.content {
            Content::Kick => rules.has(Rule::KickMovesRow),
            Content::Allow => rules.has(Rule::KickMovesRow) && rules.has(Rule::AllowMovesRow),
            _ => false,
        };
        if !moves || author != A {
            return self;
        }
        Self { incarnation: self.incarnation + 1, seq: 0, hash: envelope.hash() }
    }

    /// The place of the last envelope.
    #[must_use]
    pub const fn place(self) -> Place {
        (self.incarnation, self.seq)
    }

    /// Whether an envelope's counters continue this row.
    #[must_use]
    pub fn continued_by(self, place: Place) -> bool {
        let (incarnation, seq) = place;
        (incarnation == self.incarnation && seq == self.seq + 1) || (incarnation > self.incarnation && seq == 1)
    }

    /// What signs on this row: in its incarnation, or in the author's own where that is higher.
    #[must_use]
    pub fn signer(self, own: Signer) -> Signer {
        if self.incarnation >= own.incarnation {
            return Signer { incarnation: self.incarnation, seq: self.seq + 1, prev: self.hash };
        }
        Signer { incarnation: own.incarnation + 1, seq: 1, prev: self.hash }
    }

    /// What signs again in a new incarnation, above everything that was ever signed.
    #[must_use]
    pub fn new_incarnation(self, own: Signer, rules: Rules) -> Signer {
        if !rules.has(Rule::NewIncarnation) {
            return Signer { incarnation: self.incarnation, seq: self.seq + 1, prev: self.hash };
        }
        Signer { incarnation: own.incarnation.max(self.incarnation) + 1, seq: 1, prev: self.hash }
    }
}

/// The position of the kick that keeps an author from writing, if one does.
#[must_use]
pub fn kick_in_force(entries: &[Entry], author: AuthorId) -> Option<usize> {
    if author != A {
        return None;
    }
    entries.iter().enumerate().fold(None, |kick, (position, entry)| match entry.envelope.content {
        Content::Kick => Some(position),
        Content::Allow => None,
        _ => kick,
    })
}

/// The first access entry that moved an author's row above the incarnation in which an envelope was signed.
#[must_use]
pub fn access_above(entries: &[Entry], envelope: &Envelope, rules: Rules) -> Option<usize> {
    (0..entries.len()).find(|position| {
        let row = Row::fold(&entries[..=*position], envelope.author, rules);
        let moved = row.seq == 0 && row.hash == entries[*position].envelope.hash();
        moved && row.incarnation > envelope.incarnation
    })
}
