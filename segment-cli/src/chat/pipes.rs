//! `segment-peer send` and `segment-peer tail`: a channel as the end, or the beginning, of a pipe.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use segment_core::peer::CommandError;
use segment_core::peer::events::{ChannelMessage, PeerEvent, Source, Stage};
use segment_core::replica::SendError as MachineSendError;
use segment_net::{Events, Happening, Receipt, SendError};
use segment_proto::limits::BODY_BYTES_MAX;
use segment_proto::{ChannelId, ChannelName};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::answers::{Sent, message_id, stage_name};
use super::shown::Shown;
use super::{Chat, Done, Target, unheard};
use crate::args::{SendText, Then};
use crate::commands::Wait;
use crate::errors::{LocalReason, Problem};

/// Lines that come within this of one another become one message.
const TOGETHER: Duration = Duration::from_millis(250);
/// Lines that were read and are not in a message yet. Policy: the pipe waits.
const LINES_AHEAD_MAX: usize = 64;
/// Messages on their way. Policy: the pipe waits for the oldest.
const ON_THE_WAY_MAX: usize = 256;

/// Messages on their way, the oldest first.
#[derive(Default)]
struct OnTheWay(VecDeque<Receipt>);

impl Chat {
    /// `segment-peer send`
    pub(super) async fn send_piped(&mut self, channel: &ChannelName, text: &SendText) -> Done {
        match text {
            SendText::Given(text) => self.send(Some(channel.clone()), None, text).await,
            SendText::Stdin => self.send_stdin(channel).await,
        }
    }

    async fn send_stdin(&self, channel: &ChannelName) -> Done {
        let target = self.target(Some(channel.clone())).await?;
        let mut batches = Batches { lines: read_lines(), next: None };
        let mut on_the_way = OnTheWay::default();
        while let Some(text) = batches.next().await? {
            let receipt = self.write_piped(&target, &text, &mut on_the_way).await?;
            on_the_way.0.push_back(receipt);
            if on_the_way.0.len() >= ON_THE_WAY_MAX {
                self.wait_for_oldest(&mut on_the_way, &target).await?;
            }
        }
        while !on_the_way.0.is_empty() {
            self.wait_for_oldest(&mut on_the_way, &target).await?;
        }
        Ok(())
    }

    /// Where the outbox is full, the pipe waits.
    async fn write_piped(&self, target: &Target, text: &str, on_the_way: &mut OnTheWay) -> Result<Receipt, Problem> {
        loop {
            match self.peer().channel(target.id).send(text).await {
                Err(SendError::Command(CommandError::Send(MachineSendError::OutboxFull(_))))
                    if !on_the_way.0.is_empty() =>
                {
                    self.wait_for_oldest(on_the_way, target).await?;
                }
                written => return written.map_err(|error| self.not_sent(error.into(), target)),
            }
        }
    }

    /// An author's messages keep their order, so those behind the oldest are not further than it is.
    async fn wait_for_oldest(&self, on_the_way: &mut OnTheWay, target: &Target) -> Done {
        let Some(receipt) = on_the_way.0.front() else { return Ok(()) };
        let stage = match self.wait {
            Some(Wait::Committed) => Stage::Committed,
            _ => Stage::Stored,
        };
        tokio::select! {
            reached = receipt.until(stage) => reached.map_err(|error| self.not_sent(error.into(), target))?,
            () = self.is_hopeless(target.id) => return Err(self.all_wait(on_the_way, target).await),
            () = sleep(self.patience) => return Err(self.all_wait(on_the_way, target).await),
        }
        let key = receipt.key();
        let stage = receipt.stage().map_or("refused", stage_name);
        on_the_way.0.pop_front();
        let sent = Sent { channel: format!("#{}", target.name), id: message_id(&key), key, stage };
        self.out.answer(&sent).await.map_err(unheard)
    }

    /// The ids go to standard output, the last one with the problem.
    async fn all_wait(&self, on_the_way: &OnTheWay, target: &Target) -> Problem {
        let ids: Vec<String> = on_the_way.0.iter().map(|receipt| message_id(&receipt.key())).collect();
        let (last, others) = ids.split_last().map(|(last, others)| (last.clone(), others)).unwrap_or_default();
        if !others.is_empty()
            && let Err(error) = self.out.remark(&others.join("\n")).await
        {
            return unheard(error);
        }
        let text = format!("{} waiting on this machine: #{} cannot be written to now", ids.len(), target.name);
        Problem::local(LocalReason::Waiting).saying(text).about(last)
    }

    /// `segment-peer tail`
    pub(super) async fn tail(&mut self, channel: &ChannelName, last: u32, then: Then) -> Done {
        let target = self.target(Some(channel.clone())).await?;
        let mut events = self.peer().events();
        self.level(target.id).await;
        let mut tail = Tail { id: target.id, shown: Shown::default() };
        tail.shown.up_to(self.view_of(target.id).await?.head.pos.saturating_sub(u64::from(last)));
        self.tail_on(&target, &mut tail, last).await?;
        match then {
            Then::End => Ok(()),
            Then::Follow => self.follow(&target, &mut tail, &mut events).await,
        }
    }

