#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use segment_proto::frame::Role;
use segment_proto::messages::*;
use segment_proto::{
    AccessChange, AccountId, ChannelId, Entry, Envelope, EnvelopeKind, Fence, Hash, Identity, LinkId, Message,
    MessageKey, Nonce, Position, Reason, RequestId, Rights, Signed, View, Visitors,
};

use crate::contract::Machine;
use crate::store::Table;
use crate::tracker::bench::{
    Bench, PASSWORD, Seen, User, announce, create, find, guest, hello, join, login, register, status,
};
use crate::tracker::events::TrackerEvent;

/// The host of a channel, as far as a tracker sees it.
struct TestHost {
    owner: User,
    channel: ChannelId,
    nonce: Nonce,
    fence: Fence,
    at: Position,
    prev: Hash,
}

impl TestHost {
    fn new(owner: &User, channel: ChannelId) -> Self {
        Self {
            owner: owner.clone(),
            channel,
            nonce: Nonce([1; 16]),
            fence: Fence::default(),
            at: Position::START,
            prev: Hash::ZERO,
        }
    }

    fn hello(&self) -> HostHello {
        HostHello {
            channel: self.channel,
            nonce: self.nonce,
            max_fence: self.fence,
            tip: self.at,
            resubmit: 0,
            receipt: None,
            epoch: None,
            after: self.at,
        }
    }

    /// Asks for an epoch and gets it. What follows from that.
    fn come(&mut self, bench: &mut Bench) -> Vec<Seen> {
        let Message::Adopt(adopt) = bench.answer(self.owner.link, self.hello()) else { panic!() };
        let generation = adopt.epochs.last().unwrap().fence.generation;
        let adopted = Adopted { channel: self.channel, nonce: self.nonce, generation, at: adopt.head };
        let seen = bench.ask(self.owner.link, adopted);
        let grant = seen.iter().find_map(|seen| match seen {
            Seen::Answer(_, Message::Grant(grant)) => Some(grant.record.fence),
            _ => None,
        });
        self.fence = grant.expect("granted");
        seen
    }

    /// Sequences a change of rights, and replicates it. What follows from that.
    fn change(&mut self, bench: &mut Bench, change: &AccessChange) -> Vec<Seen> {
        let replicate = self.replicate(bench, change);
        bench.push(self.owner.link, replicate)
    }

    fn replicate(&mut self, bench: &Bench, change: &AccessChange) -> Replicate {
        let seq = self.at.pos + 1;
        let key = MessageKey { channel: self.channel, device: self.owner.device, incarnation: 1, seq };
        let envelope = Envelope {
            key,
            account: self.owner.who.account,
            prev: self.prev,
            sent: bench.now.wall,
            kind: EnvelopeKind::Access,
            body: Bytes::from(postcard::to_allocvec(change).unwrap()),
        };
        let envelope = Signed::new(envelope, &Identity::simulated(self.owner.device));
        self.prev = envelope.hash();
        let entry = Entry { pos: seq, epoch: self.fence.epoch, sequenced: bench.now.wall, envelope };
        let before = self.at.chain;
        self.at = entry.position(&before);
        Replicate { channel: self.channel, fence: self.fence, before, entries: alloc::vec![entry] }
    }
}

fn hosted(bench: &mut Bench, owner: &User, message: CreateChannel) -> TestHost {
    let channel = bench.create_with(owner, message).record.channel;
    let mut host = TestHost::new(owner, channel);
    host.come(bench);
    host
}

fn row(bench: &mut Bench, user: &User, name: &str) -> ChannelRow {
    match bench.answer(user.link, find(name)) {
        Message::ChannelFound(found) => found.row,
        other => panic!("{other:?}"),
    }
}

/// Who was told that a channel has changed, and how it is.
fn changed(seen: &[Seen]) -> Option<(Vec<LinkId>, ChannelRow)> {
    let mut changes = seen.iter().filter_map(|seen| match seen {
        Seen::Push(to, Message::ChannelChanged(changed)) => Some((to.clone(), changed.row.clone())),
        _ => None,
    });
    let change = changes.next();
    assert!(changes.next().is_none(), "told once: {seen:?}");
    change.map(|(mut to, row)| {
        to.sort();
        (to, row)
    })
}

