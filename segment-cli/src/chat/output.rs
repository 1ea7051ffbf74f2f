//! Where answers, errors and events go, as text or as JSON.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use segment_proto::without_deceptive;
use serde::Serialize;

use crate::args::Output;
use crate::config::Settings;
use crate::errors::Problem;
use crate::render::Style;
use crate::terminal::Screen;

/// Something that is shown: as text to a person, as one object to a program.
pub trait Answer: Serialize {
    /// Its `type` in JSON; stable.
    const TYPE: &'static str;

    /// For people; empty where there is nothing to say.
    fn text(&self, style: &Style) -> String;
}

/// Where answers go; cheap to clone.
#[derive(Clone, Debug)]
pub struct Out {
    to: To,
    form: Output,
}

#[derive(Clone, Debug)]
enum To {
    Screen(Screen),
    /// What a command answers is collected, to be shown page by page.
    Page(Screen, Arc<Mutex<String>>),
    Streams(Arc<Mutex<Style>>),
}

#[derive(Serialize)]
struct Object<'a, A> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    answer: &'a A,
}

/// A program read too slowly: so many objects were left out.
#[derive(Serialize)]
struct Skipped {
    event: &'static str,
    count: usize,
}

#[derive(Serialize)]
struct Done<'a> {
    command: &'a str,
}

#[derive(Serialize)]
struct Failed<'a> {
    command: &'a str,
    status: &'a str,
    reason: &'a str,
    exit: u8,
    text: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    retry_after_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn object<A: Serialize>(kind: &'static str, answer: &A) -> String {
    let text = serde_json::to_string(&Object { kind, answer });
    without_deceptive(text.unwrap_or_else(|_| format!("{{\"type\":\"{kind}\"}}")))
}

impl Out {
    /// To a person at a terminal.
    #[must_use]
    pub const fn screen(screen: Screen, form: Output) -> Self {
        Self { to: To::Screen(screen), form }
    }

    /// To standard output, and errors to standard error.
    #[must_use]
    pub fn streams(form: Output, style: Style) -> Self {
        Self { to: To::Streams(Arc::new(Mutex::new(style))), form }
    }

    /// How things look here and now.
    #[must_use]
    pub fn style(&self) -> Style {
        match &self.to {
            To::Screen(screen) | To::Page(screen, _) => screen.style(),
            To::Streams(style) => style.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Takes from settings how things look from now on, and what long answers go through.
    pub fn take(&self, settings: &Settings) {
        match &self.to {
            To::Screen(screen) | To::Page(screen, _) => {
                screen.set_look(settings.look);
                screen.set_pager(settings.pager.clone());
            }
            To::Streams(style) => style.lock().unwrap_or_else(PoisonError::into_inner).look = settings.look,
        }
    }

    /// The terminal, if there is one.
    #[must_use]
    pub const fn as_screen(&self) -> Option<&Screen> {
        match &self.to {
            To::Screen(screen) | To::Page(screen, _) => Some(screen),
            To::Streams(_) => None,
        }
    }

    /// The same, but answers are collected until [`Out::show_page`]; where there is no pager, the same.
    #[must_use]
    pub fn paged(&self) -> Self {
        match &self.to {
            To::Screen(screen) if self.form == Output::Text && screen.has_pager() => {
                Self { to: To::Page(screen.clone(), Arc::default()), form: self.form }
            }
            _ => self.clone(),
        }
    }

    /// Shows what was collected.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn show_page(&self) -> io::Result<()> {
        let To::Page(screen, page) = &self.to else { return Ok(()) };
        let text = std::mem::take(&mut *page.lock().unwrap_or_else(PoisonError::into_inner));
        if text.is_empty() { Ok(()) } else { screen.page(text).await }
    }

    /// Whether programs read this.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.form == Output::Json
    }

    /// Shows an answer; nothing of it is left out.
    ///
    /// # Errors
    /// Nobody reads the output any more.
    pub async fn answer<A: Answer>(&self, answer: &A) -> io::Result<()> {
        match self.form {
            Output::Json => self.print(object(A::TYPE, answer)).await,
            Output::Text => self.print(answer.text(&self.style())).await,
        }
    }

    /// Shows many answers at once.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn answers<A: Answer>(&self, answers: &[A]) -> io::Result<()> {
        let style = self.style();
        let line = |answer: &A| match self.form {
            Output::Json => object(A::TYPE, answer),
            Output::Text => answer.text(&style),
        };
        let lines: Vec<String> = answers.iter().map(line).collect();
        self.print(lines.join("\n")).await
    }

    /// Shows a text that programs do not need.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn remark(&self, text: &str) -> io::Result<()> {
        self.drawn(self.style().answer(text)).await
    }

    /// Shows a text that programs do not need, as it was drawn.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn drawn(&self, text: String) -> io::Result<()> {
        match self.form {
            Output::Json => Ok(()),
            Output::Text => self.print(text).await,
        }
    }

    /// Tells programs that a command is done.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn done(&self, command: &str) -> io::Result<()> {
        match self.form {
            Output::Json => self.print(object("done", &Done { command })).await,
            Output::Text => Ok(()),
        }
    }

    /// Shows why a command was not carried out.
    ///
    /// # Errors
    /// As [`Out::answer`].
    pub async fn problem(&self, command: &str, problem: &Problem) -> io::Result<()> {
        if self.form == Output::Json {
            return self.print(failed(command, problem)).await;
        }
        let place = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let text = self.style().error(&format!("{place}{}", problem.text));
        match &self.to {
            To::Screen(screen) | To::Page(screen, _) => screen.answer(text).await,
            To::Streams(_) => {
                if let Some(id) = &problem.id {
                    print_out(id)?;
                }
                writeln!(io::stderr().lock(), "{text}")
            }
        }
    }

    /// Shows something that happened by itself, to a person or a program that is there for it.
    pub fn happened<A: Answer>(&self, answer: &A) {
        let Some(screen) = self.as_screen() else { return };
        let text = match self.form {
            Output::Json => object(A::TYPE, answer),
            Output::Text => answer.text(&screen.style()),
        };
        match self.form {
            _ if text.is_empty() => {}
            Output::Json => screen.notify_or(text, |count| object("event", &Skipped { event: "not_shown", count })),
            Output::Text => screen.notify(text),
        }
    }

    async fn print(&self, text: String) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        match &self.to {
            To::Screen(screen) => screen.answer(text).await,
            To::Page(_, page) => {
                let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
                page.push_str(&text);
                page.push('\n');
                Ok(())
            }
            To::Streams(_) => print_out(&text),
        }
    }
}

fn failed(command: &str, problem: &Problem) -> String {
    let Problem { reason, status, exit, text, retry_after_ms, id, line } = problem;
    let failed = Failed {
        command,
        status: status.as_str(),
        reason,
        exit: exit.code(),
        text,
        retry_after_ms: *retry_after_ms,
        id: id.as_deref(),
        line: *line,
    };
    object("error", &failed)
}

fn print_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
