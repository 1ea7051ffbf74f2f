//! Completions and man pages, from the same definitions as the programs.

use std::io::{self, Write};

use clap::Command as ClapCommand;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::Generated;
use crate::commands::{CommandSpec, Group, of_group};
use crate::config::SETTINGS;
use crate::exit::ExitCode;

/// A section of a man page.
pub(super) type Section = fn(&mut Roff);

/// The sections of a program that takes commands.
pub(super) const COMMANDS: [Section; 3] = [commands, settings, exit_codes];

/// Writes it to standard output.
pub(super) fn write(what: Generated, mut program: ClapCommand, sections: &[Section]) -> io::Result<()> {
    let mut out = Vec::new();
    match what {
        Generated::Completions { shell } => {
            let name = program.get_name().to_owned();
            clap_complete::generate(shell, &mut program, &name, &mut out);
            out = with_subcommands(&out, &name);
        }
        Generated::Man => man(program, sections, &mut out)?,
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&out)?;
    stdout.flush()
}

/// clap_complete 4.6 writes the name of a program with a hyphen in two ways into the script for bash, so that the flags
/// of subcommands would not be found.
fn with_subcommands(script: &[u8], name: &str) -> Vec<u8> {
    let (wrong, right) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
    String::from_utf8_lossy(script).replace(&wrong, &right).into_bytes()
}

fn man(mut program: ClapCommand, sections: &[Section], out: &mut Vec<u8>) -> io::Result<()> {
    program.build();
    let examples = program.get_before_help().map(ToString::to_string).unwrap_or_default();
    // The examples have a section of their own.
    let page = Man::new(program.clone().before_help("")).date("").manual("Segment");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    literal(&mut roff, examples.lines().skip(1));
    roff.to_writer(out)?;
    page.render_options_section(out)?;
    let mut roff = Roff::new();
    subcommands(&mut roff, program.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help"));
    sections.iter().for_each(|section| section(&mut roff));
    roff.to_writer(out)
}

fn subcommands<'a>(roff: &mut Roff, subs: impl Iterator<Item = &'a ClapCommand>) {
    roff.control("SH", ["SUBCOMMANDS"]);
    for sub in subs {
        let usage = sub.clone().render_usage().to_string();
        roff.control("SS", [usage.trim_start_matches("Usage: ")]);
        let about = sub.get_long_about().or(sub.get_about()).map(ToString::to_string).unwrap_or_default();
        roff.text([roman(about)]);
        for argument in sub.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
        {
            roff.control("TP", []);
            roff.text([bold(argument.to_string())]);
            roff.text([roman(argument.get_help().map(ToString::to_string).unwrap_or_default())]);
        }
    }
}

fn commands(roff: &mut Roff) {
    roff.control("SH", ["COMMANDS"]);
    roff.text([roman(
        "At the prompt a line that begins with a slash is a command; any other is sent to the current channel.",
    )]);
    for group in Group::ALL {
        roff.control("SS", [group.title()]);
        of_group(group).for_each(|spec| command(roff, spec));
    }
}

fn command(roff: &mut Roff, spec: &CommandSpec) {
    roff.control("TP", []);
    roff.text([bold(spec.usage())]);
    roff.text([roman(format!("{}. {}", spec.help, spec.details.replace('\n', " ")))]);
    for alias in spec.aliases {
        roff.text([roman(format!("Also /{}.", alias.name))]);
    }
    literal(roff, spec.examples.iter().map(|example| example.line));
}

fn settings(roff: &mut Roff) {
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(
        "Flags win over SEGMENT_* variables, these over the profile's profile.toml, that over config.toml.",
    )]);
    for setting in SETTINGS {
        roff.control("TP", []);
        roff.text([bold(setting.key.as_str()), roman(format!(" ({})", setting.key.variable()))]);
        roff.text([roman(format!("{}: {}.", setting.help, setting.kind.shown()))]);
    }
}

fn exit_codes(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for code in ExitCode::ALL {
        roff.control("TP", []);
        roff.text([bold(code.code().to_string())]);
        roff.text([roman(code.meaning())]);
    }
}

/// Lines as they stand.
fn literal<'a>(roff: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    roff.control("RS", ["4"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.trim_start())]);
    }
    roff.control("fi", []);
    roff.control("RE", []);
}
