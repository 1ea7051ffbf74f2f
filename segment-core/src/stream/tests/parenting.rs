use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use segment_proto::messages::Unserved;
use segment_proto::*;

use super::rig::*;
use crate::rules::{Rule, Rules};

/// A viewer 9 of the relay 5, with the backups 6 and 7, and what a streamer sends to link 5.
fn served() -> (Source, Sink) {
    let mut source = Source::new(vec![video()]);
    let mut sink = Sink::with_plan(9, 5, &[6, 7]);
    assert_eq!(sink.rig.said(), ["5: follow []"]);
    source.tell(5, 5, follow(5, &[]));
    source.key();
    sink.hear_all(5, source.chunks(5));
    assert_eq!(sink.rig.said(), ["parent None -> Some(5)", "shows 1000.0 of 2"]);
    (source, sink)
}

fn without_taken(sink: &mut Sink) -> Vec<String> {
    sink.rig.said().into_iter().filter(|line| !line.contains("taken") && !line.contains("ViewerReport")).collect()
}

#[test]
fn a_backup_is_asked_at_once_where_its_link_is_there_and_the_parents_is_not_after_a_while() {
    let mut sink = Sink::new(9);
    sink.viewer.on_plan(plan(9, 1, Some(5), &[6, 7]), &mut sink.rig.cx());
    sink.viewer.on_link_up(device(6), LinkId(6), &mut sink.rig.cx());
    assert!(sink.rig.said().is_empty());
    sink.pass(500);
    assert_eq!(without_taken(&mut sink), ["6: follow []"]);
}

#[test]
fn a_silent_parent_is_replaced_behind_what_came() {
    let (mut source, mut sink) = served();
    sink.pass(149);
    assert!(without_taken(&mut sink).is_empty());
    sink.pass(2);
    assert_eq!(
        without_taken(&mut sink),
        ["5: Unfollow", "report lost 5 Some(6)", "parent Some(5) -> None", "6: follow [(2, 1000, 0)]"]
    );
    source.delta();
    sink.begins(6);
    sink.hear_all(6, source.chunks(5));
    assert_eq!(sink.rig.said(), ["parent None -> Some(6)", "shows 1000.1 of 2"]);
}

#[test]
fn a_parent_that_was_only_slow_is_asked_again_as_soon_as_it_is_heard_and_given_more_time() {
    let mut source = Source::new(vec![video()]);
    let mut sink = Sink::with_plan(9, 5, &[]);
    source.tell(5, 5, follow(5, &[]));
    source.key();
    sink.hear_all(5, source.chunks(5));
    sink.pass(151);
    sink.rig.said();
    sink.pass(149);
    source.delta();
    sink.hear_all(5, source.chunks(5));
    sink.ends(5);
    // What came in between counts in the account of what is under way.
    assert_eq!(sink.rig.said(), ["5: taken 20", "5: follow [(2, 1000, 0)]"]);
    source.key();
    sink.hear_all(5, source.chunks(5));
    assert_eq!(sink.rig.said()[0], "parent None -> Some(5)");
    sink.pass(590);
    assert!(without_taken(&mut sink).is_empty());
    sink.pass(20);
    assert_eq!(without_taken(&mut sink)[0], "5: Unfollow");
}

/// A viewer of 5 that has asked 6, then 7, and 6 again; 6 has sent what it was asked for first.
fn asked_again() -> (Source, Sink, Vec<Message>) {
    let (mut source, mut sink) = served();
    for (version, parent) in [(2, 6), (3, 7), (4, 6)] {
        sink.viewer.on_plan(plan(9, version, Some(parent), &[5]), &mut sink.rig.cx());
        sink.viewer.on_link_up(device(parent), LinkId(parent.into()), &mut sink.rig.cx());
    }
    let again = ["6: follow [(2, 1000, 0)]", "6: Unfollow", "7: Unfollow", "6: follow [(2, 1000, 0)]"];
    let said = sink.rig.said();
    assert!(again.iter().all(|line| said.contains(&String::from(*line))), "{said:?}");
    source.delta();
    let chunks = source.chunks(5);
    sink.begins(6);
    sink.hear_all(6, chunks.clone());
    assert_eq!(sink.rig.said(), Vec::<String>::new());
    (source, sink, chunks)
}

