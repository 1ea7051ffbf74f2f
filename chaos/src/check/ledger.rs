//! What a member's disk says about its messages.
//!
//! One line per event, ended by a point of its own so that a torn one is known: `device HEX .`, `sent LABEL .` before a
//! message is given to the program, `kept LABEL INCARNATION:SEQ MILLISECONDS .` once it is on the author's disk, `acked
//! LABEL INCARNATION:SEQ MILLISECONDS .` once its receipt says committed (synced before it counts), `failed LABEL .` where it
//! was not taken, and `refused LABEL INCARNATION:SEQ .`.

use std::collections::BTreeMap;

use super::evidence::EvidenceError;
use crate::Label;

/// The counters of a message's key; channel and device are known otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its incarnation.
    pub incarnation: u32,
    /// Its number in it.
    pub seq: u64,
}

/// What was promised about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It may be there or not.
    Sent,
    /// It must not be there.
    Failed,
    /// It is on its author's disk: it must be there once everything is at rest.
    Kept,
    /// Nobody here takes rights away, so nothing may be refused.
    Refused,
    /// It must be there, always.
    Acked,
}

/// What is known about one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// What was promised.
    pub state: State,
    /// Under which key, once it has one.
    pub key: Option<Key>,
    /// Since when it is on the author's disk, in milliseconds since 1970.
    pub kept_at: u64,
    /// When it was acknowledged.
    pub acked_at: u64,
}

/// The log of one member.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Whose messages these are, in hexadecimal.
    pub device: String,
    /// By channel; message `n` is at `n - 1`.
    pub fates: BTreeMap<u16, Vec<Fate>>,
    /// Lines that a kill has torn.
    pub torn: u64,
}

impl Ledger {
    /// Reads a log.
    ///
    /// # Errors
    /// [`EvidenceError::Ledger`]: it is not what a member writes.
    pub fn parse(member: u16, text: &str) -> Result<Self, EvidenceError> {
        let mut ledger = Self::default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let Some(line) = line.strip_suffix(" .") else {
                ledger.torn += 1;
                continue;
            };
            let bad = || EvidenceError::Ledger { member, line: number + 1, text: line.to_owned() };
            ledger.take(member, line).ok_or_else(bad)?;
        }
        Ok(ledger)
    }

    fn take(&mut self, member: u16, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["device", device] = words.as_slice() {
            let same = self.device.is_empty() || self.device == *device;
            (*device).clone_into(&mut self.device);
            return same.then_some(());
        }
        let label: Label = words.get(1)?.parse().ok()?;
        let fates = self.fates.entry(label.channel).or_default();
        let index = usize::try_from(label.number).ok()?.checked_sub(1)?;
        if label.member != member {
            return None;
        }
        if words.first() == Some(&"sent") {
            fates.push(Fate { state: State::Sent, key: None, kept_at: 0, acked_at: 0 });
            return (index + 1 == fates.len()).then_some(());
        }
        let fate = fates.get_mut(index)?;
        match words.as_slice() {
            ["failed", _] => fate.state = State::Failed,
            ["kept", _, key, at] => *fate = Fate { kept_at: at.parse().ok()?, ..fate.reached(State::Kept, key)? },
            ["refused", _, key] => *fate = fate.reached(State::Refused, key)?,
            ["acked", _, key, at] => *fate = Fate { acked_at: at.parse().ok()?, ..fate.reached(State::Acked, key)? },
            _ => return None,
        }
        Some(())
    }

    /// The messages, each with what is known about it.
    pub fn messages(&self, member: u16) -> impl Iterator<Item = (Label, &Fate)> {
        self.fates.iter().flat_map(move |(&channel, fates)| {
            (1..).zip(fates).map(move |(number, fate)| (Label { member, channel, number }, fate))
        })
    }

    /// What is known about one.
    #[must_use]
    pub fn fate(&self, label: Label) -> Option<&Fate> {
        let index = usize::try_from(label.number).ok()?.checked_sub(1)?;
        self.fates.get(&label.channel)?.get(index)
    }
}

impl Fate {
    fn reached(self, state: State, key: &str) -> Option<Self> {
        let (incarnation, seq) = key.split_once(':')?;
        let key = Key { incarnation: incarnation.parse().ok()?, seq: seq.parse().ok()? };
        Some(Self { state: self.state.max(state), key: Some(key), ..self })
    }
}
