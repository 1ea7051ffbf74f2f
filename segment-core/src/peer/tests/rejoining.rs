//! Members whose membership was made behind the copy of which a tracker's disk was put back.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{ChannelFilter, Presence, Secret};
use segment_proto::{AccessChange, AccountId, ChannelId, Rights, View, Visitors};

use super::restoring::{make_general, put_back};
use super::world::{ADA, KEN, TRACKER, World, ZOE};
use crate::peer::Unsent;
use crate::peer::events::{PeerEvent, Reply, Serving, Stage};
use crate::testing::TestStore;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn public(world: &mut World) {
    world.does(KEN, make_general).unwrap();
}

fn private(world: &mut World) {
    world.does(KEN, |peer, now| peer.create_channel("#general", View::Members, Visitors::Nothing, now)).unwrap();
}

/// Ken and ada are registered; what `make` makes is in the copy.
fn with_a_copy(make: impl FnOnce(&mut World)) -> (World, TestStore) {
    let mut world = World::new(3);
    world.register(KEN, "ken");
    world.register(ADA, "ada");
    make(&mut world);
    world.wait(seconds(1));
    let copy = world.disk(TRACKER);
    (world, copy)
}

/// Ada joins #general, and writes.
fn joins_and_writes(world: &mut World) -> ChannelId {
    world.join(ADA);
    world.wait(seconds(1));
    let channel = channel_of(world);
    world.send(ADA, channel, "one");
    world.wait(seconds(1));
    assert_eq!(world.shows(KEN, channel), (lines(&["ada: one"]), true));
    channel
}

fn channel_of(world: &mut World) -> ChannelId {
    world.peer(KEN).channels().next().unwrap().record.channel
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

/// Who is a member, by the tracker's list.
fn members(world: &mut World, channel: ChannelId) -> Vec<String> {
    listed(world, channel).expect("no list")
}

/// The same, where ken can ask.
fn listed(world: &mut World, channel: ChannelId) -> Option<Vec<String>> {
    world.take(KEN);
    world.does(KEN, |peer, now| peer.list_members(channel, AccountId::NOBODY, now)).ok()?;
    let page = world.take(KEN).into_iter().find_map(|event| match event {
        PeerEvent::Replied { reply: Ok(Reply::Members(page)), .. } => Some(page),
        _ => None,
    });
    page.map(|page| page.rows.into_iter().map(|row| row.who.to_string()).collect())
}

fn changes(world: &mut World, channel: ChannelId, change: &AccessChange) {
    world.does(KEN, |peer, now| peer.change_access(channel, change, now)).unwrap();
    world.wait(seconds(1));
}

fn account(world: &mut World, node: usize) -> AccountId {
    world.peer(node).whoami().unwrap().who.account
}

fn allow(world: &mut World, channel: ChannelId) {
    let ada = account(world, ADA);
    changes(world, channel, &AccessChange::allow(ada, "ada".into(), Rights::ALL));
}

fn kick(world: &mut World, channel: ChannelId, ada: AccountId) {
    changes(world, channel, &AccessChange::kick(ada, "ada".into()));
}

/// What ada was told of her membership.
fn told(world: &mut World) -> Vec<&'static str> {
    let told = world.take(ADA).into_iter().filter_map(|event| match event {
        PeerEvent::MembershipLost { .. } => Some("lost"),
        PeerEvent::MembershipRestored { .. } => Some("restored"),
        _ => None,
    });
    told.collect()
}

/// Ada is in #general again, and what she writes is there once.
fn is_in_again(world: &mut World, channel: ChannelId) {
    assert_eq!(members(world, channel), ["ken", "ada"]);
    assert_eq!(world.serving(ADA, channel), Serving::Host(World::device(KEN)));
    world.send(ADA, channel, "two");
    world.wait(seconds(1));
    let all = (lines(&["ada: one", "ada: two"]), true);
    assert_eq!((world.shows(KEN, channel), world.shows(ADA, channel)), (all.clone(), all));
}

#[test]
fn who_joined_a_public_channel_behind_the_copy_is_a_member_again() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    put_back(&mut world, &copy);
    world.take(ADA);
    world.wait(seconds(60));
    assert_eq!(told(&mut world), ["lost", "restored"]);
    is_in_again(&mut world, channel);
    world.kill(TRACKER);
    world.start(TRACKER);
    world.wait(seconds(60));
    assert_eq!((members(&mut world, channel), told(&mut world)), (lines(&["ken", "ada"]), Vec::new()));
}

