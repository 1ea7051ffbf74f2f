//! What keeps a channel's messages: proving them.

use super::{Command, CommandSpec, Group, Needs, ROW, TARGET, example};

pub(super) const ROWS: &[CommandSpec] = &[CommandSpec {
    name: "verify",
    group: Group::Hosting,
    args: &[TARGET],
    needs: Needs::Session,
    help: "prove every message of a channel and heal what is damaged",
    details: "Every hash, every link of the chain and every signature is computed again from what is on the disk,\nand the heads of host, tracker and mine are compared.",
    examples: &[example("/verify #general", "names each place that does not hold, and what was healed")],
    build: |m| Ok(Command::Verify { channel: m.get("channel") }),
    ..ROW
}];
