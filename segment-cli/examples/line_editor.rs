//! The terminal of Segment without the network: it answers what is typed, `/ping` stands in for
//! somebody who writes while you type, and `/peers` for a thousand messages a second, for three seconds.
//!
//! ```text
//! cargo run -p segment-cli --example line_editor
//! ```

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use segment_cli::commands::{Command, parse};
use segment_cli::grammar::Origin;
use segment_cli::help;
use segment_cli::render::{Author, Delivery, LinkState, MessageLine, PromptState, Style};
use segment_cli::terminal::{Screen, Terminal, Turn, Typed};
use segment_proto::AccountId;

#[tokio::main]
async fn main() -> io::Result<()> {
    let history = env::args_os().nth(1).map(PathBuf::from);
    let (mut terminal, screen) = Terminal::start(history, Style::detect())?;
    loop {
        match terminal.next().await {
            Some(Typed::Line { text, turn }) => match parse(&text, Origin::Prompt) {
                Ok(None) => {}
                Ok(Some(Command::Quit)) => break,
                Ok(Some(Command::Disconnect)) => {
                    drop(turn);
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    break;
                }
                Ok(Some(command)) => run(command, &turn, &screen).await?,
                Err(error) => {
                    screen.answer(screen.style().error(&error.to_string())).await?;
                    turn.keep(text);
                }
            },
            Some(Typed::NextUnread(_)) => screen.answer("(nothing is unread)").await?,
            Some(Typed::Interrupted(_)) => screen.answer("(dropped)").await?,
            Some(Typed::Failed(error)) => return Err(error),
            Some(Typed::End) | None => break,
        }
    }
    screen.answer("bye").await?;
    screen.flush().await;
    Ok(())
}

async fn run(command: Command, turn: &Turn, screen: &Screen) -> io::Result<()> {
    let style = screen.style();
    match command {
        Command::Send { text, .. } => screen.answer(style.answer(&format!("you said {text}"))).await,
        Command::Help { .. } => screen.answer(help::overview(help::SCREEN_COLUMNS)).await,
        Command::Join { channel } => {
            screen.set_prompt(PromptState { channel: Some(channel), ..PromptState::default() });
            Ok(())
        }
        Command::Login { name } => {
            let secret = turn.ask_secret(&format!("Password of {name}: ")).await?;
            screen.answer(format!("a password of {} characters", secret.chars().count())).await
        }
        Command::Ping => {
            tokio::spawn(arrive(screen.clone(), style));
            Ok(())
        }
        Command::Peers => {
            tokio::spawn(pour(screen.clone(), style));
            Ok(())
        }
        other => screen.answer(format!("{other:?}")).await,
    }
}

/// After a while the link goes down, and a message arrives.
async fn arrive(screen: Screen, style: Style) {
    tokio::time::sleep(Duration::from_millis(700)).await;
    screen.set_prompt(PromptState { link: LinkState::Down, waiting: 1, ..PromptState::default() });
    let author = Author::User { name: "ben", account: AccountId(2) };
    let text = "wide \u{4e16}\u{754c}, accents e\u{301}, and \u{1b}[2J a long tail that has to be wrapped";
    let message = MessageLine { at_ms: 0, author, text, channel: None, delivery: Delivery::Settled };
    screen.notify(style.message(&message));
}

/// A thousand messages a second, as they come from a network: some at a time.
async fn pour(screen: Screen, style: Style) {
    const TIMES: u64 = 300;
    const AT_A_TIME: u64 = 10;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for number in 0..TIMES * AT_A_TIME {
        if number % AT_A_TIME == 0 {
            ticks.tick().await;
        }
        let text = format!("message {number}");
        let author = Author::User { name: "ben", account: AccountId(2) };
        let message = MessageLine { at_ms: 0, author, text: &text, channel: None, delivery: Delivery::Settled };
        screen.notify(style.message(&message));
    }
    screen.answer("that was all").await.ok();
}
