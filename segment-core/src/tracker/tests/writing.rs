//! Writing at a tracker: handed on to the host by its link, and sequenced there once the host is away.

use alloc::vec::Vec;

use bytes::Bytes;
use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{ChannelId, Envelope, EnvelopeKind, Fence, Hash, Identity, Message, MessageKey, Reason, Signed};

use super::{TestHost, hosted};
use crate::tracker::bench::{Bench, Seen, User, create};
use crate::tracker::events::TrackerEvent;

fn submit(bench: &Bench, user: &User, channel: ChannelId, fence: Fence) -> Submit {
    let key = MessageKey { channel, device: user.device, incarnation: 1, seq: 1 };
    let (account, body) = (user.who.account, Bytes::from_static(b"hello"));
    let envelope = Envelope { key, account, prev: Hash::ZERO, sent: bench.now.wall, kind: EnvelopeKind::Text, body };
    Submit::new(channel, fence, alloc::vec![Signed::new(envelope, &Identity::simulated(user.device))])
}

fn scene(bench: &mut Bench) -> (User, User, TestHost) {
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let host = hosted(bench, &alice, create("general"));
    (alice, bob, host)
}

#[test]
fn the_host_answers_and_the_author_gets_what_it_says() {
    let mut bench = Bench::new();
    let (alice, bob, host) = scene(&mut bench);
    let sent = submit(&bench, &bob, host.channel, host.fence);
    let seen = bench.ask(bob.link, sent.clone());
    let [Seen::Ask(to, id, Message::Forward(forward))] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((*to, forward.account, forward.device), (alice.link, bob.who.account, bob.device));
    assert_eq!(forward.envelopes, sent.envelopes);
    let answer = Submitted { channel: host.channel, fence: host.fence, fates: Vec::new() };
    let seen = bench.receive(bob.link, Role::Response, *id, answer.clone().into());
    assert_eq!(seen, [], "not the host");
    let seen = bench.receive(alice.link, Role::Response, *id, answer.clone().into());
    assert_eq!(seen, [Seen::Answer(bob.link, answer.into())]);
    bench.close();
}

#[test]
fn a_host_that_logs_out_leaves_nobody_waiting_and_the_tracker_goes_on() {
    let mut bench = Bench::new();
    let (alice, bob, host) = scene(&mut bench);
    let channel = host.channel;
    let sent = submit(&bench, &bob, channel, host.fence);
    bench.ask(bob.link, sent.clone());
    let seen = bench.ask(alice.link, Logout {});
    assert!(seen.contains(&Seen::Answer(bob.link, Failure::retry_after(Reason::NotNow, 50).into())), "{seen:?}");

    let seen = bench.ask(bob.link, sent);
    let [
        Seen::Event(TrackerEvent::TookOver { fence, .. }),
        Seen::Push(to, Message::Fenced(fenced)),
        Seen::Answer(_, Message::Failure(failure)),
    ] = seen.as_slice()
    else {
        panic!("{seen:?}")
    };
    assert_eq!((fenced.record.fence, to.as_slice(), failure.reason), (*fence, &[bob.link][..], Reason::Fenced));
    let again = submit(&bench, &bob, channel, *fence);
    let Message::Submitted(submitted) = bench.answer(bob.link, again.clone()) else { panic!() };
    assert_eq!((submitted.fates[0].code, submitted.fates[0].pos), (FateCode::Committed, 1));

    bench.restart();
    let bob = bench.resume(2, &bob);
    let Message::Submitted(submitted) = bench.answer(bob.link, again) else { panic!() };
    assert_eq!((submitted.fates[0].code, submitted.fates[0].pos), (FateCode::Committed, 1), "after a restart");
    bench.close();
}
