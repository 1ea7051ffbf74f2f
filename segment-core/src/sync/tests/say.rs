//! What a machine puts out, as short lines: a test states all of them, and so that there is nothing else.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use segment_proto::messages::{Fate, FateCode};
use segment_proto::{Entry, Fence, Message, Receipt, Row, Signed, SignedEnvelope};

use crate::store::{LogId, Lookup, StoreOperation, StoredEntry, Write};

fn places<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let places: Vec<u64> = entries.into_iter().map(|entry| entry.pos).collect();
    match (places.first(), places.last()) {
        (Some(first), Some(last)) => format!("{first}..{last}"),
        _ => "none".into(),
    }
}

fn stored(entries: &[StoredEntry]) -> String {
    places(entries.iter().map(|stored| &stored.entry))
}

fn committed(receipt: Option<&Signed<Receipt>>) -> u64 {
    receipt.map_or(0, |receipt| receipt.at.pos)
}

fn fence(fence: Fence) -> String {
    format!("{}.{}", fence.generation, fence.epoch)
}

fn row(row: Option<&Row>) -> String {
    row.map_or("none".into(), |row| format!("{}.{}", row.incarnation, row.seq))
}

fn keys(envelopes: &[SignedEnvelope]) -> String {
    let keys: Vec<String> =
        envelopes.iter().map(|envelope| format!("{}.{}", envelope.key.incarnation, envelope.key.seq)).collect();
    keys.join(" ")
}

fn fate(fate: &Fate) -> String {
    let reason = fate.reason.map_or(String::new(), |reason| format!(" {reason}"));
    match fate.code {
        FateCode::SlowDown => format!("slow_down {}{reason}", fate.retry_after_ms),
        FateCode::Fork | FateCode::Expected => format!("{} {}", fate.code, row(fate.row.as_ref())),
        code => format!("{code}@{}{reason}", fate.pos),
    }
}

pub fn message(message: &Message) -> String {
    match message {
        Message::Entries(m) => format!("entries {}", places(&m.entries)),
        Message::Watermarks(m) => format!("watermarks {}/{}", committed(m.receipt.as_ref()), m.stored),
        Message::Submitted(m) => format!("submitted {}", m.fates.iter().map(fate).collect::<Vec<_>>().join(", ")),
        Message::Subscribed(m) => {
            let (committed, row) = (committed(m.receipt.as_ref()), row(m.row.as_ref()));
            format!("subscribed {committed}/{} {} row {row}", m.head.pos, m.rights)
        }
        Message::EntryPage(m) => {
            format!("page {} of {}/{}", places(&m.entries), committed(m.receipt.as_ref()), m.head.pos)
        }
        Message::OwnEntries(m) => {
            format!("own {} of {}, searched {}", places(&m.entries), m.head, m.searched)
        }
        Message::SyncPage(m) if !m.diverged.is_empty() => format!("sync page: diverged, head {}", m.head.pos),
        Message::SyncPage(m) => {
            format!("sync page {} of {}/{}", places(&m.entries), committed(m.receipt.as_ref()), m.head.pos)
        }
        Message::Diverged(m) => format!("diverged behind {}", m.at.pos),
        Message::Fenced(m) => format!("fenced {}", fence(m.record.fence)),
        Message::HostHello(m) => format!("host hello after {}", m.after.pos),
        Message::Adopt(m) => format!("adopt {} after {} of {}", places(&m.entries), m.common.pos, m.head.pos),
        Message::Adopted(m) => format!("adopted {}", m.at.pos),
        Message::Grant(m) => format!("grant {} behind {}", fence(m.record.fence), m.record.base.pos),
        Message::Replicate(m) => format!("replicate {}", places(&m.entries)),
        Message::ReplicateRefused(m) => format!("replicate refused, head {}", m.head.pos),
        Message::Committed(m) => format!("committed {}", m.receipt.at.pos),
        Message::Submit(m) => format!("submit {} in {}", keys(&m.envelopes), fence(m.fence)),
        Message::Forward(m) => format!("forward {} in {}", keys(&m.envelopes), fence(m.fence)),
        Message::ReadTail(m) => format!("read tail {}", m.count),
        Message::ReadSnapshot(m) => format!("read snapshot {} from {}", m.pos, m.offset),
        Message::ReadRange(m) => format!("read {}..{}", m.from, m.to),
        Message::ReadOwn(m) => format!("read own from {}", m.from),
        Message::Sync(m) => format!("sync after {}", m.at.pos),
        Message::Removed(m) => format!("removed {}", m.reason),
        Message::Deliveries(m) => {
            let steps: Vec<String> = m.steps.iter().map(|step| format!("{}@{}", step.accounts, step.pos)).collect();
            format!("delivered to {} of {}", steps.join(" "), m.of)
        }
        Message::Failure(m) if m.retry_after_ms > 0 => format!("failure {} {}", m.reason, m.retry_after_ms),
        Message::Failure(m) => format!("failure {}", m.reason),
        other => other.name().to_string(),
    }
}

fn log(log: &LogId) -> String {
    format!("{:?}", log.role).to_lowercase()
}

fn record(table: crate::store::Table, key: &[u8]) -> String {
    let name = format!("{table:?}").to_lowercase();
    let suffix = key.get(17..).unwrap_or_default();
    match core::str::from_utf8(suffix) {
        Ok(text) if name == "logmeta" => text.into(),
        _ if matches!(name.as_str(), "outgoing" | "resubmit" | "refused") => {
            format!("{name} {}", suffix.last().copied().unwrap_or_default())
        }
        _ => name,
    }
}

fn write(write: &Write) -> String {
    match write {
        Write::Append { log: id, entries } => format!("append {} {}", log(id), stored(entries)),
        Write::Cut { log: id, from } => format!("cut {} from {from}", log(id)),
        Write::Trim { log: id, below } => format!("trim {} below {below}", log(id)),
        Write::Move { from, to } => format!("move {} to {}", log(from), log(to)),
        Write::Erase { log: id } => format!("erase {}", log(id)),
        Write::Put { table, key, .. } => format!("put {}", record(*table, key)),
        Write::Delete { table, key } => format!("delete {}", record(*table, key)),
    }
}

pub fn operation(operation: &StoreOperation) -> String {
    match operation {
        StoreOperation::Write(writes) => {
            let writes: Vec<String> = writes.iter().map(write).collect();
            format!("write: {}", writes.join(", "))
        }
        StoreOperation::Read { log: id, from, to, .. } => format!("read: {} {from}..{to}", log(id)),
        StoreOperation::ReadAuthor { log: id, from, to, .. } => format!("read own: {} {from}..{to}", log(id)),
        StoreOperation::Find { lookup: Lookup::Hash(_), .. } => "find: hash".into(),
        StoreOperation::Find { lookup: Lookup::Key { incarnation, seq, .. }, .. } => {
            format!("find: {incarnation}.{seq}")
        }
        StoreOperation::Load { .. } => "load".into(),
        StoreOperation::Scan { .. } => "scan".into(),
    }
}
