//! A person at the prompt.

use segment_core::peer::TrackerState;
use tokio::signal::unix::{SignalKind, signal};

use super::patience::alive;
use super::{Chat, Done, Flow, unheard};
use crate::commands::parse_typed;
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::node::NodeError;
use crate::terminal::{Terminal, Turn, Typed};

impl Chat {
    /// Answers what is typed until the end.
    ///
    /// # Errors
    /// The terminal cannot be used any more.
    pub async fn converse(&mut self, terminal: &mut Terminal) -> Result<ExitCode, Problem> {
        let broken = |error: std::io::Error| Problem::local(LocalReason::Stopped).saying(error);
        let mut interrupts = signal(SignalKind::interrupt()).map_err(broken)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(broken)?;
        loop {
            let typed = tokio::select! {
                typed = terminal.next() => typed,
                _ = interrupts.recv() => return Ok(ExitCode::Interrupted),
                _ = terminations.recv() => return Ok(ExitCode::Interrupted),
                ended = self.node.peer.stopped() => return Err(ended_by_itself(ended)),
            };
            match typed {
                Some(Typed::Line { text, turn }) => {
                    let answered = tokio::select! {
                        flow = self.answer(&text, turn) => Some(flow?),
                        _ = interrupts.recv() => None,
                        _ = terminations.recv() => return Ok(ExitCode::Interrupted),
                    };
                    match answered {
                        Some(Flow::Continue) => {}
                        Some(Flow::Quit) => return Ok(ExitCode::Done),
                        None => self.given_up().await?,
                    }
                }
                Some(Typed::Interrupted(_)) => {
                    self.out.remark("(dropped; /quit or Ctrl-D ends)").await.map_err(unheard)?
                }
                Some(Typed::Failed(error)) => return Err(broken(error)),
                Some(Typed::End) | None => return Ok(ExitCode::Done),
            }
        }
    }

    async fn given_up(&self) -> Done {
        self.out.remark("(given up waiting; it may still be done)").await.map_err(unheard)
    }

    /// A line that cannot be understood, or that has nowhere to go, stays in the editor.
    async fn answer(&mut self, line: &str, turn: Turn) -> Result<Flow, Problem> {
        self.somebody_is_there();
        let command = match parse_typed(line, &self.layers.aliases()) {
            Ok(None) => return Ok(Flow::Continue),
            Ok(Some(command)) => command,
            Err(error) => {
                self.out.problem(line, &error.into()).await.map_err(unheard)?;
                turn.keep(line.to_owned());
                return Ok(Flow::Continue);
            }
        };
        let (out, what) = (self.out.clone(), line.split_whitespace().next().unwrap_or_default().to_owned());
        match alive(&out, &what, Some(&turn), self.run(command, Some(&turn))).await {
            Ok(flow) => {
                self.out.done(line).await.map_err(unheard)?;
                if flow == Flow::Quit {
                    turn.end();
                }
                Ok(flow)
            }
            Err(problem) => {
                self.out.problem(line, &problem).await.map_err(unheard)?;
                if problem.exit == ExitCode::BadCommand || is_lost_text(line, &problem) {
                    turn.keep(line.to_owned());
                }
                Ok(Flow::Continue)
            }
        }
    }

    pub(super) async fn welcome(&self) -> Done {
        let look = |machine: &mut segment_core::peer::Peer, _| {
            (machine.whoami(), machine.tracker_state(), machine.channels().filter(|view| view.member).count())
        };
        let (me, state, channels) = self.peer().call(look).await?;
        let who = me.map_or_else(|| "not logged in".to_owned(), |me| me.who.to_string());
        let tracker = match state {
            TrackerState::Connected | TrackerState::LoggedIn => {
                format!("{} (TLS, pinned)", self.tracker.address())
            }
            _ => format!("{} is not answering", self.tracker.address()),
        };
        let (messages, mentions) = self.talk.known().unread_in_all();
        let next = match (who.as_str(), channels) {
            ("not logged in", _) => {
                "/register NAME makes an account, /login NAME and /guest come in; /help shows commands.".to_owned()
            }
            (_, 0) => "/create #channel makes one, /join #channel comes in; /help shows commands.".to_owned(),
            (_, count) if messages > 0 => {
                let unread = super::attending::counted(messages, mentions);
                format!("{count} channels, {unread}.  /unread lists them, /help shows commands.")
            }
            (_, count) => format!("{count} channels joined.  /channels --joined lists them, /help shows commands."),
        };
        let text = format!("segment {} · {who} · {tracker}\n{next}", env!("CARGO_PKG_VERSION"));
        self.out.remark(&text).await.map_err(unheard)
    }
}

/// A text that was not sent is the person's: it is not thrown away.
fn is_lost_text(line: &str, problem: &Problem) -> bool {
    let is_text = !line.starts_with('/') || line.starts_with("/s ") || line.starts_with("/send ");
    is_text && problem.exit != ExitCode::WaitingInOutbox
}

fn ended_by_itself(ended: Result<(), std::sync::Arc<segment_net::DriverError>>) -> Problem {
    match ended {
        Ok(()) => Problem::local(LocalReason::Stopped),
        Err(error) => NodeError::from(error).into(),
    }
}
