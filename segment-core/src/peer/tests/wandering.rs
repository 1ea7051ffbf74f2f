//! A channel that moves from device to device, whose owner hides, whose disks grow older: nothing is lost.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::Presence;
use segment_proto::{ChannelId, Who};

use super::storm::{NAMES, STEPS, by_author};
use super::world::{ADA, KEN, TRACKER, TWIN, World, ZOE, two, two_of};
use crate::peer::events::{PeerEvent, Serving};
use crate::random::Random;

/// Everybody writes, and everybody is a member.
fn three() -> (World, ChannelId, Vec<Who>) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    let people = NAMES.iter().map(|(node, _)| world.peer(*node).whoami().unwrap().who).collect();
    (world, channel, people)
}

fn designate(world: &mut World, channel: ChannelId, to: &Who, node: usize) {
    let device = World::device(node);
    // Where the owner is not logged in, or may not write, it stays.
    let _ = world.does(KEN, |peer, now| peer.designate(channel, to, device, now));
}

/// After a while in peace, everybody shows the same: all that was written, once, each author's in order.
fn settles(world: &mut World, channel: ChannelId, mut written: Vec<String>, what: &str) {
    world.revive();
    for _ in 0..60 {
        world.tend();
        world.wait(Duration::from_secs(1));
    }
    world.gather();
    world.wait(Duration::from_secs(60));
    let bad = |event: &&PeerEvent| matches!(event, PeerEvent::Suspicious { .. } | PeerEvent::MessageRefused { .. });
    let bad: Vec<_> = world.events.iter().flatten().filter(bad).cloned().collect();
    assert!(bad.is_empty(), "{what}: {bad:?}");
    let (first, _) = world.shows(KEN, channel);
    for (node, name) in NAMES {
        let (lines, committed) = world.shows(node, channel);
        assert_eq!(lines, first, "{what}: {name} shows something else");
        assert!(committed, "{what}: not all is committed at {name}");
        assert_eq!(world.peer(node).outgoing(channel).unwrap().count(), 0, "{what}: {name} waits");
    }
    assert!(by_author(&first).values().all(|numbers| numbers.is_sorted()), "{what}: reordered: {first:?}");
    let mut shown = first;
    shown.sort();
    written.sort();
    assert_eq!(shown, written, "{what}: lost or doubled");
}

/// How many messages were written.
fn wander(seed: u64) -> usize {
    let (mut world, channel, people) = three();
    let mut random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let mut written = Vec::new();
    for step in 0..STEPS {
        world.tend();
        written.extend(world.somebody_writes(channel, step, &mut random));
        match random.below(8) {
            0 | 1 => world.misfortune(&mut random),
            2 | 3 if world.nodes[KEN].is_some() => {
                let to = usize::try_from(random.below(3)).unwrap();
                designate(&mut world, channel, &people[to], NAMES[to].0);
            }
            4 if world.nodes[KEN].is_some() => {
                let presence = if random.below(2) == 0 { Presence::Online } else { Presence::Invisible };
                let _ = world.does(KEN, |peer, now| peer.set_status(presence, now));
            }
            _ => {}
        }
        world.wait(Duration::from_millis(random.below(1_500)));
    }
    let count = written.len();
    settles(&mut world, channel, written, &alloc::format!("seed {seed}"));
    let host = world.peer(KEN).channel(channel).unwrap().record.host;
    for (node, name) in NAMES {
        let here = World::device(node) == host;
        let expected = if here { Serving::Here } else { Serving::Host(host) };
        assert_eq!(world.serving(node, channel), expected, "seed {seed}: {name}");
    }
    count
}

#[test]
fn a_channel_that_wanders_loses_nothing() {
    let seeds = 0..100;
    let written: usize = seeds.clone().map(wander).sum();
    assert!(written > 30 * seeds.count(), "only {written} messages");
}

