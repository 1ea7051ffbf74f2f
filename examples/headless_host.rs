//! A channel that is hosted by a machine without a person: it sequences and keeps, and says what happens.
//!
//! Alone it brings a tracker, a member who talks, and a visitor who reads:
//!
//! ```text
//! cargo run -p segment-examples --bin headless-host
//! ```
//!
//! With a URL it logs in as `host` at that tracker, creates the channel where it does not host it yet, and stays until
//! Ctrl-C. The channel lives in the directory `headless-host`; whatever was acknowledged is on disk:
//!
//! ```text
//! SEGMENT_PASSWORD=... cargo run -p segment-examples --bin headless-host -- segment://127.0.0.1:22236 '#general'
//! ```

mod support;

use std::env;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use segment_core::peer::events::{PeerEvent, Stage};
use segment_net::{Channel, Events, Happening, Peer};
use segment_proto::{ChannelName, View, Visitors};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(url), Some(name)) => {
            let host = support::lasting(Path::new("headless-host"), "host", &url).await?;
            let events = host.events();
            host_channel(&host, &name).await?;
            report(events).await;
            Ok(())
        }
        (Some(_), None) => anyhow::bail!("which channel? give its name after the URL"),
        _ => timeout(Duration::from_secs(30), demonstrate()).await.context("it took too long")?,
    }
}

/// The channel of this name, which is hosted from now on, if it is not already.
async fn host_channel(host: &Peer, name: &str) -> Result<Channel> {
    let wanted = ChannelName::new(name)?;
    let hosted = host.call(move |peer, _| peer.channels().find(|view| view.hosted && view.record.name == wanted));
    match hosted.await? {
        Some(view) => Ok(host.channel(view.record.channel)),
        None => Ok(host.create(name, View::Public, Visitors::Read).await?),
    }
}

/// Says what happens, until the peer stops.
async fn report(mut events: Events<PeerEvent>) {
    while let Some(happening) = events.next().await {
        match happening {
            Happening::Event(PeerEvent::Hosting { fence, .. }) => {
                println!("host: I sequence, in epoch {}", fence.epoch)
            }
            Happening::Event(PeerEvent::HostingStopped { .. }) => println!("host: I do not sequence any more"),
            Happening::Event(PeerEvent::MemberLink { who, came, .. }) => {
                println!("host: {who} has {}", if came { "come" } else { "gone" });
            }
            Happening::Event(PeerEvent::CommittedUpTo { pos, .. }) => println!("host: {pos} messages are safe"),
            Happening::Event(PeerEvent::TrackerLost { retry_in: Some(_) }) => {
                println!("host: the tracker is away, I go on")
            }
            Happening::Missed(count) => println!("host: {count} events were dropped, I print too slowly"),
            Happening::Event(_) => {}
        }
    }
}

/// A tracker, the host, a member and a visitor.
async fn demonstrate() -> Result<()> {
    let (tracker, endpoint) = support::tracker().await?;
    let host = support::person("host", endpoint).await?;
    let reporting = tokio::spawn(report(host.events()));
    host_channel(&host, "#notes").await?;

    let ada = support::person("ada", endpoint).await?;
    let visitor = support::stranger(endpoint).await?;
    visitor.guest("eve").await?;
    let (written, read) = (ada.join("#notes").await?, visitor.join("#notes").await?);
    let mut seen = read.events();
    let receipt = written.send("remember the milk").await?;
    receipt.until(Stage::Committed).await?;
    println!("ada:  it is kept by the host and by the tracker");
    let message = seen.next_message().await.context("the visitor has stopped")?;
    println!("~eve: I read {:?}", message.text().unwrap_or_default());
    ensure!(message.text() == Some("remember the milk"), "the visitor read something else");
    ensure!(read.send("me too").await.is_err(), "a visitor could write");

    for peer in [visitor, ada, host] {
        peer.shutdown().await?;
    }
    reporting.await?;
    tracker.shutdown().await?;
    Ok(())
}
