//! A person at the prompt.

use std::time::Duration;

use segment_core::peer::TrackerState;
use segment_core::peer::events::Reply;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::output::Out;
use super::patience::alive;
use super::{Chat, Done, Flow, Target, unheard};
use crate::commands::parse_typed;
use crate::errors::{LocalReason, Problem};
use crate::exit::ExitCode;
use crate::node::NodeError;
use crate::terminal::{Screen, Terminal, Turn, Typed};

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
                () = interrupted(&mut interrupts, &self.out) => return Ok(ExitCode::Interrupted),
                _ = terminations.recv() => return Ok(ExitCode::Interrupted),
                ended = self.node.peer.stopped() => return Err(ended_by_itself(ended)),
            };
            match typed {
                Some(Typed::Line { text, turn }) => {
                    let out = self.out.clone();
                    let answered = tokio::select! {
                        flow = self.answer(&text, turn) => Some(flow?),
                        () = interrupted(&mut interrupts, &out) => None,
                        _ = terminations.recv() => return Ok(ExitCode::Interrupted),
                    };
                    // A command that was given up may have been collecting its answer.
                    self.out = out;
                    match answered {
                        Some(Flow::Continue) => {}
                        Some(Flow::Quit) => return Ok(ExitCode::Done),
                        None => self.given_up().await?,
                    }
                }
                Some(Typed::Interrupted(_)) => {
                    self.out.remark("(dropped; /quit or Ctrl-D ends)").await.map_err(unheard)?
                }
                Some(Typed::NextUnread(_turn)) => {
                    if let Err(problem) = self.go_to_unread().await {
                        self.out.problem("", &problem).await.map_err(unheard)?;
                    }
                }
                Some(Typed::Failed(error)) => return Err(broken(error)),
                Some(Typed::End) | None => return Ok(ExitCode::Done),
            }
        }
    }

    /// Alt-A: the next channel with something unread.
    async fn go_to_unread(&mut self) -> Done {
        let next = {
            let known = self.talk.known();
            let current = known.current.as_ref().map(|target| target.id);
            let unread = known.unread.iter().filter(|(_, unread)| unread.messages() > 0).map(|(id, _)| id);
            let unread: Vec<_> = unread.filter(|id| Some(**id) != current && known.names.contains_key(*id)).collect();
            let behind = unread.iter().find(|id| current.is_none_or(|current| ***id > current));
            let next = behind.or_else(|| unread.first());
            next.and_then(|id| Some(Target { id: **id, name: known.names.get(id)?.clone() }))
        };
        match next {
            Some(target) => self.go_to(target).await,
            None => self.out.remark("(nothing is unread)").await.map_err(unheard),
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
        let what = line.split_whitespace().next().filter(|word| word.starts_with('/')).unwrap_or("your message");
        let (out, what) = (self.out.clone(), what.to_owned());
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
        let removed = self.talk.known().removed.clone();
        let look = move |machine: &mut segment_core::peer::Peer, _| {
            let readable = machine.channels().filter(|view| view.member && !removed.contains(&view.record.channel));
            let channels = readable.count();
            (machine.whoami(), machine.tracker_state(), channels)
        };
        let (me, state, channels) = self.peer().call(look).await?;
        let who = me.map_or_else(|| "not logged in".to_owned(), |me| me.who.to_string());
        let tracker = match state {
            TrackerState::Connected | TrackerState::LoggedIn => {
                format!("{} (TLS, pinned){}", self.tracker.address(), self.round_trip().await)
            }
            TrackerState::Idle => format!("not connected to {}", self.tracker.address()),
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
                let channels = if count == 1 { "channel" } else { "channels" };
                format!("{count} {channels}, {unread}.  /unread lists them, /help shows commands.")
            }
            (_, 1) => "1 channel joined.  /channels --joined lists it, /help shows commands.".to_owned(),
            (_, count) => format!("{count} channels joined.  /channels --joined lists them, /help shows commands."),
        };
        let text = format!("segment {} · {who} · {tracker}\n{next}", env!("CARGO_PKG_VERSION"));
        self.out.remark(&text).await.map_err(unheard)
    }
}

impl Chat {
    /// ` · 0.3 ms`, where the tracker answers at once.
    async fn round_trip(&self) -> String {
        const AT_ONCE: Duration = Duration::from_millis(300);
        match timeout(AT_ONCE, self.peer().request(segment_core::peer::Peer::ping)).await {
            Ok(Ok(Reply::Pong(took))) => format!(" · {}.{} ms", took.as_millis(), took.subsec_micros() % 1_000 / 100),
            _ => String::new(),
        }
    }
}

/// Ctrl-C while another program has the terminal is for that one.
async fn interrupted(interrupts: &mut Signal, out: &Out) {
    while interrupts.recv().await.is_some() {
        if !out.as_screen().is_some_and(Screen::is_lent) {
            return;
        }
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
