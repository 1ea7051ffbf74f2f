use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use segment_proto::messages::{ListViewers, ParentLost, StartStream, StopStream, ViewerFigures, ViewerReport, Watch};
use segment_proto::*;

use super::rig::{CHANNEL, HOST, STREAMER, description, device, identity, read, stream, video, who};
use crate::rules::{Rule, Rules};
use crate::stream::coordinator::{Coordinator, CoordinatorContext, Participant, Told};

struct Town {
    coordinator: Coordinator,
    identity: Identity,
    limits: Limits,
    rules: Rules,
    now: Now,
    out: VecDeque<Told>,
}

impl Town {
    fn new(rules: Rules) -> Self {
        let now = Now { mono: Instant(0), wall: UnixMillis(1_000) };
        let (limits, identity) = (Limits::default(), identity(HOST));
        Self { coordinator: Coordinator::default(), identity, limits, rules, now, out: VecDeque::new() }
    }

    fn with<T>(&mut self, run: impl FnOnce(&mut Coordinator, &mut CoordinatorContext<'_>) -> T) -> T {
        let Self { coordinator, identity, limits, rules, now, out } = self;
        run(coordinator, &mut CoordinatorContext { out, limits, rules: *rules, identity, now: *now })
    }

    fn start(&mut self, from: &Participant, uplink_kbps: u32) -> Result<(), Reason> {
        let description = description(vec![video()]);
        let start = StartStream { description, uplink_kbps, port: 4_001, advertise: None };
        self.with(|coordinator, cx| coordinator.start(from, CHANNEL, start, cx))
    }

    fn watch_as(&mut self, from: &Participant, relay_kbps: u32, listed: bool) -> Result<(), Reason> {
        let watch = Watch {
            channel: CHANNEL,
            stream: stream(),
            relay_kbps,
            port: 4_000,
            advertise: None,
            listed,
            parent: None,
        };
        self.with(|coordinator, cx| coordinator.watch(from, &watch, cx))
    }

    fn watch(&mut self, number: u8, relay_kbps: u32) {
        self.watch_as(&participant(number), relay_kbps, true).unwrap();
    }

    fn said(&mut self) -> Vec<String> {
        self.out.drain(..).map(|told| word(&told)).collect()
    }

    fn viewers(&mut self) -> Vec<u8> {
        let list = ListViewers { channel: CHANNEL, stream: stream(), after: None };
        let page = self.with(|coordinator, cx| coordinator.viewers(&list, cx)).unwrap();
        page.rows.iter().map(|row| row.device.0[0]).collect()
    }
}

fn participant(number: u8) -> Participant {
    Participant {
        link: LinkId(number.into()),
        device: device(number),
        who: who(number),
        rights: Rights::ALL,
        seen: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))),
    }
}

fn word(told: &Told) -> String {
    let of = |message: Message| match message {
        Message::Plan(plan) => {
            let parent = plan.parent.map(|node| node.device.0[0]);
            let backups: Vec<u8> = plan.backups.iter().map(|node| node.device.0[0]).collect();
            format!("plan {} {parent:?} {backups:?}", plan.version)
        }
        Message::StreamStarted(started) => format!("started, present {}", started.row.present),
        Message::StreamStopped(stopped) => format!("stopped {}", stopped.reason),
        Message::Unwatched(unwatched) => format!("unwatched {}", unwatched.reason),
        Message::ShutOut(shut) => format!("shut out {}", shut.viewer.0[0]),
        other => other.name().to_string(),
    };
    match told {
        Told::One(LinkId(link), frame) => format!("{link}: {}", of(read(frame))),
        Told::Readers(frame) => format!("all: {}", of(read(frame))),
    }
}

#[test]
fn only_who_may_streams_and_only_as_themselves() {
    let mut town = Town::new(Rules::all());
    let none = Participant { rights: Rights::READ.with(Rights::SEND), ..participant(STREAMER) };
    assert_eq!(town.start(&none, 2_000), Err(Reason::MayNotStream));
    assert_eq!(town.start(&participant(2), 2_000), Err(Reason::BadSignature));
    assert_eq!(town.start(&participant(STREAMER), 2_000), Ok(()));
    assert_eq!(town.said(), ["all: started, present true"]);
    let mut lawless = Town::new(Rules::without(Rule::StreamRight));
    assert_eq!(lawless.start(&none, 2_000), Ok(()));
}