fn members(bench: &mut Bench, user: &User, channel: ChannelId) -> Vec<alloc::string::String> {
    match bench.answer(user.link, ListMembers { channel, after: AccountId::NOBODY }) {
        Message::MemberPage(page) => page.rows.iter().map(|row| row.who.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everybody_who_has_joined_is_told_when_the_host_comes_and_goes() {
    let mut bench = Bench::new();
    let users = [bench.register(1, "alice"), bench.register(2, "bob"), bench.register(3, "carol")];
    let vera = bench.guest(4, "vera");
    bench.guest(5, "vito");
    bench.answer(users[0].link, announce(22_237));
    let channel = bench.create(&users[0], "general").record.channel;
    bench.join(&users[1], "general");
    bench.join(&vera, "general");
    let mut host = TestHost::new(&users[0], channel);
    let seen = host.come(&mut bench);
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostPresence { channel, present: true })));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!(told, [users[0].link, users[1].link, vera.link]);
    assert_eq!((change.host_present, change.host), (true, Some("10.0.0.1:22237".parse().unwrap())));
    assert_eq!(row(&mut bench, &users[1], "general"), change);
    assert_eq!(row(&mut bench, &users[2], "general"), ChannelRow { joined: false, ..change });

    let seen = bench.cut(users[0].link);
    assert!(seen.contains(&Seen::Event(TrackerEvent::HostPresence { channel, present: false })));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!(told, [users[1].link, vera.link]);
    assert_eq!((change.host_present, change.host), (false, None));
    bench.close();
}

#[test]
fn the_epoch_is_shown_with_the_channel() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let host = hosted(&mut bench, &alice, create("general"));
    let Message::ChannelFound(found) = bench.answer(alice.link, find("general")) else { panic!() };
    assert_eq!(found.epoch.unwrap().fence, host.fence);
    bench.close();
}

#[test]
fn a_host_that_moves_is_announced_and_one_that_stays_is_not() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let (told, change) = changed(&bench.ask(alice.link, announce(5))).unwrap();
    assert_eq!((told, change.host), (alloc::vec![alice.link, bob.link], Some("10.0.0.1:5".parse().unwrap())));
    assert_eq!(changed(&bench.ask(alice.link, announce(5))), None);
    assert_eq!(changed(&bench.ask(bob.link, announce(6))), None);
    bench.close();
}

#[test]
fn a_silent_host_counts_as_away_until_it_is_heard_again() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    for _ in 0..5 {
        bench.wait(Duration::from_millis(1_900));
        assert_eq!(bench.ask(alice.link, Ping {}).len(), 1, "every sign of life counts");
    }
    let (_, change) = changed(&bench.wait(Duration::from_secs(2))).unwrap();
    assert!(!change.host_present);
    let (_, change) = changed(&bench.push(alice.link, Goodbye { reason: Reason::NotNow })).unwrap();
    assert!(change.host_present);
    bench.close();
}

#[test]
fn another_device_neither_hosts_nor_keeps_the_host_alive() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let host = hosted(&mut bench, &alice, create("general"));
    let refusal = bench.answer(bob.link, host.hello());
    assert!(matches!(refusal, Message::Failure(failure) if failure.reason == Reason::NotHost));
    bench.wait(Duration::from_secs(1));
    bench.ask(bob.link, Ping {});
    assert!(changed(&bench.wait(Duration::from_secs(1))).is_some());
    bench.close();
}

#[test]
fn a_host_that_logs_in_again_is_away_until_it_has_its_epoch() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let link = bench.greet(1);
    let seen = bench.ask(link, login("alice", PASSWORD));
    let (_, change) = changed(&seen).unwrap();
    assert!(!change.host_present);
    host.owner.link = link;
    host.nonce = Nonce([2; 16]);
    let (told, change) = changed(&host.come(&mut bench)).unwrap();
    assert_eq!((told, change.host_present), (alloc::vec![bob.link, link], true));
    bench.close();
}

#[test]
fn logging_out_ends_hosting_at_once() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    let (told, change) = changed(&bench.ask(alice.link, Logout {})).unwrap();
    assert_eq!((told, change.host_present), (alloc::vec![bob.link], false));
    bench.close();
}

#[test]
fn a_members_channel_is_closed_to_a_user_until_it_is_allowed() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, CreateChannel { view: View::Members, ..create("hidden") });
    assert_eq!(bench.reason(bob.link, join("hidden")), Reason::MembersOnly);
    let subscribe = Subscribe { channel: host.channel, certificate: None, device: None, receipt: None };
    assert!(matches!(bench.answer(bob.link, subscribe.clone()), Message::Failure(_)));
    host.change(&mut bench, &AccessChange::allow(bob.who.account, "bob".to_string(), Rights::READ));
    assert!(bench.join(&bob, "hidden").joined);
    assert!(matches!(bench.answer(bob.link, subscribe), Message::Subscribed(_)));
    bench.close();
}

