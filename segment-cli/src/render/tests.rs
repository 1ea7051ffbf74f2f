#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jiff::tz::TimeZone;
use proptest::prelude::*;
use segment_proto::{AccountId, ChannelName};

use super::*;

/// 14:02 on Saturday, 22 November 2025 (UTC).
const AT_MS: u64 = 1_763_820_120_000;

fn narrow(columns: usize) -> Style {
    Style { columns: Some(columns), ..Style::plain() }
}

fn colourful() -> Style {
    Style { colour: Colour::On, ..Style::plain() }
}

fn by(name: &'static str) -> Author<'static> {
    Author::User { name, account: AccountId(7) }
}

fn said<'a>(author: Author<'a>, text: &'a str) -> MessageLine<'a> {
    MessageLine { at_ms: AT_MS, author, text, channel: None, delivery: Delivery::Settled }
}

fn unpainted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    out + rest
}

#[test]
fn messages_notices_errors_and_days_look_as_drawn() {
    let style = Style::plain();
    assert_eq!(style.message(&said(by("ben"), "deploy at 3?")), "14:02  ben       deploy at 3?");
    let cleo = said(by("cleo"), "@ken can you stream?");
    assert_eq!(style.message(&cleo), "14:02  cleo      @ken can you stream?");
    let vera = said(Author::Visitor { name: "vera" }, "hi");
    assert_eq!(style.message(&vera), "14:02  ~vera     hi");
    let long = said(by("maximiliana"), "hi");
    assert_eq!(style.message(&long), "14:02  maximiliana  hi");
    assert_eq!(style.notice(AT_MS, "cleo watches"), "14:02  *         cleo watches");
    assert_eq!(style.error("Not sent: no channel."), "! Not sent: no channel.");
    assert_eq!(style.day(AT_MS, &[]), "── Sat 22 Nov ──");
    assert_eq!(
        style.day(AT_MS, &["#general", "hosted by you", "14 here"]),
        "── Sat 22 Nov ── #general · hosted by you · 14 here ──"
    );
    assert_eq!(style.divider("1 new"), "── 1 new ──");
}

#[test]
fn another_channel_and_a_waiting_message_are_said() {
    let ops = ChannelName::new("ops").unwrap();
    let message = MessageLine { channel: Some(&ops), delivery: Delivery::Waiting, ..said(by("ben"), "hi") };
    assert_eq!(Style::plain().message(&message), "14:02  ben #ops  hi (waiting)");
    assert_eq!(Style::plain().spoken().message(&message), "14:02 ben in #ops: hi (waiting)");
}

#[test]
fn times_and_days_are_those_of_the_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(10));
    let style = Style { zone, ..Style::plain() };
    assert!(style.message(&said(by("ben"), "x")).starts_with("00:02  "));
    assert_eq!(style.day(AT_MS, &[]), "── Sun 23 Nov ──");
    assert!(style.is_new_day(AT_MS - 180_000, AT_MS));
    assert!(!Style::plain().is_new_day(AT_MS - 180_000, AT_MS));
}

#[test]
fn remote_text_cannot_move_the_cursor_or_forge_a_line() {
    let style = Style::plain();
    let text = "a\u{1b}[2J\r\u{7}\u{202e}b\n14:03  ken       I quit";
    let shown = style.message(&said(by("b\u{1b}en\n"), text));
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    let lines: Vec<_> = shown.split('\n').collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("      "), "{shown}");
    assert!(lines[0].contains("\\u{1b}[2J\\u{d}\\u{7}\\u{202e}b"), "{shown}");
    for shown in [style.notice(0, text), style.error(text), style.divider(text), style.answer(text)] {
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    }
}

