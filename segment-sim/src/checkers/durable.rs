//! What is said is on the disk of who says it, at the instant it leaves.

use segment_core::{LogId, LogRole, Table};
use segment_proto::messages::{FateCode, Submit, Submitted};
use segment_proto::{ChannelId, DeviceId, EpochOwner, EpochRecord, Hash, Message, Position, Signed, SignedEnvelope};

use super::contents;
use super::epochs::Epochs;
use super::findings::{Check, Findings};
use super::ledger::Ledger;
use crate::image::{Image, Log};

/// Who says something.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    /// What is durable there.
    pub durable: &'a Image,
    /// The copy of logs that it keeps.
    pub role: LogRole,
    /// Their device.
    pub device: DeviceId,
}

impl Speaker<'_> {
    fn log(&self, channel: ChannelId) -> Option<&Log> {
        self.durable.log(LogId { channel, role: self.role })
    }

    fn is_trimmed(&self, channel: ChannelId, pos: u64) -> bool {
        self.log(channel).and_then(Log::first).is_some_and(|first| first.entry.pos > pos)
    }

    fn has(&self, channel: ChannelId, at: Position) -> bool {
        at == Position::START
            || self.is_trimmed(channel, at.pos)
            || self.log(channel).and_then(|log| log.get(at.pos)).is_some_and(|stored| stored.position() == at)
    }
}

/// Checks a message that leaves. What its speaker has signed is in an `outbox`: its own, or that of the other process
/// of its device, of which it may carry what it was shown.
pub fn check<'a>(
    speaker: Speaker<'_>,
    outboxes: impl Iterator<Item = &'a Image>,
    message: &Message,
    ledger: &Ledger,
    epochs: &Epochs,
    findings: &mut Findings,
) {
    if let Some((channel, at)) = contents::head(message) {
        // Where all is gone, the place of the last is kept.
        let committed = ledger.channel(&channel).and_then(|ledger| ledger.get(at.pos)).map(|entry| entry.chain);
        let nothing_left = speaker.log(channel).is_none_or(Log::is_empty) && committed == Some(at.chain);
        findings.expect(Check::DurableBeforeSaid, nothing_left || speaker.has(channel, at), || {
            format!("{} claims place {} that is not on disk", message.name(), at.pos)
        });
    }
    if let Some(carried) = contents::entries(message) {
        check_entries(speaker, message.name(), carried, findings);
    }
    match message {
        Message::Submitted(submitted) => check_fates(speaker, submitted, ledger, epochs, findings),
        Message::Submit(submit) => check_outbox(speaker.device, &outboxes.collect::<Vec<_>>(), submit, findings),
        Message::Watermarks(m) => {
            let stored = speaker.log(m.channel).and_then(|log| log.last()).map_or(0, |last| last.entry.pos);
            // A host that has begun from a snapshot has nothing of what that stands for.
            let committed = ledger.channel(&m.channel).map_or(0, super::ledger::ChannelLedger::head);
            let nothing_left = stored == 0 && m.stored <= committed;
            findings.expect(Check::DurableBeforeSaid, nothing_left || m.stored <= stored, || {
                format!("a watermark of {} with {stored} on disk", m.stored)
            });
        }
        _ => {}
    }
}

fn check_entries(speaker: Speaker<'_>, name: &str, carried: contents::CarriedEntries<'_>, findings: &mut Findings) {
    let log = speaker.log(carried.channel);
    let mut before = carried.before;
    for entry in carried.entries {
        let stored = log.and_then(|log| log.get(entry.pos));
        // By its hash: a bit of it may have flipped since.
        let same = stored.is_some_and(|stored| {
            let key = |entry: &segment_proto::Entry| (entry.epoch, entry.sequenced);
            stored.hash == entry.envelope.hash() && key(&stored.entry) == key(entry)
        });
        findings.expect(Check::DurableBeforeSaid, same, || {
            format!("{name} carries place {} that is not on disk", entry.pos)
        });
        let chain = before.map(|before: Hash| entry.chain(&before));
        let chained = chain.is_none() || stored.is_none_or(|stored| Some(stored.chain) == chain);
        findings.expect(Check::CommittedStands, chained, || format!("{name} breaks the chain at {}", entry.pos));
        before = chain;
    }
}

