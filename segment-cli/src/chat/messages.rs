//! Writing and reading.

use std::time::Duration;

use segment_core::peer::events::{ChannelMessage, Reply, Serving, Source, Stage};
use segment_core::replica::Outgoing;
use segment_net::{Receipt, RequestError, SendError};
use segment_proto::{AccountId, ChannelId, ChannelName, MessageKey};
use tokio::time::{sleep, timeout};

use super::answers::{Counted, MessageShown, Sent, Typed, Waiting, message_id, place, stage_name};
use super::{Chat, Done, Target, unheard};
use crate::commands::{HistoryFrom, OutboxAction, OutboxItem, Wait};
use crate::errors::{LocalReason, Problem};
use crate::names::MessageRef;
use crate::render::Delivery;
use crate::terminal::Screen;

/// Messages that `/history` shows where nothing else is said.
const HISTORY: u32 = 20;
/// Unread messages that are shown as their channel becomes the current one.
const UNREAD_SHOWN_MAX: u32 = 50;
/// And so many before them.
const CONTEXT: u32 = 3;
/// Messages of one request.
const PAGE: u32 = 256;
/// Nobody serves the channel for so long: a script that was not told to wait goes on.
const HOPELESS: Duration = Duration::from_secs(3);

impl Chat {
    /// `/send`
    pub(super) async fn send(&self, channel: Option<ChannelName>, wait: Option<Wait>, text: &str) -> Done {
        let target = self.target(channel).await?;
        let receipt = self.write(&target, text).await.map_err(|error| self.not_sent(error.into(), &target))?;
        let wait = wait.or(self.wait).or(if self.is_script() { Some(Wait::Stored) } else { None });
        if let Some(wait) = wait {
            self.wait_for(&receipt, wait, &target).await?;
        }
        let key = receipt.key();
        let stage = receipt.stage().map_or("refused", stage_name);
        let sent = Sent { channel: format!("#{}", target.name), id: message_id(&key), key, stage };
        self.out.answer(&sent).await.map_err(unheard)
    }

    /// A person sees a message where it was typed, as soon as it is on this machine's disk.
    async fn write(&self, target: &Target, text: &str) -> Result<Receipt, SendError> {
        if self.is_script() || self.out.is_json() {
            return self.peer().channel(target.id).send(text).await;
        }
        let (id, body, talk) = (target.id, text.to_owned(), self.talk.clone());
        let written = self.peer().write(move |machine, now| {
            let key = machine.send(id, &body, now)?;
            talk.known().typed.insert(key);
            Ok(key)
        });
        let receipt = written.await?;
        let current = self.talk.current().map(|current| current.name);
        let me = self.peer().call(|machine, _| machine.whoami()).await?;
        let typed = Typed {
            author: me.map_or((String::new(), AccountId::NOBODY), |me| (me.who.to_string(), me.who.account)),
            text: text.to_owned(),
            elsewhere: Some(target.name.clone()).filter(|name| current.as_ref() != Some(name)),
            at_ms: super::telling::now_ms(),
            delivery: Delivery::Settled,
        };
        if !self.out.as_screen().is_some_and(Screen::has_echo) {
            self.out.happened(&typed);
        }
        Ok(receipt)
    }

    async fn wait_for(&self, receipt: &Receipt, wait: Wait, target: &Target) -> Done {
        let stage = match wait {
            Wait::Stored => Stage::Stored,
            Wait::Committed => Stage::Committed,
        };
        tokio::select! {
            reached = receipt.until(stage) => return reached.map_err(|error| self.not_sent(error.into(), target)),
            () = self.is_hopeless(target.id) => {}
            () = sleep(self.patience) => {}
        }
        let text = format!("the message waits on this machine: {}", self.why_it_waits(target).await);
        Err(Problem::local(LocalReason::Waiting).saying(text).about(message_id(&receipt.key())))
    }

    /// Why messages are not taken, and when they will be.
    pub(super) async fn why_it_waits(&self, target: &Target) -> String {
        let view = self.view_of(target.id).await;
        if view.as_ref().is_ok_and(|view| view.missed) {
            return format!(
                "the tracker has lost that you are in #{}; it goes out by itself when this profile runs and the host is there",
                target.name
            );
        }
        let serving = view.map_or(Serving::Nowhere, |view| view.serving);
        let why = match (serving, &self.absent) {
            (Serving::Nowhere, Some(absent)) => {
                let what = absent.text.split(": ").next().unwrap_or_default();
                format!("neither host nor tracker of #{} can be reached ({what})", target.name)
            }
            (Serving::Nowhere, None) => format!("neither host nor tracker of #{} can be reached", target.name),
            (Serving::Copy, _) => format!("the host of #{} is away, and the tracker has not taken it", target.name),
            _ => format!("the host of #{} has not answered", target.name),
        };
        format!("{why}; it goes out by itself when this profile runs and one of them is there")
    }

