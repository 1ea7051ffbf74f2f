//! The fifth way.
//!
//! A channel could not be joined after 13 stored messages, a list of 37 channels arrived empty (one read = one
//! answer).

use std::collections::BTreeSet;

use segment_core::peer::events::{Reply, Stage};
use segment_net::Peer;
use segment_proto::messages::{ChannelFilter, CreateChannel, ListUsers};
use segment_proto::{Frame, Message, SessionId, View, Visitors};
use tokio::task::JoinSet;

use crate::harness::{Town, Wire, create, endpoint, scale, soon, texts_once};

/// With 13 messages, and with several frames full of them: for a user and for a visitor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_05a_a_channel_is_joined_whatever_it_holds() {
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let eve = town.visitor("eve", "eve", endpoint(&tracker)).await;
    let many: Vec<String> = (0..600 * scale()).map(|n| format!("{n} {}", "x".repeat(n * 7 % 500))).collect();
    for (name, bodies) in [("#thirteen", &many[..13]), ("#fourteen", &many[..14]), ("#many", &many[..])] {
        let channel = create(&ken, name).await;
        let mut last = None;
        for bodies in bodies.chunks(100) {
            for body in bodies {
                last = Some(soon(channel.send(body)).await.unwrap());
            }
            soon(last.as_ref().unwrap().until(Stage::Committed)).await.unwrap();
        }
        for peer in [&ada, &eve] {
            let joined = soon(peer.join(name)).await.unwrap();
            assert!(texts_once(&joined, bodies.len()).await == bodies, "{name} is not whole");
        }
    }
}

async fn channels(peer: &Peer, filter: ChannelFilter) -> (Vec<String>, usize) {
    let (mut names, mut pages) = (Vec::<String>::new(), 0);
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let asked = peer.request(move |machine, now| machine.list_channels(filter, &after, now));
        let Reply::Channels(page) = soon(asked).await.unwrap() else { panic!("no page") };
        names.extend(page.rows.iter().map(|row| row.record.name.as_str().to_owned()));
        pages += 1;
        if !page.more {
            return (names, pages);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_05b_a_list_of_many_channels_arrives_whole() {
    let town = Town::with(|limits| {
        limits.protocol.channels_per_account_max = usize::MAX;
        limits.protocol.joined_channels_max = usize::MAX;
    });
    let tracker = town.tracker().await;
    let (mut maker, _) = Wire::registered("ken", tracker.address().unwrap()).await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let mut wanted = BTreeSet::new();
    for count in [37, 600 * scale()] {
        let names: Vec<String> = (wanted.len()..count).map(|n| format!("channel-{n:05}")).collect();
        let mut frames = Vec::new();
        for name in &names {
            let create = CreateChannel { name: name.clone(), view: View::Public, visitors: Visitors::Read };
            frames.push(Frame::request(maker.next_id(), &create));
        }
        // Many questions in one write, each with an answer of its own.
        for frames in frames.chunks(500) {
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
            maker.send_bytes(&bytes).await.unwrap();
            for frame in frames {
                let answer = maker.answer(frame.header().unwrap().correlation).await;
                assert!(matches!(answer, Message::ChannelFound(_)), "{answer:?}");
            }
        }
        wanted.extend(names);
        let (listed, pages) = channels(&ada, ChannelFilter::All).await;
        assert_eq!(listed.len(), count);
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), wanted);
        assert!(count < 256 || pages > 1, "{count} channels on {pages} pages");
    }
    assert_eq!(channels(&ada, ChannelFilter::Mine).await.0.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_05c_a_list_of_many_users_arrives_whole() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let (mut ada, _) = Wire::registered("ada", address).await;
    let mut coming = JoinSet::new();
    for n in 0..300 {
        coming.spawn(async move {
            let mut visitor = Wire::greeted(&format!("visitor {n}"), address).await;
            let logged_in = visitor.guest("eve").await;
            (visitor, logged_in.session)
        });
    }
    let visitors = soon(coming.join_all()).await;
    let mut wanted: BTreeSet<SessionId> = visitors.iter().map(|(_, session)| *session).collect();
    let (mut after, mut pages) = (None, 0);
    loop {
        let Message::UserPage(page) = ada.request(&ListUsers { after }).await else { panic!("no page") };
        after = page.rows.last().map(|row| row.session);
        for row in &page.rows {
            assert!(wanted.remove(&row.session) || row.who.name.as_str() == "ada", "listed twice: {row:?}");
        }
        pages += 1;
        if !page.more {
            break;
        }
    }
    assert!(wanted.is_empty() && pages > 1, "{} are missing after {pages} pages", wanted.len());
}
