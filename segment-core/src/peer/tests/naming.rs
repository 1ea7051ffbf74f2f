//! Messages wait for names, in order, but neither long nor in any number.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{AccountId, DeviceId, DeviceRecord, Instant, Limits, LinkId, MessageKey, Signed, UnixMillis};

use super::bench::{channel, device_record, who};
use crate::peer::authors::Authors;
use crate::peer::events::{ChannelMessage, Content, PeerEvent, Source, Stage, Transfer};
use crate::peer::naming::{Naming, Sources};

const SERVING: LinkId = LinkId(5);
const TRACKER: LinkId = LinkId(1);
const BOTH: [Option<LinkId>; 2] = [Some(SERVING), Some(TRACKER)];
const BEN: DeviceId = DeviceId([10; 32]);
const ADA: DeviceId = DeviceId([11; 32]);

fn by(device: DeviceId, account: u64, pos: u64) -> ChannelMessage {
    ChannelMessage {
        pos,
        key: MessageKey { channel: channel(1), device, incarnation: 1, seq: pos },
        account: AccountId(account),
        author: None,
        sent: UnixMillis(0),
        epoch: 1,
        sequenced: UnixMillis(0),
        content: Content::Text("hi".to_string()),
        stage: Stage::Stored,
    }
}

fn received(messages: Vec<ChannelMessage>) -> PeerEvent {
    PeerEvent::Received { channel: channel(1), messages, source: Source::Tracker, transfer: Transfer::Live }
}

fn names(event: Option<PeerEvent>) -> Vec<Option<alloc::string::String>> {
    let Some(PeerEvent::Received { messages, .. }) = event else { panic!("not released: {event:?}") };
    messages.iter().map(|message| message.author.as_ref().map(ToString::to_string)).collect()
}

#[derive(Default)]
struct Bench {
    naming: Naming,
    authors: Authors,
    limits: Limits,
    at: Instant,
}

impl Bench {
    fn take(&mut self, event: PeerEvent, links: [Option<LinkId>; 2]) {
        let sources = Sources { authors: &self.authors, links };
        self.naming.take(event, sources, self.at, &self.limits);
    }

    fn learn(&mut self, record: Signed<DeviceRecord>) {
        let _ = self.authors.learn(record, self.limits.authors_max);
    }

    fn answered(&mut self, devices: &[DeviceId], links: [Option<LinkId>; 2]) {
        self.naming.on_answered(devices);
        self.naming.advance(channel(1), Sources { authors: &self.authors, links });
    }

    fn question(&mut self) -> Option<(LinkId, Vec<DeviceId>)> {
        self.naming.pop_question(self.limits.page_rows_max)
    }
}

#[test]
fn what_is_known_goes_out_at_once() {
    let mut bench = Bench::default();
    bench.learn(device_record(who(3, "ben"), BEN));
    bench.take(received(vec![by(BEN, 3, 1)]), BOTH);
    assert_eq!(names(bench.naming.pop()), [Some("ben".to_string())]);
    assert_eq!(bench.question(), None);
    assert_eq!(bench.naming.deadline(), None);
}

#[test]
fn the_first_message_waits_and_those_behind_it_keep_their_order() {
    let mut bench = Bench::default();
    bench.learn(device_record(who(4, "ada"), ADA));
    bench.take(received(vec![by(BEN, 3, 1)]), BOTH);
    bench.take(received(vec![by(ADA, 4, 2)]), BOTH);
    bench.take(PeerEvent::CutBehind { channel: channel(1), pos: 1 }, BOTH);
    assert_eq!(bench.naming.pop(), None);
    assert_eq!(bench.question(), Some((SERVING, vec![BEN])));
    assert_eq!(bench.question(), None);
    bench.learn(device_record(who(3, "ben"), BEN));
    bench.answered(&[BEN], BOTH);
    assert_eq!(names(bench.naming.pop()), [Some("ben".to_string())]);
    assert_eq!(names(bench.naming.pop()), [Some("ada".to_string())]);
    assert_eq!(bench.naming.pop(), Some(PeerEvent::CutBehind { channel: channel(1), pos: 1 }));
    assert_eq!(bench.naming.deadline(), None);
}

#[test]
fn other_channels_and_other_events_do_not_wait() {
    let mut bench = Bench::default();
    bench.take(received(vec![by(BEN, 3, 1)]), BOTH);
    let elsewhere = PeerEvent::CommittedUpTo { channel: channel(2), pos: 1 };
    bench.take(elsewhere.clone(), BOTH);
    bench.take(PeerEvent::Replaced, BOTH);
    assert_eq!(bench.naming.pop(), Some(elsewhere));
    assert_eq!(bench.naming.pop(), Some(PeerEvent::Replaced));
    assert_eq!(bench.naming.pop(), None);
}

