//! What of a channel was not read yet.

use std::collections::BTreeMap;

use segment_core::peer::events::ChannelMessage;
use segment_proto::{UserName, Who};

/// Unread messages of a channel that are counted. Policy: the oldest is not counted any more, and that is said.
pub const UNREAD_MAX: usize = 999;

/// What of a channel was not read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Everything up to here was read.
    read: u64,
    /// Everything up to here was looked at.
    seen: u64,
    /// Places of unread messages, and what they are.
    unread: BTreeMap<u64, Kind>,
    /// There are more than are counted.
    more: bool,
    /// The line above the first of them was drawn.
    divided: bool,
    /// Some of what was cut was read.
    read_before: bool,
}

/// What a message is to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing to be told of: their own, no text, or known already.
    Nothing,
    /// Somebody else's text.
    Text,
    /// A text with their name.
    Mention,
}

impl Unread {
    /// A channel that was read up to here.
    pub fn since(read: u64) -> Self {
        Self { read, seen: read, ..Self::default() }
    }

    /// A message has come.
    pub fn add(&mut self, message: &ChannelMessage, me: &Who) -> Kind {
        if message.pos <= self.seen {
            return Kind::Nothing;
        }
        self.seen = message.pos;
        let kind = kind_of(message, me);
        if kind != Kind::Nothing {
            self.unread.insert(message.pos, kind);
        }
        if self.unread.len() > UNREAD_MAX {
            self.unread.pop_first();
            self.more = true;
        }
        kind
    }

    /// The place of a message is not looked at any more: it was, under another one.
    pub fn skip(&mut self, pos: u64) {
        self.seen = self.seen.max(pos);
    }

    /// Says how far it was read, once all of it is.
    pub fn read_all(&mut self) -> u64 {
        *self = Self::since(self.seen.max(self.read));
        self.read
    }

    /// What stands behind a place stands there no more.
    pub fn cut(&mut self, pos: u64) {
        self.unread.split_off(&(pos + 1));
        self.read_before |= self.read > pos;
        (self.seen, self.read) = (self.seen.min(pos), self.read.min(pos));
    }

    /// Whether something that comes again may have been read at the place that it had.
    pub fn was_read_before(&self) -> bool {
        self.read_before
    }

    /// How many.
    pub fn messages(&self) -> usize {
        self.unread.len()
    }

    /// How many of them with one's name.
    pub fn mentions(&self) -> usize {
        self.unread.values().filter(|kind| **kind == Kind::Mention).count()
    }

    /// Whether there are more than are counted.
    pub fn is_more(&self) -> bool {
        self.more
    }

    /// The place of the first.
    pub fn first(&self) -> Option<u64> {
        self.unread.first_key_value().map(|(pos, _)| *pos)
    }

    /// Says how many are below the line above the first of them, if it is drawn here; only once.
    pub fn divide(&mut self) -> usize {
        if std::mem::replace(&mut self.divided, true) { 0 } else { self.messages() }
    }

    /// Takes what was counted meanwhile behind what was looked at here.
    pub fn add_behind(&mut self, newer: Self) {
        self.unread.extend(newer.unread.into_iter().filter(|(pos, _)| *pos > self.seen));
        self.seen = self.seen.max(newer.seen);
    }

    /// Whether the line above the first unread message belongs above this one; only once.
    pub fn divides(&mut self, pos: u64) -> bool {
        let is_first = !self.divided && self.first() == Some(pos);
        self.divided |= is_first;
        is_first
    }
}

fn kind_of(message: &ChannelMessage, me: &Who) -> Kind {
    match message.text() {
        Some(text) if message.account != me.account || me.is_visitor() => {
            if !me.is_visitor() && mentions(text, &me.name) { Kind::Mention } else { Kind::Text }
        }
        _ => Kind::Nothing,
    }
}

/// Whether `@name` stands in a text as a word of its own, in whatever case.
pub fn mentions(text: &str, name: &UserName) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let is_inside_a_word = text[..at].chars().next_back().is_some_and(is_of_name);
        let rest = &text[at + 1..];
        let word = &rest[..rest.find(|c| !is_of_name(c)).unwrap_or(rest.len())];
        let sentence_end = word.trim_end_matches(['.', '-', '_']);
        !is_inside_a_word && [word, sentence_end].into_iter().any(|word| UserName::new(word).as_ref() == Ok(name))
    })
}

