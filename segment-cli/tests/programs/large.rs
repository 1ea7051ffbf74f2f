//! Large lists, prepared in the stores, shown by the programs.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use segment_core::store::load_log;
use segment_core::sync::persist::{Loaded, Meta, encode, put_meta, put_row};
use segment_core::{LogId, LogRole, Store, StoreOperation, StoredEntry, Table, Write};
use segment_proto::{
    ChannelId, ChannelName, ChannelRecord, Entry, Envelope, EnvelopeKind, Hash, Identity, MessageKey, Receipt, Row,
    Signed,
};
use segment_store::SqliteStore;
use serde_json::Value;

use crate::support::{Town, of_type, texts};

const CHANNELS: usize = 10_000;
const MESSAGES: u64 = 100_000;

fn store_of(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir.join("store.sqlite")).unwrap()
}

fn write(store: &mut SqliteStore, writes: Vec<Write>) {
    store.perform(&[StoreOperation::Write(writes)]).unwrap();
}

fn identity_in(dir: &Path) -> Identity {
    let secret = fs::read(dir.join("device.key")).unwrap();
    Identity::from_secret(&secret.try_into().unwrap())
}

fn channel_of(objects: &[Value]) -> ChannelId {
    let shown = of_type(objects, "channel");
    let id = shown[0]["id"].as_str().unwrap();
    ChannelId(id.parse().unwrap())
}

#[test]
fn a_list_of_10000_channels_is_shown_whole() {
    let mut town = Town::new();
    let made = town.done("ken", &["/register ken", "/create #c00000", "/channels"]);
    let first = channel_of(&made);
    town.stop_tracker();
    let tracker = identity_in(&town.tracker_dir());
    let mut store = store_of(&town.tracker_dir());
    let record = |number: usize, like: &ChannelRecord| {
        let mut id = *first.as_bytes();
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let name = ChannelName::new(&format!("c{number:05}")).unwrap();
        ChannelRecord { channel: ChannelId::from_random(id), name, ..like.clone() }
    };
    let like = first_record(&mut store);
    let writes = (1..CHANNELS).map(|number| {
        let record = Signed::new(record(number, &like), &tracker);
        let key = Bytes::copy_from_slice(record.channel.as_bytes());
        Write::Put { table: Table::Channel, key, value: encode(&record) }
    });
    write(&mut store, writes.collect());
    drop(store);
    town.start_tracker();
    let shown = town.done("ken", &["/channels"]);
    let names: Vec<_> = of_type(&shown, "channel").iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<_> = (0..CHANNELS).map(|number| format!("#c{number:05}")).collect();
    assert_eq!(names, expected);

    let mut pty = town.person_with("ken", 100, &[], &["--set", "pager=none"]);
    pty.type_line("/join #c00000");
    pty.wait_for_last("#c00000 ❯");
    pty.type_line("/channels");
    pty.wait_for("channels: 10000");
    pty.wait_for("#c09999");
}

fn first_record(store: &mut SqliteStore) -> ChannelRecord {
    let scan = StoreOperation::Scan { table: Table::Channel, after: Bytes::new(), limit: 1 };
    let segment_core::StoreOutcome::Records(records) = store.perform(&[scan]).unwrap().remove(0) else {
        panic!("not records");
    };
    let signed: Signed<ChannelRecord> = segment_core::sync::persist::decode(&records[0].value).unwrap();
    (*signed).clone()
}

#[test]
fn a_history_of_100000_messages_is_paged_at_host_and_member() {
    let mut town = Town::new();
    let made = town.done("ken", &["/register ken", "/create #big", "/send --wait committed #big text 1", "/channels"]);
    town.done("ben", &["/register ben", "/join #big"]);
    let channel = channel_of(&made);
    town.stop_tracker();
    fill(&town, channel);
    town.start_tracker();
    let mut ken = town.program("ken");
    page_through(&mut ken);
    let mut ben = town.program("ben");
    ben.done("/join #big");
    page_through(&mut ben);
    ben.done("/send --wait committed #big one more");
    ken.hear_text("one more");
    let newest = ben.done("/history #big --last 3");
    assert_eq!(texts(&newest), ["text 99999", "text 100000", "one more"]);
}

fn page_through(program: &mut crate::support::Program) {
    const PAGE: u64 = 10_000;
    until_level(program);
    let mut next = MESSAGES;
    while next > 0 {
        let page = program.done(&format!("/history #big --last {PAGE} --before !{}", next + 1));
        let expected: Vec<_> = (next - PAGE + 1..=next).map(|number| format!("text {number}")).collect();
        let shown = texts(&page);
        assert_eq!((shown.len(), shown.first(), shown.last()), (expected.len(), expected.first(), expected.last()));
        assert!(shown == expected, "the page before !{}", next + 1);
        next -= PAGE;
    }
}

fn until_level(program: &mut crate::support::Program) {
    crate::support::until("the channel is level", || {
        of_type(&program.done("/info #big"), "facts")[0]["committed"].as_u64().unwrap() >= MESSAGES
    });
}

/// Continues the log at host and tracker as they would have written it themselves.
fn fill(town: &Town, channel: ChannelId) {
    const PART: usize = 10_000;
    let author = identity_in(&town.profile_dir("ken"));
    let mut host = store_of(&town.profile_dir("ken"));
    let mut tracker = store_of(&town.tracker_dir());
    let logs = [LogId { channel, role: LogRole::Host }, LogId { channel, role: LogRole::Backup }];
    let (records, last) = load_log(&mut host, logs[0]).unwrap();
    let first = last.unwrap();
    let fence = Loaded::new(records).receipt.unwrap().fence;
    let entries = continued(&author, &first, MESSAGES);
    for part in entries.chunks(PART) {
        write(&mut host, vec![Write::Append { log: logs[0], entries: part.to_vec() }]);
        write(&mut tracker, vec![Write::Append { log: logs[1], entries: part.to_vec() }]);
    }
    let end = entries.last().unwrap();
    let envelope = &end.entry.envelope;
    let row =
        Row { device: envelope.key.device, account: envelope.account, incarnation: 1, seq: MESSAGES, hash: end.hash };
    let receipt = Receipt { channel, fence, at: end.position() };
    let receipt = Signed::new(receipt, &identity_in(&town.tracker_dir()));
    for (store, log) in [(&mut host, logs[0]), (&mut tracker, logs[1])] {
        write(store, vec![put_row(log, &row), put_meta(log, Meta::Receipt, &receipt)]);
    }
}

fn continued(author: &Identity, first: &StoredEntry, to: u64) -> Vec<StoredEntry> {
    let like = first.entry.envelope.clone();
    let (mut prev, mut chain): (Hash, Hash) = (first.hash, first.chain);
    let next = |number: u64| {
        let key = MessageKey { seq: number, ..like.key };
        let body = Bytes::from(format!("text {number}"));
        let envelope = Envelope { key, account: like.account, prev, sent: like.sent, kind: EnvelopeKind::Text, body };
        let envelope = Signed::new(envelope, author);
        let entry = Entry { pos: number, epoch: first.entry.epoch, sequenced: first.entry.sequenced, envelope };
        let stored = StoredEntry::new(entry, &chain);
        (prev, chain) = (stored.hash, stored.chain);
        stored
    };
    (first.entry.pos + 1..=to).map(next).collect()
}
