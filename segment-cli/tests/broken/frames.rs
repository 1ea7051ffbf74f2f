//! The third way.
//!
//! Frames cut at any byte, merged, or arriving together with the handshake were dropped, half applied or never
//! answered; a UTF-8 character cut in two killed the connection.

use std::time::Duration;

use segment_core::Endpoint;
use segment_core::peer::events::Stage;
use segment_proto::frame::Role;
use segment_proto::messages::{
    ChannelFilter, CreateChannel, FateCode, FindChannel, Greeter, Guest, ListChannels, Ping, Presence, ResumeSession,
};
use segment_proto::{EnvelopeKind, Frame, Message, Reason, View, Visitors};
use tokio::time::sleep;

use crate::harness::{Member, Proxy, Shape, Town, Wire, create, endpoint, failed, hello, soon, texts, texts_once};

/// Long enough for the first part to be read by itself.
const BETWEEN_PARTS: Duration = Duration::from_millis(1);

/// A whole conversation with a tracker, and how many answers it gets.
fn conversation(wire: &mut Wire) -> (Vec<u8>, usize) {
    let frames = [
        Frame::request(wire.next_id(), &hello(Greeter::Client)),
        Frame::request(wire.next_id(), &Guest { name: "eve".to_owned() }),
        Frame::request(wire.next_id(), &ListChannels { filter: ChannelFilter::All, after: String::new() }),
        Frame::request(wire.next_id(), &Ping {}),
    ];
    (frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect(), frames.len())
}

/// Each question is answered once, in its order, by what answers it.
async fn all_answered(wire: &mut Wire, count: usize, how: &str) {
    let mut names = Vec::new();
    while names.len() < count {
        let (header, message) = wire.hear().await.unwrap_or_else(|| panic!("closed {how} after {names:?}"));
        if header.role == Role::Response {
            names.push(message.name());
        }
    }
    assert_eq!(names, ["Welcome", "LoggedIn", "ChannelPage", "Pong"], "{how}");
    wire.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03a_frames_cut_at_any_byte_are_answered_as_whole_ones() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let length = conversation(&mut Wire::dial("eve", address).await).0.len();
    for cut in 1..length {
        let mut wire = Wire::dial("eve", address).await;
        let (bytes, count) = conversation(&mut wire);
        wire.send_bytes(&bytes[..cut]).await.unwrap();
        sleep(BETWEEN_PARTS).await;
        wire.send_bytes(&bytes[cut..]).await.unwrap();
        all_answered(&mut wire, count, &format!("cut at {cut}")).await;
    }
    let mut wire = Wire::dial("eve", address).await;
    let (bytes, count) = conversation(&mut wire);
    for byte in bytes {
        wire.send_bytes(&[byte]).await.unwrap();
    }
    all_answered(&mut wire, count, "byte by byte").await;
}

/// The first is sent before TLS has said its last word, so that both arrive in one segment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03b_frames_merged_with_each_other_and_with_the_handshake_are_answered() {
    let town = Town::new();
    let tracker = town.tracker().await;
    for shape in [Shape::Merged, Shape::Whole, Shape::Pieces(1), Shape::Pieces(7)] {
        let proxy = Proxy::start(tracker.address().unwrap(), shape).await;
        let mut wire = Wire::dial("eve", proxy.address).await;
        let (bytes, count) = conversation(&mut wire);
        wire.send_bytes(&bytes).await.unwrap();
        all_answered(&mut wire, count, "merged").await;
    }
}

