//! Channels and being in them.

use super::{CHANNEL, Command, CommandSpec, Group, Kind, Needs, ROW, Slot, TARGET, alias, example};
use crate::commands::ChannelFilter;
use crate::grammar::{Matched, UsageError};
use segment_proto::{View, Visitors};

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "channels",
        aliases: &[alias("list")],
        group: Group::Channels,
        options: &[Slot::optional("mine", Kind::Flag), Slot::optional("joined", Kind::Flag)],
        needs: Needs::Session,
        help: "list the channels that you may see",
        examples: &[example("/channels", "all of them"), example("/channels --mine", "those that you own")],
        build: build_channels,
        ..ROW
    },
    CommandSpec {
        name: "create",
        group: Group::Channels,
        args: &[CHANNEL],
        options: &[
            Slot::optional("view", Kind::Choice(&["public", "members"])),
            Slot::optional("visitors", Kind::Choice(&["read", "none"])),
        ],
        needs: Needs::Account,
        help: "make a channel; it lives on this machine",
        details: "Without options everybody may read it, visitors too. A members channel takes no visitors\nunless --visitors read is given.",
        examples: &[
            example("/create #general", "public, visitors may read"),
            example("/create #ops --view members", "only for those whom you /allow"),
        ],
        build: build_create,
        ..ROW
    },
    CommandSpec {
        name: "join",
        aliases: &[alias("j")],
        group: Group::Channels,
        args: &[CHANNEL],
        needs: Needs::Session,
        help: "join a channel and make it the current one",
        examples: &[example("/join #general", "shows its latest messages")],
        build: |m| Ok(Command::Join { channel: m.need("channel")? }),
        ..ROW
    },
    CommandSpec {
        name: "leave",
        group: Group::Channels,
        args: &[TARGET],
        needs: Needs::Session,
        help: "leave a channel",
        examples: &[example("/leave #general", "its messages stay where they are")],
        build: |m| Ok(Command::Leave { channel: m.get("channel") }),
        ..ROW
    },
    CommandSpec {
        name: "switch",
        group: Group::Channels,
        args: &[CHANNEL],
        needs: Needs::Session,
        help: "make a joined channel the current one",
        examples: &[example("/switch #ops", "plain text goes to #ops from now on")],
        build: |m| Ok(Command::Switch { channel: m.need("channel")? }),
        ..ROW
    },
    CommandSpec {
        name: "members",
        group: Group::Channels,
        args: &[TARGET],
        needs: Needs::Session,
        help: "list who is in a channel, and who is here",
        examples: &[example("/members #general", "online and offline")],
        build: |m| Ok(Command::Members { channel: m.get("channel") }),
        ..ROW
    },
    CommandSpec {
        name: "info",
        group: Group::Channels,
        args: &[TARGET],
        needs: Needs::Session,
        help: "show owner, view, your rights and size of a channel",
        examples: &[example("/info", "of the current channel")],
        build: |m| Ok(Command::Info { channel: m.get("channel") }),
        ..ROW
    },
];

fn build_channels(matched: &Matched) -> Result<Command, UsageError> {
    matched.exclude("mine", "joined")?;
    let filter = match (matched.has("mine"), matched.has("joined")) {
        (true, _) => ChannelFilter::Mine,
        (_, true) => ChannelFilter::Joined,
        _ => ChannelFilter::All,
    };
    Ok(Command::Channels { filter })
}

fn build_create(matched: &Matched) -> Result<Command, UsageError> {
    let view = matched.choice("view", View::ALL, View::as_str).unwrap_or(View::Public);
    let visitors = matched.choice("visitors", Visitors::ALL, Visitors::as_str);
    let default = match view {
        View::Public => Visitors::Read,
        _ => Visitors::Nothing,
    };
    Ok(Command::Create { channel: matched.need("channel")?, view, visitors: visitors.unwrap_or(default) })
}
