//! `docs/errors.md`, made from the table.

use std::fmt::Write;

use segment_proto::{Reason, Status};

use super::table::{LocalReason, Row, of_local, of_wire};
use crate::grammar::UsageReason;

const HEAD: &str = "# Errors

Made from the tables in `segment-cli/src/errors`; a test compares the two.
`SEGMENT_BLESS=1 cargo test -p segment-cli errors` writes this file again.

With `--json` an error is one object: `{\"type\":\"error\",\"command\",\"status\",\"reason\",\"exit\",\"text\"}`, with
`retry_after_ms` and `id` where they apply. Fields are only ever added.
";

const PROVOKED: &str = "
Each of these is provoked in the real programs by `segment-cli/tests/programs/reasons.rs`, but one: `too_many_channels`
takes 1,025 channels of five owners, so the tests of the machines lower the limit, and this table has its words.
";

/// The whole reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    section(&mut out, "From the tracker or a host", Reason::ALL.iter().copied().map(of_wire));
    section(&mut out, "From this program", LocalReason::ALL.iter().copied().map(of_local));
    out.push_str(PROVOKED);
    let _ = writeln!(out, "\n## From the command line\n");
    let _ = writeln!(out, "All have status `{}` and exit code 2; nothing was sent.\n", Status::RequestError);
    for reason in UsageReason::ALL {
        let _ = writeln!(out, "- `{reason}`");
    }
    out
}

fn section(out: &mut String, title: &str, rows: impl Iterator<Item = Row>) {
    let _ = writeln!(out, "\n## {title}\n\n| reason | status | exit | what it says |\n|---|---|---|---|");
    for Row { name, status, exit, text } in rows {
        let _ = writeln!(out, "| `{name}` | `{status}` | {} | {text} |", exit.code());
    }
}