#[test]
fn a_channel_moves_under_load_and_back() {
    let (mut world, channel, people) = three();
    let mut written = Vec::new();
    for step in 0..60_u64 {
        if step % 15 == 5 {
            designate(&mut world, channel, &people[1], ADA);
        }
        if step % 15 == 10 {
            designate(&mut world, channel, &people[0], KEN);
        }
        let (node, name) = NAMES[usize::try_from(step % 3).unwrap()];
        world.send(node, channel, &alloc::format!("{step}"));
        written.push(alloc::format!("{name}: {step}"));
        world.wait(Duration::from_millis(30));
    }
    world.wait(Duration::from_secs(5));
    designate(&mut world, channel, &people[2], ZOE);
    world.wait(Duration::from_secs(5));
    assert_eq!(world.serving(ZOE, channel), Serving::Here);
    assert_eq!(world.serving(KEN, channel), Serving::Host(World::device(ZOE)));
    settles(&mut world, channel, written, "moves");
}

#[test]
fn an_owner_who_hides_reads_and_writes_and_hosts_again() {
    let (mut world, channel, _) = three();
    world.send(ADA, channel, "1");
    world.does(KEN, |peer, now| peer.set_status(Presence::Invisible, now)).unwrap();
    world.wait(Duration::from_secs(5));
    assert_eq!(world.serving(KEN, channel), Serving::Copy);
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.send(KEN, channel, "2");
    world.send(ADA, channel, "3");
    world.wait(Duration::from_secs(5));
    assert_eq!(world.shows(ADA, channel), (["ada: 1", "ken: 2", "ada: 3"].map(String::from).to_vec(), true));
    world.does(KEN, |peer, now| peer.set_status(Presence::Online, now)).unwrap();
    world.wait(Duration::from_secs(5));
    assert_eq!(world.serving(KEN, channel), Serving::Here);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
    settles(&mut world, channel, ["ada: 1", "ken: 2", "ada: 3"].map(String::from).to_vec(), "hides");
}

/// The disk of a host is copied, and both processes run: the tracker knows one of them at a time.
#[test]
fn a_host_that_is_started_twice_loses_nothing() {
    let (mut world, channel) = two_of(World::new(TWIN));
    world.send(KEN, channel, "1");
    world.send(ADA, channel, "2");
    world.wait(Duration::from_secs(2));
    world.kill(TWIN);
    let copy = world.disk(KEN);
    world.set_disk(TWIN, copy);
    world.return_of(TWIN, "ken");
    world.wait(Duration::from_secs(5));
    assert!(world.take(KEN).contains(&PeerEvent::Replaced));
    world.send(KEN, channel, "3");
    world.send(TWIN, channel, "4");
    world.send(ADA, channel, "5");
    world.wait(Duration::from_secs(5));
    assert_eq!(world.serving(TWIN, channel), Serving::Here);
    world.kill(TWIN);
    world.connect(KEN);
    let secret = segment_proto::messages::Secret("a password".into());
    world.does(KEN, |peer, now| peer.login("ken", secret, Presence::Online, now)).unwrap();
    world.wait(Duration::from_secs(90));
    let (lines, committed) = world.shows(KEN, channel);
    assert_eq!(world.shows(ADA, channel), (lines.clone(), true));
    let mut lines = lines;
    lines.sort();
    assert_eq!(
        (lines, committed),
        (["ada: 2", "ada: 5", "ken: 1", "ken: 3", "ken: 4"].map(String::from).to_vec(), true)
    );
    assert_eq!(world.peer(KEN).outgoing(channel).unwrap().count(), 0);
    assert_eq!(world.peer(KEN).host_report(channel).unwrap().resubmit, 0);
}

#[test]
fn a_tracker_with_an_older_disk_gets_back_what_it_has_lost() {
    let (mut world, channel, _) = three();
    let mut written = Vec::new();
    let mut say = |world: &mut World, node: usize, from: u64, to: u64| {
        for number in from..to {
            world.send(node, channel, &alloc::format!("{number}"));
            let name = NAMES.iter().find(|(known, _)| *known == node).unwrap().1;
            written.push(alloc::format!("{name}: {number}"));
        }
        world.wait(Duration::from_secs(1));
    };
    say(&mut world, ADA, 0, 5);
    let old = world.disk(TRACKER);
    say(&mut world, ZOE, 5, 10);
    say(&mut world, KEN, 10, 15);
    world.kill(TRACKER);
    world.set_disk(TRACKER, old);
    say(&mut world, ADA, 15, 20);
    world.start(TRACKER);
    settles(&mut world, channel, written, "older disk");
}
