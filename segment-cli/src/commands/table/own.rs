//! Finding out what is wrong, and the program itself.

use super::{Command, CommandSpec, Group, InScripts, Kind, Needs, ROW, Slot, example};
use crate::connection_log::SHOWN_RECORDS_MAX;

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
        name: "version",
        group: Group::Own,
        help: "show the version",
        examples: &[example("/version", "of this program")],
        build: |_| Ok(Command::Version),
        ..ROW
    },
];
