//! `docs/commands.md`, made from the table.

use std::fmt::Write;

use super::{Alias, CommandSpec, Group, InScripts, Needs, of_group};
use crate::config;
use crate::exit::ExitCode;

const HEAD: &str = "# Commands

Made from the command table in `segment-cli/src/commands/table`; a test compares the two.
`SEGMENT_BLESS=1 cargo test -p segment-cli reference` writes this file again.

```text
line     = blank | command | text | comment          comment (\"# \", \"#!\") only in files
command  = \"/\" name *( ws word ) [ ws TAIL ]
text     = \"//\" rest -> sends \"/\" rest  |  anything else -> the current channel
word     = bare | \"dq \\n \\t \\\" \\\\\" | 'sq'            TAIL is raw to the end of the line
option   = \"--\" key [ \"=\" word | ws word ]           from the leading words only; \"--\" starts the text
channel  = \"#\" name      user = \"@\" name      message = \"!\" ( number | \"last\" | \"-\" number )
```

`[#channel]` left out means the current channel. In scripts text is sent with `/send` only.
";

const SETTINGS: &str = "## Settings

Flags win over `SEGMENT_*` variables, these over the profile's `profile.toml`, that over the user's `config.toml`;
`segment-peer --print-config` says where each value comes from. `--set KEY=VALUE` sets one for a run, `/set KEY VALUE` for a
profile. The files are TOML, one `key = \"value\"` per line; `[alias]` in them holds aliases, `name = \"/command ...\"`.";

/// The whole reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    for group in Group::ALL {
        let _ = writeln!(out, "\n## {}", capitalised(group.title()));
        of_group(group).for_each(|spec| section(&mut out, spec));
    }
    let _ = writeln!(out, "\n{SETTINGS}\n\n{}", config::reference().trim_end());
    exit_codes(&mut out);
    out
}

fn section(out: &mut String, spec: &CommandSpec) {
    let _ = writeln!(out, "\n### `{}`\n\n{}.", spec.usage(), capitalised(spec.help));
    if !spec.details.is_empty() {
        let _ = writeln!(out, "{}", spec.details);
    }
    let facts = facts(spec);
    if !facts.is_empty() {
        let _ = writeln!(out, "\n{facts}");
    }
    let _ = writeln!(out, "\n| example | what it does |\n|---|---|");
    for example in spec.examples {
        let _ = writeln!(out, "| `{}` | {} |", example.line, example.does);
    }
}

fn facts(spec: &CommandSpec) -> String {
    let mut facts = Vec::new();
    if !spec.aliases.is_empty() {
        let aliases: Vec<_> = spec.aliases.iter().map(alias).collect();
        facts.push(format!("Also: {}.", aliases.join(", ")));
    }
    if spec.needs != Needs::Nothing {
        facts.push(format!("Needs {}.", spec.needs.as_str()));
    }
    if spec.scripts == InScripts::Refused {
        facts.push("Not in scripts.".to_owned());
    }
    facts.join(" ")
}

fn alias(alias: &Alias) -> String {
    format!("`/{}`", alias.name)
}

fn exit_codes(out: &mut String) {
    let _ = writeln!(out, "\n## Exit codes\n\n| code | meaning |\n|---|---|");
    for code in ExitCode::ALL {
        let _ = writeln!(out, "| {} | {} |", code.code(), code.meaning());
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
