//! Rows and rights as entries change them.

use alloc::vec::Vec;

use segment_proto::{AccessChange, AccountId, Hash, Rights, Row, SignedEnvelope, View, Visitors};

use super::kit::{Author, allow, device, kick, log_of};
use crate::rules::{Rule, Rules};
use crate::sync::Fold;
use crate::sync::fold::Changed;
use crate::sync::persist::{decode, encode};

fn fold(view: View, envelopes: &[SignedEnvelope]) -> Fold {
    log_of(view, envelopes).fold().clone()
}

fn row(fold: &Fold, n: u8) -> (u32, u64, Hash) {
    let row = fold.row(device(n), AccountId(u64::from(n)));
    (row.incarnation, row.seq, row.hash)
}

#[test]
fn a_message_sets_its_authors_row_and_nothing_else() {
    let mut author = Author::new(2);
    let said = author.text("hello");
    let mut fold = fold(View::Public, &[]);
    let expected = Row { device: device(2), account: AccountId(2), incarnation: 1, seq: 1, hash: said.hash() };
    assert_eq!(fold.apply(1, &said, said.hash(), Rules::all()), Changed::Row(expected));
    assert_eq!(fold.rows().collect::<Vec<_>>(), [&expected]);
    assert_eq!(fold.rights().changed_at, 0);
}

#[test]
fn a_kick_moves_every_row_of_its_account_and_no_other() {
    let (mut owner, mut two, mut three) = (Author::new(1), Author::new(2), Author::new(3));
    let mut second_device = Author::new(12);
    second_device.account = 2;
    let said = [two.text("a"), second_device.text("b"), three.text("c"), owner.change(&kick(2))];
    let fold = fold(View::Public, &said);
    assert_eq!(row(&fold, 2), (2, 0, owner.last));
    let other = fold.row(device(12), AccountId(2));
    assert_eq!((other.incarnation, other.seq, other.hash), (2, 0, owner.last));
    assert_eq!(row(&fold, 3), (1, 1, three.last));
    assert_eq!(row(&fold, 1), (1, 1, owner.last));
    assert_eq!(fold.access().rights(AccountId(2)), Rights::NONE);
    assert_eq!(fold.rights().changed_at, 4);
}

#[test]
fn a_device_without_a_row_builds_on_what_moved_its_account() {
    let mut owner = Author::new(1);
    let kicked = fold(View::Public, &[owner.change(&kick(2))]);
    assert_eq!(row(&kicked, 2), (1, 0, owner.last));
    assert!(kicked.is_barrier(AccountId(2), &owner.last));
    assert_eq!(row(&kicked, 3), (0, 0, Hash::ZERO));
}

#[test]
fn what_takes_no_right_to_send_moves_no_row() {
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    let first = two.text("a");
    for change in [
        allow(2, Rights::ALL),
        allow(2, Rights::READ.with(Rights::SEND)),
        AccessChange::set_visitors(Visitors::Nothing),
        AccessChange::set_view(View::Public),
    ] {
        let fold = fold(View::Public, &[first.clone(), owner.change(&change)]);
        assert_eq!(row(&fold, 2), (1, 1, first.hash()), "{change:?}");
    }
}

#[test]
fn another_view_moves_those_without_rights_of_their_own() {
    let (mut owner, mut two, mut three) = (Author::new(1), Author::new(2), Author::new(3));
    let said = [
        two.text("a"),
        three.text("b"),
        owner.change(&allow(3, Rights::ALL)),
        owner.change(&AccessChange::set_view(View::Members)),
    ];
    let fold = fold(View::Public, &said);
    assert_eq!(row(&fold, 2), (2, 0, owner.last));
    assert_eq!(row(&fold, 3), (1, 1, three.last));
    assert_eq!(row(&fold, 4), (1, 0, owner.last), "nor has it a row");
}

#[test]
fn another_view_moves_no_device_of_the_owner() {
    let mut owner = Author::new(1);
    let fold = fold(View::Public, &[owner.change(&AccessChange::set_view(View::Members))]);
    let second_device = fold.row(device(11), AccountId(1));
    assert_eq!((second_device.incarnation, second_device.hash), (0, Hash::ZERO));
}

#[test]
fn rights_that_leave_sending_as_it_was_leave_what_a_device_builds_on() {
    let mut owner = Author::new(1);
    let said =
        [owner.change(&AccessChange::set_view(View::Members)), owner.change(&AccessChange::set_view(View::Public))];
    let moved = owner.last;
    let before = fold(View::Public, &said);
    assert_eq!(row(&before, 2), (1, 0, moved));
    let allowed = [said[0].clone(), said[1].clone(), owner.change(&allow(2, Rights::ALL))];
    assert_eq!(row(&fold(View::Public, &allowed), 2), (1, 0, moved));
}

#[test]
fn a_change_by_somebody_else_changes_nothing_but_a_row() {
    let mut two = Author::new(2);
    let fold = fold(View::Public, &[two.change(&kick(1))]);
    assert_eq!(fold.rights().changed_at, 0);
    assert_eq!(fold.access().rights(AccountId(1)), Rights::ALL);
    assert_eq!(row(&fold, 2), (1, 1, two.last));
}

#[test]
fn without_its_rule_a_kick_leaves_the_row() {
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    let (said, kicked) = (two.text("a"), owner.change(&kick(2)));
    let mut fold = fold(View::Public, &[said]);
    fold.apply(2, &kicked, kicked.hash(), Rules::without(Rule::KickMovesRow));
    assert_eq!(row(&fold, 2), (1, 1, two.last));
}

#[test]
fn a_fold_comes_back_from_its_records() {
    let (mut owner, mut two) = (Author::new(1), Author::new(2));
    let before = fold(View::Public, &[two.text("a"), owner.change(&kick(2)), owner.change(&allow(3, Rights::READ))]);
    let rights = decode(&encode(before.rights())).unwrap();
    assert_eq!(Fold::from_parts(rights, before.rows().copied()), before);
}
