//! Disks that are put back from a backup, and disks that are gone: what was committed is there once afterwards.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::ChannelId;

use super::storm::{NAMES, STEPS};
use super::world::{ADA, KEN, TRACKER, World, ZOE, two};
use crate::peer::events::PeerEvent;
use crate::random::Random;
use crate::testing::TestStore;

/// Three people in `#general`, with so many messages each that are committed everywhere.
fn three(count: usize) -> (World, ChannelId) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.wait(Duration::from_secs(1));
    for n in 0..count {
        for node in [KEN, ADA, ZOE] {
            world.send(node, channel, &n.to_string());
        }
        world.wait(Duration::from_secs(1));
    }
    (world, channel)
}

fn put_back(world: &mut World, node: usize, disk: TestStore) {
    world.kill(node);
    world.stores[node] = disk;
    world.start(node);
}

pub(super) fn come_back(world: &mut World, node: usize, name: &str) {
    world.wait(Duration::from_secs(1));
    world.return_of(node, name);
}

/// What everybody shows, if that is the same and all of it is committed.
fn agreed(world: &mut World, channel: ChannelId) -> Vec<String> {
    let (lines, committed) = world.shows(KEN, channel);
    assert!(committed, "not all is committed: {lines:?}");
    for node in [ADA, ZOE] {
        assert_eq!(world.shows(node, channel), (lines.clone(), true), "node {node}");
    }
    for node in [KEN, ADA, ZOE] {
        assert_eq!(world.peer(node).outgoing(channel).unwrap().count(), 0, "node {node} waits");
    }
    lines
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn all(counts: [usize; 3]) -> Vec<String> {
    let names = ["ada", "ken", "zoe"];
    let of = |(name, count): (&str, usize)| (0..count).map(move |n| alloc::format!("{name}: {n}")).collect::<Vec<_>>();
    names.into_iter().zip(counts).flat_map(of).collect()
}

fn nothing_suspicious(world: &World) {
    let bad = |event: &&PeerEvent| matches!(event, PeerEvent::Suspicious { .. } | PeerEvent::MessageRefused { .. });
    let bad: Vec<_> = world.events.iter().flatten().filter(bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_tracker_with_an_older_disk_is_given_back_what_it_has_lost() {
    let (mut world, channel) = three(2);
    let old = world.stores[TRACKER].clone();
    for n in 2..5 {
        for node in [KEN, ADA, ZOE] {
            world.send(node, channel, &n.to_string());
        }
        world.wait(Duration::from_secs(1));
    }
    put_back(&mut world, TRACKER, old);
    world.wait(Duration::from_secs(60));
    assert_eq!(sorted(agreed(&mut world, channel)), all([5, 5, 5]));
    nothing_suspicious(&world);
}

#[test]
fn members_give_it_back_where_the_host_is_away() {
    let (mut world, channel) = three(2);
    let old = world.stores[TRACKER].clone();
    for n in 2..5 {
        world.send(ADA, channel, &n.to_string());
        world.wait(Duration::from_secs(1));
    }
    world.kill(KEN);
    world.wait(Duration::from_secs(4));
    put_back(&mut world, TRACKER, old);
    world.wait(Duration::from_secs(60));
    world.send(ZOE, channel, "2");
    world.wait(Duration::from_secs(5));
    world.start(KEN);
    come_back(&mut world, KEN, "ken");
    world.wait(Duration::from_secs(45));
    assert_eq!(sorted(agreed(&mut world, channel)), all([5, 2, 3]));
    nothing_suspicious(&world);
}

#[test]
fn what_a_tracker_took_before_it_was_shown_its_loss_is_kept_too() {
    let (mut world, channel) = three(1);
    let old = world.stores[TRACKER].clone();
    world.send(ADA, channel, "1");
    world.send(KEN, channel, "1");
    world.wait(Duration::from_secs(1));
    world.kill(KEN);
    world.kill(ADA);
    world.kill(ZOE);
    world.stores[ZOE] = {
        // Her disk is as old: she shows nothing.
        let (mut world, _) = three(1);
        world.kill(ZOE);
        world.stores[ZOE].clone()
    };
    put_back(&mut world, TRACKER, old);
    world.start(ZOE);
    come_back(&mut world, ZOE, "zoe");
    world.wait(Duration::from_secs(5));
    world.send(ZOE, channel, "1");
    world.wait(Duration::from_secs(5));
    for (node, name) in [(KEN, "ken"), (ADA, "ada")] {
        world.start(node);
        come_back(&mut world, node, name);
    }
    world.wait(Duration::from_secs(90));
    assert_eq!(sorted(agreed(&mut world, channel)), all([2, 2, 2]));
    nothing_suspicious(&world);
}

#[test]
fn an_author_with_an_older_disk_goes_on_without_loss_or_double() {
    let (mut world, channel) = three(1);
    let old = world.stores[ADA].clone();
    for n in 1..4 {
        world.send(ADA, channel, &n.to_string());
        world.wait(Duration::from_secs(1));
    }
    put_back(&mut world, ADA, old);
    come_back(&mut world, ADA, "ada");
    world.wait(Duration::from_secs(1));
    world.send(ADA, channel, "4");
    world.send(ADA, channel, "5");
    world.wait(Duration::from_secs(45));
    assert_eq!(sorted(agreed(&mut world, channel)), all([6, 1, 1]));
    nothing_suspicious(&world);
}

#[test]
fn an_author_with_an_older_disk_that_waits_in_it_says_it_once() {
    let (mut world, channel) = three(1);
    world.kill(KEN);
    world.kill(TRACKER);
    world.wait(Duration::from_secs(5));
    world.send(ADA, channel, "1");
    world.send(ADA, channel, "2");
    world.wait(Duration::from_secs(1));
    let old = world.stores[ADA].clone();
    world.start(TRACKER);
    world.start(KEN);
    come_back(&mut world, KEN, "ken");
    world.wait(Duration::from_secs(45));
    world.send(ADA, channel, "3");
    world.wait(Duration::from_secs(1));
    put_back(&mut world, ADA, old);
    come_back(&mut world, ADA, "ada");
    world.send(ADA, channel, "4");
    world.wait(Duration::from_secs(45));
    assert_eq!(sorted(agreed(&mut world, channel)), all([5, 1, 1]));
    nothing_suspicious(&world);
}

/// One disk is put back in a storm. Says how many messages were signed again for that.
fn storm_with_an_old_disk(seed: u64, node: usize) -> usize {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    let mut random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let backup_at = random.below(STEPS / 2);
    let put_back_at = backup_at + 1 + random.below(STEPS / 2 - 1);
    let (mut written, mut old, mut lost) = (Vec::new(), None, Vec::new());
    for step in 0..STEPS {
        world.tend();
        written.extend(world.somebody_writes(channel, step, &mut random));
        if step == backup_at {
            old = Some((world.stores[node].clone(), written.len()));
        }
        if let Some((disk, known)) = old.take_if(|_| step == put_back_at) {
            lost = written[known..].to_vec();
            put_back(&mut world, node, disk);
            // Written before anything was heard of what the log has.
            let text = alloc::format!("{step} at once");
            if node != TRACKER && world.does(node, |peer, now| peer.send(channel, &text, now)).is_ok() {
                written.push(alloc::format!("{}: {text}", NAMES[node - 1].1));
            }
        }
        if random.below(3) == 0 {
            world.misfortune(&mut random);
        }
        world.wait(Duration::from_millis(random.below(1_500)));
    }
    world.revive();
    for _ in 0..90 {
        world.tend();
        world.wait(Duration::from_secs(1));
    }
    world.gather();
    world.wait(Duration::from_secs(60));
    let again = |event: &&PeerEvent| matches!(event, PeerEvent::MessageSignedAgain { .. });
    let again = world.events.iter().flatten().filter(again).count();
    let told = |event: &&PeerEvent| match event {
        PeerEvent::MessageRefused { .. } => true,
        // Until a tracker is shown what it has lost, it has signed two logs of one generation.
        PeerEvent::Suspicious { what } => node != TRACKER || !what.contains("below a committed place"),
        _ => false,
    };
    let told: Vec<_> = world.events.iter().flatten().filter(told).cloned().collect();
    assert!(told.is_empty(), "seed {seed}: {told:?}");
    let (first, _) = world.shows(KEN, channel);
    for (other, name) in NAMES {
        let (lines, committed) = world.shows(other, channel);
        assert_eq!(lines, first, "seed {seed}: {name} shows something else");
        assert!(committed, "seed {seed}: not all is committed at {name}");
        assert_eq!(world.peer(other).outgoing(channel).unwrap().count(), 0, "seed {seed}: {name} waits");
    }
    let shown = sorted(first);
    assert!(shown.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: doubled: {shown:?}");
    // What stood on the lost disk only, nobody can bring.
    let author = NAMES.iter().find(|(known, _)| *known == node).map(|(_, name)| alloc::format!("{name}: "));
    let may_be_lost =
        |line: &String| author.as_ref().is_some_and(|author| line.starts_with(author) && lost.contains(line));
    for line in written.iter().filter(|line| !may_be_lost(line)) {
        assert!(shown.contains(line), "seed {seed}: {line} is lost");
    }
    again
}

#[test]
fn after_any_storm_in_which_the_tracker_grows_younger_everything_is_there_once() {
    (0..25).for_each(|seed| {
        storm_with_an_old_disk(seed, TRACKER);
    });
}

#[test]
fn after_any_storm_in_which_an_author_grows_younger_nothing_is_doubled() {
    let again: usize = (0..25).map(|seed| storm_with_an_old_disk(seed, ADA)).sum();
    assert!(again > 10, "only {again} messages were signed again");
}

#[test]
fn after_any_storm_in_which_the_host_grows_younger_nothing_is_doubled() {
    let again: usize = (0..25).map(|seed| storm_with_an_old_disk(seed, KEN)).sum();
    assert!(again > 10, "only {again} messages were signed again");
}

/// The tracker's disk is put back again and again.
fn storm_with_many_old_disks(seed: u64) {
    let (mut world, channel) = two();
    world.register(ZOE, "zoe");
    world.join(ZOE);
    let mut random = Random::new(*blake3::hash(&seed.to_le_bytes()).as_bytes());
    let (mut written, mut old) = (Vec::new(), world.stores[TRACKER].clone());
    for step in 0..STEPS {
        world.tend();
        written.extend(world.somebody_writes(channel, step, &mut random));
        match random.below(12) {
            0 => old = world.stores[TRACKER].clone(),
            1 | 2 => put_back(&mut world, TRACKER, old.clone()),
            3 | 4 => world.misfortune(&mut random),
            _ => {}
        }
        world.wait(Duration::from_millis(random.below(1_500)));
    }
    world.revive();
    for _ in 0..150 {
        world.tend();
        world.wait(Duration::from_secs(1));
    }
    world.gather();
    world.wait(Duration::from_secs(60));
    assert_eq!(sorted(agreed(&mut world, channel)), sorted(written), "seed {seed}: lost or doubled");
}

#[test]
fn a_tracker_that_grows_younger_again_and_again_loses_nothing() {
    (0..40).for_each(storm_with_many_old_disks);
}
