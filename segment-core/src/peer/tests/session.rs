//! Logging in, staying logged in, and coming back.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use segment_proto::messages::{Announced, CertificateRenewed, ChannelPage, Done, Failure, Presence, Secret};
use segment_proto::names::NameError;
use segment_proto::{Limits, LinkId, Message, Reason, View, Visitors};

use super::bench::{
    Bench, DEVICE, LINK, MEMBER, TOKEN, TRACKER, address, certificate, channel, logged_in, message, request_timeout,
    row, session_id, who,
};
use crate::contract::Input;
use crate::peer::events::{PeerEvent, Reply};
use crate::peer::{CommandError, TrackerState, Unsent};
use crate::store::Table;

fn secret() -> Secret {
    Secret("a password".into())
}

fn no_channels() -> ChannelPage {
    ChannelPage { rows: Vec::new(), more: false }
}

#[test]
fn a_login_is_kept_and_told_and_the_channels_are_asked_for() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.login("Ken", secret(), Presence::Online, now).unwrap();
    let outputs = bench.take();
    let Message::Login(login) = message(&outputs, "Login") else { panic!("no login") };
    assert_eq!((login.name.as_str(), login.presence), ("ken", Presence::Online));
    let Some(crate::contract::Output::Transmit { frame, .. }) = outputs.last() else { panic!("nothing sent") };
    bench.receive(
        LINK,
        segment_proto::frame::Role::Response,
        frame.header().unwrap().correlation,
        logged_in(who(1, "ken")),
    );
    let expected = ["write", "write", "LoggedIn", "to 1: ask ListChannels", "replied LoggedIn"];
    assert_eq!(bench.answer(LINK, "ListChannels", no_channels()), expected);
    assert_eq!(bench.out(), [] as [&str; 0]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::LoggedIn);
    assert_eq!(bench.peer.whoami().unwrap().who, who(1, "ken"));
    assert_eq!(bench.store.count(Table::Author), 1, "the own device is known to itself");
}

#[test]
fn a_login_that_is_not_answered_in_time_leaves_no_link_on_which_the_tracker_may_have_logged_in() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.login("ken", secret(), Presence::Online, now).unwrap();
    assert_eq!(bench.out(), ["to 1: ask Login"]);
    bench.wait(request_timeout());
    assert_eq!(bench.out(), ["replied TimedOut", "hang up 1: not_now", "LinkLost", "TrackerLost"]);
    bench.wait(Limits::default().reconnect_max);
    bench.welcome(LinkId(2), TRACKER);
    let now = bench.now();
    bench.peer.login("ken", secret(), Presence::Online, now).unwrap();
    assert!(bench.out().contains(&String::from("to 2: ask Login")));
}

#[test]
fn the_port_is_announced_after_every_login() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.listen(4_000, None, now);
    assert_eq!(bench.out(), [] as [&str; 0], "nobody is logged in yet");
    bench.log_in(Vec::new());
    bench.out();
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    bench.answer(LinkId(2), "ResumeSession", logged_in(who(1, "ken")));
    let outputs = bench.take();
    let Message::Announce(announce) = message(&outputs, "Announce") else { panic!("not announced") };
    assert_eq!(announce.port, 4_000);
}

#[test]
fn listening_is_announced_at_once_where_somebody_is_logged_in() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.listen(4_000, None, now);
    bench.answer(LINK, "Announce", Announced { address: address(4_000) });
    assert_eq!(bench.out(), [] as [&str; 0]);
    assert_eq!(bench.peer.pending(), 0);
}

#[test]
fn a_lost_session_is_resumed_by_its_token() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.input(Input::LinkDown { link: LINK });
    assert_eq!(bench.out(), ["LinkLost", "TrackerLost"]);
    assert!(bench.peer.whoami().is_some(), "who one is stays known");
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    let outputs = bench.take();
    let Message::ResumeSession(resume) = message(&outputs, "ResumeSession") else { panic!("not resumed") };
    assert_eq!((resume.session, resume.token, resume.presence), (session_id(), TOKEN, Presence::Online));
    let Some(crate::contract::Output::Transmit { frame, .. }) = outputs.last() else { panic!("nothing sent") };
    let id = frame.header().unwrap().correlation;
    bench.receive(LinkId(2), segment_proto::frame::Role::Response, id, logged_in(who(1, "ken")));
    assert_eq!(bench.out(), ["write", "LoggedIn", "to 2: ask ListChannels"]);
}

