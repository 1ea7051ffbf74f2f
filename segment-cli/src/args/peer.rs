//! `segment-peer`

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Command as ClapCommand, CommandFactory, Parser, Subcommand};
use segment_proto::ChannelName;

use super::{Generated, TEMPLATE};
use crate::config::{KEY_NAMES, Key, Values};
use crate::grammar::nearest;
use crate::profile::ProfileName;
use crate::url::DEFAULT_PORT;

const EXAMPLES: &str = "\
Examples:
  segment-peer                                  chat; runs your own tracker if none is there
  segment-peer segment://chat.example:22236     chat at a tracker
  segment-peer -P ken                           as another person on this machine
  segment-peer -c '/send #general hi'           one command, then end
  segment-peer -f setup.segment --json          commands of a file, answers as JSON
  echo '/channels' | segment-peer -             commands of standard input
  make 2>&1 | segment-peer send '#builds' -     what comes through a pipe, as messages
  segment-peer tail -f '#builds' --json         messages as they come, for programs
";

const ENDS: &str = "\
Exit codes: 0 done, 1 refused, 2 bad command, 3 no connection, 4 not allowed, 5 not found,
6 waiting in the outbox (its id on standard output), 130 interrupted, 141 nobody reads the output.
Flags win over SEGMENT_* variables, these over the profile's profile.toml, that over config.toml.";

/// The arguments of `segment-peer`, as written.
#[derive(Clone, Debug, Parser)]
#[command(name = "segment-peer", version, about = "Segment: group chat where a channel lives on its owner's machine.")]
#[command(before_help = EXAMPLES, after_help = ENDS, help_template = TEMPLATE)]
pub struct PeerArgs {
    /// Where the tracker is (segment://host:port#key); `-` reads commands from standard input
    #[arg(value_name = "URL")]
    target: Option<String>,
    /// The other one of the two.
    #[arg(value_name = "-", hide = true)]
    second: Option<String>,
    #[command(subcommand)]
    action: Option<PeerAction>,
    /// The same as URL, which wins over it [env: SEGMENT_TRACKER]
    #[arg(long, value_name = "URL", global = true)]
    tracker: Option<String>,
    /// Which profile to use
    #[arg(short = 'P', long, value_name = "NAME", env = "SEGMENT_PROFILE", global = true)]
    profile: Option<String>,
    /// Keep everything below this directory, in place of the XDG directories
    #[arg(long, value_name = "DIR", env = "SEGMENT_DIR", global = true)]
    dir: Option<PathBuf>,
    /// Run a command; may be given several times
    #[arg(short = 'c', long = "command", value_name = "LINE", conflicts_with = "file")]
    commands: Vec<String>,
    /// Run the commands of a file; `-` is standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Answer with one JSON object per line
    #[arg(long, global = true)]
    json: bool,
    /// For screen readers: whole lines in words, nothing is drawn, no colours
    #[arg(long, env = "SEGMENT_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    plain: bool,
    /// Go on after an error; the first one decides the exit code
    #[arg(long)]
    keep_going: bool,
    /// A command whose first line of output is the password [env: SEGMENT_PASSWORD_CMD]
    #[arg(long, value_name = "CMD", global = true)]
    password_cmd: Option<String>,
    /// How far a message must come before a send is done: stored or committed [env: SEGMENT_WAIT]
    #[arg(long, value_name = "HOW", global = true)]
    wait: Option<String>,
    /// Seconds that a script waits for an answer [default: 30] [env: SEGMENT_TIMEOUT]
    #[arg(long, value_name = "SECONDS", global = true)]
    timeout: Option<String>,
    /// Change a setting for this run, such as theme=none; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
    /// Print every setting and where its value comes from, then end
    #[arg(long)]
    print_config: bool,
    /// The port of your own tracker on this machine
    #[arg(long, value_name = "PORT", env = "SEGMENT_TRACKER_PORT", global = true, default_value_t = DEFAULT_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    tracker_port: u16,
    /// Never run the embedded tracker
    #[arg(long, global = true)]
    no_tracker: bool,
    /// The address to listen on for other peers [env: SEGMENT_BIND]
    #[arg(long, value_name = "ADDR", global = true)]
    bind: Option<String>,
    /// The address at which other peers reach this one [env: SEGMENT_ADVERTISE]
    #[arg(long, value_name = "ADDR", global = true)]
    advertise: Option<String>,
}

