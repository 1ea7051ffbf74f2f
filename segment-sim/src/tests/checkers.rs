//! Each checker that looks at messages, with what it must find and what it must not.

use bytes::Bytes;
use segment_core::{LogId, LogRole, Rules, StoreOperation, StoredEntry, Write};
use segment_proto::messages::{Entries, Fate, FateCode, Fenced, LoggedIn, Submit, Submitted};
use segment_proto::{
    AccessChange, AccountId, Certificate, ChannelId, ChannelName, ChannelRecord, DeviceId, Entry, Envelope,
    EnvelopeKind, EpochOwner, EpochRecord, Evidence, Fence, Hash, Identity, LinkId, Message, MessageKey, Position,
    Receipt, RequestId, SessionId, Signed, SignedEnvelope, Token, UnixMillis, UserName, View, Visitors, Who,
};

use crate::checkers::durable::{self, Speaker};
use crate::checkers::epochs::Epochs;
use crate::checkers::ledger::Ledger;
use crate::checkers::names::Names;
use crate::checkers::tenures::Tenures;
use crate::checkers::truth::{Truth, Written};
use crate::checkers::{Check, Findings};
use crate::image::Image;
use crate::network::NodeId;

const AUTHOR: u8 = 2;
const HOST: NodeId = NodeId(1);

fn channel() -> ChannelId {
    ChannelId::from_random([7; 16])
}

fn device(n: u8) -> DeviceId {
    DeviceId([n; 32])
}

fn fence(epoch: u32) -> Fence {
    Fence { generation: 1, epoch }
}

fn who(n: u8) -> Who {
    Who { account: AccountId(n.into()), name: UserName::new(&format!("user{n}")).unwrap() }
}

fn envelope(author: u8, incarnation: u32, seq: u64, text: &str) -> SignedEnvelope {
    signed(author, incarnation, seq, EnvelopeKind::Text, Bytes::copy_from_slice(text.as_bytes()))
}

fn change(seq: u64, change: &AccessChange) -> SignedEnvelope {
    signed(1, 0, seq, EnvelopeKind::Access, postcard::to_allocvec(change).unwrap().into())
}

fn signed(author: u8, incarnation: u32, seq: u64, kind: EnvelopeKind, body: Bytes) -> SignedEnvelope {
    let key = MessageKey { channel: channel(), device: device(author), incarnation, seq };
    let account = AccountId(author.into());
    let envelope = Envelope { key, account, prev: Hash::ZERO, sent: UnixMillis(1), kind, body };
    Signed::new(envelope, &Identity::simulated(device(author)))
}

fn epoch(number: u32, owner: EpochOwner, base: Position) -> Signed<EpochRecord> {
    let record = EpochRecord { channel: channel(), fence: fence(number), owner, base };
    Signed::new(record, &Identity::simulated(device(99)))
}

/// A disk with these envelopes in the log, all of epoch 1.
fn disk(role: LogRole, envelopes: &[SignedEnvelope]) -> Image {
    let mut image = Image::default();
    let (mut before, mut entries) = (Hash::ZERO, Vec::new());
    for (index, envelope) in envelopes.iter().enumerate() {
        let entry = Entry { pos: index as u64 + 1, epoch: 1, sequenced: UnixMillis(1), envelope: envelope.clone() };
        let stored = StoredEntry::new(entry, &before);
        before = stored.chain;
        entries.push(stored);
    }
    let log = LogId { channel: channel(), role };
    image.apply(&StoreOperation::Write(vec![Write::Append { log, entries }]));
    image
}

fn found(findings: &Findings) -> Vec<Check> {
    findings.all().iter().map(|finding| finding.check).collect()
}

#[test]
fn a_name_for_two_messages_is_found() {
    let (mut names, mut findings) = (Names::default(), Findings::default());
    let mut say = |names: &mut Names, text| {
        let submit = Submit::new(channel(), fence(1), vec![envelope(AUTHOR, 0, 1, text)]);
        names.on_sent(&device(AUTHOR), &Message::Submit(submit), &mut findings);
        found(&findings).len()
    };
    assert_eq!(say(&mut names, "one"), 0);
    assert_eq!(say(&mut names, "one"), 0, "the same again");
    assert_eq!(say(&mut names, "two"), 1);
    names.on_disk_replaced(&device(AUTHOR));
    assert_eq!(say(&mut names, "three"), 1, "who has forgotten may");
    assert_eq!(say(&mut names, "one"), 1, "and may carry what is found in a log");
    assert_eq!(say(&mut names, "four"), 2, "but gives the name once again only");
    assert_eq!(found(&findings), [Check::NameOnce; 2]);
}

