//! The accept rule: one pure function of the log, used by host and tracker alike.

use crate::envelope::{Content, Envelope, NO_HASH};
use crate::log::{Entry, Log, Row, kick_in_force};
use crate::rules::{Rule, Rules};

/// A log as its sequencer sees it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The whole log. What is below `forgotten` counts only for rows and rights, as a snapshot would say.
    pub log: &'a Log,
    /// How much of it is durable where it is sequenced.
    pub stored: usize,
    /// How much of it is known to be committed.
    pub committed: usize,
    /// How much of it retention has deleted.
    pub forgotten: usize,
}

/// Why an envelope is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// By the access entry at this position.
    Access(usize),
    /// By its size.
    TooBig,
}

/// What a sequencer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is next, and gets the next place.
    Accepted,
    /// It is in the log already, here.
    Known(usize),
    /// Its key is below the retained log.
    Forgotten,
    /// Its author may not write it.
    Refused(Refusal),
    /// Another stands where it would have to stand.
    Fork,
    /// What it builds on is missing here.
    Expected,
}

impl View<'_> {
    /// What retention has left.
    #[must_use]
    pub fn retained(&self) -> &[Entry] {
        &self.log[self.forgotten.min(self.log.len())..]
    }

    /// Where something stands in the retained log.
    #[must_use]
    pub fn find(&self, what: impl Fn(&Envelope) -> bool) -> Option<usize> {
        self.retained().iter().position(|entry| what(&entry.envelope)).map(|position| position + self.forgotten)
    }

    /// The row of an envelope's author.
    #[must_use]
    pub fn row(&self, envelope: &Envelope, rules: Rules) -> Row {
        let entries = if rules.has(Rule::RowsKept) { &self.log[..] } else { self.retained() };
        Row::fold(entries, envelope.author, rules)
    }

    /// Judges an envelope.
    #[must_use]
    pub fn judge(&self, envelope: &Envelope, rules: Rules) -> Answer {
        let known = self.find(|other| other == envelope);
        if let Some(position) = known.filter(|_| rules.has(Rule::Dedupe)) {
            return Answer::Known(position);
        }
        if envelope.content == Content::TooBig {
            return Answer::Refused(Refusal::TooBig);
        }
        let kick = kick_in_force(self.log, envelope.author).filter(|_| rules.has(Rule::SendRight));
        let refused = kick.map(|kick| Answer::Refused(Refusal::Access(kick)));
        if let Some(refused) = refused.filter(|_| !rules.has(Rule::RightsLast)) {
            return refused;
        }
        let row = self.row(envelope, rules);
        let linked = envelope.prev == row.hash || !rules.has(Rule::AuthorChain);
        if linked && row.continued_by(envelope.place()) {
            return refused.unwrap_or(Answer::Accepted);
        }
        self.not_next(envelope, row, rules)
    }

    fn not_next(&self, envelope: &Envelope, row: Row, rules: Rules) -> Answer {
        if envelope.place() <= row.place() {
            let deleted = self.forgotten > 0 && self.find(|other| other.same_key(envelope)).is_none();
            return match deleted {
                true if rules.has(Rule::Forgotten) => Answer::Forgotten,
                true => Answer::Known(0),
                false => Answer::Fork,
            };
        }
        let place_taken = envelope.place() == (row.incarnation, row.seq + 1);
        let prev_taken = self.find(|other| other.hash() == envelope.prev).is_some() || envelope.is_first();
        if rules.has(Rule::AuthorChain) && (place_taken || prev_taken) { Answer::Fork } else { Answer::Expected }
    }
}

impl Envelope {
    /// Whether it claims to be its author's first: where a row exists, another stands in that place.
    fn is_first(&self) -> bool {
        self.prev == NO_HASH
    }
}
