//! Every fate of an envelope, and every refusal of a submit.

use bytes::Bytes;
use segment_proto::messages::Submit;
use segment_proto::{AccountId, EnvelopeKind, Fence, Hash, Reason, View, Who};

use super::rig::HostRig;
use crate::sync::tests::kit::{Author, allow, certificate_for, channel, fence, kick, record_with, who};

fn fate(rig: &mut HostRig, n: u8, envelope: segment_proto::SignedEnvelope) -> alloc::string::String {
    let mut lines = rig.submit(n, &[envelope]);
    lines.extend(rig.all_done());
    let answer = alloc::format!("{n}= submitted ");
    lines.iter().find_map(|line| line.strip_prefix(&answer)).expect("no answer").into()
}

#[test]
fn every_fate() {
    let (mut rig, mut owner, mut two) = (HostRig::owning(), Author::new(1), Author::new(2));
    rig.subscribe(1);
    let said = two.texts(3);
    assert_eq!(fate(&mut rig, 2, said[0].clone()), "stored@1");
    assert_eq!(fate(&mut rig, 2, said[2].clone()), "expected 1.1");
    assert_eq!(fate(&mut rig, 2, two.odd(1, 1, Hash::ZERO)), "fork 1.1");
    rig.commit(1);
    assert_eq!(fate(&mut rig, 2, said[0].clone()), "committed@1");
    assert_eq!(fate(&mut rig, 2, two.change(&kick(1))), "expected 1.1");
    let change = Author::new(3).change(&kick(2));
    assert_eq!(fate(&mut rig, 3, change), "refused@0 owner_only");
    assert_eq!(fate(&mut rig, 1, owner.change(&allow(2, segment_proto::Rights::READ))), "stored@2");
    assert_eq!(fate(&mut rig, 2, said[1].clone()), "fork 2.0");
    two.begin_anew(2, owner.last);
    assert_eq!(fate(&mut rig, 2, two.text("?")), "refused@2 may_not_send");
}

#[test]
fn what_is_wrong_in_itself_is_refused_for_good() {
    let mut rig = HostRig::owning();
    let mut stranger = Author::new(3);
    assert_eq!(fate(&mut rig, 2, stranger.text("carried")), "expected 0.0", "nobody has said whose device it is");
    let mut two = Author::new(2);
    two.account = 3;
    assert_eq!(fate(&mut rig, 2, two.text("not mine")), "refused@0 not_the_author");
    let bad = [
        Author::new(2).sign(EnvelopeKind::Text, Bytes::from(alloc::vec![b'a'; 8 * 1024 + 1])),
        Author::new(2).sign(EnvelopeKind::Text, Bytes::from_static(&[0xff, 0xfe])),
        Author::new(2).sign(EnvelopeKind::Access, Bytes::from_static(&[0xff])),
    ];
    for envelope in bad {
        assert_eq!(fate(&mut rig, 2, envelope), "refused@0 bad_envelope");
    }
    let longest = Author::new(2).sign(EnvelopeKind::Text, Bytes::from(alloc::vec![b'a'; 8 * 1024]));
    assert_eq!(fate(&mut rig, 2, longest), "stored@1");
}

#[test]
fn who_may_not_submit_at_all() {
    let mut rig = HostRig::owning();
    let submit = |fence: Fence| Submit::new(channel(), fence, Author::new(4).texts(1));
    assert_eq!(rig.say(4, submit(fence(2))), ["4= failure out_of_order"]);
    assert_eq!(rig.say(2, submit(fence(1))), ["2! fenced 1.2", "2= failure fenced"]);
    let visitor = Who { account: AccountId::NOBODY, ..who(5) };
    let mut subscription = rig.subscription(5);
    subscription.certificate = Some(certificate_for(5, visitor));
    rig.say(5, subscription);
    assert_eq!(rig.say(5, submit(fence(2))), ["5= failure visitors_may_only_read"]);
    rig.peer.sleep(core::time::Duration::from_secs(3_600 + 301));
    assert_eq!(rig.say(2, submit(fence(2))), ["2= failure bad_certificate"]);
    let mut idle = HostRig::new();
    idle.subscribe(2);
    assert_eq!(idle.say(2, submit(fence(2))), ["2= failure not_now 500"]);
    let mut private = HostRig::of(record_with(View::Members));
    assert_eq!(private.subscribe(2), ["2= failure members_only"]);
    assert_eq!(Reason::MembersOnly.status(), segment_proto::Status::Unauthorized);
}

#[test]
fn an_old_key_is_looked_up_on_disk() {
    let (mut rig, mut two, mut three) = (HostRig::owning(), Author::new(2), Author::new(3));
    let said = two.texts(2);
    rig.submit(2, &said);
    rig.all_done();
    rig.commit(2);
    rig.all_done();
    rig.restart();
    rig.take_office();
    rig.subscribe(2);
    rig.subscribe(3);
    assert_eq!(rig.submit(2, &said), ["(live 0..0)", "find: 1.1"]);
    assert_eq!(rig.submit(3, &[three.text("meanwhile")]), ["(live 0..0)", "write: append host 3..3"]);
    assert_eq!(rig.done(), ["find: 1.2"]);
    rig.done();
    assert_eq!(rig.done(), ["2= submitted committed@1, committed@2"]);
    assert_eq!(rig.submit(2, &[two.odd(3, 4, Hash([4; 32]))]), ["(live 0..0)", "find: hash"]);
    assert_eq!(rig.done(), ["2= submitted expected 1.2"]);
}

#[test]
fn who_builds_on_what_is_not_taken_costs_one_search() {
    let said = Author::new(2).texts(5);
    let mut rig = HostRig::restarted(&said[0]);
    assert_eq!(rig.submit(2, &said[2..3]), ["(live 0..0)", "find: hash"], "the second has not come");
    assert_eq!(rig.submit(2, &said[3..4]), ["(live 0..0)", "2= submitted expected 1.1"], "while it is looked for");
    assert_eq!(rig.submit(2, &said[4..]), ["(live 0..0)", "2= submitted expected 1.1"]);
    assert_eq!(rig.done(), ["2= submitted expected 1.1"]);
    assert_eq!(rig.submit(2, &said[1..]), ["(live 0..0)", "write: append host 2..5"], "it comes");
    rig.all_done();
    assert_eq!(rig.submit(2, &said[3..4]), ["(live 0..0)", "2= submitted stored@4"]);
}

#[test]
fn who_builds_on_what_was_too_much_costs_no_search() {
    let mut two = Author::new(2);
    let first = two.text("first");
    let mut rig = HostRig::restarted(&first);
    let burst = rig.peer.limits.messages_burst as usize;
    let many = two.texts(burst + 2);
    assert_eq!(rig.submit(2, &many[..burst + 1]).len(), 2, "one of them is too much");
    rig.all_done();
    assert_eq!(rig.submit(2, &many[burst + 1..]), ["(live 0..0)", "2= submitted expected 1.31"]);
}

#[test]
fn a_lookup_that_ends_after_the_epoch_sequences_nothing() {
    let said = Author::new(2).texts(2);
    let mut rig = HostRig::restarted(&said[0]);
    assert_eq!(rig.submit(2, &said), ["(live 0..0)", "find: 1.1"]);
    let record = rig.next_epoch(segment_proto::EpochOwner::Tracker);
    let fenced = segment_proto::messages::Fenced { record };
    assert_eq!(rig.push(fenced), ["hosting stopped", "99? host hello after 1"]);
    assert_eq!(rig.done(), ["2= failure not_now 500"]);
    assert_eq!(rig.host.report().stored, 1);
}
