//! `segment-peer send` and `segment-peer tail`: a channel as the end, or the beginning, of a pipe.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read as _};
use std::str;
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
use super::hangup::nobody_reads;
use super::shown::Shown;
use super::{Chat, Done, Target, unheard};
use crate::args::{SendText, Then};
use crate::commands::Wait;
use crate::errors::{LocalReason, Problem};

/// Lines that come within this of one another become one message.
const TOGETHER: Duration = Duration::from_millis(250);
/// Lines that were read and are not in a message yet. Policy: the pipe waits.
const PARTS_AHEAD_MAX: usize = 64;
/// Read at once of a line: a replacement character may take three bytes for one.
const PART_BYTES_MAX: usize = BODY_BYTES_MAX / 3;
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
        let mut batches = Batches { parts: read_parts(), next: None };
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
        let messages = if ids.len() == 1 { "message waits" } else { "messages wait" };
        let text = format!("{} {messages} on this machine: {}", ids.len(), self.why_it_waits(target).await);
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
            Then::Follow => tokio::select! {
                ended = self.follow(&target, &mut tail, &mut events) => ended,
                () = nobody_reads() => Err(Problem::local(LocalReason::Unread)),
            },
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

/// A line, or so much of it as fits into a message with certainty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    text: String,
    /// The line ends here.
    is_end: bool,
}

/// Lines, put together into messages.
struct Batches {
    parts: mpsc::Receiver<io::Result<Part>>,
    next: Option<Part>,
}

impl Batches {
    /// The next message; blank lines alone are none.
    async fn next(&mut self) -> Result<Option<String>, Problem> {
        loop {
            let Some(Part { mut text, mut is_end }) = self.part().await? else { return Ok(None) };
            let until = Instant::now() + TOGETHER;
            while let Ok(part) = timeout_at(until, self.part()).await {
                match part? {
                    Some(part) if text.len() + usize::from(is_end) + part.text.len() <= BODY_BYTES_MAX => {
                        text.push_str(if is_end { "\n" } else { "" });
                        text.push_str(&part.text);
                        is_end = part.is_end;
                    }
                    part => {
                        self.next = part;
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

    async fn part(&mut self) -> Result<Option<Part>, Problem> {
        if let Some(part) = self.next.take() {
            return Ok(Some(part));
        }
        let unreadable =
            |error| Problem::local(LocalReason::Script).saying(format_args!("standard input cannot be read ({error})"));
        self.parts.recv().await.transpose().map_err(unreadable)
    }
}

/// Reads standard input in a thread of its own: a pipe may keep us waiting.
fn read_parts() -> mpsc::Receiver<io::Result<Part>> {
    let (sender, parts) = mpsc::channel(PARTS_AHEAD_MAX);
    std::thread::spawn(move || {
        let mut input = Parts { input: BufReader::new(io::stdin()), begun: Vec::new() };
        while let Some(part) = input.next().transpose() {
            let is_last = part.is_err();
            if sender.blocking_send(part).is_err() || is_last {
                return;
            }
        }
    });
    parts
}

/// What is no text is shown as such, not refused: programs print anything.
struct Parts<R> {
    input: R,
    /// The first bytes of a character.
    begun: Vec<u8>,
}

impl<R: BufRead> Parts<R> {
    fn next(&mut self) -> io::Result<Option<Part>> {
        let mut bytes = std::mem::take(&mut self.begun);
        let room = (PART_BYTES_MAX - bytes.len()) as u64;
        (&mut self.input).take(room).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let is_end = bytes.pop_if(|byte| *byte == b'\n').is_some();
        if is_end {
            bytes.pop_if(|byte| *byte == b'\r');
        } else if bytes.len() == PART_BYTES_MAX {
            self.begun = bytes.split_off(whole(&bytes));
        }
        Ok(Some(Part { text: String::from_utf8_lossy(&bytes).into_owned(), is_end }))
    }
}

/// How many of the bytes can be cut off without cutting a character, or the end of a line, in two.
fn whole(bytes: &[u8]) -> usize {
    let is_begun = |at: &usize| match str::from_utf8(&bytes[*at..]) {
        Ok(rest) => rest == "\r",
        Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
    };
    (bytes.len().saturating_sub(3)..bytes.len()).find(is_begun).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn all(parts: &[(&str, bool)]) -> Vec<String> {
        let (sender, receiver) = mpsc::channel(parts.len().max(1));
        for (text, is_end) in parts {
            sender.try_send(Ok(Part { text: (*text).to_owned(), is_end: *is_end })).unwrap();
        }
        drop(sender);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut batches, mut out) = (Batches { parts: receiver, next: None }, Vec::new());
            while let Some(text) = batches.next().await.unwrap() {
                out.push(text);
            }
            out
        })
    }

    fn parts(bytes: &[u8]) -> Vec<Part> {
        let mut parts = Parts { input: bytes, begun: Vec::new() };
        std::iter::from_fn(|| parts.next().unwrap()).collect()
    }

    #[test]
    fn lines_that_come_together_are_one_message_within_its_limit() {
        assert_eq!(all(&[("one", true), ("", true), ("  two", true), ("", true)]), ["one\n\n  two"]);
        assert_eq!(all(&[("", true), ("  ", true), ("", true)]), Vec::<String>::new());
        let half = "x".repeat(BODY_BYTES_MAX / 2);
        assert_eq!(all(&[(&half, true), (&half, true), ("y", true)]), [half.clone(), format!("{half}\ny")]);
        assert_eq!(all(&[(&half, false), (&half, true), ("y", true)]), [half.repeat(2), "y".to_owned()]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_comes_together_again() {
        for lead in 0..4 {
            let line = format!("{}{}", "a".repeat(lead), "\u{1f600}\u{4e16}é".repeat(3_000));
            let parts = parts(format!("{line}\r\nnext\n").as_bytes());
            assert!(parts.iter().all(|part| part.text.len() <= PART_BYTES_MAX && !part.text.contains('\u{fffd}')));
            let (next, cut) = parts.split_last().unwrap();
            assert_eq!(cut.iter().map(|part| part.text.as_str()).collect::<String>(), line);
            assert!(cut.iter().rev().skip(1).all(|part| !part.is_end) && cut.last().unwrap().is_end);
            assert_eq!((next.text.as_str(), next.is_end), ("next", true));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_the_end_need_not_be_one() {
        let lossy = parts(&[0xff; 2 * PART_BYTES_MAX]);
        assert!(lossy.iter().all(|part| part.text.len() <= BODY_BYTES_MAX), "{}", lossy.len());
        assert_eq!(lossy.iter().map(|part| part.text.chars().count()).sum::<usize>(), 2 * PART_BYTES_MAX);
        let texts = |bytes| parts(bytes).into_iter().map(|part| part.text).collect::<Vec<_>>();
        assert_eq!(texts(b"one\r\ntwo"), ["one", "two"]);
        assert_eq!(texts(b"cut \xf0\x9f"), ["cut \u{fffd}"]);
        let at_the_cut = [vec![b'x'; PART_BYTES_MAX - 1], b"\r\ny".to_vec()].concat();
        assert_eq!(texts(&at_the_cut)[1..], ["", "y"]);
    }
}
