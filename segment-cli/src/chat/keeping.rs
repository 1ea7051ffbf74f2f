//! Proving a channel's messages, and how many of them are kept.

use std::collections::BTreeSet;

use segment_core::peer::events::{ChannelMessage, Content, Reply, Source};
use segment_core::peer::{CopyReport, Verified};
use segment_core::sync::verify::{BadPlace, Fault};
use segment_net::RequestError;
use segment_proto::access::{AccessOp, Retention};
use segment_proto::limits::SNAPSHOT_ENTRIES;
use segment_proto::{AccessChange, ChannelId, ChannelName, Measure};
use serde::Serialize;

use super::answers::{Facts, Said, table};
use super::channels::kept;
use super::{Chat, Done, unheard};
use crate::commands::Keep;
use crate::errors::{LocalReason, Problem};

/// Bad places that are written out for a person.
const SHOWN_MAX: usize = 8;
const DAY_SECONDS: u64 = 24 * 60 * 60;
/// Measures of what is kept.
const MEASURES: usize = 3;
/// So far back the policy is looked for by who does not host a channel.
const POLICY_PAGES_MAX: usize = 32;
/// Messages of one page.
const PAGE: usize = 256;

#[derive(Serialize)]
struct KeptFacts {
    channel: String,
    kept: String,
}

/// The limit that a message sets.
fn policy_in(message: &ChannelMessage) -> Option<(Measure, u64)> {
    let Content::Access(change) = &message.content else { return None };
    (change.op == AccessOp::Retain).then(|| (Measure::from_code(change.setting), change.amount))
}

#[derive(Serialize)]
struct VerifyFacts {
    channel: String,
    holds: bool,
    from: u64,
    to: u64,
    entries: u64,
    mine: u64,
    bad: Vec<Bad>,
    healed: u64,
    copies: Vec<CopyFacts>,
    /// Those of them that did not answer.
    not_reached: Vec<&'static str>,
}

#[derive(Serialize)]
struct CopyFacts {
    at: &'static str,
    head: u64,
    committed: u64,
    checked_to: u64,
    bad: Vec<Bad>,
    healed: u64,
}

#[derive(Serialize)]
struct Bad {
    pos: u64,
    fault: &'static str,
}

impl Chat {
    /// `/verify`
    pub(super) async fn verify(&self, channel: Option<ChannelName>) -> Done {
        let target = self.level_target(channel).await?;
        let id = target.id;
        let reply = self.peer().request(move |machine, now| machine.verify(id, now)).await?;
        let Reply::Verified(report) = reply else { return Err(RequestError::OtherAnswer.into()) };
        let has_host = self.view_of(id).await?.record.host != self.peer().device();
        let facts = VerifyFacts::new(format!("#{}", target.name), &report, has_host);
        let (text, holds) = (facts.text(), facts.holds);
        self.out.answer(&Facts { facts, text }).await.map_err(unheard)?;
        if holds || !self.is_script() {
            return Ok(());
        }
        Err(Problem::local(LocalReason::Damaged))
    }

    /// `/retain` alone
    pub(super) async fn show_kept(&self, channel: Option<ChannelName>) -> Done {
        let target = self.level_target(channel).await?;
        let kept = self.kept_of(target.id).await?;
        let verb = if kept == "everything" { "is" } else { "are" };
        let text = format!("Of #{}, {kept} {verb} kept.", target.name);
        self.out
            .answer(&Facts { facts: KeptFacts { channel: format!("#{}", target.name), kept }, text })
            .await
            .map_err(unheard)
    }

    /// How much of a channel is kept: its host knows, and others read it in the channel.
    pub(super) async fn kept_of(&self, id: ChannelId) -> Result<String, Problem> {
        if let Some(access) = self.access(id).await? {
            return Ok(kept(&access.retention));
        }
        let (mut retention, mut set) = (Retention::default(), BTreeSet::new());
        let (mut before, mut oldest) = (None, u64::MAX);
        for _ in 0..POLICY_PAGES_MAX {
            let reply = self.peer().request(move |machine, now| machine.history(id, before, PAGE, now)).await;
            let Ok(Reply::History { messages, .. }) = reply else { break };
            let Some(first) = messages.first().map(|message| message.pos).filter(|first| *first < oldest) else {
                break;
            };
            for (measure, amount) in messages.iter().rev().filter_map(policy_in) {
                if set.insert(measure.code()) {
                    retention.set(measure, amount);
                }
            }
            (before, oldest) = (Some(first), first);
        }
        let is_all = oldest <= 1 || set.len() == MEASURES;
        Ok(if is_all { kept(&retention) } else { "as its owner has set it with /retain".to_owned() })
    }