    /// Returns once nobody has taken messages of a channel for a while.
    pub(super) async fn is_hopeless(&self, id: ChannelId) {
        loop {
            sleep(HOPELESS).await;
            let serving = self.view_of(id).await.map(|view| view.serving);
            if !matches!(serving, Ok(Serving::Here | Serving::Host(_))) {
                return;
            }
        }
    }

    pub(super) fn not_sent(&self, problem: Problem, target: &Target) -> Problem {
        super::telling::not_sent(problem, target, &self.talk.known())
    }

    /// `/outbox`
    pub(super) async fn outbox(&self, action: OutboxAction) -> Done {
        match action {
            OutboxAction::List => self.list_outbox().await,
            OutboxAction::Retry(item) => self.retry_outbox(&item).await,
            OutboxAction::Drop(item) => self.drop_outbox(&item).await,
        }
    }

    async fn list_outbox(&self) -> Done {
        let items = self.outgoing().await?;
        let shown = items.iter().map(|(channel, item)| Waiting {
            id: message_id(&item.key),
            channel: format!("#{channel}"),
            stage: stage_name(item.stage),
            text: item.text.clone(),
            key: item.key,
        });
        let shown: Vec<_> = shown.collect();
        self.out.answers(&shown).await.map_err(unheard)?;
        self.out.answer(&Counted { what: "waiting", count: shown.len() }).await.map_err(unheard)
    }

    pub(super) async fn outgoing(&self) -> Result<Vec<(ChannelName, Outgoing)>, Problem> {
        let list = |machine: &mut segment_core::peer::Peer, _| {
            let views: Vec<_> =
                machine.channels().map(|view| (view.record.channel, view.record.name.clone())).collect();
            let of = |(id, name): (ChannelId, ChannelName)| {
                let items: Vec<Outgoing> = machine.outgoing(id).map(Iterator::collect).unwrap_or_default();
                items.into_iter().map(move |item| (name.clone(), item))
            };
            views.into_iter().flat_map(of).collect()
        };
        Ok(self.peer().call(list).await?)
    }

    async fn chosen(&self, item: &OutboxItem) -> Result<Vec<MessageKey>, Problem> {
        let all = self.outgoing().await?.into_iter().map(|(_, item)| item.key);
        let keys: Vec<MessageKey> = match item {
            OutboxItem::All => all.collect(),
            OutboxItem::One(id) => all.filter(|key| message_id(key).starts_with(id)).collect(),
        };
        match (item, keys.len()) {
            (OutboxItem::One(_), 0) => Err(Problem::local(LocalReason::NoSuchItem)),
            (OutboxItem::One(id), 2..) => {
                let text = format!("{id:?} is the beginning of several ids: nothing was done; write more of it");
                Err(Problem::local(LocalReason::NoSuchItem).saying(text))
            }
            _ => Ok(keys),
        }
    }

    async fn retry_outbox(&self, item: &OutboxItem) -> Done {
        let keys = self.chosen(item).await?;
        let mut channels: Vec<ChannelId> = keys.iter().map(|key| key.channel).collect();
        channels.dedup();
        for channel in channels {
            self.peer().call(move |machine, now| machine.retry(channel, now)).await??;
        }
        self.out.answer(&Counted { what: "tried again", count: keys.len() }).await.map_err(unheard)
    }

    /// Later messages build on earlier ones, so dropping one drops those behind it, too.
    async fn drop_outbox(&self, item: &OutboxItem) -> Done {
        let keys = self.chosen(item).await?;
        let (mut count, wanted) = (0, keys.len());
        for key in keys {
            let drop = self.peer().call(move |machine, now| machine.drop_outgoing(key.channel, Some(key), now));
            let dropped = drop.await??;
            count += dropped.len();
            self.talk.known().own.retain(|key, _| !dropped.contains(key));
        }
        if count == 0 && wanted > 0 {
            return Err(Problem::local(LocalReason::OnItsWay));
        }
        self.refresh_prompt().await;
        self.out.answer(&Counted { what: "dropped", count }).await.map_err(unheard)
    }

    /// `/history`
    pub(super) async fn history(&self, channel: Option<ChannelName>, last: Option<u32>, from: HistoryFrom) -> Done {
        let target = self.level_target(channel).await?;
        let count = last.unwrap_or(HISTORY);
        let (before, pointed) = match from {
            HistoryFrom::Newest => (None, None),
            HistoryFrom::Before(message) => (Some(self.place(&target, message).await?), None),
            HistoryFrom::Around(message) => {
                let pos = self.place(&target, message).await?;
                (Some(pos + u64::from((count / 2).max(1))), Some(pos))
            }
        };
        let (messages, more) = self.read(&target, before, count).await?;
        let places = messages.last().map_or(0, |(message, _)| place(message.pos).len());
        let (above, below) = messages.split_at(messages.partition_point(|(message, _)| Some(message.pos) < pointed));
        self.show_with_places(&target, above, Some(places)).await?;
        if let Some(pos) = pointed {
            self.out.drawn(self.out.style().divider(&place(pos))).await.map_err(unheard)?;
        }
        self.show_with_places(&target, below, Some(places)).await?;
        if from == HistoryFrom::Newest {
            self.read_if_attended(&target);
        }
        let first = messages.first().map(|(message, _)| message.pos);
        match first.filter(|_| more) {
            Some(pos) => self.out.remark(&format!("  older ones: /history --before !{pos}")).await.map_err(unheard),
            None if messages.is_empty() => self.out.remark("  no messages").await.map_err(unheard),
            None => Ok(()),
        }
    }

