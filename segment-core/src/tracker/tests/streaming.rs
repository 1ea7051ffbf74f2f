//! Streams of channels whose host is there, for those who are not linked to it.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{AccessChange, ChannelId, Evidence, Frame, LinkId, Message, Reason, RequestId, StreamId, Visitors};

use super::{TestHost, hosted};
use crate::tracker::bench::{Bench, Seen, User, create, status};

const STREAM: StreamId = StreamId(uuid::Uuid::from_bytes([3; 16]));
const ID: RequestId = RequestId(uuid::Uuid::from_bytes([9; 16]));

/// `alice` hosts a channel, and `bob`, who has joined it, is invisible.
fn town() -> (Bench, User, User, TestHost) {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    bench.ask(bob.link, status(Presence::Invisible));
    (bench, alice, bob, host)
}

/// What was handed on, to whom.
fn forwarded(seen: &[Seen]) -> Vec<(LinkId, ForwardStream)> {
    let handed = |seen: &Seen| match seen {
        Seen::Push(to, Message::ForwardStream(forward)) => Some((to[0], forward.clone())),
        _ => None,
    };
    seen.iter().filter_map(handed).collect()
}

fn watch(channel: ChannelId) -> Watch {
    Watch { channel, stream: STREAM, relay_kbps: 900, port: 7, advertise: None, listed: true, parent: None }
}

fn back(channel: ChannelId, session: u64, frame: &Frame) -> ReturnStream {
    ReturnStream { channel, session, frame: frame.bytes() }
}

#[test]
fn what_is_asked_of_streams_is_handed_on_to_a_host_that_is_there_and_so_is_its_answer() {
    let (mut bench, alice, bob, TestHost { channel, .. }) = town();
    let seen = bench.receive(bob.link, Role::Request, ID, ListStreams { channel }.into());
    let [(to, forward)] = &forwarded(&seen)[..] else { panic!("{seen:?}") };
    assert_eq!((*to, seen.len(), &forward.who, forward.device), (alice.link, 1, &bob.who, bob.device));
    assert_eq!(forward.seen, None, "from where is nobody's business");
    let (header, message, _) = carried(&forward.frame).unwrap();
    assert_eq!((header.correlation, message), (ID, ListStreams { channel }.into()));
    let page = StreamPage { channel, rows: Vec::new() };
    let seen = bench.push(alice.link, back(channel, forward.session, &Frame::response(ID, &page)));
    assert_eq!(seen, [Seen::Answer(bob.link, page.into())]);
    bench.close();
}

#[test]
fn nobody_is_told_to_dial_who_is_invisible_or_shown_them() {
    let (mut bench, alice, bob, TestHost { channel, .. }) = town();
    let seen = bench.ask(bob.link, watch(channel));
    let handed = |seen: &[Seen]| carried(&forwarded(seen)[0].1.frame).unwrap().1;
    let hidden = Watch { relay_kbps: 0, port: 0, listed: false, ..watch(channel) };
    assert_eq!(handed(&seen), hidden.into());
    bench.ask(bob.link, status(Presence::Online));
    let seen = bench.ask(bob.link, watch(channel));
    assert_eq!((handed(&seen), forwarded(&seen)[0].1.seen.is_some()), (watch(channel).into(), true));
    bench.cut(alice.link);
    bench.close();
}

#[test]
fn a_host_is_told_when_somebody_is_gone_who_has_spoken_to_it() {
    let (mut bench, alice, bob, TestHost { channel, .. }) = town();
    bench.ask(bob.link, watch(channel));
    let seen = bench.cut(bob.link);
    let [(to, forward)] = &forwarded(&seen)[..] else { panic!("{seen:?}") };
    assert_eq!((*to, forward.device, forward.frame.len()), (alice.link, bob.device, 0));
    bench.close();
}

#[test]
fn a_host_speaks_only_to_those_who_have_spoken_to_it_and_only_of_its_streams() {
    let (mut bench, alice, bob, TestHost { channel, .. }) = town();
    let unwatched = Unwatched { channel, stream: STREAM, reason: Reason::MembersOnly };
    let push =
        |bench: &mut Bench, from: LinkId, to: LinkId, frame: Frame| bench.push(from, back(channel, to.0, &frame)).len();
    assert_eq!(push(&mut bench, alice.link, bob.link, Frame::push(&unwatched)), 0, "has not spoken");
    bench.ask(bob.link, watch(channel));
    assert_eq!(push(&mut bench, alice.link, bob.link, Frame::push(&unwatched)), 1);
    let carol = bench.register(3, "carol");
    assert_eq!(push(&mut bench, carol.link, bob.link, Frame::push(&unwatched)), 0, "not the host");
    assert_eq!(push(&mut bench, alice.link, bob.link, Frame::push(&Ping {})), 0, "not of a stream");
    let other = Unwatched { channel: ChannelId::from_random([8; 16]), ..unwatched };
    assert_eq!(push(&mut bench, alice.link, bob.link, Frame::push(&other)), 0, "not of its channel");
    assert_eq!(bench.push(alice.link, ReturnStream { channel, session: bob.link.0, frame: "?".into() }), []);
    bench.close();
}

#[test]
fn readers_of_the_copy_are_told_what_the_host_tells_its_members_and_nobody_else_is_believed() {
    let (mut bench, alice, bob, TestHost { channel, .. }) = town();
    bench.ask(bob.link, Subscribe { channel, certificate: None, device: None, evidence: Evidence::default() });
    let stopped = StreamStopped { channel, stream: STREAM, reason: Reason::ShuttingDown };
    assert_eq!(bench.push(alice.link, stopped.clone()), [Seen::Push(alloc::vec![bob.link], stopped.clone().into())]);
    assert_eq!(bench.push(bob.link, stopped), []);
    bench.close();
}

#[test]
fn who_may_not_read_a_channel_is_not_told_its_streams() {
    let (mut bench, alice, _, mut host) = town();
    host.change(&mut bench, &AccessChange::set_visitors(Visitors::Nothing));
    bench.cut(alice.link);
    let vera = bench.guest(4, "vera");
    let Message::Failure(failure) = bench.answer(vera.link, ListStreams { channel: host.channel }) else { panic!() };
    assert_eq!(failure.reason, Reason::NoVisitors);
    bench.wait(Duration::from_secs(2));
    bench.close();
}