#[test]
fn who_is_kicked_is_no_member_any_more_and_the_others_are_told() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice", "bob"]);
    let seen = host.change(&mut bench, &AccessChange::kick(bob.who.account, "bob".to_string()));
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice"]);
    assert_eq!(bench.store.count(Table::Member), 1);
    assert_eq!(bench.reason(bob.link, join("general")), Reason::MembersOnly);
    assert_eq!(bench.reason(bob.link, find("general")), Reason::MembersOnly);
    let mine = ListChannels { filter: ChannelFilter::Joined, after: "".to_string() };
    assert_eq!(bench.answer(bob.link, mine), ChannelPage { rows: Vec::new(), more: false }.into());
    bench.close();
}

#[test]
fn who_is_kicked_while_joining_does_not_get_in() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.hold();
    host.change(&mut bench, &AccessChange::deny(bob.who.account, "bob".to_string()));
    assert_eq!(bench.ask(bob.link, join("general")), []);
    bench.release();
    let seen = bench.release();
    assert!(
        matches!(&seen[0], Seen::Answer(to, Message::Failure(f)) if *to == bob.link && f.reason == Reason::MembersOnly)
    );
    bench.release();
    bench.held = None;
    assert_eq!(bench.store.count(Table::Member), 1);
    bench.close();
}

#[test]
fn visitors_who_may_not_read_any_more_are_not_told_any_more() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let mut host = hosted(&mut bench, &alice, create("general"));
    let vera = bench.guest(2, "vera");
    bench.join(&vera, "general");
    let seen = host.change(&mut bench, &AccessChange::set_visitors(Visitors::Nothing));
    let (told, change) = changed(&seen).unwrap();
    assert_eq!((told, change.visitors), (alloc::vec![alice.link], Visitors::Nothing));
    assert_eq!(bench.reason(vera.link, find("general")), Reason::NoVisitors);
    let seen = host.change(&mut bench, &AccessChange::set_visitors(Visitors::Read));
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    assert!(!row(&mut bench, &vera, "general").joined);
    bench.close();
}

#[test]
fn a_kick_survives_a_crash_before_the_member_was_forgotten() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    bench.hold();
    host.change(&mut bench, &AccessChange::kick(bob.who.account, "bob".to_string()));
    bench.release();
    assert_eq!((bench.store.count(Table::Member), bench.waiting()), (2, 1));
    bench.restart();
    assert_eq!(bench.store.count(Table::Member), 1);
    let alice = bench.resume(1, &alice);
    assert_eq!(members(&mut bench, &alice, host.channel), ["alice"]);
    bench.close();
}

#[test]
fn rights_survive_a_restart() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut host = hosted(&mut bench, &alice, create("general"));
    host.change(&mut bench, &AccessChange::set_view(View::Members));
    bench.restart();
    let bob = bench.resume(2, &bob);
    assert_eq!(bench.reason(bob.link, join("general")), Reason::MembersOnly);
    bench.close();
}

#[test]
fn hosts_are_told_of_a_logout_of_those_who_have_joined() {
    let mut bench = Bench::new();
    let (alice, bob, carol) = (bench.register(1, "alice"), bench.register(2, "bob"), bench.register(3, "carol"));
    hosted(&mut bench, &alice, create("one"));
    hosted(&mut bench, &alice, create("two"));
    ["one", "two"].iter().for_each(|name| drop(bench.join(&bob, name)));
    let revoked = |user: &User| {
        let revoked = Revoked { session: user.session, device: user.device };
        Seen::Push(alloc::vec![alice.link], revoked.into())
    };
    let seen = bench.ask(bob.link, Logout {});
    assert_eq!(seen.iter().filter(|seen| **seen == revoked(&bob)).count(), 1, "once: {seen:?}");
    assert!(!bench.ask(carol.link, Logout {}).contains(&revoked(&carol)), "it had joined nothing");
    let seen = bench.ask(alice.link, Logout {});
    assert!(!seen.iter().any(|seen| matches!(seen, Seen::Push(_, Message::Revoked(_)))), "its own host knows");
    bench.close();
}

#[test]
fn an_invisible_session_logs_out_unnoticed() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    bench.ask(bob.link, status(Presence::Invisible));
    let seen = bench.ask(bob.link, Logout {});
    assert!(!seen.iter().any(|seen| matches!(seen, Seen::Push(..))), "{seen:?}");
    bench.close();
}