#[test]
fn a_token_that_is_no_good_needs_a_person() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    bench.answer(LinkId(2), "ResumeSession", Failure::new(Reason::SessionExpired, ""));
    assert_eq!(bench.out(), ["LoginNeeded"]);
    assert_eq!(bench.peer.tracker_state(), TrackerState::Connected);
    bench.input(Input::LinkDown { link: LinkId(2) });
    bench.wait(Limits::default().reconnect_max);
    bench.out();
    bench.welcome(LinkId(3), TRACKER);
    assert_eq!(bench.out(), ["TrackerConnected"], "tried the same token again");
}

#[test]
fn a_tracker_that_cannot_now_is_asked_again_over_a_fresh_link() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    bench.answer(LinkId(2), "ResumeSession", Failure::new(Reason::SlowDown, ""));
    assert_eq!(bench.out(), ["hang up 2: not_now", "LinkLost", "TrackerLost"]);
    bench.wait(Limits::default().reconnect_max);
    bench.out();
    bench.welcome(LinkId(3), TRACKER);
    assert_eq!(bench.out(), ["TrackerConnected", "to 3: ask ResumeSession"]);
}

/// A visitor in a channel has lost the tracker, and comes in again over link 2.
fn visitor_who_came_back() -> Bench {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.guest("~zoe", now).unwrap();
    bench.answer(LINK, "Guest", logged_in(who(0, "zoe")));
    bench.answer(LINK, "ListChannels", ChannelPage { rows: alloc::vec![row(1, MEMBER, None)], more: false });
    bench.out();
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    bench.answer(LinkId(2), "Guest", logged_in(who(0, "zoe")));
    bench
}

#[test]
fn a_visitor_comes_back_under_the_same_name_and_joins_again() {
    let mut bench = visitor_who_came_back();
    bench.answer(LinkId(2), "ListChannels", no_channels());
    let found = segment_proto::messages::ChannelFound { row: row(1, MEMBER, None), epoch: None };
    bench.answer(LinkId(2), "JoinChannel", found);
    assert!(bench.peer.channel(channel(1)).unwrap().member);
}

#[test]
fn a_visitor_who_leaves_a_channel_while_the_list_comes_does_not_join_it_again() {
    let mut bench = visitor_who_came_back();
    let (_, list) = bench.asked(LinkId(2), "ListChannels");
    let now = bench.now();
    bench.peer.leave(channel(1), crate::peer::Unsent::Keep, now).unwrap();
    let (_, leave) = bench.asked(LinkId(2), "LeaveChannel");
    bench.receive(LinkId(2), segment_proto::frame::Role::Response, list, no_channels());
    assert!(!bench.out().contains(&"to 2: ask JoinChannel".into()));
    bench.receive(LinkId(2), segment_proto::frame::Role::Response, leave, segment_proto::messages::Done {});
    assert_eq!(bench.peer.channels().count(), 0);
}

#[test]
fn a_visitor_leaves_no_login_behind() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.guest("zoe", now).unwrap();
    bench.answer(LINK, "Guest", logged_in(who(0, "zoe")));
    assert!(bench.restarted().peer.whoami().is_none());
}

#[test]
fn who_was_logged_in_is_known_after_a_restart() {
    let bench = Bench::logged_in(Vec::new()).restarted();
    assert_eq!(bench.peer.whoami().unwrap().who, who(1, "ken"));
    assert_eq!(bench.peer.tracker_state(), TrackerState::Idle);
}

#[test]
fn an_earlier_session_is_resumed_by_what_the_embedder_kept() {
    let mut bench = Bench::logged_in(Vec::new()).restarted();
    bench.connect(LINK);
    bench.out();
    let now = bench.now();
    let id = bench.peer.resume(session_id(), TOKEN, now).unwrap();
    bench.answer(LINK, "ResumeSession", logged_in(who(1, "ken")));
    let reply = Ok(Reply::LoggedIn { who: who(1, "ken"), session: session_id(), token: TOKEN });
    assert!(bench.events().contains(&PeerEvent::Replied { id, reply }));
}

