//! Tickets end, and what a relay has agreed to is all that it gives.

use alloc::vec;

use segment_proto::messages::{Follow, Plan, ShowTicket};
use segment_proto::{Message, Signed, Ticket, UnixMillis};

use super::rig::*;
use crate::rules::{Rule, Rules};
use crate::stream::Viewer;

fn until(viewer: u8, expires: u64) -> Signed<Ticket> {
    Signed::new(Ticket { expires: UnixMillis(expires), ..(*ticket(viewer)).clone() }, &identity(HOST))
}

/// A streamer with a viewer whose ticket ends ten seconds after the beginning.
fn served(rules: Rules) -> Source {
    let mut source = Source::new(vec![video()]);
    source.rig.rules = rules;
    source.tell(9, 9, Follow { ticket: until(9, 11_000), after: vec![] }.into());
    source.rig.said();
    source
}

/// It sends for so many seconds. Whether the viewer is served then.
fn serves(source: &mut Source, seconds: u64) -> bool {
    for _ in 0..seconds * 10 {
        source.rig.pass(100);
        source.key();
        source.taken(9, 9, u64::MAX);
        if source.publisher.poll_timeout(&source.rig.limits).is_some_and(|due| due.at <= source.rig.now.mono) {
            source.publisher.handle_timeout(&mut source.rig.cx());
        }
    }
    source.publisher.fanout().len() == 1
}

#[test]
fn whose_ticket_has_ended_is_served_no_longer() {
    let mut source = served(Rules::all());
    assert!(serves(&mut source, 9));
    source.rig.said();
    assert!(!serves(&mut source, 3));
    assert!(source.rig.said().contains(&"9: unserved bad_certificate".into()));
    assert!(serves(&mut served(Rules::without(Rule::TicketAdmits)), 12));
}

#[test]
fn who_shows_a_newer_ticket_of_its_own_is_served_on() {
    let shown = |ticket: Signed<Ticket>| {
        let mut source = served(Rules::all());
        serves(&mut source, 5);
        source.tell(9, 9, ShowTicket { ticket }.into());
        serves(&mut source, 9)
    };
    assert!(shown(until(9, 20_000)));
    assert!(!shown(until(8, 20_000)), "another's");
    let forged = Signed::new((*until(9, 20_000)).clone(), &identity(9));
    assert!(!shown(forged), "signed by itself");
}

#[test]
fn a_viewer_shows_its_parent_a_new_ticket_when_half_of_the_old_ones_life_is_over() {
    let mut sink = Sink::new(9);
    let life = u64::try_from(sink.rig.limits.ticket_life.as_millis()).unwrap();
    let mut plan_of = |version: u32, passed: u64| {
        sink.rig.now.wall = UnixMillis(1_000 + passed);
        let plan = Plan { ticket: until(9, 1_000 + passed + life), ..plan(9, version, Some(5), &[]) };
        sink.viewer.on_plan(plan, &mut sink.rig.cx());
        sink.viewer.on_link_up(device(5), segment_proto::LinkId(5), &mut sink.rig.cx());
        sink.rig.said()
    };
    assert_eq!(plan_of(1, 0), ["5: follow []"]);
    assert!(plan_of(2, life / 4).is_empty());
    assert_eq!(plan_of(3, life / 2), ["5: ShowTicket"]);
    assert!(plan_of(4, life / 2 + 1).is_empty());
}

#[test]
fn a_relay_serves_as_many_as_it_has_agreed_to_and_nobody_where_it_has_not() {
    let served = |relay_kbps: u32, rules: Rules| {
        let mut source = Source::new(vec![video()]);
        source.tell(5, 5, follow(5, &[]));
        source.key();
        let mut relay = Sink::with_plan(5, STREAMER, &[]);
        relay.rig.rules = rules;
        relay.viewer = Viewer::new(description(vec![video()]), vec![device(HOST)], relay_kbps, relay.rig.now.mono);
        relay.viewer.on_plan(plan(5, 1, Some(STREAMER), &[]), &mut relay.rig.cx());
        relay.viewer.on_link_up(device(STREAMER), segment_proto::LinkId(STREAMER.into()), &mut relay.rig.cx());
        relay.hear_all(STREAMER, source.chunks(5));
        (10..20).for_each(|viewer| relay.hear(viewer, follow(viewer, &[])));
        // Who is served already may ask again.
        let before = relay.viewer.fanout().len();
        let again: Message = follow(10, &[]);
        relay.hear(10, again);
        assert_eq!(relay.viewer.fanout().len(), before);
        before
    };
    assert_eq!(served(0, Rules::all()), 0);
    assert_eq!(served(2_600, Rules::all()), 2);
    assert_eq!(served(100_000, Rules::all()), 8);
    assert_eq!(served(0, Rules::without(Rule::Consent)), 8);
}