fn entries_of_epoch(number: u32, envelope: SignedEnvelope) -> Message {
    let entry = Entry { pos: 1, epoch: number, sequenced: UnixMillis(1), envelope };
    Message::Entries(Entries { channel: channel(), fence: fence(number), before: Hash::ZERO, entries: vec![entry] })
}

#[test]
fn a_host_that_goes_on_after_it_was_shown_a_newer_epoch_is_found() {
    let (mut tenures, mut epochs, mut findings) = (Tenures::default(), Epochs::default(), Findings::default());
    let newer = epoch(2, EpochOwner::Tracker, Position::START);
    let text = envelope(AUTHOR, 0, 1, "late");
    let shows = |evidence| Message::Submit(Submit { evidence, ..Submit::new(channel(), fence(1), vec![text.clone()]) });
    let evidence = Evidence { epoch: Some(newer.clone()), receipt: None };
    tenures.on_received(HOST, &shows(evidence.clone()), &Image::default(), &epochs);
    tenures.on_sent(HOST, &entries_of_epoch(1, text.clone()), &mut findings);
    assert_eq!(found(&findings), [], "nobody knows such an epoch");
    epochs.on_record(&newer, &mut findings);
    tenures.on_received(HOST, &shows(evidence.clone()), &disk(LogRole::Host, core::slice::from_ref(&text)), &epochs);
    tenures.on_sent(HOST, &entries_of_epoch(1, text.clone()), &mut findings);
    assert_eq!(found(&findings), [], "it stood there before");
    tenures.on_received(HOST, &shows(evidence), &Image::default(), &epochs);
    tenures.on_sent(HOST, &entries_of_epoch(2, text.clone()), &mut findings);
    assert_eq!(found(&findings), []);
    tenures.on_sent(HOST, &entries_of_epoch(1, text), &mut findings);
    assert_eq!(found(&findings), [Check::OneSequencer]);
}

#[test]
fn a_member_that_submits_to_an_older_epoch_than_it_knows_is_found() {
    let (mut tenures, mut findings) = (Tenures::default(), Findings::default());
    let record = epoch(2, EpochOwner::Tracker, Position::START);
    let member = NodeId(2);
    assert!(!tenures.is_told(member));
    tenures.on_received(member, &Message::Fenced(Fenced { record }), &Image::default(), &Epochs::default());
    assert!(tenures.is_told(member));
    tenures.on_learned(member, channel(), fence(2));
    let mut submit = |tenures: &mut Tenures, to| {
        let submit = Submit::new(channel(), fence(to), Vec::new());
        tenures.on_sent(member, &Message::Submit(submit), &mut findings);
        found(&findings)
    };
    assert_eq!(submit(&mut tenures, 2), []);
    assert_eq!(submit(&mut tenures, 1), [Check::OneSequencer]);
    tenures.on_start(member);
    assert_eq!(submit(&mut tenures, 1).len(), 1, "another process was told nothing");
}

#[test]
fn a_tracker_that_goes_on_taking_from_a_dismissed_host_is_found() {
    let (mut tenures, mut epochs, mut findings) = (Tenures::default(), Epochs::default(), Findings::default());
    epochs.on_record(&epoch(1, EpochOwner::Host(device(1)), Position::START), &mut findings);
    let mut take = |designated, pos| {
        let at = Position { pos, ..Position::START };
        let receipt = Receipt { channel: channel(), fence: fence(1), at };
        tenures.on_committed(&receipt, designated, &epochs, &mut findings);
    };
    (1..9).for_each(|pos| take(None, pos));
    (10..19).for_each(|pos| take(Some(device(1)), pos));
    take(Some(device(3)), 20);
    take(Some(device(3)), 21);
    take(Some(device(3)), 22);
    assert_eq!(found(&findings), [Check::OneSequencer], "the third behind the designation");
}

