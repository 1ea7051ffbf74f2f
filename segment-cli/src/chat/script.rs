//! Commands of arguments, files and pipes.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::{Chat, Flow, unheard};
use crate::args::{Failures, Input};
use crate::commands::parse;
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::script::read_line;

/// Where a script's lines come from.
enum Lines {
    Given(std::vec::IntoIter<String>),
    Read(Option<Box<dyn io::BufRead + Send>>),
}

impl Lines {
    fn open(input: &Input) -> Result<Self, Problem> {
        Ok(match input {
            Input::Commands(lines) => Self::Given(lines.clone().into_iter()),
            Input::File(path) => Self::Read(Some(Box::new(BufReader::new(open(path)?)))),
            Input::Stdin => Self::Read(Some(Box::new(BufReader::new(io::stdin())))),
            _ => Self::Given(Vec::new().into_iter()),
        })
    }

    /// The next line; a pipe may keep us waiting, so it is read elsewhere.
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        match self {
            Self::Given(lines) => Ok(lines.next()),
            Self::Read(slot) => {
                let Some(mut input) = slot.take() else { return Ok(None) };
                let reading = tokio::task::spawn_blocking(move || (read_line(&mut input), input));
                let (line, input) = reading.await.map_err(|error| unreadable(&error))?;
                *slot = Some(input);
                line.map_err(|error| unreadable(&error))
            }
        }
    }
}

fn open(path: &Path) -> Result<File, Problem> {
    let failed = |error: io::Error| unreadable(&format_args!("{}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    match file.metadata() {
        Ok(facts) if facts.is_dir() => Err(unreadable(&format_args!("{} is a directory", path.display()))),
        Ok(_) => Ok(file),
        Err(error) => Err(failed(error)),
    }
}

fn unreadable(why: &dyn std::fmt::Display) -> Problem {
    Problem::local(LocalReason::Script)
        .saying(format_args!("the script cannot be read ({why}): it was not run further"))
}

/// Checks a script's source before anything is started.
///
/// # Errors
/// [`LocalReason::Script`]
pub fn check(input: &Input) -> Result<(), Problem> {
    match input {
        Input::File(path) => open(path).map(drop),
        _ => Ok(()),
    }
}

/// Does what the arguments ask for: a script to its end or to its first error, `send`, `tail`. Ctrl-C ends it in order.
///
/// # Errors
/// Nobody reads the output any more.
pub async fn run_input(chat: &mut Chat, input: &Input, failures: Failures) -> Result<ExitCode, Problem> {
    let broken = |error: io::Error| Problem::local(LocalReason::Stopped).saying(error);
    let mut interrupts = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(broken)?;
    tokio::select! {
        end = run(chat, input, failures) => end,
        _ = interrupts.recv() => Ok(ExitCode::Interrupted),
        _ = terminations.recv() => Ok(ExitCode::Interrupted),
    }
}

async fn run(chat: &mut Chat, input: &Input, failures: Failures) -> Result<ExitCode, Problem> {
    let piped = match input {
        Input::Send { channel, text } => chat.send_piped(channel, text).await,
        Input::Tail { channel, last, then } => chat.tail(channel, *last, *then).await,
        _ => return run_lines(chat, input, failures).await,
    };
    match piped {
        Ok(()) => Ok(ExitCode::Done),
        Err(problem) => Err(chat.because_of_absence(problem).await),
    }
}

async fn run_lines(chat: &mut Chat, input: &Input, failures: Failures) -> Result<ExitCode, Problem> {
    let mut lines = Lines::open(input)?;
    let mut end = ExitCode::Done;
    let mut number = 0;
    loop {
        number += 1;
        let line = match lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(end.then(chat.streams_ended().await?)),
            Err(problem) => {
                let problem = problem.at_line(number);
                chat.out.problem("", &problem).await.map_err(unheard)?;
                return Ok(end.then(problem.exit));
            }
        };
        match run_line(chat, &line).await {
            Ok(Flow::Continue) => {}
            Ok(Flow::Quit) => return Ok(end),
            Err(problem) if problem.exit == ExitCode::Unread => return Err(problem),
            Err(problem) => {
                let problem = if matches!(lines, Lines::Read(_)) { problem.at_line(number) } else { problem };
                chat.out.problem(&line, &problem).await.map_err(unheard)?;
                end = end.then(problem.exit);
                if failures == Failures::Stop {
                    return Ok(end);
                }
            }
        }
    }
}

async fn run_line(chat: &mut Chat, line: &str) -> Result<Flow, Problem> {
    let Some(command) = parse(line, chat.origin)? else { return Ok(Flow::Continue) };
    let flow = chat.run(command, None).await?;
    chat.out.done(line).await.map_err(unheard)?;
    Ok(flow)
}
