//! Who may do what, and where a channel lives.

use super::{Command, CommandSpec, Group, Kind, Needs, ROW, Slot, TARGET, USER, alias, example};
use crate::grammar::{Matched, UsageError};
use segment_proto::{Rights, View, Visitors};

const FROM: Slot = Slot::optional("from", Kind::Channel);

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "allow",
        aliases: &[alias("authorize")],
        group: Group::People,
        args: &[USER],
        options: &[
            Slot::optional("to", Kind::Channel),
            Slot::optional("can", Kind::Choices(&["read", "send", "stream"])),
        ],
        needs: Needs::Account,
        help: "let a user into a channel of yours",
        details: "Without --can: read,send. Done when the tracker knows it too; until then the answer says\n\"told the host, not yet the tracker\".",
        examples: &[
            example("/allow @ben", "ben may read and send in the current channel"),
            example("/allow @ben --to #ops --can read", "ben may only read in #ops"),
        ],
        build: build_allow,
        ..ROW
    },
    CommandSpec {
        name: "deny",
        group: Group::People,
        args: &[USER],
        options: &[FROM],
        needs: Needs::Account,
        help: "take back what a user was allowed",
        examples: &[example("/deny @ben --from #ops", "ben has no rights of his own in #ops any more")],
        build: |m| Ok(Command::Deny { user: m.need("user")?, channel: m.get("from") }),
        ..ROW
    },
    CommandSpec {
        name: "kick",
        group: Group::People,
        args: &[USER],
        options: &[FROM],
        needs: Needs::Account,
        help: "remove a user from a channel and deny coming back",
        examples: &[example("/kick @ben", "removes ben from the current channel")],
        build: |m| Ok(Command::Kick { user: m.need("user")?, channel: m.get("from") }),
        ..ROW
    },
    CommandSpec {
        name: "view",
        group: Group::People,
        args: &[TARGET, Slot::optional("view", Kind::Choice(&["public", "members"]))],
        options: &[Slot::optional("visitors", Kind::Choice(&["read", "none"]))],
        needs: Needs::Account,
        help: "change who may see and read a channel of yours",
        details: "--visitors says whether people without an account may read a public channel and watch its streams.",
        examples: &[
            example("/view #ops members", "from now on only those whom you /allow"),
            example("/view --visitors none", "visitors read and watch no more in the current channel"),
        ],
        build: build_view,
        ..ROW
    },
    CommandSpec {
        name: "host",
        group: Group::Hosting,
        args: &[
            TARGET,
            Slot::optional("action", Kind::Choice(&["move"])),
            Slot::optional("user", Kind::User).shown("@user"),
        ],
        needs: Needs::Session,
        help: "show where a channel lives and how far the copy is, or move it",
        details: "move takes a channel of yours to a device of a user who is online. Nothing has to stop for it:\nthe tracker takes what is written until the other device has everything.",
        examples: &[
            example("/host #general", "host, epoch, what the tracker has, what is unplaced"),
            example("/host #general move @ada", "from now on it lives on ada's machine"),
        ],
        build: build_host,
        ..ROW
    },
    CommandSpec {
        name: "sync",
        group: Group::Hosting,
        args: &[TARGET],
        needs: Needs::Session,
        help: "send what waits and fetch what is missing, now",
        details: "Both happen by themselves; this says from where, and how far they have come.",
        examples: &[example("/sync #general", "says from where, and what still waits")],
        build: |m| Ok(Command::Sync { channel: m.get("channel") }),
        ..ROW
    },
];

fn build_allow(matched: &Matched) -> Result<Command, UsageError> {
    let rights = match matched.get::<Vec<&str>>("can") {
        Some(names) => names.into_iter().map(right).fold(Rights::NONE, Rights::with),
        None => Rights::READ.with(Rights::SEND),
    };
    Ok(Command::Allow { user: matched.need("user")?, channel: matched.get("to"), rights })
}

fn right(name: &str) -> Rights {
    match name {
        "read" => Rights::READ,
        "send" => Rights::SEND,
        "stream" => Rights::STREAM,
        _ => Rights::NONE,
    }
}

fn build_host(matched: &Matched) -> Result<Command, UsageError> {
    let channel = matched.get("channel");
    match matched.get::<&str>("action") {
        Some(_) => Ok(Command::MoveHost { channel, user: matched.need("user")? }),
        None => Ok(Command::Host { channel }),
    }
}

fn build_view(matched: &Matched) -> Result<Command, UsageError> {
    let view = matched.choice("view", View::ALL, View::as_str);
    let visitors = matched.choice("visitors", Visitors::ALL, Visitors::as_str);
    if view.is_none() && visitors.is_none() {
        return Err(matched.missing("public|members"));
    }
    Ok(Command::View { channel: matched.get("channel"), view, visitors })
}