    /// `/retain` with options
    pub(super) async fn retain(&self, channel: Option<ChannelName>, keep: Keep) -> Done {
        let target = self.target(channel).await?;
        let id = target.id;
        let report = self.peer().call(move |machine, _| machine.host_report(id).ok()).await?;
        let mut retention = report.map(|report| report.access.retention);
        let mut changes = changes(keep);
        if keep == Keep::default()
            && let Some(retention) = &retention
        {
            changes.retain(|(measure, _)| amount_of(retention, *measure) > 0);
        }
        let name = &target.name;
        let Some((last, others)) = changes.split_last() else {
            let text = format!("Everything of #{name} is kept, as before.");
            return self.out.answer(&Said { text }).await.map_err(unheard);
        };
        for (measure, amount) in others {
            self.change_quietly(&target, AccessChange::retain(*measure, *amount)).await?;
        }
        for (measure, amount) in &changes {
            retention.get_or_insert_default().set(*measure, *amount);
        }
        let text = match keep == Keep::default() {
            true => format!("Everything of #{name} is kept from now on."),
            false => format!(
                "Of #{name} {} are kept from now on. Older ones go in steps of {SNAPSHOT_ENTRIES}, when host and tracker both have them; /info shows what is set.",
                kept(&retention.unwrap_or_default())
            ),
        };
        self.change(&target, AccessChange::retain(last.0, last.1), text).await
    }
}

const fn amount_of(retention: &Retention, measure: Measure) -> u64 {
    match measure {
        Measure::Count => retention.count,
        Measure::Age => retention.age_seconds,
        Measure::Bytes => retention.bytes,
        Measure::Unknown(_) => 0,
    }
}

/// What is said, or, where nothing is, everything taken back.
fn changes(keep: Keep) -> Vec<(Measure, u64)> {
    let said = [
        (Measure::Count, keep.last.map(u64::from)),
        (Measure::Age, keep.days.map(|days| u64::from(days) * DAY_SECONDS)),
        (Measure::Bytes, keep.mib.map(|mib| u64::from(mib) << 20)),
    ];
    if keep == Keep::default() {
        return said.into_iter().map(|(measure, _)| (measure, 0)).collect();
    }
    said.into_iter().filter_map(|(measure, amount)| Some((measure, amount?))).collect()
}

fn bad_places(bad: &[BadPlace]) -> Vec<Bad> {
    let name = |fault| match fault {
        Fault::Missing => "missing",
        Fault::Damaged => "damaged",
        Fault::Signature => "signature",
        Fault::Differs => "differs",
    };
    bad.iter().map(|bad| Bad { pos: bad.pos, fault: name(bad.fault) }).collect()
}

impl CopyFacts {
    fn new(copy: &CopyReport) -> Self {
        let at = if copy.at == Source::Tracker { "tracker" } else { "host" };
        let CopyReport { committed, checked_to, healed, .. } = *copy;
        Self { at, head: copy.head.pos, committed, checked_to, bad: bad_places(&copy.bad), healed }
    }
}

impl VerifyFacts {
    fn new(channel: String, report: &Verified, has_host: bool) -> Self {
        let copies: Vec<CopyFacts> = report.copies.iter().map(CopyFacts::new).collect();
        let others = if has_host { &["tracker", "host"][..] } else { &["tracker"] };
        let is_missing = |at: &&str| copies.iter().all(|copy| copy.at != *at);
        Self {
            not_reached: others.iter().copied().filter(is_missing).collect(),
            channel,
            holds: report.holds(),
            from: report.from,
            to: report.to,
            entries: report.entries,
            mine: report.mine.pos,
            bad: bad_places(&report.bad),
            healed: report.healed,
            copies,
        }
    }

    fn text(&self) -> String {
        let verdict = if self.holds { "every message holds" } else { "NOT every message holds" };
        let mine = format!("!{}, {} entries proven; {}", self.mine, self.entries, found(&self.bad, self.healed));
        let mut lines = vec![("channel", format!("{}: {verdict} up to !{}", self.channel, self.to)), ("mine", mine)];
        for copy in &self.copies {
            let text =
                format!("!{}, gone through up to !{}; {}", copy.head, copy.checked_to, found(&copy.bad, copy.healed));
            lines.push((copy.at, text));
        }
        let unknown = |at: &&'static str| (*at, "not reached: its copy was not gone through".to_owned());
        lines.extend(self.not_reached.iter().map(unknown));
        table(&lines)
    }
}

fn found(bad: &[Bad], healed: u64) -> String {
    if bad.is_empty() {
        return "nothing wrong".to_owned();
    }
    let mut named: Vec<String> = bad.iter().take(SHOWN_MAX).map(|bad| format!("!{} {}", bad.pos, bad.fault)).collect();
    if bad.len() > SHOWN_MAX {
        named.push(format!("and {} more", bad.len() - SHOWN_MAX));
    }
    format!("{}; {healed} of {} healed", named.join(", "), bad.len())
}