#[test]
fn who_joined_a_channel_that_was_made_behind_the_copy_is_a_member_again() {
    let (mut world, copy) = with_a_copy(|_| ());
    world.does(KEN, make_general).unwrap();
    let channel = joins_and_writes(&mut world);
    put_back(&mut world, &copy);
    world.wait(seconds(60));
    is_in_again(&mut world, channel);
}

#[test]
fn who_was_let_into_a_private_channel_behind_the_copy_is_a_member_again() {
    let (mut world, copy) = with_a_copy(private);
    let channel = channel_of(&mut world);
    allow(&mut world, channel);
    assert_eq!(joins_and_writes(&mut world), channel);
    put_back(&mut world, &copy);
    world.wait(seconds(60));
    is_in_again(&mut world, channel);
}

/// Ada was kicked behind the copy, while she was away. She never is in the list again, and reads nothing of what came
/// behind the kick.
fn stays_kicked(make: impl FnOnce(&mut World), let_in: impl FnOnce(&mut World, ChannelId)) {
    let (mut world, copy) = with_a_copy(make);
    let channel = channel_of(&mut world);
    let_in(&mut world, channel);
    joins_and_writes(&mut world);
    let ada = account(&mut world, ADA);
    world.kill(ADA);
    world.wait(seconds(60));
    kick(&mut world, channel, ada);
    world.send(KEN, channel, "without her");
    world.wait(seconds(1));
    put_back(&mut world, &copy);
    world.return_of(ADA, "ada");
    for _ in 0..1_200 {
        world.wait(Duration::from_millis(100));
        let listed = listed(&mut world, channel);
        assert!(listed.as_ref().is_none_or(|listed| *listed == ["ken"]), "{listed:?}");
    }
    assert_eq!(members(&mut world, channel), ["ken"]);
    assert_eq!(world.shows(ADA, channel), (Vec::new(), true));
    assert_eq!(world.serving(ADA, channel), Serving::Nowhere);
    assert_eq!(world.shows(KEN, channel), (lines(&["ada: one", "ken: without her"]), true));
}

#[test]
fn who_was_kicked_from_a_public_channel_behind_the_copy_stays_out() {
    stays_kicked(public, |_, _| ());
}

#[test]
fn who_was_kicked_from_a_private_channel_behind_the_copy_stays_out() {
    stays_kicked(private, allow);
}

#[test]
fn who_was_kicked_behind_the_copy_stays_out_while_the_host_is_away() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    let ada = account(&mut world, ADA);
    world.kill(ADA);
    world.wait(seconds(60));
    kick(&mut world, channel, ada);
    world.kill(KEN);
    put_back(&mut world, &copy);
    world.register(ZOE, "zoe");
    world.join(ZOE);
    world.send(ZOE, channel, "is anybody here?");
    world.wait(seconds(1));
    world.return_of(ADA, "ada");
    world.wait(seconds(300));
    assert_eq!(world.shows(ADA, channel), (Vec::new(), true));
    world.return_of(KEN, "ken");
    for _ in 0..1_200 {
        world.wait(Duration::from_millis(100));
        assert_eq!(members(&mut world, channel), ["ken", "zoe"]);
    }
    assert_eq!(world.shows(ADA, channel), (Vec::new(), true));
}

#[test]
fn who_left_behind_the_copy_stays_out() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    put_back(&mut world, &copy);
    world.wait(seconds(120));
    assert_eq!(members(&mut world, channel), ["ken"]);
    assert_eq!(world.peer(ADA).channels().count(), 0);
}

/// The tracker cannot know better, and nobody tells it: a person leaves once more.
#[test]
fn who_left_a_channel_that_the_copy_has_them_in_is_in_it_again() {
    let (mut world, copy) = with_a_copy(|world| {
        public(world);
        joins_and_writes(world);
    });
    let channel = channel_of(&mut world);
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    put_back(&mut world, &copy);
    world.wait(seconds(60));
    assert_eq!(members(&mut world, channel), ["ken", "ada"]);
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    world.wait(seconds(60));
    assert_eq!(members(&mut world, channel), ["ken"]);
}

/// Zoe's device is ada's second one.
fn second_device(world: &mut World) {
    world.connect(ZOE);
    let secret = Secret("a password".into());
    world.does(ZOE, |peer, now| peer.login("ada", secret, Presence::Online, now)).unwrap();
    world.wait(seconds(1));
}

