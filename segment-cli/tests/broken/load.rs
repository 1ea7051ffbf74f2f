//! The tenth way.
//!
//! 1,000 silent connections, 500 connects at once (backlog 10: 1 s each), 500 logins (21.8 s, quadratic), password
//! guessing at 8,000 tries a second, plaintext passwords; every echo 40 ms late (no TCP_NODELAY); one send rewrote the
//! whole history (524 ms at 100,000 messages).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use segment_core::peer::events::Stage;
use segment_net::{Config, Peer, raise_open_files};
use segment_proto::messages::{Failure, JoinChannel, LeaveChannel, LoggedIn, Ping, Presence, ResumeSession};
use segment_proto::{Message, Reason};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::programs::Desk;
use crate::harness::{Counting, PASSWORD, Town, Wire, create, endpoint, loopback, patience, scale, soon, text};

/// Half of them say nothing at all, the others have shaken hands and then say nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10a_a_thousand_silent_connections_are_in_nobodys_way() {
    let _ = raise_open_files();
    let town = Town::with(|limits| {
        limits.protocol.lease = Duration::from_secs(3);
        limits.protocol.ping = Duration::from_millis(500);
    });
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let mut silent = JoinSet::new();
    for _ in 0..500 {
        silent.spawn(async move { TcpStream::connect(address).await.unwrap() });
    }
    let mut silent = soon(silent.join_all()).await;
    let mut mute = JoinSet::new();
    for n in 0..500 {
        mute.spawn(async move { Wire::dial(&format!("mute {n}"), address).await });
    }
    let mut mute = soon(mute.join_all()).await;

    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let mut heard = there.events();
    soon(soon(here.send("as if nothing were")).await.unwrap().until(Stage::Committed)).await.unwrap();
    assert_eq!(text(&soon(heard.next_message()).await.unwrap()), "as if nothing were");

    // And they do not stay.
    for stream in &mut silent {
        let mut said = Vec::new();
        let _ = soon(stream.read_to_end(&mut said)).await;
        assert!(said.is_empty());
    }
    for wire in &mut mute {
        let said = wire.until_closed().await;
        assert!(said.iter().all(|message| matches!(message, Message::Goodbye(_))), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10b_500_connects_at_once_are_all_answered() {
    let _ = raise_open_files();
    let count = 500 * scale();
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let mut coming = JoinSet::new();
    for n in 0..count {
        coming.spawn(async move {
            let mut wire = Wire::greeted(&format!("visitor {n}"), address).await;
            wire.guest("eve").await;
            wire
        });
    }
    let mut came = soon(coming.join_all()).await;
    assert_eq!(came.len(), count);
    came[count - 1].ping().await;
}

/// Passwords wait for one another, chat does not wait for them; coming back costs no password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10c_many_logins_at_once_succeed_and_chat_goes_on() {
    let _ = raise_open_files();
    let count = 40 * scale();
    let town = Town::with(|limits| {
        limits.protocol.password_hashes_max = usize::MAX;
        limits.protocol.lease = patience();
    });
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let here = create(&ken, "#general").await;
    let ada = town.registered("ada", endpoint(&tracker)).await;
    let there = soon(ada.join("#general")).await.unwrap();
    let mut heard = there.events();
    let name = |n: usize| format!("user{n}");
    let mut registering = JoinSet::new();
    for name in (0..count).map(name) {
        registering.spawn(async move { Wire::registered(&name, address).await.1 });
    }
    assert_eq!(soon(registering.join_all()).await.len(), count);

    let mut coming = JoinSet::new();
    for name in (0..count).map(name) {
        coming.spawn(async move { logged_in(Wire::greeted(&name, address).await.login(&name, PASSWORD).await) });
    }
    let mut done = vec![soon(coming.join_next()).await.unwrap().unwrap()];
    for n in 0..5 {
        soon(soon(here.send(&n.to_string())).await.unwrap().until(Stage::Committed)).await.unwrap();
        soon(heard.next_message()).await.unwrap();
    }
    done.extend(std::iter::from_fn(|| coming.try_join_next()).map(Result::unwrap));
    assert!(done.len() < count, "five messages waited for {count} logins");
    done.extend(soon(coming.join_all()).await);

    let mut returning = JoinSet::new();
    for logged_in in done {
        returning.spawn(async move {
            let mut wire = Wire::greeted(logged_in.who.name.as_str(), address).await;
            let (session, token) = (logged_in.session, logged_in.token);
            wire.request(&ResumeSession { session, token, presence: Presence::Online }).await
        });
    }
    let returned = soon(returning.join_all()).await.into_iter().map(logged_in).count();
    assert_eq!(returned, count);
}

fn logged_in(answer: Message) -> LoggedIn {
    match answer {
        Message::LoggedIn(logged_in) => logged_in,
        other => panic!("{other:?}"),
    }
}

/// What a login came to: whether a password was looked at, or how long to wait.
async fn guess(wire: &mut Wire, name: &str, password: &str) -> Result<(), u32> {
    match wire.login(name, password).await {
        Message::Failure(Failure { reason: Reason::WrongCredentials, .. }) => Ok(()),
        Message::Failure(Failure { reason: Reason::SlowDown, retry_after_ms, .. }) => Err(retry_after_ms),
        other => panic!("{other:?}"),
    }
}

/// A handful of tries, then one in ever longer whiles: from one link or from many, for a name that exists or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10d_passwords_are_not_guessed() {
    const TRIES: usize = 200;
    /// Five, and those that the growing wait lets through while this test runs.
    const LOOKED_AT_MAX: usize = 9;
    const FIRST_WAIT: Duration = Duration::from_secs(1);
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let (_ken, _) = Wire::registered("ken", address).await;
    let (_ada, _) = Wire::registered("ada", address).await;
    let mut right = Wire::greeted("guesser", address).await;
    for name in ["nobody", "ken"] {
        let started = Instant::now();
        let mut guessing = JoinSet::new();
        for n in 0..10 {
            guessing.spawn(async move {
                let mut wire = Wire::greeted(&format!("guesser {n}"), address).await;
                let mut answers = Vec::new();
                for n in 0..TRIES / 10 {
                    answers.push(guess(&mut wire, name, &format!("guess number {n}")).await);
                }
                answers
            });
        }
        let answers: Vec<_> = soon(guessing.join_all()).await.into_iter().flatten().collect();
        let looked_at = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!((5..=LOOKED_AT_MAX).contains(&looked_at), "{looked_at} of {TRIES} for {name}");
        assert!(answers.iter().all(|answer| *answer != Err(0)), "how long to wait is said");
        // Whoever guesses right is told no more, unless the first wait is over already.
        let answer = right.login(name, PASSWORD).await;
        let slowed = matches!(&answer, Message::Failure(failure) if failure.reason == Reason::SlowDown);
        assert!(slowed || started.elapsed() >= FIRST_WAIT, "{answer:?}");
    }
    let mut other = Wire::greeted("other", address).await;
    assert!(matches!(other.login("ada", PASSWORD).await, Message::LoggedIn(_)), "others are not kept out");
}

