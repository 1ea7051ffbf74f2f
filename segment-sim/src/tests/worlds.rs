use core::time::Duration;

use segment_core::peer::Unsent;
use segment_proto::messages::Secret;
use segment_proto::{View, Visitors};

use crate::checkers::{Check, Finding};
use crate::network::NodeId;
use crate::plant::Plant;
use crate::run::{Totals, live, replay};
use crate::scenario::{Focus, Scenario, Shape};
use crate::trace::Printing;
use crate::user::Mood;
use crate::world::World;

const SEEDS: u64 = 120;

#[test]
fn nothing_breaks_in_the_storm_and_everything_comes_to_rest() {
    let mut totals = Totals::default();
    for seed in 1..=SEEDS {
        let outcome = live(seed, Focus::Anything, Plant::Nothing, Printing::Silent);
        let findings: Vec<String> = outcome.findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "seed {seed}: {findings:#?}\n{}", replay(seed, Focus::Anything, Plant::Nothing));
        totals.add(&outcome);
    }
    println!("{} messages and {} faults on average", totals.committed_mean(), totals.faults_mean());
    assert!(totals.committed_mean() >= 500, "worlds in which little happens prove little: {totals:?}");
    assert!(totals.faults_mean() >= 5, "worlds in which little goes wrong prove little: {totals:?}");
}

#[test]
fn same_seed_same_trace() {
    for seed in 1..=12 {
        let (first, second) = (
            live(seed, Focus::Anything, Plant::Nothing, Printing::Silent),
            live(seed, Focus::Anything, Plant::Nothing, Printing::Silent),
        );
        assert_eq!((first.trace, first.steps), (second.trace, second.steps), "seed {seed}");
        assert_ne!(first.trace, live(seed + 100, Focus::Anything, Plant::Nothing, Printing::Silent).trace);
    }
}

/// One owner and one member, who has written and left.
fn who_has_left() -> (World, NodeId, segment_proto::ChannelId) {
    let mut world = World::new(&Scenario::calm(1, Shape::default()), Printing::Silent);
    world.set_mood(Mood::Quiet);
    world.run_for(Duration::from_secs(20));
    let member = NodeId(2);
    let channel = world.peer(member).unwrap().channels().next().expect("joined").record.channel;
    assert_eq!(world.write(member, channel, "before"), Some(1));
    world.run_for(Duration::from_secs(2));
    world.command(member, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap().unwrap();
    world.checkers.views.on_left(member, channel);
    (world, member, channel)
}

#[test]
fn who_leaves_and_joins_again_uses_no_key_twice() {
    let (mut world, member, channel) = who_has_left();
    let sent = world.command(member, |peer, now| peer.send(channel, "while leaving", now)).unwrap();
    assert!(sent.is_err(), "it would be lost");
    world.run_for(Duration::from_secs(20));
    world.crash(member, crate::network::Notice::Reset);
    world.run_for(Duration::from_secs(40));
    assert!(world.peer(member).unwrap().channel(channel).is_some_and(|view| view.member), "users join again");
    assert_eq!(world.write(member, channel, "after"), Some(2));
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.checkers.findings.all(), []);
    let ledger = world.checkers.ledger.channel(&channel).unwrap();
    assert_eq!(ledger.entries().iter().filter(|entry| entry.text.is_some()).count(), 2);
}

#[test]
fn a_script_needs_no_swarm() {
    let mut world = World::new(&Scenario::calm(7, Shape { members: 2, ..Shape::default() }), Printing::Silent);
    world.set_mood(Mood::Quiet);
    world.run_for(Duration::from_secs(10));
    let owner = NodeId(1);
    let create = |peer: &mut segment_core::peer::Peer, now| {
        assert!(peer.register("no", Secret("short".into()), segment_proto::messages::Presence::Online, now).is_err());
        peer.create_channel("scripted", View::Public, Visitors::Read, now)
    };
    world.command(owner, create).unwrap().unwrap();
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.peer(owner).unwrap().channels().count(), 2);
}

/// Each planted fault, the checks that may find it, and within how many seeds.
const PLANTS: &[(&str, &[Check], u64)] = &[
    ("without-dedupe", &[Check::NothingSuspicious, Check::OnceEach, Check::RestOutboxes], 30),
    ("without-author-chain", &[Check::NothingSuspicious, Check::AuthorOrder, Check::OnceEach, Check::SendRight], 80),
    ("without-send-right", &[Check::SendRight], 60),
    ("without-outbox-before-submit", &[Check::DurableBeforeSaid], 5),
    ("without-outbox-until-committed", &[Check::NothingLost, Check::CommittedStands], 5),
    ("without-store-before-stored", &[Check::DurableBeforeSaid], 5),
    ("without-store-before-replicate", &[Check::DurableBeforeSaid], 5),
    ("without-store-before-receipt", &[Check::DurableBeforeSaid], 5),
    ("without-fresh-epoch", &[Check::OneSequencer], 250),
    ("without-receipt-on-chain", &[Check::NothingSuspicious, Check::CommittedStands], 120),
    ("without-kick-moves-row", &[Check::SendRight, Check::RestOutboxes], 10),
    ("without-read-right", &[Check::ReadRight], 10),
    ("without-hide-invisible", &[Check::Invisible], 10),
    ("disk-never-syncs", &[Check::DurableBeforeSaid], 5),
    ("disk-tears-transactions", &[Check::NothingSuspicious, Check::DurableBeforeSaid, Check::Contract], 250),
    ("peer-hides-transfers", &[Check::TrueSource], 10),
    ("peer-names-wrong-source", &[Check::TrueSource], 5),
    ("peer-shows-twice", &[Check::OnceEach], 5),
    ("peer-ignores-full-queues", &[Check::Limits], 120),
    ("peer-keeps-old-deadlines", &[Check::Contract], 5),
    ("peer-forgets-hangups", &[Check::RestLeftovers], 10),
];

#[test]
fn every_planted_fault_is_found() {
    let mut missed = Vec::new();
    for (name, checks, seeds) in PLANTS {
        let plant = Plant::named(name).expect(name);
        let found = (1..=*seeds).find(|seed| {
            let outcome = live(*seed, Focus::Anything, plant, Printing::Silent);
            outcome.findings.first().is_some_and(|finding| checks.contains(&finding.check))
        });
        println!("{name}: found with seed {found:?}");
        if found.is_none() {
            missed.push(*name);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn an_impure_machine_is_found() {
    let trace = || live(1, Focus::Anything, Plant::Impure, Printing::Silent).trace;
    assert_ne!(trace(), trace());
}
