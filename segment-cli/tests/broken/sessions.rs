//! The seventh way.
//!
//! Two sessions of one user: closing one showed the other as offline. Invisible users were listed. Two visitors of
//! one name got each other's rights.

use segment_core::peer::CommandError;
use segment_core::peer::events::{PeerEvent, Reply, Stage};
use segment_core::replica::SendError as NotTaken;
use segment_net::{Peer, RequestError, SendError};
use segment_proto::messages::{JoinChannel, MemberRow, Presence, UserRow};
use segment_proto::{AccountId, ChannelId, Message, Reason, View, Visitors};

use crate::harness::{
    Author, PASSWORD, Town, Wire, create, endpoint, event, eventually, greet_host, soon, subscription, texts_once,
};

async fn users(peer: &Peer) -> Vec<UserRow> {
    match soon(peer.request(|machine, now| machine.list_users(None, now))).await.unwrap() {
        Reply::Users(page) => page.rows,
        other => panic!("{other:?}"),
    }
}

async fn members(peer: &Peer, channel: ChannelId) -> Vec<MemberRow> {
    let asked = peer.request(move |machine, now| machine.list_members(channel, AccountId::NOBODY, now));
    match soon(asked).await.unwrap() {
        Reply::Members(page) => page.rows,
        other => panic!("{other:?}"),
    }
}

fn named<'a>(rows: &'a [UserRow], name: &str) -> Vec<&'a UserRow> {
    rows.iter().filter(|row| row.who.name.as_str() == name).collect()
}

fn presence(rows: &[MemberRow], name: &str) -> Presence {
    rows.iter().find(|row| row.who.name.as_str() == name).map(|row| row.presence).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_07a_closing_one_session_leaves_the_other_online() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await.id();
    let laptop = town.registered("ada", endpoint(&tracker)).await;
    let phone = town.logged_in("ada", "phone", endpoint(&tracker)).await;
    let there = soon(phone.join("#general")).await.unwrap();
    let both = users(&ken).await;
    let both = named(&both, "ada");
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(
        both[0].session != both[1].session && both[0].device != both[1].device && both[0].address != both[1].address
    );

    let mut events = ken.events();
    soon(laptop.request(|machine, now| machine.logout(now))).await.unwrap();
    let gone = event(&mut events, |event| match event {
        PeerEvent::UserGone { session, .. } => Some(session),
        _ => None,
    })
    .await;
    let rows = users(&ken).await;
    let left = named(&rows, "ada");
    assert_eq!(left.len(), 1);
    assert!(left[0].session != gone && left[0].device == phone.device());
    assert_eq!(presence(&members(&ken, channel).await, "ada"), Presence::Online);
    soon(soon(there.send("still here")).await.unwrap().until(Stage::Committed)).await.unwrap();

    soon(phone.shutdown()).await.unwrap();
    eventually(|| async { named(&users(&ken).await, "ada").is_empty().then_some(()) }).await;
    assert_eq!(presence(&members(&ken, channel).await, "ada"), Presence::Offline);
}

/// To others: as offline, in every list and in what is announced. To oneself: as online.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_07b_an_invisible_user_is_listed_nowhere() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let mut events = ken.events();
    soon(ada.request(|machine, now| machine.set_status(Presence::Invisible, now))).await.unwrap();
    event(&mut events, |event| matches!(event, PeerEvent::UserGone { .. }).then_some(())).await;
    assert!(named(&users(&ken).await, "ada").is_empty());
    assert_eq!(presence(&members(&ken, here.id()).await, "ada"), Presence::Offline);
    let report = eventually(|| async {
        let id = here.id();
        let report = ken.call(move |machine, _| machine.host_report(id)).await.unwrap().unwrap();
        report.members.iter().all(|link| link.0 == 0).then_some(report)
    });
    report.await;
    soon(soon(here.send("ada is not here")).await.unwrap().until(Stage::Committed)).await.unwrap();
    assert_eq!(texts_once(&there, 1).await, ["ada is not here"], "she reads all the same");

    // Who comes invisible was never there.
    let ben = town.registered("ben", endpoint(&tracker)).await;
    soon(ben.shutdown()).await.unwrap();
    eventually(|| async { named(&users(&ken).await, "ben").is_empty().then_some(()) }).await;
    let mut events = ken.events();
    let ben = town.peer("ben", endpoint(&tracker)).await;
    soon(ben.login("ben", PASSWORD, Presence::Invisible)).await.unwrap();
    soon(ada.request(|machine, now| machine.set_status(Presence::Online, now))).await.unwrap();
    let came = event(&mut events, |event| match event {
        PeerEvent::UserCame(row) => Some(row.who.name),
        _ => None,
    })
    .await;
    assert_eq!(came.as_str(), "ada", "an invisible user was announced");
    assert!(named(&users(&ken).await, "ben").is_empty());
    // An owner may hide as well: for everybody else the host has left, and they write on at the tracker.
    soon(ken.request(|machine, now| machine.set_status(Presence::Invisible, now))).await.unwrap();
    eventually(|| async { named(&users(&ada).await, "ken").is_empty().then_some(()) }).await;
    soon(soon(there.send("ken is not here")).await.unwrap().until(Stage::Committed)).await.unwrap();
}

