//! The accept rule: one pure function of the log, used by whoever sequences.

use segment_proto::limits::INCARNATION_MAX;
use segment_proto::{EnvelopeKind, Hash, Reason, Rights, Row, SignedEnvelope};

use crate::rules::{Rule, Rules};
use crate::store::{Lookup, StoredEntry};
use crate::sync::log::ChannelLog;

/// What is to become of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Append it.
    Accept,
    /// It is in the log already, here.
    Duplicate {
        /// Its place.
        pos: u64,
        /// The epoch of its place.
        epoch: u32,
    },
    /// Its author may not write it, by the access entry at `pos`.
    Refused {
        /// Why.
        reason: Reason,
        /// The place of the access entry; 0: by the channel's first settings.
        pos: u64,
    },
    /// It can never be accepted: another stands in its place.
    Fork(Row),
    /// It stood below what is kept, or another did in its place: nobody knows any more.
    Forgotten,
    /// What it builds on is missing here.
    Expected(Row),
    /// It depends on an entry that is not in memory: look it up and ask again.
    Unknown(Lookup),
}

/// What a lookup that [`Verdict::Unknown`] asked for has found.
pub type Found = Option<Option<StoredEntry>>;

/// Judges an envelope, in this order: known already, next in its author's chain and allowed, in the
/// place of another, too early.
#[must_use]
pub fn accept(log: &ChannelLog, envelope: &SignedEnvelope, hash: &Hash, found: &Found, rules: Rules) -> Verdict {
    let key = envelope.key;
    let row = log.fold().row(key.device, envelope.account);
    if row.account != envelope.account {
        return Verdict::Refused { reason: Reason::NotTheAuthor, pos: 0 };
    }
    let seen = (key.incarnation, key.seq) <= (row.incarnation, row.seq);
    if seen && rules.has(Rule::Dedupe) {
        return known_key(log, envelope, hash, row, found);
    }
    if continues(envelope, &row, rules) {
        return allowed(log, envelope, rules);
    }
    let in_predecessors_place = key.incarnation == row.incarnation && key.seq <= row.seq.saturating_add(1);
    let on_nothing_again = envelope.prev == Hash::ZERO || envelope.prev == row.hash;
    if seen || in_predecessors_place || on_nothing_again {
        return Verdict::Fork(row);
    }
    match find(log, Lookup::Hash(envelope.prev), found) {
        Search::Found(..) => Verdict::Fork(row),
        Search::Absent => Verdict::Expected(row),
        Search::NotInMemory(lookup) => Verdict::Unknown(lookup),
    }
}

fn known_key(log: &ChannelLog, envelope: &SignedEnvelope, hash: &Hash, row: Row, found: &Found) -> Verdict {
    let key = envelope.key;
    let lookup = Lookup::Key { device: key.device, incarnation: key.incarnation, seq: key.seq };
    match find(log, lookup, found) {
        Search::Found(pos, epoch, stored) if stored == *hash => Verdict::Duplicate { pos, epoch },
        // Never an acknowledgement: its author has to know that nobody can say.
        Search::Absent if log.below().pos > 0 => Verdict::Forgotten,
        Search::Found(..) | Search::Absent => Verdict::Fork(row),
        Search::NotInMemory(lookup) => Verdict::Unknown(lookup),
    }
}

fn continues(envelope: &SignedEnvelope, row: &Row, rules: Rules) -> bool {
    !rules.has(Rule::AuthorChain) || is_next(envelope, row)
}

/// Whether it is the next in its author's chain, or the first of another incarnation on it.
pub(crate) fn is_next(envelope: &SignedEnvelope, row: &Row) -> bool {
    let key = envelope.key;
    let next = key.incarnation == row.incarnation && row.seq.checked_add(1) == Some(key.seq);
    let anew = key.incarnation > row.incarnation && key.incarnation <= INCARNATION_MAX && key.seq == 1;
    envelope.prev == row.hash && (next || anew)
}

fn allowed(log: &ChannelLog, envelope: &SignedEnvelope, rules: Rules) -> Verdict {
    let access = log.fold().access();
    let pos = log.fold().rights().changed_at;
    if envelope.kind == EnvelopeKind::Access
        && rules.has(Rule::OwnerChangesAccess)
        && !access.may_change(envelope.account)
    {
        return Verdict::Refused { reason: Reason::OwnerOnly, pos };
    }
    if rules.has(Rule::SendRight) && !access.rights(envelope.account).include(Rights::SEND) {
        return Verdict::Refused { reason: Reason::MayNotSend, pos };
    }
    Verdict::Accept
}

enum Search {
    Found(u64, u32, Hash),
    Absent,
    NotInMemory(Lookup),
}

fn find(log: &ChannelLog, lookup: Lookup, found: &Found) -> Search {
    if let Some(stored) = log.find(lookup) {
        return Search::Found(stored.entry.pos, stored.entry.epoch, stored.hash);
    }
    if log.is_whole_in_memory() {
        return Search::Absent;
    }
    match found {
        None => Search::NotInMemory(lookup),
        Some(None) => Search::Absent,
        Some(Some(stored)) => Search::Found(stored.entry.pos, stored.entry.epoch, stored.hash),
    }
}
