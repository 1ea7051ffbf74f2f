//! `segment-peer`

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, start_tracing};
use crate::args::{Drawing, Generated, Input, PeerArgs, PeerOptions};
use crate::chat::output::Out;
use crate::chat::{Chat, check, layers, run_input, start, unheard};
use crate::config::Printed;
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::profile::{Paths, settings_path};
use crate::render::Style;
use crate::terminal::Terminal;

/// Runs a peer: a conversation, or a script.
#[must_use]
pub fn peer() -> ExitCode {
    start_tracing();
    match PeerArgs::parse().check() {
        Ok(options) => block_on(run(options)),
        Err(error) => error.exit(),
    }
}

async fn run(options: PeerOptions) -> ExitCode {
    let out = Out::streams(options.output, style(&options));
    let end = match options.input {
        Input::Prompt => converse(&options).await,
        Input::Config => print_config(&options, &out).await,
        Input::Generate(what) => generate(what),
        _ => script(&options, out.clone()).await,
    };
    match end {
        Ok(code) => code,
        Err(problem) if problem.exit == ExitCode::Unread => problem.exit,
        Err(problem) => {
            // Nobody reads it, or everybody knows.
            let _ = out.problem("segment-peer", &problem).await;
            problem.exit
        }
    }
}

/// Every setting and where it comes from; nothing is started, made or locked for it.
async fn print_config(options: &PeerOptions, out: &Out) -> Result<ExitCode, Problem> {
    let paths = Paths::find(options.dir.as_deref())?;
    let layers = layers(options, &paths)?;
    let dir = paths.profile(&options.profile);
    let head = format!(
        "# profile {}: {}\n# for all profiles: {}",
        options.profile,
        settings_path(&dir).display(),
        paths.settings().display()
    );
    out.remark(&head).await.map_err(unheard)?;
    out.answers(&Printed::all(&layers)).await.map_err(unheard)?;
    Ok(ExitCode::Done)
}

fn generate(what: Generated) -> Result<ExitCode, Problem> {
    super::generate::write(what, PeerArgs::definition(), &super::generate::COMMANDS).map_err(unheard)?;
    Ok(ExitCode::Done)
}

async fn script(options: &PeerOptions, out: Out) -> Result<ExitCode, Problem> {
    check(&options.input)?;
    let mut chat = start(options, out).await?;
    let end = run_input(&mut chat, &options.input, options.failures).await;
    end_in_order(chat, end).await
}

async fn converse(options: &PeerOptions) -> Result<ExitCode, Problem> {
    let history = history_of(options)?;
    let (mut terminal, screen) =
        Terminal::start(history, style(options)).map_err(|error| Problem::local(LocalReason::Start).saying(error))?;
    let out = Out::screen(screen.clone(), options.output);
    let end = match start(options, out).await {
        Ok(mut chat) => {
            let end = chat.converse(&mut terminal).await;
            if end.is_ok() {
                chat.say_what_waits().await?;
            }
            end_in_order(chat, end).await
        }
        Err(problem) => Err(problem),
    };
    screen.flush().await;
    end
}

fn style(options: &PeerOptions) -> Style {
    let style = Style::detect();
    match options.drawing {
        Drawing::Spoken => style.spoken(),
        Drawing::Detected => style,
    }
}

fn history_of(options: &PeerOptions) -> Result<Option<std::path::PathBuf>, Problem> {
    let paths = Paths::find(options.dir.as_deref())?;
    let dir = paths.profile(&options.profile);
    crate::profile::private_dir(&dir)?;
    Ok(Some(dir.join("history")))
}

/// Says goodbye and waits for the disk; a second Ctrl-C does not.
async fn end_in_order(chat: Chat, end: Result<ExitCode, Problem>) -> Result<ExitCode, Problem> {
    let broken = |error: std::io::Error| Problem::local(LocalReason::Stopped).saying(error);
    let mut interrupts = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(broken)?;
    tokio::select! {
        stopped = chat.stop() => {
            let code = end?;
            stopped?;
            Ok(code)
        }
        _ = interrupts.recv() => Ok(ExitCode::Interrupted),
        _ = terminations.recv() => Ok(ExitCode::Interrupted),
    }
}
