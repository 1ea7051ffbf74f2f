//! Who gets what is new.

use segment_proto::LinkId;

use super::kit::{device, who};
use crate::sync::{Subscriber, Subscribers};

fn subscriber(n: u8) -> Subscriber {
    Subscriber::new(who(u64::from(n)), device(n), None)
}

fn keeping(subscribers: &mut Subscribers) -> alloc::vec::Vec<u64> {
    subscribers.keeping().iter().map(|link| link.0).collect()
}

#[test]
fn who_lags_is_pushed_nothing_until_there_is_room() {
    let mut all = Subscribers::default();
    assert!(all.is_empty());
    for n in [1, 2, 3] {
        assert!(all.insert(LinkId(u64::from(n)), subscriber(n)).is_none());
    }
    assert!(!all.set_room(LinkId(2), 0));
    assert_eq!(keeping(&mut all), [1, 3]);
    assert!(!all.set_room(LinkId(2), 0));
    assert!(all.set_room(LinkId(2), 1));
    assert_eq!(keeping(&mut all), [1, 2, 3]);
    assert!(!all.set_room(LinkId(2), 500), "it did not lag");
    assert!(!all.set_room(LinkId(9), 0), "nobody");
}

#[test]
fn who_lags_while_the_log_is_cut_hears_of_it_once_there_is_room() {
    let mut all = Subscribers::default();
    for n in [1, 2, 3] {
        all.insert(LinkId(u64::from(n)), subscriber(n));
    }
    let at = |pos| segment_proto::Position { pos, ..segment_proto::Position::START };
    all.set_room(LinkId(2), 0);
    all.note_cut(at(7));
    all.note_cut(at(5));
    all.note_cut(at(9));
    assert!(all.set_room(LinkId(2), 1));
    assert_eq!([1, 2, 2].map(|link| all.take_cut(LinkId(link))), [None, Some(at(5)), None]);
    all.set_room(LinkId(3), 0);
    all.note_cut(at(4));
    all.remove(LinkId(3));
    assert_eq!(all.take_cut(LinkId(3)), None);
}

#[test]
fn who_subscribes_again_still_lags() {
    let mut all = Subscribers::default();
    all.insert(LinkId(1), subscriber(1));
    all.set_room(LinkId(1), 0);
    assert!(all.insert(LinkId(1), subscriber(1)).is_some());
    assert!(keeping(&mut all).is_empty());
    assert!(all.set_room(LinkId(1), 10));
}

#[test]
fn who_leaves_gets_nothing_more() {
    let mut all = Subscribers::default();
    for n in [1, 2, 3] {
        all.insert(LinkId(u64::from(n)), subscriber(n));
    }
    assert!(all.remove(LinkId(1)).is_some());
    assert!(all.remove(LinkId(1)).is_none());
    let gone = all.remove_if(|subscriber| subscriber.device == device(3));
    assert_eq!(gone.iter().map(|(link, _)| link.0).collect::<alloc::vec::Vec<_>>(), [3]);
    assert_eq!(keeping(&mut all), [2]);
    assert_eq!(all.len(), 1);
}

#[test]
fn the_list_of_links_is_shared_until_somebody_comes_or_goes() {
    let mut all = Subscribers::default();
    all.insert(LinkId(1), subscriber(1));
    let first = all.keeping().clone();
    all.set_room(LinkId(1), 77);
    assert!(alloc::sync::Arc::ptr_eq(&first, all.keeping()));
    all.insert(LinkId(2), subscriber(2));
    assert_eq!(all.keeping().len(), 2);
}
