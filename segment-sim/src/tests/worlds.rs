use core::time::Duration;

use segment_core::peer::Unsent;
use segment_proto::messages::Secret;
use segment_proto::{View, Visitors};

use crate::checkers::Finding;
use crate::network::NodeId;
use crate::plant::Plant;
use crate::run::{Totals, live, replay};
use crate::scenario::{Scenario, Shape};
use crate::trace::Printing;
use crate::user::Mood;
use crate::world::World;

const SEEDS: u64 = 120;

#[test]
fn nothing_breaks_in_the_storm_and_everything_comes_to_rest() {
    let mut totals = Totals::default();
    for seed in 1..=SEEDS {
        let outcome = live(seed, Plant::Nothing, Printing::Silent);
        let findings: Vec<String> = outcome.findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "seed {seed}: {findings:#?}\n{}", replay(seed, Plant::Nothing));
        totals.add(&outcome);
    }
    println!("{} messages and {} faults on average", totals.committed_mean(), totals.faults_mean());
    assert!(totals.committed_mean() >= 500, "worlds in which little happens prove little: {totals:?}");
    assert!(totals.faults_mean() >= 5, "worlds in which little goes wrong prove little: {totals:?}");
}

#[test]
fn same_seed_same_trace() {
    for seed in 1..=12 {
        let (first, second) =
            (live(seed, Plant::Nothing, Printing::Silent), live(seed, Plant::Nothing, Printing::Silent));
        assert_eq!((first.trace, first.steps), (second.trace, second.steps), "seed {seed}");
        assert_ne!(first.trace, live(seed + 100, Plant::Nothing, Printing::Silent).trace);
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

#[test]
fn an_impure_machine_is_found() {
    let trace = || live(1, Plant::Impure, Printing::Silent).trace;
    assert_ne!(trace(), trace());
}
