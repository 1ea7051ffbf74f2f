use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use segment_proto::DeviceId;

use crate::rules::{Rule, Rules};
use crate::stream::coordinator::tree::Tree;

fn device(number: u32) -> DeviceId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    DeviceId(bytes)
}

fn tree(direct: usize, relays: u32, capacity: usize) -> Tree {
    let mut tree = Tree::new(device(0), direct, Rules::all());
    (1..=relays).for_each(|number| tree.join(device(number), capacity, None));
    tree
}

fn way(tree: &Tree, number: u32) -> Vec<DeviceId> {
    let mut way = Vec::new();
    let mut at = Some(device(number));
    while let Some(current) = at {
        assert!(!way.contains(&current), "a loop");
        way.push(current);
        at = tree.parent(&current);
    }
    way
}

/// Everybody is fed, without a loop, by somebody with room, and has two backups that do not hang on them.
fn check(tree: &Tree, viewers: impl Iterator<Item = u32>, capacity: usize) {
    for number in viewers {
        let own = device(number);
        assert_eq!(way(tree, number).last(), Some(&device(0)), "{number} is not fed");
        assert!(tree.children(&own) <= capacity);
        let backups = tree.backups(&own);
        let distinct: BTreeSet<_> = backups.iter().collect();
        assert_eq!(distinct.len(), backups.len());
        for backup in backups {
            assert!(Some(*backup) != tree.parent(&own));
            let number = u32::from_be_bytes(*backup.0.first_chunk().unwrap());
            assert!(!way(tree, number).contains(&own), "a backup of {number} hangs on it");
        }
    }
}

#[test]
fn whoever_loses_its_parent_is_not_put_below_those_whom_it_serves() {
    let mut tree = tree(1, 1, 4);
    tree.join(device(2), 0, None);
    assert_eq!(tree.parent(&device(2)), Some(device(1)));
    tree.lose(&device(1), device(0), None);
    assert_eq!(way(&tree, 2), [device(2), device(1), device(0)]);
}

#[test]
fn ten_thousand_viewers_hang_six_deep_and_the_streamer_sends_eight_copies() {
    let tree = tree(8, 10_000, 4);
    check(&tree, 1..=10_000, 4);
    assert_eq!((tree.height(), tree.children(&device(0))), (6, 8));
    let two = (1..=10_000).filter(|number| tree.backups(&device(*number)).len() == 2).count();
    assert_eq!(two, 10_000);
}

#[test]
fn a_thousand_viewers_hang_five_deep() {
    let tree = tree(8, 1_000, 4);
    assert_eq!((tree.height(), tree.children(&device(0))), (5, 8));
}

#[test]
fn a_tree_is_flat_again_when_many_have_found_other_parents_by_themselves() {
    let mut tree = tree(8, 1_000, 4);
    for number in 1..=1_000 {
        let (parent, instead) = (tree.parent(&device(number)).unwrap(), tree.backups(&device(number)).last().copied());
        tree.lose(&device(number), parent, instead);
    }
    // Others come and go.
    (0..100).for_each(|_| tree.fill());
    check(&tree, 1..=1_000, 4);
    assert_eq!(tree.height(), 5);
}

#[test]
fn who_has_lost_a_parent_is_not_put_there_again_only_because_that_is_higher() {
    let mut tree = tree(2, 2, 2);
    tree.lose(&device(1), device(0), Some(device(2)));
    assert_eq!((tree.parent(&device(1)), tree.children(&device(0))), (Some(device(2)), 1));
    tree.forgive(&device(0));
    tree.fill();
    assert_eq!(tree.parent(&device(1)), Some(device(0)), "it is back");
}

#[test]
fn who_has_lost_several_parents_is_not_put_to_and_fro_between_them() {
    let mut tree = tree(2, 6, 4);
    tree.join(device(9), 0, None);
    let mut lost = Vec::new();
    // The first relay serves four others, and has no room.
    for _ in 0..5 {
        assert!(tree.backups(&device(9)).first().is_none_or(|backup| !lost.contains(backup)));
        let parent = tree.parent(&device(9)).unwrap();
        assert!(!lost.contains(&parent), "it has lost this one");
        lost.push(parent);
        tree.lose(&device(9), parent, None);
    }
    let parents = [9, 1].map(|number| tree.parent(&device(number)));
    assert_eq!(parents, [Some(device(0)), lost.first().copied()], "a relay goes where it does not want to be");
}

#[test]
fn who_has_lost_all_that_have_room_changes_places_with_who_has_not() {
    let mut tree = tree(2, 1, 2);
    tree.join(device(3), 0, None);
    tree.join(device(9), 0, None);
    let parents = |tree: &Tree| [3, 9].map(|number| tree.parent(&device(number)));
    assert_eq!(parents(&tree), [Some(device(0)), Some(device(1))]);
    tree.take_changed();
    tree.lose(&device(9), device(1), Some(device(0)));
    assert_eq!(parents(&tree), [Some(device(1)), Some(device(0))]);
    assert_eq!((tree.children(&device(0)), tree.take_changed()), (2, [device(3), device(9)].into()));
    // Nobody else can go there.
    tree.lose(&device(3), device(1), Some(device(0)));
    assert_eq!(parents(&tree), [Some(device(1)), Some(device(0))]);
}