#[test]
fn a_fate_told_too_early_and_an_epoch_that_begins_too_low_are_found() {
    let (mut epochs, mut findings) = (Epochs::default(), Findings::default());
    epochs.on_record(&epoch(1, EpochOwner::Host(device(1)), Position::START), &mut findings);
    let trackers = epoch(2, EpochOwner::Tracker, Position::START);
    epochs.on_record(&trackers, &mut findings);
    let text = envelope(AUTHOR, 0, 1, "early");
    let empty = Image::default();
    let speaker = Speaker { durable: &empty, role: LogRole::Backup, device: device(99) };
    for of in [1, 2] {
        let fates = vec![Fate { pos: 1, ..Fate::new(text.key, FateCode::Stored) }];
        let told = Message::Submitted(Submitted { channel: channel(), fence: fence(of), fates });
        durable::check(speaker, [&empty].into_iter(), &told, &Ledger::default(), &epochs, &mut findings);
    }
    assert_eq!(found(&findings), [Check::DurableBeforeSaid], "the second is the tracker's own");
    durable::check_epoch(&disk(LogRole::Backup, &[text]), &trackers, &mut findings);
    assert!(found(&findings).contains(&Check::OneSequencer));
}

#[test]
fn what_neither_process_of_a_device_has_on_disk_is_found_where_one_submits_it() {
    let text = envelope(AUTHOR, 0, 1, "text");
    let submit = Message::Submit(Submit::new(channel(), fence(1), vec![text.clone()]));
    let (empty, cache) = (Image::default(), disk(LogRole::Cache, &[text]));
    let speaker = Speaker { durable: &empty, role: LogRole::Host, device: device(AUTHOR) };
    let check = |disks: &[&Image]| {
        let mut findings = Findings::default();
        let disks = disks.iter().copied();
        durable::check(speaker, disks, &submit, &Ledger::default(), &Epochs::default(), &mut findings);
        found(&findings)
    };
    assert_eq!(check(&[&empty, &cache]), [], "the other process has signed it");
    assert_eq!(check(&[&empty, &empty]), [Check::DurableBeforeSaid]);
    assert_eq!(check(&[&empty]), [Check::DurableBeforeSaid]);
}

/// Somebody who has written, and everything that a ledger asks about them.
fn truth(written: &[(&str, SignedEnvelope, Option<&str>)]) -> Truth {
    let mut truth = Truth::default();
    let record = ChannelRecord {
        channel: channel(),
        name: ChannelName::new("general").unwrap(),
        owner: who(1),
        host: device(1),
        view: View::Public,
        visitors: Visitors::Read,
        created: UnixMillis(1),
        revision: 1,
    };
    truth.on_record(&Signed::new(record, &Identity::simulated(device(99))));
    for n in [1, AUTHOR, 3] {
        let session = SessionId::from_random([n; 16]);
        let (issued, expires) = (UnixMillis(1), UnixMillis(2));
        let certificate = Certificate { who: who(n), device: device(n), session, issued, expires };
        let certificate = Signed::new(certificate, &Identity::simulated(device(99)));
        let token = Token([n; 32]);
        let logged_in = LoggedIn { session, token, who: who(n), certificate, device: None };
        truth.on_answered(LinkId(n.into()), RequestId::from_random([1; 16]), &Message::LoggedIn(logged_in));
    }
    for (text, envelope, cause) in written {
        let key = envelope.key;
        let node = NodeId(u16::from(key.device.0[0]));
        let cause = cause.map(str::to_owned);
        let (promised, stored, refused) = (true, false, false);
        let (channel, number, access_changes) = (channel(), key.seq, 0);
        let first_key = MessageKey { incarnation: 0, ..key };
        truth.on_written(
            (*text).into(),
            Written { node, channel, number, key, first_key, cause, access_changes, promised, stored, refused },
        );
    }
    truth
}

fn committed(envelopes: &[SignedEnvelope], truth: &Truth) -> (Ledger, Findings) {
    let (mut ledger, mut findings) = (Ledger::default(), Findings::default());
    let (disk, to) = (disk(LogRole::Backup, envelopes), envelopes.len() as u64);
    ledger.extend(channel(), to, &disk, truth, &std::collections::BTreeSet::new(), &mut findings);
    (ledger, findings)
}

#[test]
fn an_answer_without_what_it_answers_is_found() {
    let (cause, answer) = (envelope(3, 0, 1, "cause"), envelope(AUTHOR, 0, 1, "answer"));
    let truth = truth(&[("cause", cause.clone(), None), ("answer", answer.clone(), Some("cause"))]);
    assert_eq!(found(&committed(&[cause.clone(), answer.clone()], &truth).1), []);
    assert_eq!(found(&committed(core::slice::from_ref(&answer), &truth).1), [Check::CauseFirst]);
    let kick = change(1, &AccessChange::kick(AccountId(3), "user3".into()));
    assert_eq!(found(&committed(&[kick, answer], &truth).1), [], "what it answers may be refused");
}