#[test]
fn what_was_left_on_another_device_stays_left_where_the_tracker_has_lost_nothing() {
    let (mut world, _) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    second_device(&mut world);
    world.kill(ADA);
    world.does(ZOE, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    for _ in 0..2 {
        world.return_of(ADA, "ada");
        world.wait(seconds(120));
        assert_eq!(members(&mut world, channel), ["ken"]);
        assert!(!world.peer(ADA).channel(channel).unwrap().member);
        world.kill(ADA);
    }
}

#[test]
fn what_was_known_to_be_left_elsewhere_before_the_tracker_lost_it_stays_left() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    second_device(&mut world);
    world.does(ZOE, |peer, now| peer.leave(channel, Unsent::Keep, now)).unwrap();
    world.wait(seconds(1));
    world.kill(ADA);
    put_back(&mut world, &copy);
    world.return_of(ADA, "ada");
    world.wait(seconds(120));
    assert_eq!(members(&mut world, channel), ["ken"]);
    assert!(!world.peer(ADA).channel(channel).unwrap().member);
}

#[test]
fn another_account_on_the_same_device_joins_nothing() {
    let mut world = World::new(3);
    world.register(KEN, "ken");
    world.does(KEN, make_general).unwrap();
    let copy = world.disk(TRACKER);
    world.register(ADA, "ada");
    let channel = joins_and_writes(&mut world);
    world.does(ADA, |peer, now| peer.logout(now)).unwrap();
    put_back(&mut world, &copy);
    world.kill(ADA);
    world.start(ADA);
    world.register(ADA, "eve");
    world.kill(ADA);
    world.return_of(ADA, "eve");
    world.wait(seconds(120));
    assert_eq!(members(&mut world, channel), ["ken"]);
}

#[test]
fn who_was_away_comes_back_much_later_and_is_a_member_again() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.kill(ADA);
    put_back(&mut world, &copy);
    world.wait(seconds(7_200));
    world.return_of(ADA, "ada");
    world.wait(seconds(10));
    is_in_again(&mut world, channel);
}

#[test]
fn while_the_host_is_away_what_is_written_waits_and_is_sent_once() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.kill(KEN);
    put_back(&mut world, &copy);
    world.take(ADA);
    world.wait(seconds(300));
    assert_eq!((told(&mut world), world.serving(ADA, channel)), (alloc::vec!["lost"], Serving::Nowhere));
    world.send(ADA, channel, "two");
    world.wait(seconds(1));
    // A process that ends meanwhile knows it still.
    world.kill(ADA);
    world.return_of(ADA, "ada");
    world.wait(seconds(10));
    assert!(world.peer(ADA).channel(channel).unwrap().member);
    let stages: Vec<Stage> = world.peer(ADA).outgoing(channel).unwrap().map(|waiting| waiting.stage).collect();
    assert!(stages.contains(&Stage::Queued), "{stages:?}");
    world.return_of(KEN, "ken");
    world.wait(seconds(120));
    assert_eq!(members(&mut world, channel), ["ken", "ada"]);
    let all = (lines(&["ada: one", "ada: two"]), true);
    assert_eq!((world.shows(KEN, channel), world.shows(ADA, channel)), (all.clone(), all));
}

#[test]
fn who_joins_by_hand_before_the_host_is_there_is_not_kept_waiting() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.kill(KEN);
    put_back(&mut world, &copy);
    world.wait(seconds(60));
    world.join(ADA);
    world.wait(seconds(10));
    assert_eq!(world.serving(ADA, channel), Serving::Copy);
    world.send(ADA, channel, "two");
    world.wait(seconds(5));
    assert_eq!(world.shows(ADA, channel), (lines(&["ada: one", "ada: two"]), true));
}

#[test]
fn who_hides_is_listed_again_when_they_are_seen() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.does(ADA, |peer, now| peer.set_status(Presence::Invisible, now)).unwrap();
    put_back(&mut world, &copy);
    world.wait(seconds(300));
    assert_eq!(members(&mut world, channel), ["ken"]);
    world.does(ADA, |peer, now| peer.set_status(Presence::Online, now)).unwrap();
    world.wait(seconds(70));
    is_in_again(&mut world, channel);
}

#[test]
fn who_gives_up_waiting_can_leave() {
    let (mut world, copy) = with_a_copy(public);
    let channel = joins_and_writes(&mut world);
    world.kill(KEN);
    put_back(&mut world, &copy);
    world.wait(seconds(60));
    world.does(ADA, |peer, now| peer.leave(channel, Unsent::Drop, now)).unwrap();
    world.return_of(KEN, "ken");
    world.wait(seconds(120));
    assert_eq!(members(&mut world, channel), ["ken"]);
    world.does(ADA, |peer, now| peer.list_channels(ChannelFilter::Joined, "", now)).unwrap();
    assert_eq!(world.peer(ADA).channels().count(), 0);
}
