//! The line editor, in its own thread.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::{io, thread};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor};
use rustyline::{Helper, Hinter};
use tokio::sync::mpsc;

use super::history::History;
use super::lines::{Typed, hand_over};
use super::printer::Sink;
use super::wiping::{Pause, is_wiped, wipe};
use super::{Opened, SharedState, complete, wait_until};
use crate::render::{PROMPT_COLUMNS_MAX, PromptState, Style, width};

type LineEditor = Editor<Assistant, FileHistory>;

/// What the editor asks while a line is being typed.
#[derive(Helper, Hinter)]
struct Assistant {
    state: SharedState,
    pause: Pause,
}

impl Validator for Assistant {
    /// The Enter key, before the line ends.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        if is_wiped(context.input()) {
            self.pause.begin();
        }
        Ok(ValidationResult::Valid(None))
    }
}

impl Highlighter for Assistant {
    /// The state may have changed since the line was begun; the width of the prompt may not.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        if !default {
            return Cow::Borrowed(prompt);
        }
        let text = self.state.prompt.get().fitted(width(prompt));
        Cow::Owned(PromptState::painted(&text, self.state.style.get().colour()))
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line, pos, &self.state.known.get()))
    }
}

/// Starts the editor; `None` where lines cannot be edited.
pub(super) fn spawn(
    history: Option<PathBuf>,
    style: &Style,
    state: &SharedState,
    typed: &mpsc::Sender<Typed>,
    opened: &Opened,
) -> Option<Sink> {
    let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    if is_dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return None;
    }
    let pause = Pause::default();
    let assistant = Assistant { state: state.clone(), pause: pause.clone() };
    let mut editor = make_editor(assistant).ok()?;
    let printer = editor.create_external_printer().ok()?;
    let typed = typed.clone();
    let state = state.clone();
    let opened = Arc::clone(opened);
    let (held, read_style) = (pause.clone(), style.clone());
    let run = move || {
        wait_until(&opened);
        if !typed.is_closed() {
            Editing { editor, pause: held, style: read_style, state, typed }.run(&History::open(history));
        }
    };
    thread::Builder::new().name("line editor".into()).spawn(run).ok()?;
    Some(Sink::AboveTheLine(Box::new(printer), pause))
}

fn make_editor(assistant: Assistant) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .max_history_size(super::HISTORY_LINES_MAX)?
        .history_ignore_space(true)
        .auto_add_history(false)
        .completion_type(CompletionType::List)
        // The assistant decides about colours; without it the prompt could not change.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor = LineEditor::with_config(config)?;
    editor.set_helper(Some(assistant));
    Ok(editor)
}

/// The editor's thread.
struct Editing {
    editor: LineEditor,
    pause: Pause,
    style: Style,
    state: SharedState,
    typed: mpsc::Sender<Typed>,
}

impl Editing {
    fn run(mut self, history: &History) {
        history.load(&mut self.editor);
        let mut kept = String::new();
        loop {
            let prompt = self.state.prompt.get().text(PROMPT_COLUMNS_MAX);
            let read = self.editor.readline_with_initial(&prompt, (&kept, ""));
            if self.pause.is_on() {
                if let (Ok(text), Some(columns)) = (&read, self.style.resized().columns) {
                    // A terminal that cannot be written to says so at the next line.
                    let _ = wipe(&prompt, text, columns);
                }
                self.pause.end();
            }
            let outcome = match read {
                Ok(text) => {
                    history.remember(&mut self.editor, &text, &self.state.aliases.get());
                    hand_over(&self.typed, |turn| Typed::Line { text, turn })
                }
                Err(ReadlineError::Interrupted) => hand_over(&self.typed, Typed::Interrupted),
                Err(ReadlineError::Eof) => return drop(self.typed.blocking_send(Typed::End)),
                Err(error) => return drop(self.typed.blocking_send(Typed::Failed(io::Error::other(error)))),
            };
            match outcome {
                Ok(line) => kept = line.unwrap_or_default(),
                Err(_) => return,
            }
        }
    }
}