/// Short forms for pipes.
#[derive(Clone, Debug, Subcommand)]
enum PeerAction {
    /// Send a message to a channel; without TEXT, or with -, what comes on standard input
    ///
    /// Lines of standard input that come together become one message, one that comes alone is sent alone.
    Send {
        /// A joined channel; a shell wants quotes around the #, or none of it
        #[arg(value_name = "#CHANNEL", value_parser = parse_channel)]
        channel: ChannelName,
        /// The message; several words are joined by spaces
        #[arg(value_name = "TEXT", trailing_var_arg = true, allow_hyphen_values = true)]
        text: Vec<String>,
    },
    /// Show the newest messages of a channel, and those that come
    Tail {
        /// A joined channel; a shell wants quotes around the #, or none of it
        #[arg(value_name = "#CHANNEL", value_parser = parse_channel)]
        channel: ChannelName,
        /// How many of those that are there
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        last: u32,
        /// Go on with those that come, until Ctrl-C
        #[arg(short = 'f', long)]
        follow: bool,
    },
    /// Write completions for a shell, or the man page, to standard output
    Generate {
        #[command(subcommand)]
        what: Generated,
    },
}

/// What `segment-peer` is asked to do, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerOptions {
    /// Which profile.
    pub profile: ProfileName,
    /// In place of the XDG directories.
    pub dir: Option<PathBuf>,
    /// Where commands come from.
    pub input: Input,
    /// How answers are written.
    pub output: Output,
    /// What is drawn on a terminal.
    pub drawing: Drawing,
    /// What an error in a script does.
    pub failures: Failures,
    /// Whether the embedded tracker may be run.
    pub embedded_tracker: EmbeddedTracker,
    /// Its port.
    pub tracker_port: u16,
    /// Settings of flags; the environment and the files complete them.
    pub given: Values,
}

/// Where commands come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person.
    Prompt,
    /// `-c`
    Commands(Vec<String>),
    /// `-f FILE`
    File(PathBuf),
    /// `-`
    Stdin,
    /// `--print-config`: no commands at all.
    Config,
    /// `send`
    Send {
        /// Where to.
        channel: ChannelName,
        /// What.
        text: SendText,
    },
    /// `tail`
    Tail {
        /// Of what.
        channel: ChannelName,
        /// How many messages that are there.
        last: u32,
        /// Whether those that come are shown.
        then: Then,
    },
    /// `generate`
    Generate(Generated),
}

/// What `send` sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendText {
    /// This.
    Given(String),
    /// What comes on standard input.
    Stdin,
}

/// What `tail` does behind the newest message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It ends.
    End,
    /// It goes on.
    Follow,
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

/// What is drawn on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// What it can show.
    Detected,
    /// Nothing: a screen reader reads it out.
    Spoken,
}

/// What an error in a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// The script ends.
    Stop,
    /// The script goes on; the first error decides the exit code.
    KeepGoing,
}

/// Whether the embedded tracker may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbeddedTracker {
    /// Where no tracker is named and none answers on this machine.
    WhenNeeded,
    /// Never.
    Never,
}

impl PeerArgs {
    /// The definition, for help and completion.
    #[must_use]
    pub fn definition() -> ClapCommand {
        <Self as CommandFactory>::command()
    }

    /// Checks the arguments into types.
    ///
    /// # Errors
    /// A clap error, which prints itself and ends with 2.
    pub fn check(self) -> Result<PeerOptions, clap::Error> {
        let (tracker, reads_stdin) = self.split_target()?;
        let input = self.input(reads_stdin)?;
        let profile = match &self.profile {
            Some(name) => name.parse().map_err(|error| bad_value(ErrorKind::ValueValidation, &error))?,
            None => ProfileName::default(),
        };
        let given = self.given(tracker)?;
        Ok(PeerOptions {
            profile,
            dir: self.dir,
            input,
            output: if self.json { Output::Json } else { Output::Text },
            drawing: if self.plain { Drawing::Spoken } else { Drawing::Detected },
            failures: if self.keep_going { Failures::KeepGoing } else { Failures::Stop },
            tracker_port: self.tracker_port,
            embedded_tracker: if self.no_tracker { EmbeddedTracker::Never } else { EmbeddedTracker::WhenNeeded },
            given,
        })
    }

