//! Writing and reading.

use super::{Command, CommandSpec, Group, Kind, Needs, ROW, Slot, TARGET, alias, example};
use crate::commands::{HistoryFrom, OutboxAction, OutboxItem, UnreadAction, Wait};
use crate::grammar::{Matched, UsageError};
use segment_store::SearchQuery;

/// One answer shows at most this many messages; `--before` goes further back.
const HISTORY_MAX: u32 = 10_000;
/// One answer shows at most this many hits.
const HITS_MAX: u32 = 1_000;

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "send",
        aliases: &[alias("s")],
        group: Group::Messages,
        args: &[TARGET],
        options: &[Slot::optional("wait", Kind::Choice(&["stored", "committed"]))],
        text: Some("text"),
        needs: Needs::Account,
        help: "send a message; at the prompt plain text does the same",
        details: "The text is everything to the end of the line, as it stands. A text that begins with # or --\ngoes after a separate --. What cannot be sent now waits in the outbox and goes out by itself.\nWith --wait the command is done when the message is on the host's disk (stored), or on host's\nand tracker's (committed); a script then ends with 0, or with 6 while it waits in the outbox.",
        examples: &[
            example("/send #general deploy at 3?", "to #general, whatever the current channel is"),
            example("/send --wait committed #ops done", "returns when host and tracker have it"),
            example("/send -- #1 is best", "to the current channel, with the # in it"),
        ],
        build: build_send,
        ..ROW
    },
    CommandSpec {
        name: "outbox",
        group: Group::Messages,
        args: &[
            Slot::optional("action", Kind::Choice(&["list", "retry", "drop"])),
            Slot::optional("item", Kind::Word).shown("ID|all"),
        ],
        help: "show, retry or drop what could not be sent yet",
        details: "retry without an id tries all; drop always names one, or all.",
        examples: &[
            example("/outbox", "lists what waits, with ids"),
            example("/outbox retry", "tries everything again now"),
            example("/outbox drop all", "forgets everything; it is never sent"),
        ],
        build: build_outbox,
        ..ROW
    },
    CommandSpec {
        name: "history",
        group: Group::Messages,
        args: &[TARGET],
        options: &[
            Slot::optional("last", Kind::Number { max: HISTORY_MAX }),
            Slot::optional("before", Kind::Message),
            Slot::optional("around", Kind::Message),
        ],
        needs: Needs::Session,
        help: "show earlier messages",
        examples: &[
            example("/history #general --last 50", "the newest fifty"),
            example("/history --before !120", "those before message 120"),
            example("/history #ops --around !120", "what stands around message 120"),
        ],
        build: build_history,
        ..ROW
    },
    CommandSpec {
        name: "unread",
        group: Group::Messages,
        args: &[Slot::optional("action", Kind::Choice(&["list", "next", "clear"])), TARGET],
        help: "list the channels with unread messages, or go to the next",
        details: "A channel is read when it is the current one and somebody looks. How far is kept with the profile.",
        examples: &[
            example("/unread", "channels, messages, mentions, and where they begin"),
            example("/unread next", "goes where most mentions, then most messages are"),
            example("/unread clear #ops", "takes #ops as read; without a channel, everything"),
        ],
        build: build_unread,
        ..ROW
    },
    CommandSpec {
        name: "search",
        group: Group::Messages,
        options: &[Slot::optional("in", Kind::Channel), Slot::optional("last", Kind::Number { max: HITS_MAX })],
        text: Some("words"),
        help: "find messages by their words, also without a connection",
        details: "Every word must stand in a message; a word also finds longer ones that begin with it, \"words in\nquotes\" stand side by side as they are. Case and accents do not count, and\nsigns only end a word: /search C++ finds C++ and c, not cat. What is searched is what\nthis machine has of the channels that you may read.",
        examples: &[
            example("/search deploy", "the newest twenty messages with deploy, deployed, ..."),
            example("/search --in #ops \"dry run\" failed", "in one channel, these two words together"),
        ],
        build: build_search,
        ..ROW
    },
];

fn build_send(matched: &Matched) -> Result<Command, UsageError> {
    Ok(Command::Send {
        channel: matched.get("channel"),
        wait: matched.choice("wait", Wait::ALL, Wait::as_str),
        text: matched.need_text()?,
    })
}

fn build_history(matched: &Matched) -> Result<Command, UsageError> {
    matched.exclude("before", "around")?;
    let before = matched.get("before").map(HistoryFrom::Before);
    let around = matched.get("around").map(HistoryFrom::Around);
    let from = before.or(around).unwrap_or(HistoryFrom::Newest);
    Ok(Command::History { channel: matched.get("channel"), last: matched.get("last"), from })
}

fn build_unread(matched: &Matched) -> Result<Command, UsageError> {
    let channel = matched.get("channel");
    let action = match matched.get::<&str>("action") {
        Some("next") => UnreadAction::Next,
        Some("clear") => UnreadAction::Clear(channel),
        _ => UnreadAction::List,
    };
    Ok(Command::Unread { action })
}

fn build_search(matched: &Matched) -> Result<Command, UsageError> {
    let text = matched.need_text()?;
    let query = SearchQuery::new(&text).ok_or(UsageError::NothingToFind { text })?;
    Ok(Command::Search { channel: matched.get("in"), last: matched.get("last"), query })
}

fn build_outbox(matched: &Matched) -> Result<Command, UsageError> {
    let item = matched.get::<String>("item").map(|word| match word.as_str() {
        "all" => OutboxItem::All,
        _ => OutboxItem::One(word),
    });
    let action = match matched.get::<&str>("action") {
        Some("retry") => OutboxAction::Retry(item.unwrap_or(OutboxItem::All)),
        Some("drop") => OutboxAction::Drop(item.ok_or_else(|| matched.missing("ID|all"))?),
        _ => OutboxAction::List,
    };
    Ok(Command::Outbox { action })
}