fn check_fates(speaker: Speaker<'_>, submitted: &Submitted, ledger: &Ledger, epochs: &Epochs, findings: &mut Findings) {
    let is_trackers = epochs.owner(submitted.channel, submitted.fence) == Some(EpochOwner::Tracker);
    for fate in &submitted.fates {
        if !matches!(fate.code, FateCode::Stored | FateCode::Committed) {
            continue;
        }
        let stored = speaker.log(submitted.channel).and_then(|log| log.get(fate.pos));
        let on_disk = stored.is_some_and(|stored| stored.entry.envelope.key == fate.key)
            || speaker.is_trimmed(submitted.channel, fate.pos);
        // In a host's epoch the tracker hands on what the host has said, which had it on disk then.
        let handed_on = fate.code == FateCode::Stored && speaker.role == LogRole::Backup && !is_trackers;
        findings.expect(Check::DurableBeforeSaid, on_disk || handed_on, || {
            format!("{:?} is acknowledged as {} at {}, not on disk", fate.key, fate.code, fate.pos)
        });
        let place = ledger.channel(&submitted.channel).and_then(|ledger| ledger.find(&fate.key));
        let final_place = fate.code != FateCode::Committed || place == Some(fate.pos);
        findings.expect(Check::CommittedStands, final_place, || {
            format!("{:?} is acknowledged as committed at {}, stands at {place:?}", fate.key, fate.pos)
        });
    }
}

/// The author's envelope is on disk before its first byte leaves: in the outbox, in its copy of the log, or in what it
/// has put aside of an older generation's.
fn check_outbox(device: DeviceId, outboxes: &[&Image], submit: &Submit, findings: &mut Findings) {
    // Those of others are only carried.
    for envelope in submit.envelopes.iter().filter(|envelope| envelope.key.device == device) {
        let known = outboxes.iter().any(|image| has_signed(image, submit.channel, envelope));
        findings.expect(Check::DurableBeforeSaid, known, || {
            format!("{:?} is submitted before it is on disk", envelope.key)
        });
    }
}

fn has_signed(image: &Image, channel: ChannelId, envelope: &SignedEnvelope) -> bool {
    [LogRole::Cache, LogRole::Host, LogRole::Aside].into_iter().any(|role| {
        let log = LogId { channel, role };
        let prefix = log.prefix();
        let waiting = [Table::Outgoing, Table::Resubmit].into_iter();
        let mut waiting = waiting.flat_map(|table| image.records(table, &prefix));
        let kept = waiting.any(|(_, value)| contains(value, &envelope.signature().0));
        let hash = segment_core::store::Lookup::Hash(envelope.hash());
        kept || image.log(log).is_some_and(|log| log.find(&hash).is_some())
    })
}

/// An epoch record that leaves the tracker is on its disk.
pub fn check_epoch(durable: &Image, record: &Signed<EpochRecord>, findings: &mut Findings) {
    let prefix = LogId { channel: record.channel, role: LogRole::Backup }.prefix();
    let mut records = durable.records(Table::Epoch, &prefix);
    let known = records.any(|(_, value)| contains(value, &record.signature().0));
    findings.expect(Check::DurableBeforeSaid, known, || format!("epoch {:?} is not on disk", record.fence));
    let log = durable.log(LogId { channel: record.channel, role: LogRole::Backup });
    let next = log.and_then(|log| log.get(record.base.pos + 1)).map(|stored| stored.entry.epoch);
    findings.expect(Check::OneSequencer, next.is_none_or(|epoch| epoch >= record.fence.epoch), || {
        format!("behind {}, where {:?} begins, stands an entry of epoch {next:?}", record.base.pos, record.fence)
    });
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|window| window == part)
}