    /// The settings of flags: `--set` first, so that a flag of its own wins over it.
    fn given(&self, tracker: Option<String>) -> Result<Values, clap::Error> {
        let mut given = Values::new();
        for written in &self.set {
            let (key, word) = written.split_once('=').ok_or_else(|| refused("--set", &"write --set KEY=VALUE"))?;
            let known = Key::parse(key).ok_or_else(|| refused("--set", &unknown_key(key)))?;
            given.insert(known, known.read(word).map_err(|error| refused("--set", &error))?);
        }
        let flags = [
            (Key::Tracker, tracker),
            (Key::Bind, self.bind.clone()),
            (Key::Advertise, self.advertise.clone()),
            (Key::PasswordCmd, self.password_cmd.clone()),
            (Key::Wait, self.wait.clone()),
            (Key::Timeout, self.timeout.clone()),
        ];
        for (key, word) in flags.into_iter().filter_map(|(key, word)| Some((key, word?))) {
            given.insert(key, key.read(&word).map_err(|error| bad_value(ErrorKind::ValueValidation, &error))?);
        }
        Ok(given)
    }

    fn split_target(&self) -> Result<(Option<String>, StdinNamed), clap::Error> {
        let words = self.target.iter().chain(&self.second);
        let (dashes, urls): (Vec<_>, Vec<_>) = words.partition(|word| *word == "-");
        if let Some(mistyped) = urls.first().and_then(|word| mistyped_action(word)) {
            return Err(bad_value(ErrorKind::InvalidSubcommand, &mistyped));
        }
        if dashes.len() > 1 || urls.len() > 1 {
            let what = "one address and one `-` at most";
            return Err(bad_value(ErrorKind::TooManyValues, &what));
        }
        let url = urls.first().copied().or(self.tracker.as_ref());
        Ok((url.cloned(), if dashes.is_empty() { StdinNamed::No } else { StdinNamed::Yes }))
    }

    fn input(&self, stdin: StdinNamed) -> Result<Input, clap::Error> {
        if let Some(action) = &self.action {
            return self.action_input(action, stdin);
        }
        if self.print_config {
            return Ok(Input::Config);
        }
        let named = [!self.commands.is_empty(), self.file.is_some(), stdin == StdinNamed::Yes];
        if named.into_iter().filter(|is_named| *is_named).count() > 1 {
            let what = "commands come from -c, from -f or from `-`: give one of them";
            return Err(bad_value(ErrorKind::ArgumentConflict, &what));
        }
        Ok(match &self.file {
            _ if stdin == StdinNamed::Yes => Input::Stdin,
            Some(path) if path.as_os_str() == "-" => Input::Stdin,
            Some(path) => Input::File(path.clone()),
            None if self.commands.is_empty() => Input::Prompt,
            None => Input::Commands(self.commands.clone()),
        })
    }
}

impl PeerArgs {
    fn action_input(&self, action: &PeerAction, stdin: StdinNamed) -> Result<Input, clap::Error> {
        if stdin == StdinNamed::Yes || self.file.is_some() || !self.commands.is_empty() {
            return Err(bad_value(ErrorKind::ArgumentConflict, &"send and tail take no further commands"));
        }
        Ok(match action.clone() {
            PeerAction::Send { channel, text } => Input::Send { channel, text: send_text(&text) },
            PeerAction::Tail { channel, last, follow } => {
                let then = if follow { Then::Follow } else { Then::End };
                Input::Tail { channel, last, then }
            }
            PeerAction::Generate { what } => Input::Generate(what),
        })
    }
}

/// What to say of a word that looks less like an address than like a misspelt `send`.
fn mistyped_action(word: &str) -> Option<String> {
    if word.contains(['.', ':', '#', '[']) {
        return None;
    }
    let definition = PeerArgs::definition();
    let near = nearest(word, definition.get_subcommands().map(ClapCommand::get_name))?;
    Some(format!("{word}: did you mean {near}? A tracker of this name is written segment://{word}"))
}

fn send_text(words: &[String]) -> SendText {
    match words {
        [] => SendText::Stdin,
        [dash] if dash == "-" => SendText::Stdin,
        words => SendText::Given(words.join(" ")),
    }
}

fn parse_channel(word: &str) -> Result<ChannelName, String> {
    ChannelName::new(word).map_err(|why| format!("{why}; write '#general', with the quotes, or general"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StdinNamed {
    Yes,
    No,
}

fn unknown_key(key: &str) -> String {
    match nearest(key, KEY_NAMES) {
        Some(near) => format!("there is no setting {key:?} (did you mean {near}?)"),
        None => format!("there is no setting {key:?}; write one of: {}", KEY_NAMES.join(", ")),
    }
}

fn refused(flag: &str, why: &impl ToString) -> clap::Error {
    bad_value(ErrorKind::ValueValidation, &format!("{flag}: {}", why.to_string()))
}

fn bad_value(kind: ErrorKind, what: &impl ToString) -> clap::Error {
    PeerArgs::definition().error(kind, what.to_string())
}
