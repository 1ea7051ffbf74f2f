//! `/verify`: flipped bits in each of the three stores, found, named and healed.

use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::{ChannelId, Signed};

use super::world::{ADA, KEN, TRACKER, World, two};
use crate::peer::Verified;
use crate::peer::events::{ChannelMessage, Content, PeerEvent, Reply, Source};
use crate::store::{LogId, LogRole, StoredEntry};

/// A channel with eight committed messages.
fn town() -> (World, ChannelId) {
    let (mut world, channel) = two();
    for n in 0..8 {
        world.send(if n % 2 == 0 { KEN } else { ADA }, channel, &alloc::format!("text {n}"));
        world.wait(Duration::from_secs(1));
    }
    (world, channel)
}

fn verify(world: &mut World, node: usize, channel: ChannelId) -> Verified {
    world.take(node);
    let id = world.does(node, |peer, now| peer.verify(channel, now)).unwrap();
    world.wait(Duration::from_secs(1));
    let reply = world.take(node).into_iter().find_map(|event| match event {
        PeerEvent::Replied { id: of, reply: Ok(Reply::Verified(verified)) } if of == id => Some(*verified),
        _ => None,
    });
    reply.expect("no report")
}

fn stored(world: &mut World, node: usize, channel: ChannelId, role: LogRole, pos: u64) -> &mut StoredEntry {
    world.stores[node].logs.get_mut(&LogId { channel, role }).unwrap().get_mut(&pos).unwrap()
}

fn flip(stored: &mut StoredEntry) {
    let mut bytes = stored.entry.envelope.bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let signature = *stored.entry.envelope.signature();
    stored.entry.envelope = Signed::from_parts(bytes.into(), signature).unwrap();
}

fn places(bad: &[crate::sync::verify::BadPlace]) -> Vec<u64> {
    bad.iter().map(|bad| bad.pos).collect()
}

#[test]
fn where_nothing_is_wrong_everything_is_gone_through_at_every_copy() {
    let (mut world, channel) = town();
    for (node, sources) in [(KEN, 1), (ADA, 2)] {
        let report = verify(&mut world, node, channel);
        assert!(report.holds(), "{report:?}");
        assert_eq!((report.from, report.to, report.entries, report.healed), (1, 8, 8, 0));
        assert_eq!(report.copies.len(), sources);
        assert!(report.copies.iter().all(|copy| copy.head == report.mine && copy.checked_to == 8), "{report:?}");
    }
    let sources: Vec<_> = verify(&mut world, ADA, channel).copies.iter().map(|copy| copy.at).collect();
    assert_eq!(sources, [Source::Tracker, World::source(KEN)]);
}

#[test]
fn a_flipped_bit_in_the_hosts_store_is_named_and_healed_from_the_copy() {
    let (mut world, channel) = town();
    let whole = world.stores[KEN].clone();
    flip(stored(&mut world, KEN, channel, LogRole::Host, 3));
    stored(&mut world, KEN, channel, LogRole::Host, 6).chain.0[0] ^= 1;
    let report = verify(&mut world, KEN, channel);
    assert_eq!((places(&report.bad), report.healed), (alloc::vec![3, 6, 7], 3));
    assert!(report.holds(), "{report:?}");
    assert_eq!(world.stores[KEN].logs, whole.logs);
    assert_eq!(verify(&mut world, KEN, channel).bad, []);
}

#[test]
fn a_flipped_bit_in_a_cache_is_named_and_healed_from_the_copy_or_the_host() {
    for tracker in [true, false] {
        let (mut world, channel) = town();
        let whole = world.stores[ADA].clone();
        flip(stored(&mut world, ADA, channel, LogRole::Cache, 8));
        world.stores[ADA].logs.get_mut(&LogId { channel, role: LogRole::Cache }).unwrap().remove(&2);
        if !tracker {
            world.kill(TRACKER);
        }
        let report = verify(&mut world, ADA, channel);
        assert_eq!((places(&report.bad), report.healed), (alloc::vec![2, 8], 2));
        assert_eq!(world.stores[ADA].logs, whole.logs);
    }
}

#[test]
fn a_flipped_bit_in_the_copy_is_not_served_and_healed_by_whoever_has_the_right_one() {
    for node in [KEN, ADA] {
        let (mut world, channel) = town();
        let whole = world.stores[TRACKER].clone();
        stored(&mut world, TRACKER, channel, LogRole::Backup, 4).chain.0[9] ^= 1;
        flip(stored(&mut world, TRACKER, channel, LogRole::Backup, 8));
        let report = verify(&mut world, node, channel);
        let copy = &report.copies[0];
        assert_eq!((copy.at, places(&copy.bad), copy.healed), (Source::Tracker, alloc::vec![4, 8], 2), "{report:?}");
        assert!(report.bad.is_empty() && report.holds(), "{report:?}");
        let id = LogId { channel, role: LogRole::Backup };
        assert_eq!(world.stores[TRACKER].logs[&id], whole.logs[&id]);
    }
}

#[test]
fn what_only_the_tracker_has_is_named() {
    let (mut world, channel) = town();
    world.kill(KEN);
    for n in 8..11 {
        world.send(ADA, channel, &alloc::format!("text {n}"));
        world.wait(Duration::from_secs(1));
    }
    world.kill(ADA);
    flip(stored(&mut world, TRACKER, channel, LogRole::Backup, 10));
    world.start(KEN);
    super::disaster::come_back(&mut world, KEN, "ken");
    world.wait(Duration::from_secs(20));
    let found = |event: &PeerEvent| matches!(event, PeerEvent::DamageFound { at: Source::Tracker, .. });
    assert!(world.take(KEN).iter().any(found));
    let report = verify(&mut world, KEN, channel);
    assert_eq!((report.to, places(&report.copies[0].bad), report.copies[0].healed), (8, alloc::vec![10], 0));
    assert!(!report.holds());
}

#[test]
fn with_nobody_to_ask_what_is_bad_is_named_and_left() {
    let (mut world, channel) = town();
    world.kill(TRACKER);
    world.kill(KEN);
    flip(stored(&mut world, ADA, channel, LogRole::Cache, 5));
    world.wait(Duration::from_secs(1));
    let report = verify(&mut world, ADA, channel);
    assert_eq!((places(&report.bad), report.healed, report.copies.len()), (alloc::vec![5], 0, 0));
    assert!(!report.holds());
}

#[test]
fn who_shows_what_the_own_disk_has_damaged_says_so() {
    let (mut world, channel) = town();
    flip(stored(&mut world, ADA, channel, LogRole::Cache, 3));
    world.take(ADA);
    world.does(ADA, |peer, now| peer.history(channel, None, 100, now)).unwrap();
    world.wait(Duration::from_secs(1));
    let events = world.take(ADA);
    let found = PeerEvent::DamageFound { channel, at: Source::Local };
    assert_eq!(events.iter().filter(|event| **event == found).count(), 1);
    let shown = events.into_iter().find_map(|event| match event {
        PeerEvent::Replied { reply: Ok(Reply::History { messages, .. }), .. } => Some(messages),
        _ => None,
    });
    let damaged = |message: &&ChannelMessage| message.content == Content::Damaged;
    assert_eq!(shown.unwrap().iter().filter(damaged).map(|message| message.pos).collect::<Vec<_>>(), [3]);
}
