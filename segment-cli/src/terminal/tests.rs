#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::commands::{Aliases, table};

fn known() -> Known {
    Known {
        channels: ["general", "games", "ops"].map(str::to_owned).into(),
        users: ["ben", "bella", "ken"].map(str::to_owned).into(),
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
    let cases: [(&str, usize, &[&str]); 19] = [
        ("/cre", 0, &["/create "]),
        ("/who", 0, &["/whoami "]),
        ("  /qu", 2, &["/quit "]),
        ("/create #a --v", 11, &["--view ", "--visitors "]),
        ("/create #a --view=public --v", 25, &["--visitors "]),
        ("/create #a --view p", 18, &["public "]),
        ("/create #a --view=", 18, &["public ", "members "]),
        ("/allow @be", 7, &["@bella ", "@ben "]),
        ("/allow @ben --to o", 17, &["#ops "]),
        ("/allow @ben --can read,s", 23, &["send", "stream"]),
        ("/join #g", 6, &["#games ", "#general "]),
        ("/outbox r", 8, &["retry "]),
        ("/help sen", 6, &["send "]),
        ("/set the", 5, &["theme "]),
        ("/set theme d", 11, &["dark "]),
        ("hi @k", 3, &["@ken "]),
        ("see #o", 4, &["#ops "]),
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

#[tokio::test]
async fn text_that_a_stalled_terminal_has_no_room_for_is_counted() {
    struct Stalled(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<String>);
    impl rustyline::ExternalPrinter for Stalled {
        fn print(&mut self, text: String) -> rustyline::Result<()> {
            let _ = self.0.recv();
            let _ = self.1.send(text);
            Ok(())
        }
    }
    let (go, gate) = std::sync::mpsc::channel();
    let (shown, seen) = std::sync::mpsc::channel();
    let sink = printer::Sink::AboveTheLine(Box::new(Stalled(gate, shown)), super::wiping::Pause::default());
    let screen = Screen::start(sink, SharedState::default()).unwrap();
    let surplus = 10;
    // One more than the queue holds is in the hands of the thread, or about to be.
    for number in 0..=QUEUED_PRINTS_MAX + surplus {
        screen.notify(format!("{number}"));
    }
    drop(go);
    screen.flush().await;
    screen.notify("after");
    screen.flush().await;
    let seen: Vec<String> = seen.try_iter().collect();
    assert!(seen.iter().all(|text| text.ends_with('\n')));
    let last = seen.last().unwrap();
    let skipped: usize = last.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(last.ends_with("/history shows them\nafter\n"), "{last}");
    assert_eq!(seen.len() - 1 + skipped, QUEUED_PRINTS_MAX + surplus + 1);
}

proptest! {
    #[test]
    fn completion_never_panics_and_starts_inside_the_line(line in "[-/#@=, a-c\u{e9}\u{4e16}]{0,30}", cursor in 0_usize..40) {
        let (start, _) = complete(&line, cursor, &known());
        prop_assert!(start <= line.len() && line.is_char_boundary(start));
    }
}
