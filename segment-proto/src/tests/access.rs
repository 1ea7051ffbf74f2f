use alloc::string::String;

use crate::access::{Access, AccessChange, AccessOp, Rights, View, Visitors};
use crate::ids::AccountId;

const OWNER: AccountId = AccountId(1);
const ANA: AccountId = AccountId(2);
const BOB: AccountId = AccountId(3);
const VISITOR: AccountId = AccountId::NOBODY;

fn allow(account: AccountId, rights: Rights) -> AccessChange {
    AccessChange::allow(account, String::new(), rights)
}

fn deny(account: AccountId) -> AccessChange {
    AccessChange::deny(account, String::new())
}

fn kick(account: AccountId) -> AccessChange {
    AccessChange::kick(account, String::new())
}

fn with_op(op: AccessOp) -> AccessChange {
    AccessChange { op, account: ANA, rights: Rights::ALL, setting: 1, ..deny(ANA) }
}

/// What is folded, and what owner, Ana, Bob and a visitor may do then.
type Case = (View, Visitors, &'static [fn() -> AccessChange], [Rights; 4]);

const READ_SEND: Rights = Rights::READ.with(Rights::SEND);
const NONE: Rights = Rights::NONE;
const READ: Rights = Rights::READ;
const ALL: Rights = Rights::ALL;

const CASES: &[Case] = &[
    (View::Public, Visitors::Read, &[], [ALL, ALL, ALL, READ]),
    (View::Public, Visitors::Nothing, &[], [ALL, ALL, ALL, NONE]),
    (View::Members, Visitors::Read, &[], [ALL, NONE, NONE, NONE]),
    (View::Unknown(9), Visitors::Read, &[], [ALL, NONE, NONE, NONE]),
    (View::Public, Visitors::Unknown(9), &[], [ALL, ALL, ALL, NONE]),
    (View::Members, Visitors::Read, &[|| allow(ANA, READ_SEND)], [ALL, READ_SEND, NONE, NONE]),
    (View::Public, Visitors::Read, &[|| allow(ANA, READ)], [ALL, READ, ALL, READ]),
    (View::Public, Visitors::Read, &[|| deny(ANA)], [ALL, NONE, ALL, READ]),
    (View::Public, Visitors::Read, &[|| kick(BOB)], [ALL, ALL, NONE, READ]),
    (View::Public, Visitors::Read, &[|| deny(ANA), || allow(ANA, ALL)], [ALL, ALL, ALL, READ]),
    (View::Public, Visitors::Read, &[|| allow(ANA, ALL), || deny(ANA)], [ALL, NONE, ALL, READ]),
    (View::Public, Visitors::Read, &[|| deny(OWNER), || kick(OWNER)], [ALL, ALL, ALL, READ]),
    (View::Members, Visitors::Read, &[|| allow(VISITOR, ALL)], [ALL, NONE, NONE, NONE]),
    (View::Public, Visitors::Read, &[|| AccessChange::set_view(View::Members)], [ALL, NONE, NONE, NONE]),
    (View::Members, Visitors::Read, &[|| AccessChange::set_view(View::Public)], [ALL, ALL, ALL, READ]),
    (View::Public, Visitors::Read, &[|| AccessChange::set_visitors(Visitors::Nothing)], [ALL, ALL, ALL, NONE]),
    (
        View::Public,
        Visitors::Read,
        &[|| deny(ANA), || AccessChange::set_view(View::Members), || AccessChange::set_view(View::Public)],
        [ALL, NONE, ALL, READ],
    ),
    (View::Members, Visitors::Read, &[|| with_op(AccessOp::Unknown(99))], [ALL, NONE, NONE, NONE]),
    (View::Members, Visitors::Read, &[|| with_op(AccessOp::SetRole)], [ALL, NONE, NONE, NONE]),
    (View::Members, Visitors::Read, &[|| with_op(AccessOp::Retain)], [ALL, NONE, NONE, NONE]),
    (View::Members, Visitors::Read, &[|| with_op(AccessOp::Designate)], [ALL, NONE, NONE, NONE]),
];

#[test]
fn rights_are_a_fold_over_the_changes() {
    for (index, (view, visitors, changes, expected)) in CASES.iter().enumerate() {
        let mut access = Access::new(OWNER, *view, *visitors);
        changes.iter().for_each(|change| access.apply(&change()));
        let rights = [OWNER, ANA, BOB, VISITOR].map(|account| access.rights(account));
        assert_eq!(rights, *expected, "case {index}");
    }
}

#[test]
fn only_the_owner_changes_rights() {
    let mut access = Access::new(OWNER, View::Public, Visitors::Read);
    access.apply(&allow(ANA, Rights::ALL));
    assert!(access.may_change(OWNER));
    assert!(!access.may_change(ANA));
    assert!(!access.may_change(VISITOR));
}

#[test]
fn rights_have_names() {
    assert_eq!(alloc::format!("{NONE} {READ_SEND} {ALL}"), "none read+send read+send+stream");
}

#[test]
fn access_survives_a_snapshot() {
    let mut access = Access::new(OWNER, View::Members, Visitors::Nothing);
    access.apply(&allow(ANA, READ_SEND));
    let bytes = postcard::to_allocvec(&access).unwrap();
    assert_eq!(postcard::from_bytes::<Access>(&bytes), Ok(access));
}
