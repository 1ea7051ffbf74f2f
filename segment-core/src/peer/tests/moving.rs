//! A channel whose host moves away, comes here, hides and comes back.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::{
    Adopt, ChannelChanged, ChannelPage, ChannelRow, Diverged, Done, Failure, Grant, Presence, Secret, Submitted,
    Subscribed, SyncPage,
};
use segment_proto::{
    ChannelRecord, DeviceId, Entry, EpochOwner, EpochRecord, Fence, Hash, LinkId, Message, Nonce, Position, Reason,
    Receipt, RequestId, Rights, Signed,
};

use super::bench::{Bench, DEVICE, HOST, LINK, channel, decode, logged_in, message, row, sign, who};
use super::hosting::hosting;
use crate::contract::{Direction, Input, Output};
use crate::peer::events::{PeerEvent, Serving};
use crate::store::{LogId, LogRole, StoreOperation, StoreOutcome, StoredEntry};

/// The log is the reader's from here on.
const SETTLED: [&str; 9] = [
    "write",
    "Hosting",
    "write",
    "to 1: ask Unsubscribe",
    "served from Here",
    "MemberLink",
    "write",
    "EpochChanged",
    "RightsChanged",
];

/// What the tracker has: its side is played by hand.
struct Copy {
    epoch: u32,
    /// Of the last hello.
    nonce: Option<Nonce>,
    entries: Vec<Entry>,
}

impl Copy {
    fn head(&self) -> Position {
        let at = |at: Position, entry: &Entry| StoredEntry::new(entry.clone(), &at.chain).position();
        self.entries.iter().fold(Position::START, at)
    }

    fn next(&mut self, owner: EpochOwner) -> Signed<EpochRecord> {
        self.epoch += 1;
        let fence = Fence { generation: 1, epoch: self.epoch };
        sign(EpochRecord { channel: channel(1), fence, owner, base: self.head() })
    }

    fn receipt(&self) -> Signed<Receipt> {
        let fence = Fence { generation: 1, epoch: self.epoch };
        sign(Receipt { channel: channel(1), fence, at: self.head() })
    }

    /// Answers hello and adopted.
    fn grants(&mut self, bench: &mut Bench, outputs: Vec<Output<PeerEvent>>) {
        self.adopts(bench, outputs);
        let record = self.next(EpochOwner::Host(DEVICE));
        let Some(nonce) = self.nonce else { panic!() };
        bench.answer(LINK, "Adopted", Grant { nonce, record });
    }

    /// Answers hello, in this epoch.
    fn adopts(&mut self, bench: &mut Bench, outputs: Vec<Output<PeerEvent>>) -> Signed<EpochRecord> {
        let (Message::HostHello(hello), id) = request(&outputs, "HostHello") else { panic!() };
        let record = self.next(EpochOwner::Tracker);
        let epochs = vec![record.clone()];
        self.nonce = Some(hello.nonce);
        let after = usize::try_from(hello.after.pos).unwrap();
        let adopt = Adopt {
            channel: channel(1),
            nonce: hello.nonce,
            epochs,
            head: self.head(),
            common: hello.after,
            entries: self.entries[after..].to_vec(),
            receipt: (!self.entries.is_empty()).then(|| self.receipt()),
            snapshot: None,
        };
        bench.receive(LINK, Role::Response, id, adopt);
        record
    }
}

fn request(outputs: &[Output<PeerEvent>], name: &str) -> (Message, RequestId) {
    let found = outputs.iter().rev().find(|output| decode(output).is_some_and(|message| message.name() == name));
    let Some(output @ Output::Transmit { frame, .. }) = found else { panic!("no {name}") };
    let id = frame.header().unwrap().correlation;
    (decode(output).unwrap(), id)
}

fn hosted_by(host: DeviceId, revision: u32, present: bool) -> ChannelRow {
    let old = row(1, DEVICE, present.then_some(4_000));
    ChannelRow { record: sign(ChannelRecord { host, revision, ..(*old.record).clone() }), ..old }
}

fn serving(bench: &Bench) -> (bool, Serving) {
    let view = bench.peer.channel(channel(1)).unwrap();
    (view.hosted, view.serving)
}

/// Hosts, and has sequenced one message that the tracker has not.
fn with_tail() -> (Bench, Copy, Vec<Entry>) {
    let (mut bench, mut copy) = (hosting(), Copy { epoch: 0, nonce: None, entries: Vec::new() });
    let outputs = bench.take();
    copy.grants(&mut bench, outputs);
    bench.out();
    let now = bench.now();
    bench.peer.send(channel(1), "hello", now).unwrap();
    let outputs = bench.take();
    let Message::Replicate(replicate) = message(&outputs, "Replicate") else { panic!() };
    (bench, copy, replicate.entries)
}

