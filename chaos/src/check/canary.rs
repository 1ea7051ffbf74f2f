//! A checker that never finds anything proves nothing: faults are planted into a copy of the evidence, and must be
//! found.

use super::evidence::Evidence;
use super::export::{Export, Row, Said};
use super::ledger::State;
use super::verdict::{Kind, judge};
use crate::Label;

/// A planted fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// What was done to the evidence.
    pub planted: &'static str,
    /// What should be found.
    pub expected: Kind,
    /// Whether it was.
    pub found: bool,
}

type Rows = Vec<Option<Row>>;

/// Plants each fault into the channel with most messages. Empty where there is too little to spoil.
#[must_use]
pub fn canaries(evidence: &Evidence) -> Vec<Canary> {
    let first = evidence.exports.values().next();
    let busiest = first.and_then(|export| export.channels.iter().max_by_key(|(_, rows)| rows.len()));
    let Some((&channel, rows)) = busiest else { return Vec::new() };
    let part = evidence.of_channel(channel);
    let Some((one, two)) = neighbours(&part, rows) else { return Vec::new() };
    let try_out = |planted, expected, spoilt: Evidence| {
        let found = judge(&spoilt).count(expected) > judge(&part).count(expected);
        Canary { planted, expected, found }
    };
    let everywhere = |spoil: &dyn Fn(&mut Rows)| {
        let mut spoilt = part.clone();
        spoilt.exports.values_mut().flat_map(Export::rows_mut).for_each(spoil);
        spoilt
    };
    let at_one = |spoil: &dyn Fn(&mut Rows)| {
        let mut spoilt = part.clone();
        spoilt.exports.values_mut().last().into_iter().flat_map(Export::rows_mut).for_each(spoil);
        spoilt
    };
    let remove = |rows: &mut Rows| drop(rows.remove(one));
    let double = |rows: &mut Rows| rows.push(rows[one].clone());
    let swap = |rows: &mut Rows| rows.swap(one, two);
    let stranger = Label { member: u16::MAX, channel, number: 1 };
    let invent = |rows: &mut Rows| {
        if let Some(row) = &mut rows[one] {
            row.says = Said::Message(stranger);
        }
    };
    vec![
        try_out("an acknowledged message deleted from every export", Kind::Lost, everywhere(&remove)),
        try_out("an acknowledged message deleted from one export", Kind::Lost, at_one(&remove)),
        try_out("a message doubled in every export", Kind::Doubled, everywhere(&double)),
        try_out("two messages of an author swapped in every export", Kind::OutOfOrder, everywhere(&swap)),
        try_out("two messages of an author swapped in one export", Kind::Differs, at_one(&swap)),
        try_out("a message that nobody wrote, in every export", Kind::Invented, everywhere(&invent)),
    ]
}

impl Export {
    fn rows_mut(&mut self) -> impl Iterator<Item = &mut Rows> {
        self.channels.values_mut()
    }
}

/// The places of two acknowledged messages of one author.
fn neighbours(part: &Evidence, rows: &Rows) -> Option<(usize, usize)> {
    let acked = |row: &Option<Row>| match row.as_ref()?.says {
        Said::Message(label) => {
            let fate = part.ledgers.get(&label.member)?.fate(label)?;
            (fate.state == State::Acked).then_some(label.member)
        }
        _ => None,
    };
    let found: Vec<(usize, u16)> = rows.iter().enumerate().filter_map(|(at, row)| Some((at, acked(row)?))).collect();
    let (one, author) = *found.get(found.len() / 2)?;
    let (two, _) = *found.iter().rev().find(|(at, member)| *at != one && *member == author)?;
    Some((one.min(two), one.max(two)))
}
