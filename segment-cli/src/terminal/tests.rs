#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::commands::{Aliases, table};

fn known() -> Known {
    Known {
        channels: ["general", "games", "ops"].map(str::to_owned).into(),
        users: ["ken", "ben", "bella"].map(str::to_owned).into(),
        newest: 120,
    }
}

fn offered(line: &str) -> (usize, Vec<String>) {
    complete(line, line.len(), &known())
}

#[test]
fn tab_offers_every_command_and_every_option_of_the_table() {
    let known = Known::default();
    let all = complete("/", 1, &known).1;
    for spec in table() {
        assert!(all.contains(&format!("/{} ", spec.name)), "/{}", spec.name);
        let line = format!("/{} --", spec.name);
        let options: Vec<String> = spec.options.iter().map(|option| format!("--{} ", option.name)).collect();
        assert_eq!(complete(&line, line.len(), &known).1, options, "{line}");
    }
}

#[test]
fn tab_completes_from_the_table_and_from_what_is_known() {
    let cases: [(&str, usize, &[&str]); 21] = [
        ("/cre", 0, &["/create "]),
        ("/who", 0, &["/whoami "]),
        ("  /qu", 2, &["/quit "]),
        ("/create #a --v", 11, &["--view ", "--visitors "]),
        ("/create #a --view=public --v", 25, &["--visitors "]),
        ("/create #a --view p", 18, &["public "]),
        ("/create #a --view=", 18, &["public ", "members "]),
        ("/allow @be", 7, &["@ben ", "@bella "]),
        ("/allow @ben --to o", 17, &["#ops "]),
        ("/allow @ben --can read,s", 23, &["send", "stream"]),
        ("/join #g", 6, &["#games ", "#general "]),
        ("/outbox r", 8, &["retry "]),
        ("/help sen", 6, &["send "]),
        ("/set the", 5, &["theme "]),
        ("/set theme d", 11, &["dark "]),
        ("hi @k", 3, &["@ken "]),
        ("see #o", 4, &["#ops "]),
        ("/history --before !12", 18, &["!120 "]),
        ("as in !l", 6, &["!last "]),
        ("/nonsense x", 10, &[]),
        ("plain", 0, &[]),
    ];
    for (line, start, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(offered(line), (start, expected), "{line}");
    }
}

#[test]
fn everything_that_is_offered_is_bounded() {
    let many: std::collections::BTreeSet<_> = (0..100_000).map(|n| format!("c{n}")).collect();
    let known = Known { channels: many, ..Known::default() };
    assert_eq!(complete("/join #c", 8, &known).1.len(), COMPLETIONS_MAX);
}

#[test]
fn secrets_and_lines_that_begin_with_a_space_are_not_kept() {
    for line in ["/login ken hunter2", "/register ken hunter2", "/logn ken hunter2", " hi", "", "/", "\u{a0}x"] {
        assert!(!is_kept(line, &Aliases::default()), "{line:?}");
    }
    for line in ["hi", "/login ken", "/send #a text", "//x"] {
        assert!(is_kept(line, &Aliases::default()), "{line:?}");
    }
}

#[test]
fn files_are_completed_and_directories_gone_into() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("notes")).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "").unwrap();
    std::fs::write(dir.path().join(".hidden"), "").unwrap();
    let base = dir.path().to_str().unwrap();
    let line = format!("see {base}/n");
    let found = complete(&line, line.len(), &known()).1;
    assert_eq!(found, [format!("{base}/notes.txt "), format!("{base}/notes/")]);
    let all = format!("see {base}/");
    assert!(!complete(&all, all.len(), &known()).1.iter().any(|path| path.contains("hidden")));
}

fn screen(orders: tokio::sync::mpsc::Sender<printer::Order>) -> Screen {
    let (waker, paging) = (Waker::default(), screen::Paging::Never);
    let state = SharedState { style: Shared::new(Style::plain()), ..SharedState::default() };
    Screen { orders, waker, arriving: Arc::default(), skipped: Arc::default(), state, paging }
}

#[test]
fn text_that_a_stalled_terminal_has_no_room_for_is_counted() {
    let (orders, queued) = tokio::sync::mpsc::channel(QUEUED_PRINTS_MAX);
    let screen = screen(orders);
    for number in 0..QUEUED_ARRIVALS_MAX + 10 {
        screen.notify(format!("{number}"));
    }
    let mut printing = Printing::new(queued, Arc::clone(&screen.arriving));
    let shown = printing.take(std::time::Instant::now());
    assert_eq!(shown.lines().count(), QUEUED_ARRIVALS_MAX);
    printing.hurry();
    screen.notify("after");
    assert_eq!(printing.take(std::time::Instant::now()), "* 10 more messages, /history shows them\nafter\n");
}

#[tokio::test]
async fn answers_are_never_left_out_and_wait_for_room() {
    let (orders, mut queued) = tokio::sync::mpsc::channel(QUEUED_PRINTS_MAX);
    let screen = screen(orders);
    for _ in 0..QUEUED_PRINTS_MAX {
        screen.answer("x").await.unwrap();
    }
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), screen.answer("y")).await;
    assert!(waiting.is_err(), "there is no room");
    queued.recv().await.unwrap();
    screen.answer("y").await.unwrap();
}

proptest! {
    #[test]
    fn completion_never_panics_and_starts_inside_the_line(line in "[-/#@=, a-c\u{e9}\u{4e16}]{0,30}", cursor in 0_usize..40) {
        let (start, _) = complete(&line, cursor, &known());
        prop_assert!(start <= line.len() && line.is_char_boundary(start));
    }
}