/// Whether these bytes are anywhere in the files below a directory whose names begin so.
fn is_on_disk(dir: &Path, name: &str, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        let is_meant = path.file_name().unwrap().to_str().unwrap().starts_with(name);
        match path.is_dir() {
            true => is_on_disk(&path, name, needle),
            // A socket, over which a backup is asked for, holds nothing.
            false if !path.is_file() => false,
            false => is_meant && fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle),
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10e_passwords_and_tokens_are_nowhere_on_disk() {
    const WRONG: &str = "a wrong password";
    let town = Town::new();
    let tracker = town.tracker().await;
    let address = tracker.address().unwrap();
    let ken = town.registered("ken", endpoint(&tracker)).await;
    create(&ken, "#general").await;
    let (_wire, first) = Wire::registered("ada", address).await;
    let mut wire = Wire::greeted("phone", address).await;
    assert!(matches!(wire.login("ada", WRONG).await, Message::Failure(_)));
    let second = logged_in(wire.login("ada", PASSWORD).await);
    for stage in ["while it runs", "after it has stopped"] {
        for device in ["tracker", "ken"] {
            assert!(is_on_disk(town.path(), device, b"ken"), "nothing is found {stage}");
            for password in [PASSWORD, WRONG] {
                assert!(!is_on_disk(town.path(), device, password.as_bytes()), "a password, {device}, {stage}");
            }
        }
        for token in [first.token, second.token] {
            assert!(!is_on_disk(town.path(), "tracker", &token.0), "a token, {stage}");
        }
        soon(ken.shutdown()).await.unwrap();
        soon(tracker.shutdown()).await.unwrap();
    }
}

/// The same for the programs: in no store, no log, no history and no profile; while they run, killed, and afterwards.
#[test]
fn broken_10f_programs_write_no_password() {
    let (desk, mut tracker) = Desk::open();
    let mut ken = desk.registered("ken");
    ken.run("/create #general");
    ken.run("/logout");
    ken.run("/login ken");
    ken.run("/send #general hello there");
    for _ in 0..2 {
        assert!(is_on_disk(desk.path(), "", b"hello there"), "nothing is found");
        assert!(!is_on_disk(desk.path(), "", PASSWORD.as_bytes()), "the password is on disk");
        ken.kill();
        tracker.kill();
    }
}

/// Two answers that leave one after the other, again and again. Without TCP_NODELAY the second waits 40 ms for the
/// acknowledgement of the first: all of them longer than they are waited for here, by far not as long as they take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10g_no_echo_waits_for_an_acknowledgement() {
    const ROUNDS: usize = 400;
    const BEFORE_NAGLE: Duration = Duration::from_secs(12);
    let town = Town::new();
    let tracker = town.tracker().await;
    let ken = town.registered("ken", endpoint(&tracker)).await;
    let channel = create(&ken, "#general").await.id();
    let mut ada = Wire::registered("ada", tracker.address().unwrap()).await.0;
    let rounds = async {
        for _ in 0..ROUNDS / 2 {
            let joining = ada.ask(&JoinChannel { name: "#general".to_owned() }).await;
            ada.request(&Ping {}).await;
            joined(&mut ada, joining).await;
            let leaving = ada.ask(&LeaveChannel { channel }).await;
            ada.request(&Ping {}).await;
            joined(&mut ada, leaving).await;
        }
    };
    timeout(BEFORE_NAGLE, rounds).await.expect("every echo is late");
}

