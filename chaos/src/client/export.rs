//! Everything that a member has, as `segment-peer --json` would show it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use segment_core::peer::events::{ChannelMessage, Content, Stage};
use segment_net::Channel;
use segment_proto::MessageKey;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::member::Member;

/// Messages of one request.
const PAGE: usize = 256;
/// A member who has been told to write nothing is level sooner.
const LEVEL: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "type")]
    object: &'a str,
    channel: String,
    pos: u64,
    key: MessageKey,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    stage: &'a str,
}

/// Writes every channel, once it is level.
pub async fn export(member: &Member, path: &Path) -> Result<()> {
    let ids = member.peer.call(|machine, _| {
        let named = |view: segment_core::peer::ChannelView| (view.record.name.to_string(), view.record.channel);
        machine.channels().map(named).collect::<Vec<_>>()
    });
    let mut out = BufWriter::new(File::create(path)?);
    for (name, id) in ids.await? {
        let channel = member.peer.channel(id);
        timeout(LEVEL, level(&channel)).await.with_context(|| format!("#{name} does not become level"))??;
        for message in history(&channel).await? {
            writeln!(out, "{}", serde_json::to_string(&shown(&name, &message))?)?;
        }
    }
    Ok(out.flush()?)
}

async fn level(channel: &Channel) -> Result<()> {
    while !channel.view().await?.is_some_and(|view| view.level && view.committed == view.head.pos) {
        sleep(LOOK).await;
    }
    Ok(())
}

async fn history(channel: &Channel) -> Result<Vec<ChannelMessage>> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let (page, more) = channel.history(before, PAGE).await?;
        before = page.first().map(|message| message.pos);
        all.extend(page.into_iter().rev());
        if !more || before.is_none() {
            return Ok(all);
        }
    }
}

fn shown<'a>(name: &str, message: &'a ChannelMessage) -> Shown<'a> {
    let kind = match &message.content {
        Content::Text(_) => "text",
        Content::Access(_) => "access",
        Content::Unreadable => "unreadable",
        Content::Damaged => "damaged",
    };
    let stage = if message.stage == Stage::Committed { "committed" } else { "stored" };
    let channel = format!("#{name}");
    Shown { object: "message", channel, pos: message.pos, key: message.key, kind, text: message.text(), stage }
}