#[test]
fn a_channel_that_moves_away_is_cut_and_its_tail_brought_to_the_new_host() {
    let (mut bench, mut copy, tail) = with_tail();
    bench.push(LINK, ChannelChanged { row: hosted_by(HOST, 2, true) });
    assert_eq!(
        bench.out(),
        [
            "write",
            "ChannelChanged",
            "HostingStopped",
            "MemberLink",
            "to 1: ask Submit",
            "write",
            "CutBehind",
            "write",
            "dial 2 at 4000"
        ]
    );
    assert_eq!(serving(&bench), (false, Serving::Here), "until its host is reached, or not");
    let mut bench = bench.restarted();
    bench.connect(LINK);
    let now = bench.now();
    bench.peer.login("ken", Secret("a password".into()), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", logged_in(who(1, "ken")));
    let outputs = bench.take();
    let (_, list) = request(&outputs, "ListChannels");
    let rows = vec![hosted_by(HOST, 2, true)];
    bench.receive(LINK, Role::Response, list, ChannelPage { rows, more: false });
    bench.out();
    let (Message::Submit(submit), id) = request(&outputs, "Submit") else { panic!() };
    assert_eq!(submit.envelopes, [tail[0].envelope.clone()]);
    assert!(!outputs.iter().filter_map(decode).any(|message| message.name() == "HostHello"));
    copy.entries = tail;
    let key = submit.envelopes[0].key;
    let code = segment_proto::messages::FateCode::Committed;
    let fate = segment_proto::messages::Fate { pos: 1, ..segment_proto::messages::Fate::new(key, code) };
    let fates = vec![fate];
    bench.receive(LINK, Role::Response, id, Submitted { channel: channel(1), fence: submit.fence, fates });
    assert_eq!(bench.out(), ["write"]);
    bench.push(LINK, ChannelChanged { row: hosted_by(DEVICE, 3, false) });
    let outputs = bench.take();
    copy.grants(&mut bench, outputs);
    bench.out();
    assert_eq!(serving(&bench), (true, Serving::Here));
    let report = bench.peer.host_report(channel(1)).unwrap();
    assert_eq!((report.stored, report.committed, report.resubmit), (1, 1, 0));
}

#[test]
fn a_channel_that_comes_here_is_taken_over_before_it_is_served_here() {
    let mut bench = Bench::logged_in(vec![row(1, HOST, None)]);
    bench.out();
    let mut copy = Copy { epoch: 0, nonce: None, entries: Vec::new() };
    bench.push(LINK, ChannelChanged { row: hosted_by(DEVICE, 2, false) });
    let outputs = bench.take();
    assert_eq!(serving(&bench), (true, Serving::Copy));
    copy.grants(&mut bench, outputs);
    assert_eq!(bench.out(), SETTLED);
    assert_eq!(serving(&bench), (true, Serving::Here));
    assert_eq!(serving(&bench.restarted()), (true, Serving::Nowhere));
}

#[test]
fn an_owner_who_hides_is_gone_for_everybody_and_writes_at_the_tracker() {
    let (mut bench, mut copy, tail) = with_tail();
    let member = LinkId(1 << 63 | 1);
    bench.input(Input::LinkUp {
        link: member,
        direction: Direction::Inbound,
        peer: HOST,
        address: super::bench::address(9),
    });
    bench.out();
    let now = bench.now();
    bench.peer.set_status(Presence::Invisible, now).unwrap();
    bench.answer(LINK, "SetStatus", Done {});
    assert_eq!(
        bench.out(),
        [
            "write",
            "replied Done",
            "HostingStopped",
            "MemberLink",
            "to 1: ask Submit",
            "write",
            "CutBehind",
            "write",
            "hang up 9223372036854775809: shutting_down",
            "LinkLost",
            "to 1: ask Subscribe",
            "served from Copy"
        ]
    );
    assert_eq!(serving(&bench), (false, Serving::Copy));
    bench.input(Input::LinkUp {
        link: LinkId(1 << 63 | 2),
        direction: Direction::Inbound,
        peer: HOST,
        address: super::bench::address(9),
    });
    assert_eq!(bench.out(), [String::from("hang up 9223372036854775810: not_now")]);
    copy.entries = tail;
    let now = bench.now();
    bench.peer.set_status(Presence::Online, now).unwrap();
    bench.answer(LINK, "SetStatus", Done {});
    let outputs = bench.take();
    assert_eq!(serving(&bench), (true, Serving::Copy));
    copy.grants(&mut bench, outputs);
    let out = bench.out();
    assert!(out.contains(&"served from Here".into()), "{out:?}");
    assert_eq!(serving(&bench), (true, Serving::Here));
}

#[test]
fn an_owner_whose_host_has_to_wait_reads_and_writes_at_the_copy() {
    let (bench, mut copy, tail) = with_tail();
    let mut bench = bench.restarted();
    bench.connect(LINK);
    let now = bench.now();
    bench.peer.login("ken", Secret("a password".into()), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", logged_in(who(1, "ken")));
    copy.entries = tail;
    let outputs = bench.take();
    copy.adopts(&mut bench, outputs);
    bench.answer(LINK, "Adopted", Failure::retry_after(Reason::NotNow, 10_000));
    let (out, _) = bench.asked(LINK, "Subscribe");
    assert!(out.contains(&"served from Copy".into()), "{out:?}");
    assert_eq!(serving(&bench), (true, Serving::Copy));
    assert_eq!(kept(&mut bench), copy.entries, "what its host has taken over stays");
    let mut bench = bench.restarted();
    bench.connect(LINK);
    let now = bench.now();
    bench.peer.login("ken", Secret("a password".into()), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", logged_in(who(1, "ken")));
    let outputs = bench.take();
    copy.grants(&mut bench, outputs);
    assert_eq!(serving(&bench), (true, Serving::Here));
}

#[test]
fn what_a_host_has_taken_over_stays_though_its_reader_cuts_before_the_grant() {
    let (mut bench, mut copy, tail) = with_tail();
    set_presence(&mut bench, Presence::Invisible);
    copy.entries = tail;
    let fence = read_from(&mut copy, &mut bench);
    set_presence(&mut bench, Presence::Online);
    let outputs = bench.take();
    copy.adopts(&mut bench, outputs);
    let (_, adopted) = bench.asked(LINK, "Adopted");
    bench.push(LINK, Diverged { channel: channel(1), fence, at: Position::START });
    let out = bench.out();
    assert!(out.contains(&"CutBehind".into()), "the reader cuts: {out:?}");
    assert_eq!(kept(&mut bench), copy.entries);
    let record = copy.next(EpochOwner::Host(DEVICE));
    let Some(nonce) = copy.nonce else { panic!() };
    bench.receive(LINK, Role::Response, adopted, Grant { nonce, record });
    assert_eq!(serving(&bench), (true, Serving::Here));
    assert_eq!(kept(&mut bench), copy.entries);
}

/// The reader gets everything from the copy, but does not hear that it is committed.
fn read_from(copy: &mut Copy, bench: &mut Bench) -> Fence {
    let record = copy.next(EpochOwner::Tracker);
    let (fence, head) = (record.fence, copy.head());
    let (epoch, rights) = (Some(record), Rights::ALL);
    let subscribed = Subscribed { channel: channel(1), epoch, head, receipt: None, rights, row: None };
    bench.answer(LINK, "Subscribe", subscribed);
    let (before, entries) = (Hash::ZERO, copy.entries.clone());
    let (receipt, diverged, first) = (None, Vec::new(), 1);
    let page = SyncPage { channel: channel(1), fence, before, entries, head, receipt, diverged, first };
    bench.answer(LINK, "Sync", page);
    fence
}

/// The host's log, on disk.
fn kept(bench: &mut Bench) -> Vec<Entry> {
    let log = LogId { channel: channel(1), role: LogRole::Host };
    let read = StoreOperation::Read { log, from: 1, to: 9, entries_max: 9, bytes_max: usize::MAX };
    let StoreOutcome::Entries { entries, .. } = bench.store.run(&read) else { panic!() };
    entries.into_iter().map(|stored| stored.entry).collect()
}

#[test]
fn a_reader_that_does_not_know_yet_what_is_committed_cuts_nothing_that_its_host_has_taken_over() {
    let (mut bench, mut copy, tail) = with_tail();
    set_presence(&mut bench, Presence::Invisible);
    copy.entries = tail;
    read_from(&mut copy, &mut bench);
    set_presence(&mut bench, Presence::Online);
    let outputs = bench.take();
    copy.grants(&mut bench, outputs);
    let out = bench.out();
    assert!(out.contains(&"CutBehind".into()), "the reader had nothing committed: {out:?}");
    assert_eq!(serving(&bench), (true, Serving::Here));
    assert_eq!(kept(&mut bench), copy.entries);
}

fn set_presence(bench: &mut Bench, presence: Presence) {
    let now = bench.now();
    bench.peer.set_status(presence, now).unwrap();
    bench.answer(LINK, "SetStatus", Done {});
}
