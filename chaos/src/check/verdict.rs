//! What the evidence proves.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::evidence::Evidence;
use super::export::{Export, Row, Said};
use super::ledger::{Fate, State};
use crate::Label;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Acknowledged, and not there.
    Lost,
    /// There twice.
    Doubled,
    /// There behind a later one of its author.
    OutOfOrder,
    /// On its author's disk, and not there in the end.
    KeptLost,
    /// There, and nobody wrote it.
    Invented,
    /// There, but not by its author, or not under the key that was acknowledged.
    OtherKey,
    /// Refused, though everybody may write.
    Refused,
    /// A place that an export does not show.
    Hole,
    /// An export that says otherwise than another one.
    Differs,
    /// Not committed in the end.
    NotCommitted,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::OutOfOrder => "out of order",
            Self::KeptLost => "lost from an outbox",
            Self::Invented => "invented",
            Self::OtherKey => "under another key",
            Self::Refused => "refused",
            Self::Hole => "holes",
            Self::Differs => "exports that differ",
            Self::NotCommitted => "not committed",
        })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub kind: Kind,
    /// In whose export, or in whose log.
    pub party: String,
    /// Which message or place.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} at {}", self.kind, self.what, self.party)
    }
}

/// Violations of one kind that are kept to be shown; all are counted.
const SHOWN_MAX: u64 = 10;

/// What the evidence proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged messages.
    pub acked: u64,
    /// Those on their author's disk, not acknowledged.
    pub kept: u64,
    /// Of unknown fate, and there.
    pub unknown_found: u64,
    /// Of unknown fate, and not there.
    pub unknown_missing: u64,
    /// From the first to the last acknowledgement, in milliseconds.
    pub span_ms: u64,
    /// The longest time without one, in milliseconds.
    pub gap_ms: u64,
    /// How often each thing is wrong; a message that is wrong in several exports counts in each.
    pub counts: BTreeMap<Kind, u64>,
    /// The first of each kind.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// How often this is wrong.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    fn note(&mut self, kind: Kind, party: &str, what: impl fmt::Display) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= SHOWN_MAX {
            self.violations.push(Violation { kind, party: party.to_owned(), what: what.to_string() });
        }
    }
}

/// Judges the evidence.
#[must_use]
pub fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    let reference = evidence.exports.iter().next();
    for (party, export) in &evidence.exports {
        let reading = Reading { party, evidence, verdict: &mut verdict, found: HashSet::new(), newest: HashMap::new() };
        reading.read(export);
        if let Some((other, reference)) = reference.filter(|(other, _)| *other != party) {
            compare(party, export, other, reference, &mut verdict);
        }
    }
    count_fates(evidence, &mut verdict);
    measure_time(evidence, &mut verdict);
    verdict
}

/// One export, read from its first place to its last.
struct Reading<'a> {
    party: &'a str,
    evidence: &'a Evidence,
    verdict: &'a mut Verdict,
    found: HashSet<Label>,
    /// By member and channel.
    newest: HashMap<(u16, u16), u32>,
}

