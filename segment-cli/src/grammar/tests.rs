#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::commands::{
    Command, HistoryFrom, Keep, NotifyChange, NotifyRequest, OutboxAction, OutboxItem, UnreadAction, Wait, names,
    parse, table,
};
use crate::config::{Notify, NotifyWhen};
use crate::names::MessageRef;
use segment_proto::{ChannelName, Rights, UserName, View, Visitors};
use segment_store::SearchQuery;

fn notify(change: NotifyChange) -> Command {
    Command::Notify { request: NotifyRequest::Change(change) }
}

fn search(channel_name: Option<&str>, last: Option<u32>, words: &str) -> Command {
    Command::Search { channel: channel_name.map(channel), last, query: SearchQuery::new(words).unwrap() }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

fn typed(line: &str) -> Command {
    parse(line, Origin::Prompt).expect(line).expect(line)
}

fn refused(line: &str) -> UsageError {
    parse(line, Origin::Prompt).expect_err(line)
}

fn sends(text: &str) -> Command {
    Command::Send { channel: None, wait: None, text: text.to_owned() }
}

#[test]
fn lines_are_told_apart() {
    let text = |text: &'static str| Line::Text(Cow::Borrowed(text));
    let cases = [
        ("", Origin::Prompt, Line::Blank),
        (" \t\r\n", Origin::File, Line::Blank),
        ("# a comment", Origin::File, Line::Comment),
        ("#!/usr/bin/env segment", Origin::File, Line::Comment),
        ("#", Origin::File, Line::Comment),
        ("#general is text", Origin::File, text("#general is text")),
        ("# a heading", Origin::Prompt, text("# a heading")),
        ("hello  there ", Origin::Prompt, text("hello  there ")),
        ("//etc/hosts", Origin::Prompt, text("/etc/hosts")),
        ("///", Origin::Prompt, text("//")),
        ("/join #a", Origin::Prompt, Line::Command { name: "join", rest: " #a" }),
        ("  /quit\r\n", Origin::Prompt, Line::Command { name: "quit", rest: "" }),
    ];
    for (line, origin, expected) in cases {
        assert_eq!(classify(line, origin), Ok(expected), "{line:?}");
    }
}

#[test]
fn text_is_sent_as_it_stands() {
    assert_eq!(typed("deploy at 3?"), sends("deploy at 3?"));
    assert_eq!(typed("//shrug"), sends("/shrug"));
    assert_eq!(typed("a \"b\" 'c' --d \\n"), sends("a \"b\" 'c' --d \\n"));
}

#[test]
fn options_and_target_come_from_the_leading_words_only() {
    let sent = |target: Option<&str>, wait, text: &str| Command::Send {
        channel: target.map(channel),
        wait,
        text: text.to_owned(),
    };
    let stored = Some(Wait::Stored);
    let cases = [
        ("/send hi", sent(None, None, "hi")),
        ("/s #a hi  there ", sent(Some("a"), None, "hi  there ")),
        ("/send --wait stored #a hi", sent(Some("a"), stored, "hi")),
        ("/send #a --wait=stored hi", sent(Some("a"), stored, "hi")),
        ("/send --wait='stored' hi", sent(None, stored, "hi")),
        ("/send #a hi --wait stored", sent(Some("a"), None, "hi --wait stored")),
        ("/send #a -- --wait stored", sent(Some("a"), None, "--wait stored")),
        ("/send -- #1 is best", sent(None, None, "#1 is best")),
        ("/send #a #b", sent(Some("a"), None, "#b")),
        ("/send \"quoted\" rest", sent(None, None, "\"quoted\" rest")),
        ("/send it's 3 o'clock", sent(None, None, "it's 3 o'clock")),
        ("/send -1", sent(None, None, "-1")),
    ];
    for (line, expected) in cases {
        assert_eq!(typed(line), expected, "{line}");
    }
}

#[test]
fn words_may_be_quoted() {
    let cases = [
        ("\"a b\" rest", "a b"),
        ("'a \\n \"b\"' rest", "a \\n \"b\""),
        ("\"\\n\\t\\\"\\\\\" rest", "\n\t\"\\"),
        ("bare\"quote rest", "bare\"quote"),
        ("\"\" rest", ""),
        ("''", ""),
    ];
    for (line, expected) in cases {
        let mut words = Words::new(line);
        assert_eq!(words.word().as_deref(), Ok(expected), "{line}");
        assert_eq!(words.rest(), if line.ends_with("rest") { "rest" } else { "" }, "{line}");
    }
}

#[test]
fn commands_become_typed() {
    let ben = || UserName::new("ben").unwrap();
    let cases = [
        ("/create #ops", Command::Create { channel: channel("ops"), view: View::Public, visitors: Visitors::Read }),
        (
            "/create #ops --view members",
            Command::Create { channel: channel("ops"), view: View::Members, visitors: Visitors::Nothing },
        ),
        (
            "/create --visitors=none #ops",
            Command::Create { channel: channel("ops"), view: View::Public, visitors: Visitors::Nothing },
        ),
        ("/allow @ben", Command::Allow { user: ben(), channel: None, rights: Rights::READ.with(Rights::SEND) }),
        (
            "/authorize @Ben --can stream,read,read --to #ops",
            Command::Allow { user: ben(), channel: Some(channel("ops")), rights: Rights::READ.with(Rights::STREAM) },
        ),
        (
            "/view #ops members",
            Command::View { channel: Some(channel("ops")), view: Some(View::Members), visitors: None },
        ),
        ("/view public", Command::View { channel: None, view: Some(View::Public), visitors: None }),
        (
            "/retain #ops --last 100 --days 7",
            Command::Retain {
                channel: Some(channel("ops")),
                keep: Some(Keep { last: Some(100), days: Some(7), mib: None }),
            },
        ),
        ("/retain --all", Command::Retain { channel: None, keep: Some(Keep::default()) }),
        ("/retain", Command::Retain { channel: None, keep: None }),
        ("/verify #ops", Command::Verify { channel: Some(channel("ops")) }),
        ("/outbox", Command::Outbox { action: OutboxAction::List }),
        ("/outbox retry", Command::Outbox { action: OutboxAction::Retry(OutboxItem::All) }),
        ("/outbox drop 3f", Command::Outbox { action: OutboxAction::Drop(OutboxItem::One("3f".into())) }),
        (
            "/history #a --before !-2 --last 7",
            Command::History {
                channel: Some(channel("a")),
                last: Some(7),
                from: HistoryFrom::Before(MessageRef::FromEnd(2)),
            },
        ),
        (
            "/history --around !9",
            Command::History { channel: None, last: None, from: HistoryFrom::Around(MessageRef::Number(9)) },
        ),
        ("/stats", Command::Stats),
        ("/debug #ops", Command::Debug { channel: Some(channel("ops")) }),
        ("/unread", Command::Unread { action: UnreadAction::List }),
        ("/unread next", Command::Unread { action: UnreadAction::Next }),
        ("/unread clear #ops", Command::Unread { action: UnreadAction::Clear(Some(channel("ops"))) }),
        ("/notify", notify(NotifyChange::default())),
        ("/notify off", notify(NotifyChange { by: Some(Notify::Nothing), ..NotifyChange::default() })),
        (
            "/notify bell --when all --away 9",
            notify(NotifyChange { by: Some(Notify::Bell), when: Some(NotifyWhen::All), away: Some(9) }),
        ),
        ("/notify test", Command::Notify { request: NotifyRequest::Test }),
        ("/search dry run", search(None, None, "dry run")),
        ("/search --in #ops --last 5 \"dry run\"", search(Some("ops"), Some(5), "\"dry run\"")),
        ("/search -- --in", search(None, None, "--in")),
        ("/invisible", typed("/status invisible")),
        ("/j #a", Command::Join { channel: channel("a") }),
        ("/help /send", Command::Help { topic: Some("send".into()) }),
        ("/login ken", Command::Login { name: UserName::new("ken").unwrap() }),
        ("/connect segment://h:1", Command::Connect { url: Some("segment://h:1".parse().unwrap()) }),
    ];
    for (line, expected) in cases {
        assert_eq!(typed(line), expected, "{line}");
    }
}

#[test]
fn messages_are_named_by_number_or_from_the_end() {
    let cases = [
        ("!12", Some(MessageRef::Number(12))),
        ("!last", Some(MessageRef::Last)),
        ("!-2", Some(MessageRef::FromEnd(2))),
        ("!0", None),
        ("!-0", None),
        ("!+1", None),
        ("!", None),
        ("12", None),
        ("!99999999999999999999", None),
    ];
    for (word, expected) in cases {
        assert_eq!(MessageRef::parse(word), expected, "{word}");
        assert!(expected.is_none_or(|message| message.to_string() == word));
    }
}

/// Bad lines at the prompt, each with its reason and with what the answer must say next.
const BAD_LINES: &[(&str, UsageReason, &str)] = &[
    ("/", UsageReason::NoCommandName, "/help"),
    ("/ join #a", UsageReason::NoCommandName, "/help"),
    ("/jion #a", UsageReason::UnknownCommand, "did you mean /join?"),
    ("/etc/hosts", UsageReason::UnknownCommand, "// sends"),
    ("/JOIN #a", UsageReason::UnknownCommand, "did you mean /join?"),
    ("/joi\u{1b}[2J #a", UsageReason::UnknownCommand, "\\u{1b}"),
    ("/login \"ken", UsageReason::UnclosedQuote, "close it"),
    ("/login 'ken", UsageReason::UnclosedQuote, "close it"),
    ("/login \"ken\\", UsageReason::UnclosedQuote, "close it"),
    ("/login \"k\\en\"", UsageReason::BadEscape, "\\n \\t"),
    ("/login \"ken\"x", UsageReason::GluedToQuote, "space"),
    ("/create #a --vew public", UsageReason::UnknownOption, "did you mean --view?"),
    ("/send --no hi", UsageReason::UnknownOption, "separate --"),
    ("/create #a --view", UsageReason::OptionNeedsValue, "--view public|members"),
    ("/create #a --view= public", UsageReason::OptionNeedsValue, "usage: /create"),
    ("/create #a --view --visitors none", UsageReason::OptionNeedsValue, "usage: /create"),
    ("/channels --mine=yes", UsageReason::OptionTakesNoValue, "usage: /channels"),
    ("/channels --mine --mine", UsageReason::OptionTwice, "once"),
    ("/channels --mine --joined", UsageReason::OptionsExclude, "one of them"),
    ("/join", UsageReason::MissingArgument, "usage: /join #channel"),
    ("/send", UsageReason::MissingArgument, "usage: /send [#channel]"),
    ("/send #a  ", UsageReason::MissingArgument, "text is missing"),
    ("/outbox drop", UsageReason::MissingArgument, "ID|all"),
    ("/unread later", UsageReason::BadChoice, "list, next, clear"),
    ("/notify loudly", UsageReason::BadChoice, "bell"),
    ("/notify --away 0", UsageReason::BadNumber, "1"),
    ("/search", UsageReason::MissingArgument, "usage: /search"),
    ("/search :-)", UsageReason::NothingToFind, "write a word"),
    ("/search --in o/s words", UsageReason::BadChannel, "#"),
    ("/search --last 0 words", UsageReason::BadNumber, "1"),
    ("/history --before !1 --around !2", UsageReason::OptionsExclude, "one of them"),
    ("/view", UsageReason::MissingArgument, "usage: /view"),
    ("/stream list --play", UsageReason::OptionNotHere, "/help stream"),
    ("/stream start --size 640", UsageReason::BadSize, "640x360"),
    ("/stream watch --relay 2", UsageReason::BadRate, "2mbit"),
    ("/stream start --title \"\"", UsageReason::BadTitle, "1 to 64"),
    ("/login ken hunter2", UsageReason::ExtraArgument, "usage: /login NAME"),
    ("/quit now", UsageReason::ExtraArgument, "usage: /quit"),
    ("/history #a b", UsageReason::ExtraArgument, "one word too many"),
    ("/join #", UsageReason::BadChannel, "must not be empty"),
    ("/join #a/b", UsageReason::BadChannel, "letters and digits"),
    ("/send #a!b hi", UsageReason::BadChannel, "letters and digits"),
    ("/allow ben", UsageReason::BadUser, "write @ben"),
    ("/allow @", UsageReason::BadUser, "must not be empty"),
    ("/register a\u{202e}b", UsageReason::BadUser, "letters and digits"),
    ("/history --before 12", UsageReason::BadMessage, "!12"),
    ("/history --last 0", UsageReason::BadNumber, "from 1 to"),
    ("/history --last 10001", UsageReason::BadNumber, "from 1 to 10000"),
    ("/history --last +1", UsageReason::BadNumber, "from 1 to"),
    ("/history --last 99999999999999999999", UsageReason::BadNumber, "from 1 to"),
    ("/view #a pubic", UsageReason::BadChoice, "did you mean public?"),
    ("/allow @ben --can read,write", UsageReason::BadChoice, "read, send, stream"),
    ("/allow @ben --can=,", UsageReason::BadChoice, "read, send, stream"),
    ("/connect http://h", UsageReason::BadUrl, "segment://"),
    ("/set theem dark", UsageReason::BadChoice, "did you mean theme?"),
    ("/set theme purple", UsageReason::BadSetting, "auto, dark, light, none"),
    ("/set name_width 99", UsageReason::BadSetting, "from 4 to 24"),
    ("/set name_width \"\u{7}\"", UsageReason::BadSetting, "from 4 to 24"),
    ("/set password_cmd pass", UsageReason::PrivateSetting, "SEGMENT_PASSWORD_CMD"),
    ("/set --reset", UsageReason::MissingArgument, "KEY"),
    ("/set --reset theme dark", UsageReason::ResetToWhat, "/set KEY VALUE"),
    ("/alias --remove", UsageReason::MissingArgument, "NAME"),
    ("/alias join /help", UsageReason::BadAlias, "choose another name"),
    ("/alias J /help", UsageReason::BadAlias, "a-z"),
    ("/alias hi hello", UsageReason::BadAlias, "begin with one"),
    ("/alias hi /hi", UsageReason::BadAlias, "not for another alias"),
];

#[test]
fn the_separator_may_end_the_options_of_any_command() {
    assert_eq!(typed("/create #a --"), typed("/create #a"));
}

#[test]
fn bad_lines_are_refused_with_a_reason_and_a_way_on() {
    for (line, reason, next) in BAD_LINES {
        let error = refused(line);
        assert_eq!(error.reason(), *reason, "{line}: {error}");
        let text = error.to_string();
        assert!(text.contains(next), "{line}: {text}");
        assert!(!text.contains(char::is_control), "{line}: {text:?}");
        assert!(text.len() < 400, "{line}: {text}");
    }
}

#[test]
fn scripts_have_commands_only() {
    for origin in [Origin::Argument, Origin::File] {
        let error = parse("hello", origin).unwrap_err();
        assert_eq!(error.reason(), UsageReason::PlainTextInScript);
        assert!(error.to_string().contains("/send #channel hello"), "{error}");
        assert_eq!(parse("//x", origin).unwrap_err().reason(), UsageReason::PlainTextInScript);
        assert_eq!(parse("/clear", origin).unwrap_err().reason(), UsageReason::PromptOnly);
    }
    assert_eq!(parse("# no comment here", Origin::Argument).unwrap_err().reason(), UsageReason::PlainTextInScript);
}

#[test]
fn a_line_has_a_longest_length() {
    let longest = "x".repeat(LINE_BYTES_MAX);
    assert_eq!(typed(&longest), sends(&longest));
    assert_eq!(refused(&(longest + "x")).reason(), UsageReason::LineTooLong);
}

#[test]
fn every_reason_has_a_case() {
    let elsewhere = [UsageReason::LineTooLong, UsageReason::PlainTextInScript, UsageReason::PromptOnly];
    let tried: BTreeSet<_> = BAD_LINES.iter().map(|(_, reason, _)| *reason).chain(elsewhere).collect();
    assert_eq!(tried, UsageReason::ALL.iter().copied().collect());
}

#[test]
fn every_missing_unknown_and_extra_word_is_refused_for_every_command() {
    for spec in table() {
        let name = spec.name;
        assert_eq!(refused(&format!("/{name} --nonsense")).reason(), UsageReason::UnknownOption);
        let needs_text = spec.text.is_some_and(|text| !text.starts_with('['));
        if spec.args.iter().any(crate::commands::Slot::is_required) || needs_text {
            assert_eq!(refused(&format!("/{name}")).reason(), UsageReason::MissingArgument, "/{name}");
        }
        if spec.text.is_none() {
            let line = format!("{} surplus surplus surplus", spec.examples[0].line);
            refused(&line);
        }
    }
}

#[test]
fn near_words_are_suggested_and_far_ones_are_not() {
    let cases = [
        ("jion", Some("join")),
        ("craete", Some("create")),
        ("sned", Some("send")),
        ("histroy", Some("history")),
        ("xyzzy", None),
        ("", None),
    ];
    for (word, expected) in cases {
        assert_eq!(nearest(word, names()), expected, "{word}");
    }
    assert_eq!(nearest(&"x".repeat(100_000), names()), None);
}

proptest! {
    #[test]
    fn any_line_is_understood_or_refused_in_one_readable_line(line in "\\PC{0,200}", file in any::<bool>()) {
        let origin = if file { Origin::File } else { Origin::Prompt };
        if let Err(error) = parse(&line, origin) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn command_like_lines_never_panic(
        name in prop::sample::select(names().collect::<Vec<_>>()),
        rest in "[-#@!\"' \\\\a-c=0-2/\u{20ac}\u{301}\n\t]{0,40}",
    ) {
        let _ = parse(&format!("/{name} {rest}"), Origin::Prompt);
    }

    #[test]
    fn a_quoted_word_reads_back(word in "\\PC{0,40}") {
        let quoted = format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""));
        prop_assert_eq!(Words::new(&quoted).word(), Ok(word));
    }

    #[test]
    fn the_text_of_send_is_raw(text in "[a-z\u{e9}][^\r\n]{0,60}") {
        prop_assume!(!text.trim_end().is_empty());
        prop_assert_eq!(typed(&format!("/send -- {text}")), sends(&text));
        prop_assert_eq!(typed(&text), sends(&text));
    }
}
