//! The fourth way.
//!
//! A 10 MB message cost 10 s of CPU; a line that never ends grew without bound; bytes past a fixed read size were
//! executed as commands.

use std::io::{BufReader, ErrorKind, repeat};
use std::time::Duration;

use segment_cli::grammar::LINE_BYTES_MAX;
use segment_core::peer::CommandError;
use segment_core::replica::SendError as NotTaken;
use segment_net::SendError;
use segment_proto::limits::{BODY_BYTES_MAX, FRAME_BEFORE_LOGIN_BYTES_MAX, FRAME_BYTES_MAX};
use segment_proto::messages::{CreateChannel, FateCode, FindChannel, Goodbye};
use segment_proto::{EnvelopeKind, Frame, Message, Reason, View, Visitors};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::harness::programs::Desk;
use crate::harness::{Member, Town, Wire, create, endpoint, soon, texts_once};

const TEN_MB: usize = 10 * 1024 * 1024;

fn is_too_large(said: &[Message]) -> bool {
    matches!(said.last(), Some(Message::Goodbye(Goodbye { reason: Reason::TooLarge })))
}

/// The length field of a frame that is `bytes` long.
fn announcement(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes - 4).unwrap().to_be_bytes()
}

/// It is refused by its length alone: where it is written, at the tracker, and at a host, before its bytes come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_04a_a_message_of_10_mb_is_refused_by_its_length() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let refused = channel.send(&"x".repeat(TEN_MB)).await.unwrap_err();
    assert_eq!(refused, SendError::Command(CommandError::Send(NotTaken::TooLong(BODY_BYTES_MAX))));

    let mut ada = Member::join("ada", tracker.address().unwrap(), "#general").await;
    for wire in [&mut ada.tracker, &mut ada.host] {
        wire.send_bytes(&announcement(TEN_MB)).await.unwrap();
        let said = wire.until_closed().await;
        assert!(is_too_large(&said), "{said:?}");
    }
    // As large as a frame may be, and still more than a message may say.
    ada.come_again("ada").await;
    let envelope = ada.author.write(EnvelopeKind::Text, vec![b'x'; BODY_BYTES_MAX + 1]);
    let fates = ada.bring(vec![envelope]).await;
    assert_eq!((fates[0].code, fates[0].reason), (FateCode::Refused, Some(Reason::BadEnvelope)));
    ada.host.ping().await;
    soon(channel.send("nobody noticed")).await.unwrap();
    assert_eq!(texts_once(&channel, 1).await, ["nobody noticed"]);
}

/// Without TLS, within TLS, in a frame of a lawful length, and in a script.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_04b_a_line_that_never_ends_is_given_up() {
    let town = Town::with(|limits| limits.frame_complete = Duration::from_millis(300));
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let mut honest = Wire::greeted("ken", address).await;

    let plain = TcpStream::connect(address).await.unwrap();
    let (mut answers, mut plain) = plain.into_split();
    soon(async { while plain.write_all(&[b'A'; 4_096]).await.is_ok() {} }).await;
    let mut said = Vec::new();
    let _ = soon(answers.read_to_end(&mut said)).await;
    assert!(said.len() < 16, "answered with {said:?}");

    let mut endless = Wire::dial("mallory", address).await;
    let talking = async { while endless.send_bytes(&[b'A'; 4_096]).await.is_ok() {} };
    soon(talking).await;

    let mut trickle = Wire::dial("mallory", address).await;
    trickle.send_bytes(&announcement(FRAME_BEFORE_LOGIN_BYTES_MAX)).await.unwrap();
    let mut sent = 0;
    soon(async {
        while trickle.send_bytes(b"A").await.is_ok() {
            sent += 1;
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(sent < FRAME_BEFORE_LOGIN_BYTES_MAX, "the whole frame was waited for");

    let refused = segment_cli::script::read_line(&mut BufReader::new(repeat(b'A'))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidData);
    honest.ping().await;
}

/// Frames that are too long, filled with whole lawful ones: wherever a reader cut them, it would find a command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_04c_bytes_past_a_limit_are_never_executed() {
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await;
    let stuffed = |length: usize, command: &Frame| {
        let mut bytes = announcement(length).to_vec();
        while bytes.len() < 2 * length {
            bytes.extend_from_slice(&command.bytes());
        }
        bytes
    };

    let mut stranger = Wire::greeted("mallory", address).await;
    let command = Frame::request(stranger.next_id(), &crate::harness::register("mallory"));
    // The other side may have hung up before it was all said.
    let _ = stranger.send_bytes(&stuffed(FRAME_BEFORE_LOGIN_BYTES_MAX + 1, &command)).await;
    assert!(is_too_large(&stranger.until_closed().await));
    let (mut mallory, _) = Wire::registered("mallory", address).await;

    let wanted = CreateChannel { name: "#stolen".to_owned(), view: View::Public, visitors: Visitors::Read };
    let command = Frame::request(mallory.next_id(), &wanted);
    let _ = mallory.send_bytes(&stuffed(FRAME_BYTES_MAX + 1, &command)).await;
    assert!(is_too_large(&mallory.until_closed().await));

    let mut ada = Member::join("ada", address, "#general").await;
    assert_eq!(ada.tracker.refused(&FindChannel { name: "#stolen".to_owned() }).await, Reason::NoSuchChannel);
    let envelope = ada.author.text("executed");
    let command = Frame::request(ada.host.next_id(), &ada.submit(vec![envelope.clone()]));
    let _ = ada.host.send_bytes(&stuffed(FRAME_BYTES_MAX + 1, &command)).await;
    assert!(is_too_large(&ada.host.until_closed().await));
    soon(channel.send("the only message")).await.unwrap();
    assert_eq!(texts_once(&channel, 1).await, ["the only message"]);
    // The command itself was a good one.
    ada.come_again("ada").await;
    assert_eq!(ada.bring(vec![envelope]).await[0].code, FateCode::Stored);
}

/// The same for a program that reads its commands: the long line ends the script, none of its parts is a command.
#[test]
fn broken_04d_a_script_line_that_is_too_long_is_not_cut_into_commands() {
    let (desk, _tracker) = Desk::open();
    let mut ken = desk.registered("ken");
    ken.say(&format!("/send #general {}/create #within", "/create #past\\n ".repeat(LINE_BYTES_MAX / 8)));
    let refused = ken.hear();
    assert_eq!(refused["type"], "error", "{refused}");
    assert_ne!(ken.finish(), 0);
    let mut ada = desk.registered("ada");
    assert!(ada.run("/channels").iter().all(|answer| answer["type"] != "channel"));
    ada.run("/create #general");
    let listed = ada.run("/channels");
    assert!(listed.iter().any(|answer| answer.to_string().contains("#general")), "{listed:?}");
    assert!(listed.iter().all(|answer| !answer.to_string().contains("#past")), "{listed:?}");
}