#[test]
fn the_certificate_is_renewed_at_half_of_its_life() {
    let mut bench = Bench::logged_in(Vec::new());
    let half = Limits::default().certificate_life / 2;
    bench.at = half - Duration::from_secs(1);
    bench.push(LINK, segment_proto::messages::Pong { wall: bench.now().wall });
    bench.out();
    bench.wait(Duration::from_secs(1));
    let mut fresh = (*certificate(who(1, "ken"), DEVICE)).clone();
    (fresh.issued, fresh.expires) = (bench.now().wall, bench.now().wall.plus(Limits::default().certificate_life));
    let expires = fresh.expires;
    let renewed = CertificateRenewed { certificate: super::bench::sign(fresh) };
    assert_eq!(bench.answer(LINK, "RenewCertificate", renewed), ["to 1: ask RenewCertificate"]);
    assert_eq!(bench.out(), ["write"]);
    assert_eq!(bench.peer.whoami().unwrap().admitted_until, expires);
}

#[test]
fn a_renewal_that_fails_is_tried_again() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.at = Limits::default().certificate_life / 2;
    bench.push(LINK, segment_proto::messages::Pong { wall: bench.now().wall });
    bench.answer(LINK, "RenewCertificate", Failure::new(Reason::StorageFailed, ""));
    bench.at += Limits::default().reconnect_max;
    bench.push(LINK, segment_proto::messages::Pong { wall: bench.now().wall });
    assert!(bench.out().contains(&"to 1: ask RenewCertificate".to_string()));
}

#[test]
fn a_certificate_for_somebody_else_is_refused() {
    let stranger = certificate(who(1, "ken"), MEMBER);
    let mut unsigned = logged_in(who(1, "ken"));
    unsigned.certificate =
        segment_proto::Signed::new((*unsigned.certificate).clone(), &segment_proto::Identity::simulated(MEMBER));
    for bad in [segment_proto::messages::LoggedIn { certificate: stranger, ..logged_in(who(1, "ken")) }, unsigned] {
        let mut bench = Bench::connected();
        let now = bench.now();
        bench.peer.login("ken", secret(), Presence::Online, now).unwrap();
        bench.answer(LINK, "Login", bad);
        let out = bench.out();
        assert_eq!(out.last(), Some(&"replied bad_certificate".to_string()));
        assert!(bench.peer.whoami().is_none());
    }
}

#[test]
fn a_wrong_password_is_a_reply_and_nothing_else() {
    let mut bench = Bench::connected();
    let now = bench.now();
    bench.peer.login("ken", secret(), Presence::Online, now).unwrap();
    bench.answer(LINK, "Login", Failure::new(Reason::WrongCredentials, ""));
    assert_eq!(bench.out(), ["replied wrong_credentials"]);
}

#[test]
fn logging_out_forgets_who_one_was() {
    let mut bench = Bench::logged_in(Vec::new());
    let now = bench.now();
    bench.peer.logout(now).unwrap();
    bench.answer(LINK, "Logout", Done {});
    assert_eq!(bench.out(), ["write", "LoggedOut", "replied Done"]);
    assert!(bench.peer.whoami().is_none());
    assert_eq!(bench.peer.logout(now), Err(CommandError::NotLoggedIn));
    assert!(bench.restarted().peer.whoami().is_none());
}

#[test]
fn logging_out_while_the_tracker_is_away_forgets_it_here() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.input(Input::LinkDown { link: LINK });
    bench.out();
    let now = bench.now();
    bench.peer.logout(now).unwrap();
    assert_eq!(bench.out(), ["write", "LoggedOut", "replied Done"]);
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    assert_eq!(bench.out(), ["TrackerConnected"], "came back with the token of a session that was ended");
    assert!(bench.restarted().peer.whoami().is_none());
}