#[test]
fn who_has_lost_everybody_goes_back_to_the_first_though_that_is_full() {
    let mut tree = tree(2, 2, 2);
    (3..=5).for_each(|number| tree.join(device(number), 0, None));
    let parents = |tree: &Tree, of: [u32; 2]| of.map(|number| tree.parent(&device(number)));
    tree.lose(&device(3), device(1), Some(device(2)));
    // The streamer serves it, and a relay goes to the other.
    tree.lose(&device(3), device(2), None);
    assert_eq!(parents(&tree, [3, 1]), [Some(device(0)), Some(device(2))]);
    tree.join(device(6), 0, None);
    assert_eq!(parents(&tree, [4, 6]), [Some(device(1)); 2]);
    tree.lose(&device(3), device(0), None);
    assert_eq!(parents(&tree, [3, 4]), [Some(device(1)), Some(device(0))]);
}

#[test]
fn who_passes_on_takes_the_place_of_who_does_not() {
    let mut tree = tree(2, 4, 0);
    assert_eq!((1..=4).filter(|number| tree.parent(&device(*number)).is_some()).count(), 2);
    tree.take_changed();
    tree.join(device(9), 4, None);
    check(&tree, [1, 2, 3, 4, 9].into_iter(), 4);
    assert_eq!((tree.depth(&device(9)), tree.children(&device(9))), (Some(1), 3));
}

#[test]
fn those_below_a_relay_that_goes_are_fed_by_others() {
    let mut tree = tree(2, 30, 4);
    for gone in [1, 2, 7, 13] {
        tree.leave(&device(gone));
        let here = (1..=30).filter(|number| ![1, 2, 7, 13].contains(number) || *number > gone);
        let here: Vec<u32> = here.filter(|number| tree.depth(&device(*number)).is_some()).collect();
        check(&tree, here.into_iter(), 4);
    }
    let left = (1..=30).filter(|number| tree.depth(&device(*number)).is_some()).count();
    assert_eq!(left, 26);
}

#[test]
fn who_has_lost_its_parent_stays_with_whom_it_found() {
    let mut tree = tree(2, 10, 4);
    let parent = tree.parent(&device(10)).unwrap();
    let instead = tree.backups(&device(10))[0];
    tree.lose(&device(10), parent, Some(instead));
    assert_eq!(tree.parent(&device(10)), Some(instead));
    check(&tree, 1..=10, 4);
    tree.lose(&device(10), parent, None);
    assert_eq!(tree.parent(&device(10)), Some(instead), "it was not that parent's any more");
}

#[test]
fn who_is_believed_to_pass_on_to_its_own_parent_is_not() {
    let mut tree = tree(1, 5, 4);
    let parent = tree.parent(&device(5)).unwrap();
    tree.lose(&parent, device(0), Some(device(5)));
    check(&tree, 1..=5, 4);
}

/// Viewers come, go, and lose their parents; `look` sees the tree after each step.
fn churn(rules: Rules, mut look: impl FnMut(&Tree, &BTreeSet<u32>)) {
    let mut tree = Tree::new(device(0), 3, rules);
    let mut here: BTreeSet<u32> = (1..=60).collect();
    here.iter().for_each(|number| tree.join(device(*number), 3, None));
    let mut seed = 7_u32;
    for _ in 0..400 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = 1 + (seed >> 16) % 60;
        match (seed >> 8) % 3 {
            0 if here.remove(&number) => tree.leave(&device(number)),
            1 if here.contains(&number) => {
                let Some(parent) = tree.parent(&device(number)) else { continue };
                let instead = tree.backups(&device(number)).first().copied();
                tree.lose(&device(number), parent, instead);
            }
            _ if here.insert(number) => tree.join(device(number), 3, None),
            _ => {}
        }
        look(&tree, &here);
    }
}

#[test]
fn coming_and_going_leaves_no_loop_and_nobody_unfed() {
    churn(Rules::all(), |tree, here| check(tree, here.iter().copied(), 3));
}

#[test]
fn without_its_rule_somebody_is_backed_by_its_own_viewer() {
    let mut hangs = 0;
    churn(Rules::without(Rule::BackupOutsideSubtree), |tree, here| {
        for own in here.iter().map(|number| device(*number)) {
            let number = |backup: &DeviceId| u32::from_be_bytes(*backup.0.first_chunk().unwrap());
            hangs += tree.backups(&own).iter().filter(|backup| way(tree, number(backup)).contains(&own)).count();
        }
    });
    assert!(hangs > 0);
}