/// What may stand in a name; marks on letters are neither letters nor blanks.
fn is_of_name(character: char) -> bool {
    let is_mark = !character.is_ascii() && !character.is_whitespace() && !('\u{2000}'..'\u{3040}').contains(&character);
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_') || is_mark
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use segment_core::peer::events::{Content, Stage};
    use segment_proto::{AccountId, ChannelId, DeviceId, MessageKey, UnixMillis};
    use uuid::Uuid;

    use super::*;

    fn ken() -> Who {
        Who { account: AccountId(7), name: UserName::new("ken").unwrap() }
    }

    fn message(pos: u64, account: u64, text: &str) -> ChannelMessage {
        let channel = ChannelId(Uuid::nil());
        ChannelMessage {
            pos,
            key: MessageKey { channel, device: DeviceId([7; 32]), incarnation: 1, seq: pos },
            account: AccountId(account),
            author: None,
            sent: UnixMillis(0),
            epoch: 1,
            sequenced: UnixMillis(0),
            content: Content::Text(text.into()),
            stage: Stage::Stored,
        }
    }

    fn add(unread: &mut Unread, places: std::ops::RangeInclusive<u64>, me: &Who) {
        for pos in places {
            assert_eq!(unread.add(&message(pos, 1, "hi"), me), Kind::Text);
        }
    }

    #[test]
    fn a_name_is_mentioned_as_a_word_of_its_own() {
        let name = UserName::new("ken").unwrap();
        for text in
            ["@ken", "hi @KEN!", "(@Ken)", "@ken, look", "@ken.", "see:@ken's", "@ken…", "@ben @ken", "「@ken」"]
        {
            assert!(mentions(text, &name), "{text}");
        }
        for text in ["ken", "@kenneth", "a@ken", "@ken.b", "@ke n", "@", "@@", "ken@", "@ken_2", "user.@ken"] {
            assert!(!mentions(text, &name), "{text}");
        }
        assert!(mentions("@ЖЕНЯ?", &UserName::new("женя").unwrap()));
    }

    #[test]
    fn others_texts_are_unread_until_they_are_read() {
        let (ken, mut unread) = (ken(), Unread::since(4));
        let added = [(4, 1, "old"), (5, 1, "hi"), (6, 7, "own @ken"), (7, 2, "@ken?"), (7, 2, "@ken?")]
            .map(|(pos, account, text)| unread.add(&message(pos, account, text), &ken));
        assert_eq!(added, [Kind::Nothing, Kind::Text, Kind::Nothing, Kind::Mention, Kind::Nothing]);
        assert_eq!((unread.messages(), unread.mentions(), unread.first()), (2, 1, Some(5)));
        assert!(!unread.divides(7) && unread.divides(5) && !unread.divides(5));
        let mut newer = Unread::since(6);
        assert_eq!([7, 8].map(|pos| newer.add(&message(pos, 2, "hi"), &ken)), [Kind::Text; 2]);
        unread.add_behind(newer);
        assert_eq!((unread.messages(), unread.mentions()), (3, 1), "what is known already is not counted again");
        assert_eq!((unread.divide(), Unread::since(7).divide()), (0, 0), "there is one line");
        assert_eq!(unread.read_all(), 8);
        assert_eq!((unread.messages(), unread.first()), (0, None));
    }

    #[test]
    fn what_is_cut_is_not_unread_and_what_comes_then_is() {
        let (ken, mut unread) = (ken(), Unread::since(0));
        add(&mut unread, 1..=3, &ken);
        unread.cut(1);
        assert_eq!((unread.messages(), unread.was_read_before()), (1, false));
        unread.skip(2);
        assert_eq!(unread.add(&message(3, 1, "another"), &ken), Kind::Text);
        assert_eq!((unread.messages(), unread.read_all()), (2, 3));
    }

    #[test]
    fn so_many_are_counted() {
        let (ken, mut unread) = (ken(), Unread::since(0));
        add(&mut unread, 1..=1_500, &ken);
        assert_eq!((unread.messages(), unread.is_more(), unread.first()), (UNREAD_MAX, true, Some(502)));
    }
}