#[test]
fn each_device_is_asked_about_once_on_each_link_and_then_shown_without_a_name() {
    let mut bench = Bench::default();
    bench.take(received(vec![by(BEN, 3, 1)]), BOTH);
    assert_eq!(bench.question(), Some((SERVING, vec![BEN])));
    bench.answered(&[BEN], BOTH);
    assert_eq!(bench.naming.pop(), None, "the tracker may know");
    assert_eq!(bench.question(), Some((TRACKER, vec![BEN])));
    bench.answered(&[BEN], BOTH);
    assert_eq!(names(bench.naming.pop()), [None]);
    bench.take(received(vec![by(BEN, 3, 2)]), BOTH);
    assert_eq!(names(bench.naming.pop()), [None]);
    assert_eq!(bench.question(), None, "asked again");
}

#[test]
fn nobody_to_ask_is_nothing_to_wait_for() {
    let mut bench = Bench::default();
    bench.take(received(vec![by(BEN, 3, 1)]), [None, None]);
    assert_eq!(names(bench.naming.pop()), [None]);
}

#[test]
fn a_name_that_is_another_accounts_is_none() {
    let mut bench = Bench::default();
    bench.learn(device_record(who(3, "ben"), BEN));
    bench.take(received(vec![by(BEN, 99, 1)]), [None, None]);
    assert_eq!(names(bench.naming.pop()), [None]);
}

#[test]
fn nothing_waits_longer_than_it_may() {
    let mut bench = Bench::default();
    bench.take(received(vec![by(BEN, 3, 1)]), BOTH);
    bench.at = bench.at + Duration::from_secs(1);
    bench.take(received(vec![by(ADA, 4, 2)]), BOTH);
    let first = bench.naming.deadline().unwrap().at;
    assert_eq!(first, Instant::default() + bench.limits.names_wait);
    bench.naming.release_until(channel(1), &bench.authors, first);
    assert_eq!(names(bench.naming.pop()), [None]);
    assert_eq!(bench.naming.pop(), None, "the second has waited a second less");
    let second = bench.naming.deadline().unwrap().at;
    bench.naming.release_until(channel(1), &bench.authors, second);
    assert_eq!(names(bench.naming.pop()), [None]);
    assert_eq!(bench.naming.deadline(), None);
}

#[test]
fn no_more_wait_than_may() {
    let mut bench = Bench { limits: Limits { held_messages_max: 3, ..Limits::default() }, ..Bench::default() };
    bench.take(received(vec![by(BEN, 3, 1), by(BEN, 3, 2)]), BOTH);
    bench.take(received(vec![by(BEN, 3, 3)]), BOTH);
    assert_eq!(bench.naming.pop(), None);
    bench.take(received(vec![by(BEN, 3, 4)]), BOTH);
    assert_eq!(names(bench.naming.pop()).len(), 2);
    assert_eq!(names(bench.naming.pop()).len(), 1);
    assert_eq!(names(bench.naming.pop()).len(), 1);
}

#[test]
fn questions_come_in_pages() {
    let mut bench = Bench { limits: Limits { page_rows_max: 2, ..Limits::default() }, ..Bench::default() };
    let messages = (1..=5_u8).map(|n| by(DeviceId([n; 32]), u64::from(n), u64::from(n))).collect();
    bench.take(received(messages), BOTH);
    let pages: Vec<usize> = core::iter::from_fn(|| bench.question()).map(|(_, devices)| devices.len()).collect();
    assert_eq!(pages, [2, 2, 1]);
}

#[test]
fn a_lost_link_is_not_waited_for() {
    let mut bench = Bench::default();
    bench.take(received(vec![by(BEN, 3, 1)]), [Some(SERVING), None]);
    bench.naming.on_link_down(SERVING);
    bench.naming.advance(channel(1), Sources { authors: &bench.authors, links: [None, None] });
    assert_eq!(names(bench.naming.pop()), [None]);
}

#[test]
fn the_cache_of_names_is_bounded_and_old_records_do_not_replace_new_ones() {
    let mut authors = Authors::default();
    assert_eq!(authors.learn(device_record(who(3, "ben"), BEN), 1).len(), 1);
    assert_eq!(authors.learn(device_record(who(3, "ben"), BEN), 1).len(), 0, "written again");
    let revoked = DeviceRecord { revoked: Some(UnixMillis(1)), ..(*device_record(who(3, "ben"), BEN)).clone() };
    assert_eq!(authors.learn(super::bench::sign(revoked), 1).len(), 1);
    assert_eq!(authors.learn(device_record(who(3, "ben"), BEN), 1).len(), 0, "an old record was taken");
    assert_eq!(authors.learn(device_record(who(4, "ada"), ADA), 1).len(), 2, "one comes, one goes");
    assert!(authors.record(&BEN).is_none());
}
