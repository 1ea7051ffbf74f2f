//! Finding out what is wrong, and the program itself.

use super::{Command, CommandSpec, Group, InScripts, Kind, Needs, ROW, Slot, TARGET, example};
use crate::commands::{AliasRequest, Aliases, NotifyChange, NotifyRequest, SetRequest, find};
use crate::config::{KEY_NAMES, Key, Notify, NotifyWhen, Taken};
use crate::connection_log::SHOWN_RECORDS_MAX;
use crate::grammar::{Matched, UsageError};

/// As of the setting `away`.
const AWAY_SECONDS_MAX: u32 = 86_400;

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "peers",
        group: Group::Faults,
        help: "list the connections of this program",
        examples: &[example("/peers", "tracker, hosts and members, with what is pending")],
        build: |_| Ok(Command::Peers),
        ..ROW
    },
    CommandSpec {
        name: "stats",
        group: Group::Faults,
        help: "show own figures: messages, bytes, rates, links, latencies",
        examples: &[example("/stats", "since this program was started")],
        build: |_| Ok(Command::Stats),
        ..ROW
    },
    CommandSpec {
        name: "debug",
        group: Group::Faults,
        args: &[TARGET],
        help: "show links, requests, queues and timers with their reasons",
        details: "Of the peer, and of every channel, those hosted here among them; or of one channel.",
        examples: &[
            example("/debug", "everything that this program waits for, and how long"),
            example("/debug #general", "the same of one channel"),
        ],
        build: |m| Ok(Command::Debug { channel: m.get("channel") }),
        ..ROW
    },
    CommandSpec {
        name: "ping",
        group: Group::Faults,
        needs: Needs::Connection,
        help: "measure the way to the tracker and back",
        examples: &[example("/ping", "one round trip")],
        build: |_| Ok(Command::Ping),
        ..ROW
    },
    CommandSpec {
        name: "log",
        group: Group::Faults,
        options: &[Slot::optional("last", Kind::Number { max: SHOWN_RECORDS_MAX })],
        help: "show the connection log: what came from where",
        examples: &[example("/log --last 20", "the newest twenty records")],
        build: |m| Ok(Command::Log { last: m.get("last") }),
        ..ROW
    },
    CommandSpec {
        name: "clear",
        group: Group::Own,
        scripts: InScripts::Refused,
        help: "clear the screen",
        examples: &[example("/clear", "nothing is lost: /history shows it again")],
        build: |_| Ok(Command::Clear),
        ..ROW
    },
    CommandSpec {
        name: "help",
        group: Group::Own,
        args: &[Slot::optional("command", Kind::Word)],
        help: "list the commands, or explain one",
        examples: &[example("/help", "everything on one screen"), example("/help send", "usage and examples of /send")],
        build: |m| {
            let topic = m.get::<String>("command").map(|word| word.trim_start_matches('/').to_owned());
            Ok(Command::Help { topic })
        },
        ..ROW
    },
    CommandSpec {
        name: "set",
        group: Group::Own,
        args: &[
            Slot::optional("key", Kind::Choice(&KEY_NAMES)).shown("KEY"),
            Slot::optional("value", Kind::Word).shown("VALUE"),
        ],
        options: &[Slot::optional("reset", Kind::Flag)],
        help: "show settings, or change one for this profile",
        details: "Alone it lists every setting, its value and where that comes from. A change is kept in the\nprofile's profile.toml; flags and SEGMENT_* variables win over it. --reset takes it out of there.",
        examples: &[
            example("/set", "every setting, and where its value comes from"),
            example("/set theme light", "colours for a light terminal, now and next time"),
            example("/set pager 'less -S'", "a value with spaces goes into quotes"),
            example("/set --reset theme", "as it is without a setting"),
        ],
        build: build_set,
        ..ROW
    },
    CommandSpec {
        name: "alias",
        group: Group::Own,
        args: &[Slot::optional("name", Kind::Word)],
        options: &[Slot::optional("remove", Kind::Flag)],
        text: Some("[text]"),
        help: "list, show, make or remove an alias of this profile",
        details: "An alias stands for the beginning of a command; what is typed behind it follows. It works at\nthe prompt only, cannot have the name of a command, and never stands for another alias.",
        examples: &[
            example("/alias", "lists them"),
            example("/alias hi /send #general hi", "then /hi there sends \"hi there\" to #general"),
            example("/alias hi", "shows what /hi stands for"),
            example("/alias --remove hi", "forgets it"),
        ],
        build: build_alias,
        ..ROW
    },
    CommandSpec {
        name: "notify",
        group: Group::Own,
        args: &[Slot::optional("how", Kind::Choice(&["auto", "bell", "osc9", "osc777", "osc99", "off", "test"]))],
        options: &[
            Slot::optional("when", Kind::Choice(&["mentions", "all"])),
            Slot::optional("away", Kind::Number { max: AWAY_SECONDS_MAX }),
        ],
        help: "show or change how you are told of messages while away",
        details: "auto is what the terminal can: a notification of its own, or the bell. You are away when the window\nis not the one that is typed into, or, where the terminal does not say, after --away seconds\nwithout a key. At most every ten seconds; a message is announced once.",
        examples: &[
            example("/notify", "how, of what, and when"),
            example("/notify bell --when all", "the bell for every message while you are away"),
            example("/notify test", "announces something now"),
        ],
        build: build_notify,
        ..ROW
    },
    CommandSpec {
        name: "version",
        group: Group::Own,
        help: "show the version",
        examples: &[example("/version", "of this program")],
        build: |_| Ok(Command::Version),
        ..ROW
    },
];