#[test]
fn what_was_written_before_a_kick_is_found_above_it_under_any_name() {
    let kick = change(1, &AccessChange::kick(AccountId(AUTHOR.into()), "user2".into()));
    let allow = change(2, &AccessChange::allow(AccountId(AUTHOR.into()), "user2".into(), segment_proto::Rights::ALL));
    let (before, again) = (envelope(AUTHOR, 0, 1, "before"), envelope(AUTHOR, 3, 2, "again"));
    let truth = truth(&[("before", before.clone(), None), ("again", again.clone(), None)]);
    let (_, findings) = committed(&[before, kick, allow, again], &truth);
    assert_eq!(found(&findings), [Check::SendRight]);
}

#[test]
fn a_receipt_whose_entry_the_disk_lacks_is_found_where_it_was_never_said_before() {
    let text = envelope(AUTHOR, 0, 1, "text");
    let truth = truth(&[("text", text.clone(), None)]);
    let log = LogId { channel: channel(), role: LogRole::Backup };
    let whole = disk(LogRole::Backup, core::slice::from_ref(&text));
    let mut trimmed = disk(LogRole::Backup, core::slice::from_ref(&text));
    trimmed.apply(&StoreOperation::Write(vec![Write::Trim { log, below: 2 }]));
    let at = whole.log(log).unwrap().last().unwrap().position();
    let receipt = Receipt { channel: channel(), fence: fence(1), at };
    let said = |disks: &[&Image]| {
        let (mut ledger, mut findings) = (Ledger::default(), Findings::default());
        for disk in disks {
            ledger.on_receipt(&receipt, disk, &truth, &std::collections::BTreeSet::new(), &mut findings);
        }
        found(&findings)
    };
    assert_eq!(said(&[&trimmed])[0], Check::DurableBeforeSaid);
    assert_eq!(said(&[&whole, &trimmed]), [], "gone by the owner's policy");
}

#[test]
fn a_refusal_by_nothing_that_is_committed_is_found() {
    let text = envelope(AUTHOR, 0, 1, "text");
    let truth = truth(&[("text", text.clone(), None)]);
    let (ledger, mut findings) = committed(core::slice::from_ref(&text), &truth);
    ledger.check_refusal(&text.key, truth.written("text").unwrap(), &truth, &mut findings);
    assert_eq!(found(&findings), [Check::RefusedForGood]);
    let kick = change(1, &AccessChange::kick(AccountId(AUTHOR.into()), "user2".into()));
    let (ledger, mut findings) = committed(&[kick], &truth);
    ledger.check_refusal(&text.key, truth.written("text").unwrap(), &truth, &mut findings);
    assert_eq!(found(&findings), []);
}

#[test]
fn what_a_kick_has_closed_may_be_refused_to_one_of_two_processes_in_any_incarnation() {
    let kick = change(1, &AccessChange::kick(AccountId(AUTHOR.into()), "user2".into()));
    let allow = change(2, &AccessChange::allow(AccountId(AUTHOR.into()), "user2".into(), segment_proto::Rights::ALL));
    let (before, later) = (envelope(AUTHOR, 0, 1, "before"), envelope(AUTHOR, 3, 1, "later"));
    let mut truth = truth(&[("before", before.clone(), None)]);
    let (ledger, _) = committed(&[before, kick, allow, later], &truth);
    let again = MessageKey { incarnation: 3, seq: 2, ..envelope(AUTHOR, 3, 2, "again").key };
    let written = Written { first_key: again, access_changes: 2, ..truth.written("before").unwrap().clone() };
    let told = |truth: &Truth| {
        let mut findings = Findings::default();
        ledger.check_refusal(&again, &written, truth, &mut findings);
        found(&findings)
    };
    assert_eq!(told(&truth), [Check::RefusedForGood]);
    truth.on_twin(&device(AUTHOR));
    assert_eq!(told(&truth), []);
}

#[test]
fn the_rule_that_is_removed_is_the_one_that_was_named() {
    use crate::plant::Plant;
    use segment_core::Rule;
    let named = Plant::named("without-content-search").unwrap();
    assert_eq!((named, named.name().as_str()), (Plant::Without(Rule::ContentSearch), "without-content-search"));
    assert_eq!(named.rules(), Rules::without(Rule::ContentSearch));
    assert_eq!(Plant::named("without-content"), None);
}
