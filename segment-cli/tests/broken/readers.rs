//! The second way.
//!
//! One reader that stopped reading stopped the channel for everybody; a second writer tore frames in half.

use std::collections::BTreeSet;

use segment_core::peer::events::Stage;
use segment_net::Channel;
use segment_proto::messages::{ChannelFilter, CreateChannel, ListChannels, ReadRange};
use segment_proto::{Frame, Message, View, Visitors};
use tokio::task::JoinSet;

use crate::harness::{Member, Town, Wire, create, endpoint, soon, text, texts_once};

/// Writers that wait for their own message before they write the next.
async fn write_together(channel: &Channel, writers: usize, each: usize, body: impl Fn(usize, usize) -> String) {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let channel = channel.clone();
        let bodies: Vec<String> = (0..each).map(|n| body(writer, n)).collect();
        tasks.spawn(async move {
            for body in bodies {
                let receipt = channel.send(&body).await.unwrap();
                receipt.until(Stage::Stored).await.unwrap();
            }
        });
    }
    soon(tasks.join_all()).await;
}

/// More than the sockets of both sides can hold, so that the host has to do something about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_02a_a_reader_that_stops_reading_stops_nobody() {
    const WRITERS: usize = 32;
    const EACH: usize = 40;
    const COUNT: usize = WRITERS * EACH;
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    create(&ken, "#general").await;
    let mut stuck = Member::join("stuck", tracker.address().unwrap(), "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let ben = town.registered("ben", endpoint(&tracker)).await;
    let here = soon(ada.join("#general")).await.unwrap();
    let there = soon(ben.join("#general")).await.unwrap();

    let mut heard = there.events();
    let listening = tokio::spawn(async move {
        for _ in 0..COUNT {
            heard.next_message().await.unwrap();
        }
    });
    write_together(&here, WRITERS, EACH, |writer, n| format!("{writer}/{n} {}", "x".repeat(7_800))).await;
    soon(listening).await.unwrap();

    // Whoever stood still was pushed what fitted, then told how far the others are, and may catch up.
    let all = COUNT as u64;
    let mut pushed = 0;
    loop {
        match soon(stuck.host.hear()).await.expect("the link was closed").1 {
            Message::Entries(entries) => pushed += entries.entries.len(),
            Message::Watermarks(marks) if marks.stored >= all => break,
            _ => {}
        }
    }
    assert!(pushed < COUNT, "{pushed} messages were held for somebody who did not read");
    let read = ReadRange { channel: stuck.author.channel, from: all, to: all };
    let page = stuck.host.request(&read).await;
    assert!(matches!(&page, Message::EntryPage(page) if page.entries.len() == 1), "{page:?}");
}

/// At the tracker: questions with large answers, of which none is read. The link is given up, nobody else notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_02b_who_asks_without_reading_is_given_up() {
    // More than the answers to them that the kernels of both sides hold: Linux lets a receiver have 32 MiB.
    const QUESTIONS: usize = 8_000;
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let (mut ken, _) = Wire::registered("ken", address).await;
    for n in 0..120 {
        let create = CreateChannel { name: format!("channel-{n}"), view: View::Public, visitors: Visitors::Read };
        let created = ken.request(&create).await;
        assert!(matches!(created, Message::ChannelFound(_)), "{created:?}");
    }
    let mut greedy = Wire::greeted("greedy", address).await;
    greedy.guest("greedy").await;
    let list = ListChannels { filter: ChannelFilter::All, after: String::new() };
    let answer = greedy.request(&list).await;
    assert!(matches!(&answer, Message::ChannelPage(page) if page.rows.len() == 120), "not a large answer");
    let question = Frame::request(greedy.next_id(), &list);
    for _ in 0..QUESTIONS {
        // Given up already: there is nobody to ask any more.
        if soon(greedy.send_bytes(&question.bytes())).await.is_err() {
            break;
        }
    }
    ken.ping().await;
    let answers = greedy.until_closed().await.len();
    assert!(answers < QUESTIONS, "{answers} answers were held for somebody who did not read");
    ken.ping().await;
}

/// Large frames of several writers on several links at once: each arrives whole, and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_02c_writers_never_tear_each_others_frames() {
    const EACH: usize = 5;
    let body = |who: &str, writer: usize, n: usize| format!("{who}/{writer}/{n} ").repeat(600);
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let mut talking = JoinSet::new();
    for name in ["ada", "ben", "cleo"] {
        let peer = town.registered(name, endpoint(&tracker)).await;
        let channel = soon(peer.join("#general")).await.unwrap();
        talking.spawn(async move {
            write_together(&channel, 4, EACH, |writer, n| body(name, writer, n)).await;
            (peer, channel)
        });
    }
    let members = soon(talking.join_all()).await;

    let wanted: BTreeSet<String> = ["ada", "ben", "cleo"]
        .iter()
        .flat_map(|who| (0..4).flat_map(move |writer| (0..EACH).map(move |n| body(who, writer, n))))
        .collect();
    for channel in members.iter().map(|(_, channel)| channel).chain([&here]) {
        let texts = texts_once(channel, wanted.len()).await;
        assert_eq!(texts.len(), wanted.len());
        assert_eq!(texts.into_iter().collect::<BTreeSet<_>>(), wanted);
    }
    let mut late = members[0].1.events();
    soon(here.send("and on it goes")).await.unwrap();
    assert_eq!(text(&soon(late.next_message()).await.unwrap()), "and on it goes");
}
