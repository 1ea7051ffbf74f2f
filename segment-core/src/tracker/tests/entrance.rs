//! What is asked of the wrong one, or too often, or is rubbish.

use alloc::vec::Vec;

use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{ChannelId, Evidence, Message, Reason, RequestId};

use super::TestHost;
use crate::contract::Machine;
use crate::tracker::bench::{Bench, PASSWORD, Seen, guest, hello, join, login, register};

#[test]
fn channel_messages_need_a_channel_that_exists() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let nowhere = ChannelId::from_random([3; 16]);
    let subscribe = Subscribe { channel: nowhere, certificate: None, device: None, evidence: Evidence::default() };
    assert_eq!(bench.reason(alice.link, subscribe), Reason::NoSuchChannel);
    assert_eq!(bench.push(alice.link, TestHost::new(&alice, nowhere).hello()), [], "nobody waits for an answer");
    bench.close();
}

#[test]
fn one_link_subscribes_to_a_limited_number_of_channels() {
    let mut bench = Bench::with_limits(|limits| limits.joined_channels_max = 2);
    let mut channels = Vec::new();
    for (device, name) in [(1, "one"), (2, "two"), (3, "three")] {
        let owner = bench.register(device, name);
        channels.push(bench.create(&owner, name).record.channel);
    }
    let vera = bench.guest(9, "vera");
    let subscribe = |channel| Subscribe { channel, certificate: None, device: None, evidence: Evidence::default() };
    for channel in [channels[0], channels[1], channels[1]] {
        assert!(matches!(bench.answer(vera.link, subscribe(channel)), Message::Subscribed(_)));
    }
    assert_eq!(bench.reason(vera.link, subscribe(channels[2])), Reason::LimitReached);
    bench.close();
}

#[test]
fn every_reason_that_a_tracker_gives_is_given_somewhere_here() {
    let sources = [
        include_str!("entrance.rs"),
        include_str!("hosting.rs"),
        include_str!("rights.rs"),
        include_str!("hiding.rs"),
        include_str!("../../directory/tests/accounts.rs"),
        include_str!("../../directory/tests/channels.rs"),
        include_str!("../../directory/tests/hello.rs"),
        include_str!("../../directory/tests/lists.rs"),
        include_str!("../../directory/tests/logins.rs"),
        include_str!("../../directory/tests/presence.rs"),
        include_str!("../../directory/tests/sessions.rs"),
        include_str!("../../directory/tests/visitors.rs"),
    ];
    let code = [
        include_str!("../mod.rs"),
        include_str!("../backups.rs"),
        include_str!("../../directory/mod.rs"),
        include_str!("../../directory/accounts.rs"),
        include_str!("../../directory/changes.rs"),
        include_str!("../../directory/channels.rs"),
        include_str!("../../directory/creating.rs"),
        include_str!("../../directory/links.rs"),
        include_str!("../../directory/lists.rs"),
        include_str!("../../directory/login.rs"),
        include_str!("../../directory/members.rs"),
        include_str!("../../directory/presence.rs"),
        include_str!("../../directory/refusal.rs"),
        include_str!("../../directory/registering.rs"),
        include_str!("../../directory/staying.rs"),
    ];
    for reason in Reason::ALL {
        let name = alloc::format!("Reason::{reason:?}");
        let is_whole = |text: &str, at: usize| !text[at + name.len()..].starts_with(char::is_alphanumeric);
        let has = |text: &&str| text.match_indices(&name).any(|(at, _)| is_whole(text, at));
        // An operation with an outcome of another kind: no driver does that.
        let is_given = *reason != Reason::StorageFailed && code.iter().any(has);
        assert!(!is_given || sources.iter().any(has), "{name} is given and not tested");
    }
}

#[test]
fn rubbish_at_the_entrance_leaves_others_alone() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let channel = bench.create(&alice, "general").record.channel;
    let stranger = bench.connect(9);
    let id = RequestId::from_random([4; 16]);
    let rubbish: [Message; 8] = [
        hello().into(),
        guest("\u{7}").into(),
        register("alice", PASSWORD).into(),
        login("alice", "").into(),
        join("general").into(),
        TestHost::new(&alice, channel).hello().into(),
        Done {}.into(),
        Logout {}.into(),
    ];
    for message in rubbish {
        for role in [Role::Push, Role::Request, Role::Response] {
            let seen = bench.receive(stranger, role, id, message.clone());
            let others = seen.iter().any(|seen| match seen {
                Seen::Push(..) => true,
                Seen::Answer(to, _) => *to != stranger,
                _ => false,
            });
            assert!(!others, "{seen:?}");
        }
    }
    assert!(matches!(bench.answer(alice.link, Ping {}), Message::Pong(_)));
    assert_eq!(bench.tracker.operations(), 0);
    assert!(bench.tracker.poll_timeout().is_some());
    bench.close();
}
