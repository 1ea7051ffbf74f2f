//! What keeps a channel's messages: proving them, and how many of them are kept.

use super::{Command, CommandSpec, Group, Kind, Needs, ROW, Slot, TARGET, example};
use crate::commands::Keep;
use crate::grammar::{Matched, UsageError};

const NUMBER_MAX: u32 = 1_000_000_000;

pub(super) const ROWS: &[CommandSpec] = &[
    CommandSpec {
        name: "verify",
        group: Group::Hosting,
        args: &[TARGET],
        needs: Needs::Session,
        help: "prove every message of a channel and heal what is damaged",
        details: "Every hash, every link of the chain and every signature is computed again from what is on the disk,\nand the heads of host, tracker and mine are compared.",
        examples: &[example("/verify #general", "names each place that does not hold, and what was healed")],
        build: |m| Ok(Command::Verify { channel: m.get("channel") }),
        ..ROW
    },
    CommandSpec {
        name: "retain",
        group: Group::Hosting,
        args: &[TARGET],
        options: &[
            Slot::optional("last", Kind::Number { max: NUMBER_MAX }),
            Slot::optional("days", Kind::Number { max: 36_500 }),
            Slot::optional("mib", Kind::Number { max: NUMBER_MAX }),
            Slot::optional("all", Kind::Flag),
        ],
        needs: Needs::Account,
        help: "show or set how much of a channel is kept; older messages go",
        details: "Without an option: what its owner has set. Each option sets one limit, the others stay; --all takes every limit away.\nOlder messages go in steps of 4096, when both host and tracker have them, so that somewhat more than\nthe limit stays; what is known of authors stays.",
        examples: &[
            example("/retain", "how much of the current channel is kept"),
            example("/retain #general --last 10000 --days 365", "at most 10000 messages, and none older than a year"),
            example("/retain #general --all", "everything is kept again"),
        ],
        build: build_retain,
        ..ROW
    },
];

fn build_retain(matched: &Matched) -> Result<Command, UsageError> {
    let keep = Keep { last: matched.get("last"), days: matched.get("days"), mib: matched.get("mib") };
    for option in ["last", "days", "mib"] {
        matched.exclude("all", option)?;
    }
    let is_set = matched.has("all") || keep != Keep::default();
    Ok(Command::Retain { channel: matched.get("channel"), keep: is_set.then_some(keep) })
}