#[test]
fn long_texts_are_wrapped_under_their_beginning() {
    let text = "the quick brown fox jumps over";
    assert_eq!(
        narrow(40).message(&said(by("ben"), text)),
        "14:02  ben       the quick brown fox\n                 jumps over"
    );
    let wide = "\u{4e16}\u{754c}".repeat(12);
    let shown = narrow(40).message(&said(by("ben"), &wide));
    assert!(shown.lines().all(|line| width(line) <= 40), "{shown}");
    assert_eq!(shown.matches('\u{4e16}').count(), 12);
    assert_eq!(narrow(40).error(&"x".repeat(50)).lines().map(width).collect::<Vec<_>>(), [40, 14]);
}

#[test]
fn blanks_and_tabs_of_a_text_stay_to_be_seen() {
    let shown = |text| Style::plain().message(&said(by("ben"), text));
    assert_eq!(shown("  if x:\n\treturn\ta"), "14:02  ben         if x:\n                         return  a");
    let narrow = narrow(40).message(&said(by("ben"), &format!("  {}", "x".repeat(30))));
    assert!(narrow.starts_with("14:02  ben         xxx"), "{narrow}");
}

#[test]
fn the_place_of_a_message_stands_before_it_and_wraps_with_it() {
    let line = |style: &Style| style.message(&said(by("ben"), "a text of more words than fit\nand two rows"));
    assert_eq!(
        narrow(40).at_place("!7", line),
        "!7  14:02  ben       a text of more\n                     words than fit\n                     and two rows"
    );
}

#[test]
fn answers_go_on_below_their_second_column() {
    let answer = |text| narrow(30).answer(text);
    assert_eq!(
        answer("  stored    0.4 ms (99 of 100 within 0.9 ms)"),
        "  stored    0.4 ms (99 of 100\n            within 0.9 ms)"
    );
    assert_eq!(answer("#general: from here, level, !1 to !1"), "#general: from here, level,\n  !1 to !1");
    assert_eq!(Style::plain().answer("  stored    0.4 ms (99 of 100 within 0.9 ms)").lines().count(), 1);
}

#[test]
fn a_heading_that_is_too_wide_says_the_rest_below_it() {
    let facts = ["#general", "hosted by you", "tracker copy level", "14 here"];
    assert_eq!(Style::plain().day(0, &facts).lines().count(), 1);
    let shown = narrow(48).day(AT_MS, &facts);
    let rows: Vec<&str> = shown.lines().collect();
    assert!(rows[0].ends_with("── #general · hosted by you ──"), "{shown}");
    assert_eq!(rows[1..], ["   tracker copy level · 14 here"]);
}

#[test]
fn a_screen_reader_hears_no_rules_columns_or_marks() {
    let style = Style { colour: Colour::On, columns: Some(40), ..Style::plain() }.spoken();
    assert_eq!(style.message(&said(by("ben"), "deploy at 3?")), "14:02 ben: deploy at 3?");
    assert_eq!(style.notice(AT_MS, "cleo watches"), "14:02 cleo watches");
    assert_eq!(style.day(AT_MS, &["#general", "14 here"]), "Sat 22 Nov: #general, 14 here");
    assert_eq!(style.divider("1 new"), "1 new");
}

#[test]
fn colours_are_stable_and_never_the_only_sign() {
    let style = colourful();
    let painted = style.message(&said(by("ben"), "hi"));
    assert_eq!(painted, style.message(&said(by("ben"), "hi")));
    assert!(painted.contains('\x1b'));
    assert_eq!(unpainted(&painted), Style::plain().message(&said(by("ben"), "hi")));
    let codes: std::collections::BTreeSet<_> = (0..200)
        .map(|account| {
            let author = Author::User { name: "n", account: AccountId(account) };
            style.message(&said(author, ""))
        })
        .collect();
    assert!(codes.len() >= 8, "{} colours", codes.len());
}

#[test]
fn pipes_dumb_terminals_and_no_color_are_plain() {
    assert_eq!(Colour::decide(true, "", "xterm-256color"), Colour::On);
    assert_eq!(Colour::decide(false, "", "xterm"), Colour::Off);
    assert_eq!(Colour::decide(true, "1", "xterm"), Colour::Off);
    assert_eq!(Colour::decide(true, "", "dumb"), Colour::Off);
}