impl Reading<'_> {
    fn read(mut self, export: &Export) {
        for (channel, pos) in &export.contradictions {
            self.note(Kind::Differs, format_args!("!{pos} of #c{channel}, told twice"));
        }
        for (channel, pos, row) in places(export) {
            match row {
                Some(row) => self.take(channel, pos, row),
                None => self.note(Kind::Hole, format_args!("!{pos} of #c{channel}")),
            }
        }
        self.miss();
    }

    fn note(&mut self, kind: Kind, what: impl fmt::Display) {
        self.verdict.note(kind, self.party, what);
    }

    fn take(&mut self, channel: u16, pos: u64, row: &Row) {
        if !row.committed {
            self.note(Kind::NotCommitted, format_args!("!{pos} of #c{channel}"));
        }
        match &row.says {
            Said::Message(label) if label.channel == channel => self.take_message(*label, row),
            Said::Message(label) => self.note(Kind::Invented, format_args!("{label} in #c{channel}")),
            Said::Text(text) => self.note(Kind::Invented, format_args!("{text:?} in #c{channel}")),
            Said::Other => {}
        }
    }

    fn take_message(&mut self, label: Label, row: &Row) {
        self.judge_author(label, row);
        if !self.found.insert(label) {
            return self.note(Kind::Doubled, label);
        }
        let newest = self.newest.entry((label.member, label.channel)).or_default();
        let is_late = label.number <= *newest;
        *newest = label.number.max(*newest);
        if is_late {
            self.note(Kind::OutOfOrder, label);
        }
    }

    fn judge_author(&mut self, label: Label, row: &Row) {
        let ledger = self.evidence.ledgers.get(&label.member);
        let fate = ledger.and_then(|ledger| ledger.fate(label)).filter(|fate| fate.state != State::Failed);
        let (Some(ledger), Some(fate)) = (ledger, fate) else { return self.note(Kind::Invented, label) };
        let is_promised = fate.state != State::Acked || fate.key == Some(row.key);
        if ledger.device != *row.device || !is_promised {
            self.note(Kind::OtherKey, label);
        }
    }

    fn miss(&mut self) {
        let missing: Vec<_> = messages(self.evidence).filter(|(label, _)| !self.found.contains(label)).collect();
        for (label, fate) in missing {
            match fate.state {
                State::Acked => self.note(Kind::Lost, label),
                State::Kept => self.note(Kind::KeptLost, label),
                State::Sent | State::Failed | State::Refused => {}
            }
        }
    }
}

fn compare(party: &str, export: &Export, other: &str, reference: &Export, verdict: &mut Verdict) {
    let lengths = |export: &Export| export.channels.iter().map(|(&c, rows)| (c, rows.len())).collect::<Vec<_>>();
    if lengths(export) != lengths(reference) {
        verdict.note(Kind::Differs, party, format_args!("the length of a channel, from {other}'s"));
    }
    for (channel, rows) in &export.channels {
        let Some(others) = reference.channels.get(channel) else { continue };
        if let Some(index) = rows.iter().zip(others).position(|(mine, theirs)| mine != theirs) {
            verdict.note(Kind::Differs, party, format_args!("!{} of #c{channel}, from {other}'s", index + 1));
        }
    }
}

fn count_fates(evidence: &Evidence, verdict: &mut Verdict) {
    let there: HashSet<Label> = evidence
        .exports
        .values()
        .next()
        .into_iter()
        .flat_map(|export| places(export).filter_map(|(_, _, row)| row))
        .filter_map(|row| if let Said::Message(label) = row.says { Some(label) } else { None })
        .collect();
    for (label, fate) in messages(evidence) {
        match fate.state {
            State::Acked => verdict.acked += 1,
            State::Kept => verdict.kept += 1,
            State::Sent if there.contains(&label) => verdict.unknown_found += 1,
            State::Sent => verdict.unknown_missing += 1,
            State::Refused => verdict.note(Kind::Refused, "its author", label),
            State::Failed => {}
        }
    }
}

fn measure_time(evidence: &Evidence, verdict: &mut Verdict) {
    let acked = messages(evidence).filter(|(_, fate)| fate.state == State::Acked);
    let mut times: Vec<u64> = acked.map(|(_, fate)| fate.acked_at).collect();
    times.sort_unstable();
    let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
    verdict.span_ms = last - first;
    verdict.gap_ms = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
}

fn messages(evidence: &Evidence) -> impl Iterator<Item = (Label, &Fate)> {
    evidence.ledgers.iter().flat_map(|(&member, ledger)| ledger.messages(member))
}

fn places(export: &Export) -> impl Iterator<Item = (u16, u64, Option<&Row>)> {
    export
        .channels
        .iter()
        .flat_map(|(&channel, rows)| (1..).zip(rows).map(move |(pos, row)| (channel, pos, row.as_ref())))
}
