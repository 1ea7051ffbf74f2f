//! Where this device's own chain of messages stands, and how the next link of it is made.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::{
    AccountId, Envelope, EnvelopeKind, Hash, Identity, MessageKey, Row, Signed, SignedEnvelope, UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::peer::context::Context;
use crate::replica::outbox::{Item, Outbox, Progress};
use crate::rules::Rule;
use crate::store::{LogId, Table, Write};
use crate::sync::persist::{Meta, encode, put_meta};

/// Where this device's own chain of messages stands; on disk before any of them leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    incarnation: u32,
    seq: u64,
    last: Hash,
    /// When the last one was written: no two have the same time, so that content alone tells them apart.
    sent: UnixMillis,
}

impl Default for Author {
    fn default() -> Self {
        Self { incarnation: 1, seq: 0, last: Hash::ZERO, sent: UnixMillis(0) }
    }
}

impl Author {
    /// Where the chain goes on when a message and those behind it are given up: no key is used twice.
    pub(super) fn without(self, first: &Item) -> Self {
        self.on(first.envelope.prev)
    }

    /// In another incarnation, on what stands there.
    fn on(self, last: Hash) -> Self {
        Self { incarnation: self.incarnation.saturating_add(1), seq: 0, last, ..self }
    }

    fn sign(&mut self, text: Envelope, identity: &Identity) -> SignedEnvelope {
        self.seq += 1;
        let key = MessageKey { incarnation: self.incarnation, seq: self.seq, ..text.key };
        let envelope = Signed::new(Envelope { key, prev: self.last, ..text }, identity);
        self.last = envelope.hash();
        envelope
    }
}

/// A message that has another key from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renamed {
    pub old: MessageKey,
    pub new: MessageKey,
}

impl Outbox {
    /// Signs the next message; what is to be written before it leaves.
    pub fn sign(
        &mut self,
        log: LogId,
        account: AccountId,
        kind: EnvelopeKind,
        body: Bytes,
        cx: &Context<'_>,
    ) -> (MessageKey, Vec<Write>) {
        let author = &mut self.author;
        author.sent = UnixMillis(cx.now.wall.0.max(author.sent.0 + 1));
        let key = MessageKey { channel: log.channel, device: cx.identity.device(), incarnation: 0, seq: 0 };
        let text = Envelope { key, account, prev: Hash::ZERO, sent: author.sent, kind, body };
        let envelope = author.sign(text, cx.identity);
        let key = envelope.key;
        let item = self.add(envelope);
        let writes = alloc::vec![put(log, item), put_meta(log, Meta::Author, &self.author)];
        (key, writes)
    }

    /// Takes in a message that was settled before; what is to be written.
    pub(super) fn take_back(&mut self, log: LogId, envelope: SignedEnvelope) -> Write {
        put(log, self.add(envelope))
    }

    /// What the log says of this device, when nothing is on its way: the next message builds on it.
    pub fn learn_row(&mut self, log: LogId, row: &Row) -> Option<Write> {
        let author = &mut self.author;
        if !self.items.is_empty() || author.last == row.hash {
            return None;
        }
        if (row.incarnation, row.seq) > (author.incarnation, author.seq) {
            // Where it has written what this disk does not know, its next keys may be used too.
            let incarnation = if row.seq == 0 { row.incarnation } else { row.incarnation.saturating_add(1) };
            *author = Author { incarnation, seq: 0, last: row.hash, ..*author };
        } else if author.seq == 0 {
            author.last = row.hash;
        } else {
            return None;
        }
        Some(put_meta(log, Meta::Author, author))
    }

    /// Signs what is not in the log again, in order, on the author's row there. What was found there under
    /// another name has that name from now on.
    pub(super) fn sign_again(&mut self, log: LogId, row: &Row, cx: &Context<'_>) -> (Vec<Renamed>, Vec<Write>) {
        let own = if cx.rules.has(Rule::NewIncarnation) { self.author.incarnation } else { 0 };
        let mut author = Author { incarnation: own.max(row.incarnation), ..self.author }.on(row.hash);
        let (mut renamed, mut writes) = (Vec::new(), Vec::new());
        for item in self.items.iter_mut().filter(|item| item.is_open()) {
            let old = item.envelope.key;
            match item.found.take() {
                Some((pos, envelope)) => {
                    item.envelope = envelope;
                    (item.progress, item.pos) = (Progress::Placed, Some(pos));
                }
                None => {
                    item.envelope = author.sign((*item.envelope).clone(), cx.identity);
                    item.progress = Progress::Unwritten;
                }
            }
            renamed.push(Renamed { old, new: item.envelope.key });
            writes.push(put(log, item));
        }
        self.author = author;
        writes.push(put_meta(log, Meta::Author, &self.author));
        (renamed, writes)
    }
}

fn put(log: LogId, item: &Item) -> Write {
    let (key, value) = (log.key(&item.number.to_be_bytes()), encode(&(item.number, &item.envelope)));
    Write::Put { table: Table::Outgoing, key, value }
}