#[test]
fn the_prompt_carries_the_state() {
    let state = |channel: &str, link, waiting| PromptState {
        channel: (!channel.is_empty()).then(|| ChannelName::new(channel).unwrap()),
        link,
        waiting,
        unread: Vec::new(),
    };
    let cases = [
        (state("", LinkState::Up, 0), 40, "segment ❯ "),
        (state("general", LinkState::Up, 0), 40, "#general ❯ "),
        (state("general", LinkState::Down, 1), 40, "#general · offline, 1 waiting ❯ "),
        (state("general", LinkState::Out, 0), 40, "#general · no access ❯ "),
        (state("general", LinkState::Up, 3), 40, "#general · 3 waiting ❯ "),
        (state("general", LinkState::Down, 1), 12, "#general ! "),
        (state("general", LinkState::Down, 1), 9, "#gene… ! "),
        (state("general", LinkState::Up, 0), 9, "#gene… ❯ "),
    ];
    for (state, columns, expected) in cases {
        assert_eq!(state.text(columns), expected);
    }
    assert_eq!(state("general", LinkState::Down, 2).spoken(), "#general, offline, 2 waiting: ");
}

#[test]
fn the_prompt_says_what_is_unread_elsewhere_as_far_as_there_is_room() {
    let state = |waiting, unread: &[(&str, usize, usize)]| {
        let unread = unread.iter().map(|(name, messages, mentions)| {
            let channel = ChannelName::new(name).unwrap();
            UnreadIn { channel, messages: *messages, mentions: *mentions }
        });
        let channel = ChannelName::new("general").ok();
        PromptState { channel, link: LinkState::Up, waiting, unread: unread.collect() }
    };
    let two = [("ops", 3, 1), ("dev", 12, 0)];
    let three = [("ops", 3, 1), ("dev", 12, 0), ("fun", 1, 1)];
    let cases = [
        (state(0, &two[..1]), 40, "#general · #ops 3 @1 ❯ "),
        (state(0, &two), 40, "#general · #ops 3 @1, #dev 12 ❯ "),
        (state(0, &three), 40, "#general · 16 unread @2 ❯ "),
        (state(2, &two[..1]), 40, "#general · 2 waiting, #ops 3 @1 ❯ "),
        (state(0, &two), 30, "#general · 15 unread @1 ❯ "),
        (state(0, &two), 20, "#general ❯ "),
        (state(2, &two), 25, "#general · 2 waiting ❯ "),
        (state(2, &two), 12, "#general ! "),
    ];
    for (state, columns, expected) in cases {
        assert_eq!(state.text(columns), expected);
    }
}

proptest! {
    #[test]
    fn wrapped_lines_fit_and_lose_nothing_but_spaces(text in "[ a-z\u{4e16}\u{301}\u{1f600}]{0,120}", columns in 8_usize..60) {
        let lines = wrap(&text, columns);
        prop_assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
        let solid = |text: &str| text.replace(' ', "");
        prop_assert_eq!(solid(&lines.concat()), solid(&text));
    }

    #[test]
    fn messages_fit_any_terminal(text in "\\PC{0,200}", columns in 30_usize..130) {
        let shown = narrow(columns).message(&said(by("ben"), &text));
        prop_assert!(shown.lines().all(|line| width(line) <= columns), "{shown}");
    }

    #[test]
    fn a_prompt_has_no_more_than_its_room(name in "[a-z]{1,40}", waiting in 0_usize..2000, columns in 4_usize..60) {
        let channel = ChannelName::new(&name).ok();
        let state = PromptState { channel, link: LinkState::Down, waiting, unread: Vec::new() };
        prop_assert!(width(&state.text(columns)) <= columns);
    }
}
