//! What others may notice of a session.

use alloc::string::ToString;
use alloc::vec::Vec;

use segment_proto::messages::*;
use segment_proto::{AccessChange, AccountId, LinkId, Message, Visitors};

use super::hosted;
use crate::tracker::bench::{Bench, PASSWORD, Seen, User, announce, create, find, login, status};

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
