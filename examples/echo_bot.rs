//! A bot that says again whatever others say in a channel.
//!
//! Alone it brings a tracker, and a person who talks to it:
//!
//! ```text
//! cargo run -p segment-examples --bin echo-bot
//! ```
//!
//! With a URL it logs in as `echo` at that tracker, joins a channel, and stays until Ctrl-C. What it must remember is
//! kept in the directory `echo-bot`, so that it answers in time what was said while it was away:
//!
//! ```text
//! SEGMENT_PASSWORD=... cargo run -p segment-examples --bin echo-bot -- segment://127.0.0.1:22236 '#general'
//! ```

mod support;

use std::env;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use segment_net::{Channel, ChannelEvents};
use segment_proto::{DeviceId, View, Visitors};
use tokio::time::timeout;

/// The bot.
async fn echo(channel: Channel, mut events: ChannelEvents) -> Result<()> {
    let me = channel.peer().device();
    while let Some(message) = events.next_message().await {
        if let Some(text) = message.text()
            && message.key.device != me
        {
            channel.send(&format!("you said: {text}")).await?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(url), Some(name)) => {
            let bot = support::lasting(Path::new("echo-bot"), "echo", &url).await?;
            let channel = bot.join(&name).await?;
            println!("echo listens in {name}");
            let events = channel.events();
            echo(channel, events).await
        }
        (Some(_), None) => anyhow::bail!("which channel? give its name after the URL"),
        _ => timeout(Duration::from_secs(30), talk()).await.context("it took too long")?,
    }
}

/// A tracker, the bot, and a person who owns a channel and talks to it.
async fn talk() -> Result<()> {
    let (tracker, endpoint) = support::tracker().await?;
    let (ada, bot) = (support::person("ada", endpoint).await?, support::person("echo", endpoint).await?);
    let channel = ada.create("#general", View::Public, Visitors::Read).await?;
    let mut heard = channel.events();
    let joined = bot.join("#general").await?;
    let echoing = tokio::spawn(echo(joined.clone(), joined.events()));

    for line in ["is anybody here?", "grüß dich"] {
        channel.send(line).await?;
        println!("ada:  {line}");
        let answer = answer(&mut heard, ada.device()).await?;
        println!("echo: {answer}");
        ensure!(answer == format!("you said: {line}"), "the bot got it wrong");
    }
    for peer in [bot, ada] {
        peer.shutdown().await?;
    }
    echoing.await??;
    tracker.shutdown().await?;
    Ok(())
}

/// The next message of somebody else.
async fn answer(events: &mut ChannelEvents, me: DeviceId) -> Result<String> {
    loop {
        let message = events.next_message().await.context("the peer has stopped")?;
        if message.key.device != me {
            return Ok(message.text().unwrap_or_default().to_owned());
        }
    }
}