#[test]
fn what_was_asked_for_before_is_no_answer_of_who_is_asked_again() {
    let (_, mut sink, chunks) = asked_again();
    // Nor is the refusal of what was asked for before.
    sink.hear(6, Unserved { stream: stream(), reason: Reason::NotNow }.into());
    assert_eq!((sink.viewer.parent(), sink.rig.said().len()), (Some(device(5)), 0));
    sink.ends(6);
    sink.begins(6);
    sink.hear_all(6, chunks);
    assert_eq!(sink.rig.said(), ["5: Unfollow", "parent Some(5) -> Some(6)", "shows 1000.1 of 2"]);
}

#[test]
fn who_never_says_that_nothing_comes_any_more_is_believed_after_a_while() {
    let (_, mut sink, chunks) = asked_again();
    let lives = |sink: &mut Sink, ms: u64| {
        for _ in 0..ms / 50 {
            sink.pass(50);
            sink.begins(5);
            sink.begins(6);
        }
    };
    lives(&mut sink, 4_900);
    sink.hear_all(6, chunks.clone());
    assert_eq!(sink.viewer.parent(), Some(device(5)));
    lives(&mut sink, 200);
    sink.hear_all(6, chunks);
    assert_eq!(sink.viewer.parent(), Some(device(6)));
}

#[test]
fn without_its_rule_silence_is_borne_for_ever() {
    let (_, mut sink) = served();
    sink.rig.rules = Rules::without(Rule::SilenceRepairs);
    sink.pass(60_000);
    assert!(!without_taken(&mut sink).iter().any(|line| line.contains("lost")));
}

#[test]
fn signs_of_life_are_no_silence() {
    let (mut source, mut sink) = served();
    for _ in 0..50 {
        sink.pass(50);
        source.rig.pass(50);
        source.publisher.handle_timeout(&mut source.rig.cx());
        sink.hear_all(5, source.chunks(5));
    }
    assert!(without_taken(&mut sink).is_empty());
}

#[test]
fn who_sends_seldom_may_be_silent_for_longer() {
    let slow = Track { interval_us: 1_000_000, ..video() };
    assert_eq!(crate::stream::fanout::shortest_interval(&[slow, audio()]).as_millis(), 20);
    let limits = limits::StreamLimits::default();
    let silence = |ms| crate::stream::fanout::silence(core::time::Duration::from_millis(ms), &limits).as_millis();
    assert_eq!((silence(10), silence(50), silence(60), silence(1_000)), (150, 150, 180, 3_000));
}

#[test]
fn a_lost_link_is_a_lost_parent_at_once() {
    let (_, mut sink) = served();
    sink.viewer.on_link_down(LinkId(5), &mut sink.rig.cx());
    assert_eq!(sink.rig.said(), ["report lost 5 Some(6)", "parent Some(5) -> None", "6: follow [(2, 1000, 0)]"]);
}

#[test]
fn a_parent_that_is_back_on_another_link_is_asked_there() {
    let (_, mut sink) = served();
    sink.viewer.on_link_up(device(5), LinkId(55), &mut sink.rig.cx());
    assert_eq!(sink.rig.said(), Vec::<String>::new());
    sink.viewer.on_link_down(LinkId(5), &mut sink.rig.cx());
    assert_eq!(sink.rig.said(), ["parent Some(5) -> None", "55: follow [(2, 1000, 0)]"]);
}

#[test]
fn a_parent_that_leaves_is_kept_until_another_has_taken_over() {
    let leave = |rules: Rules| {
        let (mut source, mut sink) = served();
        sink.rig.rules = rules;
        sink.hear(5, Unserved { stream: stream(), reason: Reason::ShuttingDown }.into());
        let asked = sink.rig.said();
        source.delta();
        let chunks = source.chunks(5);
        sink.hear_all(5, chunks.clone());
        let between = sink.rig.said();
        source.delta();
        sink.begins(6);
        sink.hear_all(6, chunks.into_iter().chain(source.chunks(5)).collect());
        (asked, between, sink.rig.said())
    };
    let (asked, between, after) = leave(Rules::all());
    assert_eq!(asked, ["6: follow [(2, 1000, 0)]"]);
    assert_eq!(between, ["shows 1000.1 of 2"]);
    assert_eq!(after, ["5: Unfollow", "parent Some(5) -> Some(6)", "shows 1000.2 of 2"]);
    let (asked, between, _) = leave(Rules::without(Rule::MakeBeforeBreak));
    assert!(asked.contains(&"parent Some(5) -> None".into()) && between.is_empty());
}

