//! An author talks to a sequencer: what they bring, and what they make of the answers.
//!
//! One conversation is one atomic exchange that ends with at most one appended envelope. Lost answers need no step of
//! their own: not to talk, and to talk again later, is the same.

use crate::accept::{Answer, Refusal, View};
use crate::envelope::{Envelope, Hash};
use crate::log::{Row, access_above};
use crate::machines::Author;
use crate::rules::{Rule, Rules};
use crate::world::{Said, World};

/// What comes of one item.
enum Turn {
    /// To the next item.
    Next,
    /// This envelope is to be appended.
    Bring(Envelope),
    /// Nothing more can be done now.
    Wait,
}

/// Whom an author can ask for a missing piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody who is there.
    Everybody,
    /// Nobody but the sequencer.
    Nobody,
}

/// An author and a sequencer's log.
pub struct Conversation<'a> {
    /// The world before the conversation.
    pub world: &'a World,
    /// The rules in force.
    pub rules: Rules,
    /// The sequencer's log.
    pub view: View<'a>,
    /// Whom the author can ask.
    pub reach: Reach,
    /// The author, as they become.
    pub author: &'a mut Author,
    /// What was said, as it becomes.
    pub said: &'a mut Said,
}

impl Conversation<'_> {
    /// Talks, and returns what the sequencer is to append.
    pub fn run(&mut self) -> Option<Envelope> {
        match self.carry() {
            Turn::Next => {}
            Turn::Bring(envelope) => return Some(envelope),
            Turn::Wait => return None,
        }
        for item in self.author.disk.outbox.clone() {
            match self.item(&item) {
                Turn::Next => {}
                Turn::Bring(envelope) => return Some(envelope),
                Turn::Wait => return None,
            }
        }
        None
    }

    /// What was displayed before it was committed goes first; only `Fork` or a refusal lets the answer go alone.
    fn carry(&mut self) -> Turn {
        let view = self.view;
        self.author.held.retain(|held| view.log.position(held).is_none_or(|position| position >= view.committed));
        if !self.rules.has(Rule::CarryDisplayed) {
            return Turn::Next;
        }
        for held in &self.author.held {
            match view.judge(held, self.rules) {
                Answer::Accepted => return Turn::Bring(*held),
                Answer::Expected => return Turn::Wait,
                Answer::Known(_) | Answer::Fork | Answer::Refused(_) | Answer::Forgotten => {}
            }
        }
        Turn::Next
    }

    fn item(&mut self, item: &Envelope) -> Turn {
        match self.view.judge(item, self.rules) {
            Answer::Accepted => Turn::Bring(*item),
            Answer::Known(position) => self.stands(item, position),
            Answer::Forgotten => self.fate_unknown(item),
            Answer::Refused(Refusal::TooBig) => self.refused_for_good(item),
            Answer::Refused(Refusal::Access(entry)) => self.refused_by_access(entry),
            Answer::Fork => self.said_already(item).unwrap_or_else(|| self.forked(item)),
            Answer::Expected => self.said_already(item).unwrap_or_else(|| self.expected(item)),
        }
    }

    /// Whether the author's content stands in this log under another key.
    fn said_already(&mut self, item: &Envelope) -> Option<Turn> {
        let same_content = |other: &Envelope| other.author == item.author && other.content == item.content;
        let position = self.view.find(same_content).filter(|_| self.rules.has(Rule::ContentSearch))?;
        Some(self.stands(item, position))
    }

    fn leave(&mut self, item: &Envelope) {
        self.author.disk.outbox.retain(|other| other != item);
    }

    fn stands(&mut self, item: &Envelope, position: usize) -> Turn {
        if position < self.view.committed {
            self.leave(item);
            self.said.committed.add(item.content);
        } else if position < self.view.stored && !self.rules.has(Rule::OutboxUntilCommitted) {
            self.leave(item);
        }
        Turn::Next
    }

    fn fate_unknown(&mut self, item: &Envelope) -> Turn {
        self.leave(item);
        self.said.unknown.add(item.content);
        Turn::Next
    }

    fn refused_for_good(&mut self, item: &Envelope) -> Turn {
        self.leave(item);
        self.said.refused.add(item.content);
        if self.rules.has(Rule::ResignBehindRefused) {
            self.sign_again(item);
        }
        Turn::Wait
    }

    /// Everything that was signed before the access entry is refused, once that entry is committed.
    fn refused_by_access(&mut self, entry: usize) -> Turn {
        if entry >= self.view.committed && self.rules.has(Rule::FinalRefusal) {
            return Turn::Wait;
        }
        for item in self.missing() {
            self.leave(&item);
            self.said.refused.add(item.content);
        }
        self.stand_on_row();
        Turn::Wait
    }

    /// Signs on the row of this log from now on, and holds the provisional entries that it rests on.
    fn stand_on_row(&mut self) {
        let (log, author) = (self.view.log, &mut *self.author);
        author.disk.signer = Row::fold(log, author.id, self.rules).signer(author.disk.signer);
        for entry in &log[self.view.committed.min(log.len())..] {
            let envelope = entry.envelope;
            if envelope.author != author.id && !author.held.contains(&envelope) {
                author.held.push(envelope);
            }
        }
    }

    fn forked(&mut self, item: &Envelope) -> Turn {
        if self.rules.has(Rule::ClosedIncarnation)
            && let Some(entry) = access_above(self.view.log, item, self.rules)
        {
            return self.refused_by_access(entry);
        }
        if self.view.forgotten > 0 && self.rules.has(Rule::Forgotten) {
            return self.fate_unknown(item);
        }
        self.sign_again(item);
        Turn::Wait
    }

    /// Brings the missing piece, or waits for who has it; signs over the gap only if nobody has.
    fn expected(&mut self, item: &Envelope) -> Turn {
        if !self.rules.has(Rule::WaitForMissing) {
            self.sign_again(item);
            return Turn::Wait;
        }
        let mut wanted: Hash = item.prev;
        while let Some(piece) = self.author.piece(wanted).filter(|_| self.rules.has(Rule::BringFirst)) {
            match self.view.judge(&piece, self.rules) {
                Answer::Accepted => return Turn::Bring(piece),
                Answer::Expected => wanted = piece.prev,
                Answer::Refused(Refusal::Access(entry)) => return self.refused_by_access(entry),
                _ => {
                    self.sign_again(item);
                    return Turn::Wait;
                }
            }
        }
        let others = self.reach == Reach::Everybody && self.world.anybody_holds(wanted, self.author.id);
        let lost = !others && self.author.piece(wanted).is_none();
        if lost && self.rules.has(Rule::SignOverGap) {
            self.sign_again(item);
        }
        Turn::Wait
    }

    /// The outbox items that this log does not say.
    fn missing(&self) -> Vec<Envelope> {
        let by_content = self.rules.has(Rule::ContentSearch);
        let stands = |item: &Envelope| {
            self.view.find(|other| if by_content { other.content == item.content } else { other == item }).is_some()
        };
        self.author.disk.outbox.iter().filter(|item| !stands(item)).copied().collect()
    }

    /// Signs the missing content again, in order, in a new incarnation on the row of this log.
    fn sign_again(&mut self, item: &Envelope) {
        let missing = self.missing();
        let author = &mut *self.author;
        author.disk.outbox.retain(|other| !missing.contains(other));
        author.disk.signer = self.view.row(item, self.rules).new_incarnation(author.disk.signer, self.rules);
        for old in &missing {
            let again = author.disk.signer.sign(old.author, old.content);
            if missing.iter().chain([item]).any(|used| used.same_key(&again)) {
                self.said.key_reused.add(again.content);
            }
            author.disk.outbox.push(again);
        }
    }
}