#[test]
fn logging_out_while_the_session_is_resumed_leaves_no_link_on_which_the_tracker_may_have_it() {
    let mut bench = Bench::logged_in(Vec::new());
    bench.input(Input::LinkDown { link: LINK });
    bench.wait(Limits::default().reconnect_first);
    bench.welcome(LinkId(2), TRACKER);
    bench.out();
    let now = bench.now();
    bench.peer.logout(now).unwrap();
    assert_eq!(bench.out(), ["hang up 2: not_now", "LinkLost", "TrackerLost", "write", "LoggedOut", "replied Done"]);
}

#[test]
fn the_clock_of_the_tracker_is_the_one_that_counts() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.peer.connect(super::bench::tracker_at(22_236), now).unwrap();
    bench.link_up(LINK, TRACKER);
    let wall = now.wall.plus(Duration::from_secs(3_600));
    let protocol = segment_proto::ProtocolVersion::CURRENT;
    let welcome = segment_proto::messages::Welcome { protocol, wall, seen_at: address(1), software: String::new() };
    bench.answer(LINK, "Hello", welcome);
    bench.out();
    bench.link_up(super::bench::INBOUND, MEMBER);
    let hello = segment_proto::messages::Hello {
        protocol,
        greeter: segment_proto::messages::Greeter::Member,
        software: String::new(),
    };
    let id = segment_proto::RequestId::from_random([1; 16]);
    bench.receive(super::bench::INBOUND, segment_proto::frame::Role::Request, id, hello);
    let Message::Welcome(welcome) = message(&bench.take(), "Welcome") else { panic!("not welcomed") };
    assert_eq!(welcome.wall, wall);
}

#[test]
fn commands_say_why_they_cannot_be_carried_out() {
    let mut bench = Bench::new();
    let now = bench.now();
    let peer = &mut bench.peer;
    assert_eq!(peer.list_users(None, now), Err(CommandError::NotConnected));
    assert_eq!(peer.login("ken", secret(), Presence::Online, now), Err(CommandError::NotConnected));
    assert_eq!(peer.ping(now), Err(CommandError::NotConnected));
    assert_eq!(peer.send(channel(1), "hi", now), Err(CommandError::NotLoggedIn));
    assert_eq!(peer.history(channel(1), None, 10, now), Err(CommandError::NotJoined));
    assert_eq!(peer.retry(channel(1), now), Err(CommandError::NotJoined));
    assert_eq!(peer.leave(channel(1), Unsent::Keep, now), Err(CommandError::NotJoined));
    assert_eq!(peer.host_report(channel(1)).err(), Some(CommandError::NotJoined));
    let mut bench = Bench::connected();
    let peer = &mut bench.peer;
    assert_eq!(peer.join("general", now), Err(CommandError::NotLoggedIn));
    assert_eq!(peer.set_status(Presence::Invisible, now), Err(CommandError::NotLoggedIn));
    assert_eq!(peer.find_user("", now), Err(CommandError::BadName(NameError::Empty)));
    let short = Secret("short".into());
    assert_eq!(peer.register("ken", short, Presence::Online, now), Err(CommandError::BadPassword));
    let long = Secret("x".repeat(257));
    assert_eq!(peer.register("ken", long, Presence::Online, now), Err(CommandError::BadPassword));
    let bad = peer.create_channel("a b", View::Public, Visitors::Read, now);
    assert_eq!(bad, Err(CommandError::BadName(NameError::BadCharacter)));
    assert_eq!(bench.out(), [] as [&str; 0], "a refused command has sent something");
    assert_eq!(bench.peer.pending(), 0);
}

#[test]
fn requests_beyond_the_limit_are_not_sent() {
    let limits = Limits { pending_per_link_max: 2, joined_channels_max: 0, ..Limits::default() };
    let mut bench = Bench::with(crate::testing::TestStore::default(), limits);
    bench.connect(LINK);
    bench.out();
    let now = bench.now();
    bench.peer.ping(now).unwrap();
    bench.peer.ping(now).unwrap();
    assert_eq!(bench.peer.ping(now), Err(CommandError::Busy));
    assert_eq!(bench.out(), ["to 1: ask Ping", "to 1: ask Ping"]);
}
