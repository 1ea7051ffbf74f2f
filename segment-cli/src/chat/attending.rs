//! What is unread, and telling somebody who does not look.

use std::time::{Duration, Instant};

use segment_core::peer::events::{ChannelMessage, Transfer};
use segment_proto::{ChannelId, Untrusted};

use super::narrator::Narrator;
use super::output::Out;
use super::talk::Talk;
use super::unread::{Kind, Unread};
use crate::config::NotifyWhen;

/// Nobody is told more often than this: the counts say the rest.
const RING_EVERY: Duration = Duration::from_secs(10);
/// Marks are kept so long after they have moved.
const KEEP_AFTER: Duration = Duration::from_secs(1);

/// When marks are to be kept, and when somebody was told last.
#[derive(Debug, Default)]
pub(super) struct Attending {
    pub keep_at: Option<Instant>,
    rang: Option<Instant>,
}

/// A message that somebody is to be told of.
struct Ring {
    title: String,
    text: String,
}

impl Narrator {
    /// Counts what has come; what arrives before somebody's eyes is read.
    pub(super) fn note_unread(&mut self, channel: ChannelId, messages: &[ChannelMessage], transfer: Transfer) {
        let is_attended = is_attended(&self.out, &self.talk);
        let ring = self.count(channel, messages);
        if is_attended {
            self.talk.known().read_arrived(channel, transfer);
        }
        self.attending.keep_at.get_or_insert_with(|| Instant::now() + KEEP_AFTER);
        show_counts(&self.out, &self.talk);
        if let Some(ring) = ring.filter(|_| !is_attended) {
            self.ring(&ring);
        }
    }

    /// Returns the newest message to tell of.
    fn count(&self, channel: ChannelId, messages: &[ChannelMessage]) -> Option<Ring> {
        let mut known = self.talk.known();
        let me = known.me.clone()?;
        let mut ring = None;
        for message in messages {
            let comes_again = known.shown.get(&channel).is_some_and(|shown| shown.was_cut(&message.key));
            let unread = known.unread.entry(channel).or_insert_with(|| Unread::since(message.pos.saturating_sub(1)));
            if comes_again && unread.was_read_before() {
                unread.skip(message.pos);
                continue;
            }
            let is_new = match unread.add(message, &me) {
                Kind::Nothing => false,
                Kind::Text => known.notify.when == NotifyWhen::All,
                Kind::Mention => known.marks.hear(me.account, &message.key),
            };
            if is_new {
                ring = Some(Ring::of(message, &known.name_of(&channel)));
            }
        }
        ring
    }

    /// What was heard is kept first: nobody is told of it again, whatever happens.
    fn ring(&mut self, ring: &Ring) {
        let Some(screen) = self.out.as_screen() else { return };
        if self.attending.rang.is_some_and(|rang| rang.elapsed() < RING_EVERY) {
            return;
        }
        self.attending.rang = Some(Instant::now());
        let by = self.talk.known().notify.by.chosen(|name| std::env::var(name).ok());
        keep_marks(&self.talk);
        screen.signal(by.sequence(&ring.title, &ring.text));
    }

    pub(super) fn keep_marks_when_due(&mut self) {
        if self.attending.keep_at.is_some_and(|at| at <= Instant::now()) {
            self.attending.keep_at = None;
            keep_marks(&self.talk);
        }
    }
}

impl Ring {
    fn of(message: &ChannelMessage, channel: &str) -> Self {
        let author = message.author.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
        let text = message.text().unwrap_or_default();
        Self { title: format!("#{channel}"), text: format!("{author}: {text}") }
    }
}

/// Keeps how far everything was read.
pub(super) fn keep_marks(talk: &Talk) {
    let mut known = talk.known();
    if known.marks.is_changed()
        && let Err(error) = known.marks.save()
    {
        tracing::warn!(%error, "how far channels were read is not kept");
    }
}

/// Whether somebody sees what is shown. A program reads everything; a script asks for what it wants.
pub(super) fn is_attended(out: &Out, talk: &Talk) -> bool {
    let away = talk.known().notify.away;
    out.as_screen().is_some_and(|screen| out.is_json() || !screen.is_away(away))
}

/// Shows in prompt and title what is unread elsewhere.
pub(super) fn show_counts(out: &Out, talk: &Talk) {
    let Some(screen) = out.as_screen() else { return };
    let (unread, title) = {
        let known = talk.known();
        (known.unread_elsewhere(), title(&known))
    };
    screen.set_unread(unread);
    if !out.is_json() {
        screen.set_title(&title);
    }
}

/// `#general (13 unread, 2 mentions) - segment`
fn title(known: &super::talk::Known) -> String {
    let (messages, mentions) = known.unread_in_all();
    let here = known.current.as_ref().map(|current| format!("#{} ", current.name)).unwrap_or_default();
    match counted(messages, mentions) {
        counted if counted.is_empty() => format!("{}- segment", Untrusted(&here)),
        counted => format!("{}({counted}) - segment", Untrusted(&here)),
    }
}

/// `13 unread, 2 mentions`; nothing where nothing is unread.
pub(super) fn counted(messages: usize, mentions: usize) -> String {
    let s = if mentions == 1 { "" } else { "s" };
    match (messages, mentions) {
        (0, _) => String::new(),
        (messages, 0) => format!("{messages} unread"),
        (messages, mentions) => format!("{messages} unread, {mentions} mention{s}"),
    }
}