#[test]
fn a_refusal_is_followed_by_the_next_and_all_are_asked_again_later() {
    let mut sink = Sink::with_plan(9, 5, &[6, 7]);
    sink.rig.said();
    for (from, next) in [(5, Some("6: follow []")), (6, Some("7: follow []")), (7, None)] {
        sink.hear(from, Unserved { stream: stream(), reason: Reason::LimitReached }.into());
        assert_eq!(sink.rig.said().get(1).map(String::as_str), next);
    }
    sink.pass(1_000);
    assert_eq!(without_taken(&mut sink), ["5: follow []"]);
}

#[test]
fn a_new_plan_moves_a_viewer_without_a_break() {
    let (mut source, mut sink) = served();
    sink.viewer.on_plan(plan(9, 2, Some(7), &[5, 6]), &mut sink.rig.cx());
    assert_eq!(sink.rig.said(), ["7: follow [(2, 1000, 0)]"]);
    sink.viewer.on_plan(plan(9, 1, Some(5), &[]), &mut sink.rig.cx());
    assert!(sink.rig.said().is_empty());
    source.delta();
    let chunks = source.chunks(5);
    sink.hear_all(5, chunks.clone());
    sink.begins(7);
    sink.hear_all(7, chunks);
    assert_eq!(sink.rig.said(), ["shows 1000.1 of 2", "5: Unfollow", "parent Some(5) -> Some(7)"]);
}

#[test]
fn a_new_coordinators_plans_count_anew() {
    let (_, mut sink) = served();
    sink.viewer.on_plan(plan(9, 9, Some(5), &[6, 7]), &mut sink.rig.cx());
    sink.viewer.on_coordinator();
    sink.viewer.on_plan(plan(9, 1, Some(6), &[7]), &mut sink.rig.cx());
    assert_eq!(sink.rig.said(), ["6: follow [(2, 1000, 0)]"]);
}

#[test]
fn what_is_taken_is_told_and_how_one_fares_is_reported() {
    let (mut source, mut sink) = served();
    sink.pass(50);
    assert_eq!(sink.rig.said(), ["5: taken 10"]);
    for _ in 0..60 {
        source.rig.pass(33);
        source.key();
        sink.pass(33);
        let chunks = source.chunks(5);
        sink.hear_all(5, chunks);
        source.taken(5, 5, u64::MAX);
    }
    let said = sink.rig.said();
    let count = |word: &str| said.iter().filter(|line| line.contains(word)).count();
    assert_eq!((count("shows"), count("ViewerReport")), (60, 1));
    assert!((25..=40).contains(&count("taken")), "{}", count("taken"));
}

#[test]
fn who_is_asked_is_told_how_long_ago_it_came_what_has_come() {
    let (mut source, mut sink) = served();
    sink.viewer.on_plan(plan(9, 2, Some(6), &[5, 7]), &mut sink.rig.cx());
    for _ in 0..2 {
        sink.pass(50);
        sink.begins(5);
    }
    source.delta();
    sink.rig.said();
    sink.hear_all(6, source.chunks(5));
    sink.pass(50);
    let held = sink.rig.sent_to(6).into_iter().find_map(|message| match message {
        Message::Taken(taken) => Some(taken.held_us),
        _ => None,
    });
    assert_eq!(held, Some(0), "it was asked 100 ms before");
}

#[test]
fn who_watches_no_longer_ends_the_count_with_everybody() {
    let (_, mut sink) = served();
    sink.viewer.end(&mut sink.rig.cx());
    assert_eq!(sink.rig.said(), ["5: Unfollow", "5: taken 0"]);
}