/// The answer of the tracker to what had to be written, which comes after the one to a ping.
async fn joined(wire: &mut Wire, id: segment_proto::RequestId) {
    let answer = wire.answer(id).await;
    assert!(!matches!(answer, Message::Failure(_)), "{answer:?}");
}

/// Counted at the stores of the host and of the tracker, in bytes that were written.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_10h_a_message_does_not_rewrite_the_history() {
    const SENDS: u64 = 50;
    const BODY: usize = 400;
    /// What SQLite copies from its log into the file, now and then.
    const CHECKPOINT: u64 = 1_000 * 4_120;
    let history = 1_500 * scale();
    let town = Town::brisk();
    let (store, at_tracker) = Counting::new(town.store("tracker"));
    let tracker = Config { store: Box::new(store), ..town.config("other") };
    let tracker = segment_net::Tracker::start(Config { listen: Some(loopback()), ..tracker }).await.unwrap();
    let (store, at_host) = Counting::new(town.store("ken"));
    let ken = Peer::start(Config { store: Box::new(store), ..town.config("ken again") }).await.unwrap();
    soon(ken.connect(endpoint(&tracker))).await.unwrap();
    soon(ken.register("ken", PASSWORD, Presence::Online)).await.unwrap();
    let channel = create(&ken, "#general").await;
    let body = "x".repeat(BODY);
    let measure = || async {
        let before = (at_host.bytes(), at_tracker.bytes());
        for _ in 0..SENDS {
            soon(soon(channel.send(&body)).await.unwrap().until(Stage::Committed)).await.unwrap();
        }
        (at_host.bytes() - before.0, at_tracker.bytes() - before.1)
    };
    let early = measure().await;
    let mut sending = JoinSet::new();
    for _ in 0..30 {
        let (channel, body) = (channel.clone(), body.clone());
        sending.spawn(async move {
            for _ in 0..history / 30 {
                channel.send(&body).await.unwrap().until(Stage::Stored).await.unwrap();
            }
        });
    }
    soon(sending.join_all()).await;
    let late = measure().await;
    for (early, late) in [(early.0, late.0), (early.1, late.1)] {
        assert!(early > SENDS * BODY as u64, "not counted: {early} bytes");
        assert!(late < 2 * early + CHECKPOINT, "{early} bytes for {SENDS} messages, then {late}");
        let rewritten = SENDS * (history * BODY) as u64;
        assert!(late < rewritten / 3, "{late} bytes are a good part of {rewritten}");
    }
}
