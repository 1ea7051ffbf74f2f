//! The longest waits for an acknowledgement, and what was wrong meanwhile.

use std::collections::BTreeMap;
use std::fmt;

use crate::Label;
use crate::check::{Evidence, State};
use crate::chronicle::{STARTING, Trouble};

/// Rows of the table: the longest silence, and the longest waits of messages.
const ROWS_MAX: usize = 5;

/// Who waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// Nobody was told of any message.
    Everybody,
    /// This one's author, since it was on its disk.
    Message(Label),
}

/// A wait, and what was wrong meanwhile. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Who.
    pub who: Waiter,
    /// From then on, counted from when the first message waited.
    pub from: u64,
    /// For so long.
    pub lasts: u64,
    /// The longest time in it in which no fault was in force, and none came. To start takes a program's own time.
    pub undisturbed: u64,
    /// What was wrong: where and how, how often, and for how long in all.
    pub meanwhile: BTreeMap<(String, String), (u64, u64)>,
}

#[derive(Clone, Copy)]
struct Span {
    who: Waiter,
    from: u64,
    until: u64,
}

impl Span {
    const fn lasts(&self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// How much of both is the same time.
    fn common(&self, from: u64, until: u64) -> u64 {
        self.until.min(until).saturating_sub(self.from.max(from))
    }
}

/// The longest silence, then the longest waits of messages, each of another time.
#[must_use]
pub fn longest(evidence: &Evidence, troubles: &[Trouble]) -> Vec<Wait> {
    let mut messages: Vec<Span> = messages(evidence).collect();
    let mut acked: Vec<u64> = messages.iter().map(|span| span.until).collect();
    acked.sort_unstable();
    let Some(first) = messages.iter().map(|span| span.from).min() else { return Vec::new() };
    messages.sort_by_key(|span| std::cmp::Reverse(span.lasts()));
    let mut found: Vec<Span> = silence(&acked).into_iter().collect();
    for span in messages {
        if found.len() >= ROWS_MAX {
            break;
        }
        let is_told =
            |other: &Span| other.who != Waiter::Everybody && 2 * span.common(other.from, other.until) > span.lasts();
        if !found.iter().any(is_told) {
            found.push(span);
        }
    }
    found.iter().map(|span| explain(span, first, troubles)).collect()
}

/// The acknowledged ones of which is known since when they waited.
fn messages(evidence: &Evidence) -> impl Iterator<Item = Span> {
    let all = evidence.ledgers.iter().flat_map(|(&member, ledger)| ledger.messages(member));
    // One that its author's kill kept from being noted was acknowledged to the next process.
    let acked = all.filter(|(_, fate)| fate.state == State::Acked && fate.kept_at > 0);
    acked.map(|(label, fate)| Span { who: Waiter::Message(label), from: fate.kept_at, until: fate.acked_at })
}

fn silence(acked: &[u64]) -> Option<Span> {
    let gaps = acked.windows(2).map(|pair| Span { who: Waiter::Everybody, from: pair[0], until: pair[1] });
    gaps.max_by_key(Span::lasts)
}

fn explain(span: &Span, first: u64, troubles: &[Trouble]) -> Wait {
    let touches = |trouble: &&Trouble| trouble.from <= span.until && trouble.until >= span.from;
    let concerns = |trouble: &&Trouble| match (span.who, trouble.member) {
        (_, None) => true,
        (Waiter::Message(label), Some(member)) => label.member == member,
        (Waiter::Everybody, Some(_)) => false,
    };
    let relevant: Vec<&Trouble> = troubles.iter().filter(touches).filter(concerns).collect();
    let mut meanwhile = BTreeMap::new();
    for trouble in &relevant {
        let (times, lasted) = meanwhile.entry((trouble.place.clone(), trouble.how.clone())).or_insert((0, 0));
        *times += 1;
        *lasted += span.common(trouble.from, trouble.until);
    }
    let undisturbed = undisturbed(span, relevant);
    Wait { who: span.who, from: span.from.saturating_sub(first), lasts: span.lasts(), undisturbed, meanwhile }
}

fn undisturbed(span: &Span, mut troubles: Vec<&Trouble>) -> u64 {
    troubles.retain(|trouble| trouble.how != STARTING);
    troubles.sort_by_key(|trouble| trouble.from);
    let (mut longest, mut since) = (0, span.from);
    for trouble in troubles {
        longest = longest.max(trouble.from.saturating_sub(since));
        since = since.max(trouble.until);
    }
    longest.max(span.until.saturating_sub(since))
}

impl fmt::Display for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Message(label) => label.fmt(f),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, from, lasts, undisturbed, .. } = self;
        write!(f, "{:>8} {:>8} {:>12}  {who}: ", Seconds(*from), Seconds(*lasts), Seconds(*undisturbed))?;
        let mut wrong = self.meanwhile.iter().map(|((place, how), (times, lasted))| match lasted {
            0 => format!("{place} {how} {times} x"),
            _ => format!("{place} {how} {} s in {times}", Seconds(*lasted)),
        });
        match wrong.next() {
            None => f.write_str("nothing was wrong"),
            Some(first) => {
                f.write_str(&first)?;
                wrong.try_for_each(|next| write!(f, ", {next}"))
            }
        }
    }
}

/// Of milliseconds, with tenths.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / 100;
        f.pad(&format!("{}.{}", tenths / 10, tenths % 10))
    }
}

#[cfg(test)]
mod tests;