/// The same for programs as they are: a tracker and a host behind proxies that tear and merge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03c_peers_talk_through_a_network_that_tears_and_merges() {
    let town = Town::new();
    let tracker = town.tracker().await;
    for (shape, owner, member) in [(Shape::Pieces(1), "ken", "ada"), (Shape::Merged, "ben", "cleo")] {
        let door = Proxy::start(tracker.address().unwrap(), shape).await;
        let torn = Endpoint { address: door.address, key: Some(tracker.key()) };
        let host = town.registered(owner, torn).await;
        let front = Proxy::start(host.address().unwrap(), shape).await;
        let port = front.address.port();
        host.call(move |machine, now| machine.listen(port, None, now)).await.unwrap();
        let here = create(&host, &format!("#{owner}")).await;
        let peer = town.registered(member, torn).await;
        let there = soon(peer.join(&format!("#{owner}"))).await.unwrap();
        for n in 0..5 {
            let said = format!("{n}: Grüße, 世界 😀");
            soon(soon(there.send(&said)).await.unwrap().until(Stage::Committed)).await.unwrap();
        }
        let wanted: Vec<String> = (0..5).map(|n| format!("{n}: Grüße, 世界 😀")).collect();
        assert_eq!(texts(&here).await, wanted);
        assert_eq!(texts(&there).await, wanted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03d_half_a_frame_changes_nothing() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let (mut watcher, logged_in) = Wire::registered("ken", address).await;
    let create = |name: &str| CreateChannel { name: name.to_owned(), view: View::Public, visitors: Visitors::Read };
    let resume = ResumeSession { session: logged_in.session, token: logged_in.token, presence: Presence::Online };
    let length = Frame::request(watcher.next_id(), &create("#half")).len();
    for cut in (1..length).step_by(5).chain([length - 1]) {
        let mut wire = Wire::greeted("ken", address).await;
        assert!(matches!(wire.request(&resume).await, Message::LoggedIn(_)));
        let frame = Frame::request(wire.next_id(), &create("#half"));
        wire.send_bytes(&frame.bytes()[..cut]).await.unwrap();
    }
    let mut wire = Wire::greeted("ken", address).await;
    assert!(matches!(wire.request(&resume).await, Message::LoggedIn(_)));
    assert_eq!(wire.refused(&FindChannel { name: "#half".to_owned() }).await, Reason::NoSuchChannel);
    assert!(matches!(wire.request(&create("#half")).await, Message::ChannelFound(_)), "whole, it is applied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03e_a_character_cut_in_two_arrives_whole() {
    const TEXT: &str = "é世😀";
    let town = Town::brisk();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let mut ada = Member::join("ada", tracker.address().unwrap(), "#general").await;
    for offset in 1..TEXT.len() {
        let envelope = ada.author.text(TEXT);
        let frame = Frame::request(ada.host.next_id(), &ada.submit(vec![envelope]));
        let bytes = frame.bytes();
        let at = bytes.windows(TEXT.len()).position(|window| window == TEXT.as_bytes()).unwrap() + offset;
        ada.host.send_bytes(&bytes[..at]).await.unwrap();
        sleep(BETWEEN_PARTS).await;
        ada.host.send_bytes(&bytes[at..]).await.unwrap();
        let id = frame.header().unwrap().correlation;
        let answer = ada.host.answer(id).await;
        assert!(
            matches!(&answer, Message::Submitted(submitted) if submitted.fates[0].code == FateCode::Stored),
            "{answer:?}"
        );
    }
    let count = TEXT.len() - 1;
    assert_eq!(texts_once(&channel, count).await, vec![TEXT.to_owned(); count]);
}

/// Half a character that never gets its other half is refused, and nobody is thrown out for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_03f_half_a_character_is_refused_and_the_link_lives_on() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let mut ada = Member::join("ada", tracker.address().unwrap(), "#general").await;
    let half = &"😀".as_bytes()[..2];
    let (prev, seq) = (ada.author.prev, ada.author.seq);
    let envelope = ada.author.write(EnvelopeKind::Text, half.to_vec());
    let fates = ada.bring(vec![envelope]).await;
    assert_eq!((fates[0].code, fates[0].reason), (FateCode::Refused, Some(Reason::BadEnvelope)));
    (ada.author.prev, ada.author.seq) = (prev, seq);
    let envelope = ada.author.text("whole");
    assert_eq!(ada.bring(vec![envelope]).await[0].code, FateCode::Stored);
    assert_eq!(texts_once(&channel, 1).await, ["whole"]);

    let name = "é";
    let frame = Frame::request(ada.tracker.next_id(), &FindChannel { name: name.to_owned() });
    let mut bytes = frame.bytes().to_vec();
    *bytes.last_mut().unwrap() = b'x';
    ada.tracker.send_bytes(&bytes).await.unwrap();
    let answer = ada.tracker.answer(frame.header().unwrap().correlation).await;
    assert_eq!(failed(&answer), Reason::Malformed);
    ada.tracker.ping().await;
}