#[test]
fn only_who_may_read_watches() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 2_000).unwrap();
    let stranger = Participant { rights: Rights::NONE, ..participant(2) };
    let visitor = Who { account: AccountId::NOBODY, ..who(3) };
    let visitor = Participant { rights: Rights::NONE, who: visitor, ..participant(3) };
    assert_eq!(town.watch_as(&stranger, 0, true), Err(Reason::MembersOnly));
    assert_eq!(town.watch_as(&visitor, 0, true), Err(Reason::NoVisitors));
    assert_eq!(town.watch_as(&Participant { rights: Rights::READ, ..visitor }, 0, true), Ok(()));
    town.rules = Rules::without(Rule::WatchRight);
    assert_eq!(town.watch_as(&stranger, 0, true), Ok(()));
}

#[test]
fn the_streamer_serves_what_its_uplink_carries_and_then_who_has_agreed() {
    let mut town = Town::new(Rules::all());
    // 0.8 * 2.6 Mbit/s carry two copies of 1 Mbit/s.
    town.start(&participant(STREAMER), 2_600).unwrap();
    town.watch(2, 0);
    town.watch(3, 0);
    town.watch(4, 0);
    town.said();
    let tree = |town: &Town, number: u8| town.coordinator.tree(&stream()).unwrap().parent(&device(number));
    assert_eq!(tree(&town, 4), None);
    // Agrees to one copy: takes the place of somebody who agrees to none, and serves them.
    town.watch(5, 1_300);
    assert_eq!((tree(&town, 5), tree(&town, 4)), (Some(device(STREAMER)), None));
    town.watch(6, 100_000);
    let fed = (2..=6).filter(|number| tree(&town, *number).is_some()).count();
    assert_eq!(fed, 5);
    let children = |number: u8| town.coordinator.tree(&stream()).unwrap().children(&device(number));
    assert_eq!((children(2), children(3), children(4)), (0, 0, 0));
}

#[test]
fn without_their_rules_who_has_not_agreed_serves_and_one_serves_many() {
    let children = |rule: Rule, relay_kbps: u32| {
        let mut town = Town::new(Rules::without(rule));
        town.start(&participant(STREAMER), 1_300).unwrap();
        (2..=9).for_each(|number| town.watch(number, relay_kbps));
        let tree = town.coordinator.tree(&stream()).unwrap();
        (2..=9).map(|number| tree.children(&device(number))).max().unwrap()
    };
    assert_eq!(children(Rule::WatchRight, 0), 0);
    assert_eq!(children(Rule::Consent, 0), 4);
    assert_eq!(children(Rule::FewChildren, 100_000), 7);
}

#[test]
fn who_cannot_be_dialled_serves_nobody() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 1_300).unwrap();
    town.watch_as(&Participant { seen: None, ..participant(2) }, 100_000, true).unwrap();
    town.watch(3, 0);
    assert_eq!(town.coordinator.tree(&stream()).unwrap().parent(&device(3)), None);
}

#[test]
fn plans_name_a_parent_and_backups_and_change_with_them() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 2_600).unwrap();
    town.said();
    town.watch(2, 100_000);
    assert_eq!(town.said(), ["2: plan 1 Some(1) []"]);
    town.watch(3, 100_000);
    assert_eq!(town.said(), ["2: plan 2 Some(1) [3]", "3: plan 1 Some(1) [2]"]);
    town.watch(4, 100_000);
    let said = town.said();
    assert_eq!(said.last().unwrap(), "4: plan 1 Some(2) [3, 1]");
    let lost = ParentLost { channel: CHANNEL, stream: stream(), parent: device(2), instead: Some(device(3)) };
    town.with(|coordinator, cx| coordinator.on_parent_lost(&device(4), &lost, cx));
    // Who was lost comes last.
    assert!(town.said().contains(&"4: plan 2 Some(3) [1, 2]".into()));
    town.with(|coordinator, cx| coordinator.on_link_down(LinkId(3), cx));
    assert!(town.said().iter().any(|line| line.starts_with("4: plan 3 Some(1)")));
    assert_eq!(town.viewers(), [2, 4]);
}

#[test]
fn a_streamer_that_is_gone_has_a_minute_to_come_back() {
    let gone = |rules: Rules, seconds: u64| {
        let mut town = Town::new(rules);
        town.start(&participant(STREAMER), 2_000).unwrap();
        town.watch(2, 0);
        town.said();
        town.with(|coordinator, cx| coordinator.on_link_down(LinkId(STREAMER.into()), cx));
        town.now.mono = town.now.mono + Duration::from_secs(seconds);
        town.with(|coordinator, cx| coordinator.handle_timeout(cx));
        assert!(town.coordinator.poll_timeout().is_none_or(|due| due.at > town.now.mono));
        town
    };
    let mut back = gone(Rules::all(), 59);
    assert_eq!(back.said(), ["all: started, present false"]);
    back.start(&Participant { link: LinkId(77), ..participant(STREAMER) }, 2_000).unwrap();
    assert_eq!(back.said(), ["all: started, present true", "2: plan 2 Some(1) []"]);
    assert_eq!(back.viewers(), [2]);
    assert_eq!(gone(Rules::all(), 60).said(), ["all: started, present false", "all: stopped streamer_gone"]);
    assert_eq!(gone(Rules::without(Rule::ReturnKeepsStream), 0).said(), ["all: stopped streamer_gone"]);
}

