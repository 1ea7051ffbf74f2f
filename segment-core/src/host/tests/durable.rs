//! What must be on disk before what is said.

use super::rig::HostRig;
use crate::rules::{Rule, Rules};
use crate::sync::tests::kit::Author;

#[test]
fn nothing_is_said_of_a_message_before_it_is_on_disk() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    assert_eq!(rig.submit(2, &two.texts(2)), ["(live 0..0)", "write: append host 1..2"]);
    assert_eq!(
        rig.done(),
        ["2= submitted stored@1, stored@2", "2+3! entries 1..2", "99! replicate 1..2", "(replicated 1..2)"]
    );
    assert_eq!(rig.commit(2), ["write: put row, put receipt", "2+3! watermarks 2/2"]);
    assert_eq!(rig.done(), [""; 0]);
    rig.assert_idle();
}

#[test]
fn what_comes_during_a_write_goes_with_the_next() {
    let (mut rig, mut two, mut three) = (HostRig::owning(), Author::new(2), Author::new(3));
    rig.submit(2, &[two.text("a")]);
    assert_eq!(rig.submit(3, &[three.text("b")]), ["(live 0..0)"]);
    assert_eq!(rig.submit(2, &[two.text("c")]), ["(live 0..0)"]);
    assert_eq!(
        rig.done(),
        [
            "write: append host 2..3",
            "2= submitted stored@1",
            "2+3! entries 1..1",
            "99! replicate 1..1",
            "(replicated 1..1)"
        ]
    );
    let lines = rig.done();
    assert_eq!(lines[..2], ["3= submitted stored@2", "2= submitted stored@3"]);
}

#[test]
fn a_repeat_waits_for_the_same_write() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    let said = two.texts(1);
    rig.submit(2, &said);
    assert_eq!(rig.submit(2, &said), ["(live 0..0)"]);
    assert_eq!(rig.done()[..2], ["2= submitted stored@1", "2= submitted stored@1"]);
    rig.commit(1);
    assert_eq!(rig.submit(2, &said), ["(live 0..0)", "2= submitted committed@1"]);
}

#[test]
fn a_refusal_waits_for_the_entry_that_refuses() {
    let (mut rig, mut owner) = (HostRig::owning(), Author::new(1));
    rig.say(1, rig.subscription(1));
    rig.submit(1, &[owner.change(&crate::sync::tests::kit::kick(3))]);
    let mut three = Author::new(3);
    three.begin_anew(1, owner.last);
    assert_eq!(rig.submit(3, &[three.text("?")]), ["(live 0..0)"]);
    let lines = rig.done();
    assert_eq!(lines[1], "3= submitted refused@1 may_not_send");
}

#[test]
fn without_their_rules_answers_and_copies_run_ahead_of_the_disk() {
    let mut two = Author::new(2);
    let said = two.texts(1);
    let mut rig = HostRig::owning();
    rig.peer.rules = Rules::without(Rule::StoreBeforeStored);
    assert_eq!(rig.submit(2, &said), ["(live 0..0)", "write: append host 1..1", "2= submitted stored@1"]);
    let mut rig = HostRig::owning();
    rig.peer.rules = Rules::without(Rule::StoreBeforeReplicate);
    assert_eq!(
        rig.submit(2, &said),
        ["(live 0..0)", "write: append host 1..1", "99! replicate 1..1", "(replicated 1..1)"]
    );
}

#[test]
fn a_lagging_member_is_pushed_nothing_and_told_the_marks_once_there_is_room() {
    let (mut rig, mut two) = (HostRig::owning(), Author::new(2));
    rig.host.on_writable(segment_proto::LinkId(3), 0, &mut rig.peer.cx());
    rig.submit(2, &two.texts(1));
    assert!(rig.done().contains(&"2! entries 1..1".into()));
    assert!(rig.commit(1).contains(&"2! watermarks 1/1".into()));
    rig.all_done();
    rig.host.on_writable(segment_proto::LinkId(3), 1_000, &mut rig.peer.cx());
    assert_eq!(rig.peer.seen(), ["3! watermarks 1/1"]);
}