    /// The newest messages, as a channel becomes the current one: what is unread among them stands below a line.
    pub(super) async fn show_newest(&self, target: &Target, count: u32) -> Done {
        let (new, first) = {
            let mut known = self.talk.known();
            let unread = known.unread.entry(target.id).or_default();
            let first = unread.first();
            // The line is drawn here.
            let _ = unread.divide();
            (unread.messages(), first)
        };
        let wanted = u32::try_from(new).unwrap_or(UNREAD_SHOWN_MAX).saturating_add(CONTEXT).min(UNREAD_SHOWN_MAX);
        let (messages, _) = self.read(target, None, count.max(if new > 0 { wanted } else { 0 })).await?;
        if let Some((last, _)) = messages.last() {
            self.talk.known().shown.entry(target.id).or_default().up_to(last.pos);
        }
        let Some(first) = first else { return self.show(target, &messages).await };
        let (old, unread) = messages.split_at(messages.partition_point(|(message, _)| message.pos < first));
        self.show(target, old).await?;
        let style = self.out.style();
        self.out.drawn(style.divider(&format!("{new} new"))).await.map_err(unheard)?;
        if let Some((shown, _)) = unread.first().filter(|(shown, _)| shown.pos > first) {
            let text = format!("  the first of them: /history --around !{first}; here from !{} on", shown.pos);
            self.out.remark(&text).await.map_err(unheard)?;
        }
        self.show(target, unread).await
    }

    pub(super) async fn show(&self, target: &Target, messages: &[(ChannelMessage, Source)]) -> Done {
        self.show_with_places(target, messages, None).await
    }

    async fn show_with_places(
        &self,
        target: &Target,
        messages: &[(ChannelMessage, Source)],
        places: Option<usize>,
    ) -> Done {
        const LINES_AT_ONCE: usize = 200;
        let name = target.name.as_str();
        // What was written today needs no line: the heading says which day it is.
        let mut above = super::telling::now_ms();
        for part in messages.chunks(LINES_AT_ONCE) {
            let lines = part.iter().map(|(message, source)| {
                let above = std::mem::replace(&mut above, message.sent.0);
                MessageShown::new(message, name, Some(name), source).below(above).with_place(places)
            });
            self.out.answers(&lines.collect::<Vec<_>>()).await.map_err(unheard)?;
        }
        self.talk.known().above_ms = Some(above);
        Ok(())
    }

    /// The place that a reference means.
    async fn place(&self, target: &Target, message: MessageRef) -> Result<u64, Problem> {
        let newest = self.view_of(target.id).await?.head.pos;
        let place = match message {
            MessageRef::Number(number) => number,
            MessageRef::Last => newest,
            MessageRef::FromEnd(count) => (newest + 1).saturating_sub(count),
        };
        if place == 0 || place > newest + 1 {
            return Err(Problem::local(LocalReason::NoSuchMessage));
        }
        Ok(place)
    }

    /// Reads page by page, from the newest back; returns oldest first, and whether there are older ones.
    pub(super) async fn read(
        &self,
        target: &Target,
        before: Option<u64>,
        count: u32,
    ) -> Result<(Vec<(ChannelMessage, Source)>, bool), Problem> {
        let (mut before, mut left) = (before, count);
        let mut pages: Vec<Vec<(ChannelMessage, Source)>> = Vec::new();
        let mut more = true;
        while left > 0 && more {
            let (id, wanted) = (target.id, left.min(PAGE) as usize);
            let reply = self.peer().request(move |machine, now| machine.history(id, before, wanted, now));
            let Reply::History { messages, more: older, source, .. } = reply.await? else {
                return Err(RequestError::OtherAnswer.into());
            };
            let Some(first) = messages.first() else { break };
            before = Some(first.pos);
            left = left.saturating_sub(u32::try_from(messages.len()).unwrap_or(u32::MAX));
            more = older;
            pages.push(messages.into_iter().map(|message| (message, source)).collect());
        }
        let more = more && !pages.is_empty();
        Ok((pages.into_iter().rev().flatten().collect(), more))
    }
}

/// Waits a moment for a receipt to come as far as it should.
pub(super) async fn committed_within(receipt: &Receipt, moment: Duration) -> Result<Option<Stage>, Problem> {
    match timeout(moment, receipt.until(Stage::Committed)).await {
        Ok(Ok(())) => Ok(Some(Stage::Committed)),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Ok(receipt.stage()),
    }
}