#[test]
fn channel_messages_need_a_channel_that_exists() {
    let mut bench = Bench::new();
    let alice = bench.register(1, "alice");
    let nowhere = ChannelId::from_random([3; 16]);
    let subscribe = Subscribe { channel: nowhere, certificate: None, device: None, receipt: None };
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
    let subscribe = |channel| Subscribe { channel, certificate: None, device: None, receipt: None };
    for channel in [channels[0], channels[1], channels[1]] {
        assert!(matches!(bench.answer(vera.link, subscribe(channel)), Message::Subscribed(_)));
    }
    assert_eq!(bench.reason(vera.link, subscribe(channels[2])), Reason::LimitReached);
    bench.close();
}

#[test]
fn a_link_without_room_misses_changes_and_finds_them_again() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let channel = bench.create(&alice, "general").record.channel;
    bench.join(&bob, "general");
    bench.writable(bob.link, 0);
    let seen = TestHost::new(&alice, channel).come(&mut bench);
    assert_eq!(changed(&seen).unwrap().0, [alice.link]);
    assert!(row(&mut bench, &bob, "general").host_present);
    bench.close();
}

/// What a run sends to everybody but the one whose presence is in question.
fn run(x: impl Fn(&mut Bench, LinkId)) -> Vec<Seen> {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.register(1, "alice"), bench.register(2, "bob"));
    let mut xavier = bench.register(3, "xavier");
    let mut host = hosted(&mut bench, &alice, create("general"));
    bench.join(&bob, "general");
    bench.join(&xavier, "general");
    bench.answer(xavier.link, Logout {});
    xavier.link = bench.greet(3);
    x(&mut bench, xavier.link);
    let channel = host.channel;
    let asked: [Message; 6] = [
        ListUsers { after: None }.into(),
        ListMembers { channel, after: AccountId::NOBODY }.into(),
        ListChannels { filter: ChannelFilter::All, after: "".to_string() }.into(),
        find("general").into(),
        create("other").into(),
        FindDevices { devices: alloc::vec![xavier.device] }.into(),
    ];
    let mut seen = Vec::new();
    for message in asked {
        seen.extend(bench.ask(bob.link, message));
    }
    seen.extend(host.change(&mut bench, &AccessChange::set_visitors(Visitors::Nothing)));
    seen.extend(bench.ask(xavier.link, Logout {}));
    let others = |to: &LinkId| *to != xavier.link;
    seen.retain_mut(|seen| match seen {
        Seen::Push(to, _) => {
            to.retain(others);
            !to.is_empty()
        }
        Seen::Answer(to, _) => others(to),
        _ => false,
    });
    bench.close();
    seen
}

#[test]
fn invisible_is_indistinguishable_from_offline() {
    let invisible = run(|bench, link| {
        bench.log_in(link, 3, Login { presence: Presence::Invisible, ..login("xavier", PASSWORD) });
        bench.answer(link, ListUsers { after: None });
        bench.answer(link, announce(99));
        bench.answer(link, find("general"));
    });
    let offline = run(|_, _| {});
    assert_eq!(invisible, offline);
    let online = run(|bench, link| drop(bench.log_in(link, 3, login("xavier", PASSWORD))));
    assert_ne!(online, offline, "the test sees what it looks for");
}

#[test]
fn every_reason_that_a_tracker_gives_is_given_somewhere_here() {
    let sources = [
        include_str!("tests.rs"),
        include_str!("../directory/tests/accounts.rs"),
        include_str!("../directory/tests/channels.rs"),
        include_str!("../directory/tests/hello.rs"),
        include_str!("../directory/tests/lists.rs"),
        include_str!("../directory/tests/logins.rs"),
        include_str!("../directory/tests/presence.rs"),
        include_str!("../directory/tests/sessions.rs"),
        include_str!("../directory/tests/visitors.rs"),
    ];
    let code = [
        include_str!("mod.rs"),
        include_str!("backups.rs"),
        include_str!("../directory/mod.rs"),
        include_str!("../directory/accounts.rs"),
        include_str!("../directory/changes.rs"),
        include_str!("../directory/channels.rs"),
        include_str!("../directory/creating.rs"),
        include_str!("../directory/links.rs"),
        include_str!("../directory/lists.rs"),
        include_str!("../directory/login.rs"),
        include_str!("../directory/members.rs"),
        include_str!("../directory/presence.rs"),
        include_str!("../directory/refusal.rs"),
        include_str!("../directory/registering.rs"),
        include_str!("../directory/staying.rs"),
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