#[test]
fn those_below_a_streamer_that_is_gone_wait_where_they_are() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 2_600).unwrap();
    town.watch(2, 100_000);
    town.watch(3, 100_000);
    town.with(|coordinator, cx| coordinator.on_link_down(LinkId(STREAMER.into()), cx));
    town.said();
    let lost = ParentLost { channel: CHANNEL, stream: stream(), parent: device(STREAMER), instead: None };
    town.with(|coordinator, cx| coordinator.on_parent_lost(&device(2), &lost, cx));
    assert!(town.said().is_empty());
    assert_eq!(town.coordinator.tree(&stream()).unwrap().parent(&device(2)), Some(device(STREAMER)));
}

#[test]
fn only_its_streamer_stops_a_stream() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 2_000).unwrap();
    let stop = StopStream { channel: CHANNEL, stream: stream() };
    let mut by = |number: u8| town.with(|coordinator, cx| coordinator.stop(&participant(number), &stop, cx));
    assert_eq!(by(2), Err(Reason::NotTheAuthor));
    assert_eq!(by(STREAMER), Ok(()));
    assert_eq!(by(STREAMER), Err(Reason::NoSuchStream));
    assert_eq!(town.said(), ["all: started, present true", "all: stopped shutting_down"]);
    assert!(town.coordinator.is_empty());
}

#[test]
fn the_list_of_viewers_leaves_out_who_does_not_want_to_be_seen() {
    let listed = |rules: Rules| {
        let mut town = Town::new(rules);
        town.start(&participant(STREAMER), 9_000).unwrap();
        town.watch(2, 0);
        town.watch_as(&participant(3), 0, false).unwrap();
        let figures = ViewerFigures { frames: 7, ..ViewerFigures::default() };
        let report = ViewerReport { channel: CHANNEL, stream: stream(), parent: Some(device(1)), figures };
        town.coordinator.on_report(&device(2), &report);
        (town.viewers(), town.coordinator.rows()[0].viewers)
    };
    assert_eq!(listed(Rules::all()), (vec![2], 1));
    assert_eq!(listed(Rules::without(Rule::HideViewers)), (vec![2, 3], 1));
}

#[test]
fn a_right_that_is_taken_away_ends_stream_and_watching() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 9_000).unwrap();
    town.watch(2, 0);
    town.watch(3, 0);
    town.said();
    let without =
        |gone: u8| move |account: AccountId| if account.0 == u64::from(gone) { Rights::NONE } else { Rights::ALL };
    town.with(|coordinator, cx| coordinator.enforce(without(9), cx));
    assert!(town.said().is_empty());
    town.with(|coordinator, cx| coordinator.enforce(without(2), cx));
    assert_eq!(town.said()[..2], ["1: shut out 2", "2: unwatched members_only"]);
    town.with(|coordinator, cx| coordinator.enforce(without(STREAMER), cx));
    assert_eq!(town.said(), ["all: stopped may_not_stream"]);
}

#[test]
fn streams_and_viewers_are_bounded() {
    let mut town = Town::new(Rules::all());
    town.limits.streams.viewers_max = 1;
    town.start(&participant(STREAMER), 9_000).unwrap();
    town.watch(2, 0);
    assert_eq!(town.watch_as(&participant(3), 0, true), Err(Reason::LimitReached));
    town.watch(2, 0);
    town.limits.streams.per_channel_max = 1;
    town.start(&participant(STREAMER), 9_000).unwrap();
    assert_eq!(town.watch_as(&participant(STREAMER), 0, true), Err(Reason::NotNow));
}

#[test]
fn tickets_are_renewed_when_half_of_their_life_is_over() {
    let mut town = Town::new(Rules::all());
    town.start(&participant(STREAMER), 9_000).unwrap();
    town.watch(2, 0);
    town.watch(3, 0);
    town.with(|coordinator, cx| coordinator.unwatch(&device(3), stream(), cx));
    town.said();
    let half = town.limits.streams.ticket_life / 2;
    assert_eq!(town.coordinator.poll_timeout().unwrap().at, town.now.mono + half);
    town.now.mono = town.now.mono + half;
    town.with(|coordinator, cx| coordinator.handle_timeout(cx));
    assert_eq!(town.said(), ["2: plan 2 Some(1) []"]);
    assert_eq!(town.coordinator.poll_timeout().unwrap().at, town.now.mono + half);
}