    async fn follow(&self, target: &Target, tail: &mut Tail, events: &mut Events<PeerEvent>) -> Done {
        loop {
            match events.next().await {
                Some(Happening::Event(event)) => {
                    let news = tail.news(event)?;
                    self.show(target, &news).await?;
                }
                Some(Happening::Missed(_)) => self.tail_on(target, tail, u32::MAX).await?,
                None => return Err(Problem::local(LocalReason::Stopped)),
            }
        }
    }

    /// Shows what is behind the last one that was shown.
    async fn tail_on(&self, target: &Target, tail: &mut Tail, most: u32) -> Done {
        let newest = self.view_of(target.id).await?.head.pos;
        let missing = u32::try_from(newest.saturating_sub(tail.shown.last())).unwrap_or(u32::MAX).min(most);
        let (messages, _) = self.read(target, None, missing).await?;
        let news = messages.into_iter().filter(|(message, _)| tail.shown.is_new_place(message));
        self.show(target, &news.collect::<Vec<_>>()).await
    }
}

/// What was shown of a channel.
struct Tail {
    id: ChannelId,
    shown: Shown,
}

impl Tail {
    fn news(&mut self, event: PeerEvent) -> Result<Vec<(ChannelMessage, Source)>, Problem> {
        match event {
            PeerEvent::Received { channel, messages, source, .. } if channel == self.id => {
                let news = messages
                    .into_iter()
                    .filter(|message| self.shown.is_new_place(message) && !self.shown.comes_again(message));
                Ok(news.map(|message| (message, source)).collect())
            }
            PeerEvent::CutBehind { channel, pos } if channel == self.id => {
                self.shown.cut(pos);
                Ok(Vec::new())
            }
            PeerEvent::Removed { channel, reason } if channel == self.id => Err(Problem::wire(reason)),
            _ => Ok(Vec::new()),
        }
    }
}

type Line = io::Result<String>;

/// Lines, put together into messages.
struct Batches {
    lines: mpsc::Receiver<Line>,
    next: Option<String>,
}

impl Batches {
    /// The next message; blank lines alone are none.
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        loop {
            let Some(mut text) = self.line().await? else { return Ok(None) };
            let until = Instant::now() + TOGETHER;
            while let Ok(line) = timeout_at(until, self.line()).await {
                match line? {
                    Some(line) if text.len() + 1 + line.len() <= BODY_BYTES_MAX => {
                        text.push('\n');
                        text.push_str(&line);
                    }
                    line => {
                        self.next = line;
                        break;
                    }
                }
            }
            let text = text.trim_end_matches(['\r', '\n']);
            if !text.trim().is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }

    async fn line(&mut self) -> Result<Option<String>, Problem> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        let unreadable =
            |error| Problem::local(LocalReason::Script).saying(format_args!("standard input cannot be read ({error})"));
        self.lines.recv().await.transpose().map_err(unreadable)
    }
}

/// Reads standard input in a thread of its own: a pipe may keep us waiting.
fn read_lines() -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(LINES_AHEAD_MAX);
    std::thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        while let Some(line) = read_part(&mut input).transpose() {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

/// A line, or so much of it as one message holds. What is no text is shown as such, not refused: programs print anything.
fn read_part(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    // A replacement character may take three bytes for one.
    let most = BODY_BYTES_MAX as u64 / 3;
    if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn batches(lines: Vec<String>) -> Batches {
        let (sender, receiver) = mpsc::channel(lines.len().max(1));
        lines.into_iter().for_each(|line| sender.try_send(Ok(line)).unwrap());
        Batches { lines: receiver, next: None }
    }

    fn all(lines: &[&str]) -> Vec<String> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut batches, mut out) = (batches(lines), Vec::new());
            while let Some(text) = batches.next().await.unwrap() {
                out.push(text);
            }
            out
        })
    }

    #[test]
    fn lines_that_come_together_are_one_message_within_its_limit() {
        assert_eq!(all(&["one", "", "  two", ""]), ["one\n\n  two"]);
        assert_eq!(all(&["", "  ", ""]), Vec::<String>::new());
        let half = "x".repeat(BODY_BYTES_MAX / 2);
        assert_eq!(all(&[&half, &half, "y"]), [half.clone(), format!("{half}\ny")]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_bytes_that_are_no_text_are_replaced() {
        let mut endless = BufReader::new(io::repeat(0xff));
        let part = read_part(&mut endless).unwrap().unwrap();
        assert!(part.len() <= BODY_BYTES_MAX && part.chars().all(|c| c == '\u{fffd}'));
        let mut short = &b"one\r\ntwo"[..];
        let lines: Vec<_> = std::iter::from_fn(|| read_part(&mut short).unwrap()).collect();
        assert_eq!(lines, ["one", "two"]);
    }
}