/// The name is the same, the session, the device and the rights are not: neither of the other visitor's, nor of the
/// user who is called so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_07c_two_visitors_of_one_name_are_two() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    soon(ken.create("#users", View::Public, Visitors::Nothing)).await.unwrap();
    let one = town.visitor("eve", "first", endpoint(&tracker)).await;
    let two = town.visitor("eve", "second", endpoint(&tracker)).await;
    let rows = users(&ken).await;
    let eves = named(&rows, "eve");
    assert!(eves.len() == 2 && eves[0].session != eves[1].session && eves[0].device != eves[1].device, "{eves:?}");
    assert!(eves.iter().all(|row| row.who.is_visitor() && row.who.to_string() == "~eve"));

    // One of them becomes a user of that name: the other gets nothing of it.
    soon(one.request(|machine, now| machine.logout(now))).await.unwrap();
    soon(one.register("eve", PASSWORD, Presence::Online)).await.unwrap();
    let hers = soon(one.join("#general")).await.unwrap();
    let watched = soon(two.join("#general")).await.unwrap();
    soon(soon(hers.send("I may")).await.unwrap().until(Stage::Committed)).await.unwrap();
    let refused = soon(watched.send("I may too")).await.unwrap_err();
    let visitors_only = NotTaken::NotAllowed(Reason::VisitorsMayOnlyRead);
    assert_eq!(refused, SendError::Command(CommandError::Send(visitors_only)));
    soon(one.join("#users")).await.unwrap();
    let refused = soon(two.join("#users")).await.unwrap_err();
    assert!(matches!(&refused, RequestError::Refused(failure) if failure.reason == Reason::NoVisitors), "{refused:?}");

    // Nor does a visitor who is called as the owner, whatever their client says.
    let mut wire = Wire::greeted("liar", address).await;
    let logged_in = wire.guest("ken").await;
    assert!(matches!(wire.request(&JoinChannel { name: "#general".to_owned() }).await, Message::ChannelFound(_)));
    let row = wire.find("#general").await;
    let mut host = greet_host("liar", &row).await;
    let Message::Subscribed(subscribed) = host.request(&subscription(&row, &logged_in)).await else {
        panic!("visitors may read")
    };
    let fence = subscribed.epoch.unwrap().fence;
    let mut author = Author::new("liar", row.record.owner.account, channel.id());
    let envelopes = vec![author.text("I am the owner")];
    let submit = segment_proto::messages::Submit::new(channel.id(), fence, envelopes);
    assert_eq!(host.refused(&submit).await, Reason::VisitorsMayOnlyRead);
    // Nor with the certificate of the other visitor of that name.
    let mut twin = Wire::greeted("twin", address).await;
    let twin = twin.guest("ken").await;
    let mut host = greet_host("liar", &row).await;
    assert_eq!(host.refused(&subscription(&row, &twin)).await, Reason::BadCertificate);

    // One leaves, the other stays.
    soon(two.shutdown()).await.unwrap();
    let rows = eventually(|| async {
        let rows = users(&ken).await;
        (named(&rows, "eve").len() == 1).then_some(rows)
    })
    .await;
    assert!(!named(&rows, "eve")[0].who.is_visitor());
    assert_eq!(texts_once(&channel, 1).await, ["I may"]);
}
