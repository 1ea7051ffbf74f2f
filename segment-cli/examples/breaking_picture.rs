//! A picture in the terminal, and a program that breaks below it: in its `main` thread, or in that of the `terminal`.
//!
//! ```text
//! cargo run -p segment-cli --example breaking_picture -- main
//! ```
#![allow(clippy::panic)]

use std::env;
use std::io;
use std::time::Duration;

use segment_cli::render::Style;
use segment_cli::terminal::{Screen, Terminal};
use segment_media::card::{self, CardOptions};
use segment_media::screen::TerminalSink;
use segment_media::{Sink, Stop};

/// Pictures that are shown before it breaks.
const PICTURES: usize = 20;

#[tokio::main]
async fn main() -> io::Result<()> {
    let breaks_here = env::args().nth(1).is_some_and(|place| place == "main");
    let (mut terminal, screen) = Terminal::start(None, Style::detect())?;
    let showing = tokio::spawn(show(screen, if breaks_here { usize::MAX } else { PICTURES }));
    if breaks_here {
        tokio::select! {
            _ = terminal.next() => {}
            () = tokio::time::sleep(Duration::from_secs(2)) => panic!("the main thread is broken"),
        }
    }
    while terminal.next().await.is_some() {}
    showing.await?
}

/// Shows so many pictures of the test card, and breaks.
async fn show(screen: Screen, pictures: usize) -> io::Result<()> {
    let run = move || {
        let mut source = card::open(CardOptions::default()).map_err(io::Error::other)?;
        let stop = Stop::default();
        let mut sink =
            TerminalSink::open(source.tracks(), "a picture", String::new, &stop).map_err(io::Error::other)?;
        for _ in 0..pictures {
            let frame = source.next_blocking().map_err(io::Error::other)?;
            if let Some(frame) = frame.filter(|_| !stop.is_set()) {
                sink.take(&frame).map_err(io::Error::other)?;
            }
        }
        panic!("the terminal's thread is broken")
    };
    screen.lend(run).await?
}