fn build_set(matched: &Matched) -> Result<Command, UsageError> {
    let key = matched.choice("key", Key::ALL, Key::as_str);
    let value = matched.get::<String>("value");
    let request = match (key, value) {
        (None, _) if matched.has("reset") => return Err(matched.missing("KEY")),
        (None, _) => SetRequest::ShowAll,
        (Some(_), Some(_)) if matched.has("reset") => return Err(UsageError::ResetToWhat),
        (Some(key), None) if matched.has("reset") => SetRequest::Reset(key),
        (Some(key), None) => SetRequest::Show(key),
        (Some(key), Some(_)) if key.setting().taken == Taken::Private => {
            return Err(UsageError::PrivateSetting { key });
        }
        (Some(key), Some(word)) => {
            SetRequest::Change(key, key.read(&word).map_err(|why| UsageError::BadSetting { why })?)
        }
    };
    Ok(Command::Set { request })
}

fn build_notify(matched: &Matched) -> Result<Command, UsageError> {
    let by = match matched.get::<&str>("how") {
        Some("test") => return Ok(Command::Notify { request: NotifyRequest::Test }),
        Some("off") => Some(Notify::Nothing),
        Some(word) => Notify::parse(word),
        None => None,
    };
    let when = matched.choice("when", NotifyWhen::ALL, NotifyWhen::as_str);
    let change = NotifyChange { by, when, away: matched.get("away") };
    Ok(Command::Notify { request: NotifyRequest::Change(change) })
}

fn build_alias(matched: &Matched) -> Result<Command, UsageError> {
    let name = matched.get::<String>("name").map(|name| name.trim_start_matches('/').to_owned());
    let request = match (name, matched.text()) {
        (None, _) if matched.has("remove") => return Err(matched.missing("NAME")),
        (None, _) => AliasRequest::List,
        (Some(name), _) if matched.has("remove") => AliasRequest::Remove(name),
        (Some(name), None) => AliasRequest::Show(name),
        (Some(name), Some(text)) => checked_alias(name, text.trim())?,
    };
    Ok(Command::Alias { request })
}

fn checked_alias(name: String, text: &str) -> Result<AliasRequest, UsageError> {
    use crate::commands::AliasError;
    let refused = |why| UsageError::BadAlias { why };
    Aliases::check(&name, text).map_err(refused)?;
    if find(&name).is_some() {
        return Err(refused(AliasError::IsACommand(name)));
    }
    Ok(AliasRequest::Define { name, text: text.to_owned() })
}
