//! How far channels were read, and what is unread in them.

use segment_core::peer::ChannelView;
use segment_core::peer::events::Reply;
use segment_net::RequestError;
use segment_proto::ChannelName;
use serde::Serialize;

use super::answers::Said;
use super::attending::{counted, is_attended, keep_marks, show_counts};
use super::output::Answer;
use super::unread::{UNREAD_MAX, Unread};
use super::{Chat, Done, Target, unheard};
use crate::commands::UnreadAction;
use crate::errors::Problem;
use crate::node::Keeping;
use crate::profile::{Marks, Profile};
use crate::render::Style;

/// Messages of one request.
const PAGE: u64 = 256;

/// A channel with something unread.
#[derive(Debug, Serialize)]
struct UnreadShown {
    channel: String,
    unread: usize,
    mentions: usize,
    /// There are more than are counted.
    more: bool,
    first: Option<u64>,
}

impl Answer for UnreadShown {
    const TYPE: &'static str = "unread";

    fn text(&self, _: &Style) -> String {
        let over = if self.more { "more than " } else { "" };
        let first = self.first.map(|pos| format!("  from !{pos}")).unwrap_or_default();
        format!("  {:<20} {over}{}{first}", self.channel, counted(self.unread, self.mentions))
    }
}

/// What is unread everywhere.
#[derive(Debug, Serialize)]
struct UnreadTotal {
    channels: usize,
    unread: usize,
    mentions: usize,
}

impl Answer for UnreadTotal {
    const TYPE: &'static str = "unread_total";

    fn text(&self, _: &Style) -> String {
        match self.channels {
            0 => "Nothing is unread.".to_owned(),
            _ => "  /unread next goes there, /unread clear takes all of it as read.".to_owned(),
        }
    }
}

/// How far channels were read: nothing of it is kept of a visitor.
pub(super) fn marks_of(profile: &Profile, keeping: Keeping) -> Marks {
    match keeping {
        Keeping::Profile => Marks::load(profile.dir()),
        Keeping::Nothing => Marks::default(),
    }
}

impl Chat {
    /// `/unread`
    pub(super) async fn unread(&mut self, action: UnreadAction) -> Done {
        if self.is_script() {
            self.level_all().await?;
            self.count_unread().await?;
        }
        match action {
            UnreadAction::List => self.list_unread().await,
            UnreadAction::Next => self.go_to_next_unread().await,
            UnreadAction::Clear(channel) => self.clear_unread(channel).await,
        }
    }

    async fn list_unread(&self) -> Done {
        let shown: Vec<UnreadShown> = {
            let known = self.talk.known();
            let with = known.unread.iter().filter(|(_, unread)| unread.messages() > 0);
            let rows = with.map(|(id, unread)| UnreadShown {
                channel: format!("#{}", known.name_of(id)),
                unread: unread.messages(),
                mentions: unread.mentions(),
                more: unread.is_more(),
                first: unread.first(),
            });
            rows.collect()
        };
        let total = UnreadTotal {
            channels: shown.len(),
            unread: shown.iter().map(|row| row.unread).sum(),
            mentions: shown.iter().map(|row| row.mentions).sum(),
        };
        self.out.answers(&shown).await.map_err(unheard)?;
        self.out.answer(&total).await.map_err(unheard)
    }

    /// The one with most mentions, then with most messages.
    pub(super) async fn go_to_next_unread(&mut self) -> Done {
        let next = {
            let known = self.talk.known();
            let with = known.unread.iter().filter(|(_, unread)| unread.messages() > 0);
            let most = with.max_by_key(|(_, unread)| (unread.mentions(), unread.messages()));
            most.and_then(|(id, _)| Some(Target { id: *id, name: known.names.get(id)?.clone() }))
        };
        match next {
            Some(target) => self.go_to(target).await,
            None => self.out.answer(&Said { text: "Nothing is unread.".to_owned() }).await.map_err(unheard),
        }
    }

    async fn clear_unread(&self, channel: Option<ChannelName>) -> Done {
        let only = match channel {
            Some(name) => Some(self.target(Some(name)).await?.id),
            None => None,
        };
        {
            let mut known = self.talk.known();
            let ids: Vec<_> = known.unread.keys().copied().filter(|id| only.is_none_or(|only| only == *id)).collect();
            ids.into_iter().for_each(|id| known.read_channel(id));
        }
        keep_marks(&self.talk);
        show_counts(&self.out, &self.talk);
        self.out.answer(&Said { text: "Taken as read.".to_owned() }).await.map_err(unheard)
    }

    /// Looks at everything behind the marks.
    pub(super) async fn count_unread(&self) -> Done {
        let look = |machine: &mut segment_core::peer::Peer, _| {
            (machine.whoami(), machine.channels().filter(|view| view.member).collect::<Vec<_>>())
        };
        let (me, views) = self.peer().call(look).await?;
        let Some(me) = me.map(|me| me.who) else { return Ok(()) };
        self.talk.known().me = Some(me.clone());
        for view in views {
            let id = view.record.channel;
            let read = self.talk.known().marks.read(me.account, id);
            let unread = self.unread_behind(&view, read.unwrap_or(view.head.pos), &me).await?;
            let mut known = self.talk.known();
            known.names.insert(id, view.record.name.clone());
            if read.is_none() {
                known.marks.set_read(me.account, id, view.head.pos);
            }
            let newer = known.unread.insert(id, unread);
            if let (Some(newer), Some(counted)) = (newer, known.unread.get_mut(&id)) {
                counted.add_behind(newer);
            }
        }
        show_counts(&self.out, &self.talk);
        Ok(())
    }

    async fn unread_behind(&self, view: &ChannelView, read: u64, me: &segment_proto::Who) -> Result<Unread, Problem> {
        let (id, head) = (view.record.channel, view.head.pos);
        let mut unread = Unread::since(read.min(head));
        // Own messages are among them, so some more are looked at than are counted.
        let mut from = (read + 1).max(view.low).max(head.saturating_sub(2 * UNREAD_MAX as u64));
        while from <= head {
            let to = (from + PAGE - 1).min(head);
            let (before, count) = (to + 1, usize::try_from(to + 1 - from).unwrap_or(1));
            let reply = self.peer().request(move |machine, now| machine.history(id, Some(before), count, now)).await?;
            let Reply::History { messages, .. } = reply else { return Err(RequestError::OtherAnswer.into()) };
            let mut known = self.talk.known();
            for message in &messages {
                if unread.add(message, me) == super::unread::Kind::Mention {
                    // What is counted at the start is not told of later.
                    known.marks.hear(me.account, &message.key);
                }
            }
            from = to + 1;
        }
        unread.skip(head);
        Ok(unread)
    }

    /// Somebody has come into a channel: what stood there before is not unread.
    pub(super) fn begin_reading(&self, target: &Target, head: u64) {
        {
            let mut known = self.talk.known();
            let Some(account) = known.me.as_ref().map(|me| me.account) else { return };
            if known.marks.read(account, target.id).is_none() {
                known.marks.set_read(account, target.id, head);
                known.unread.insert(target.id, Unread::since(head));
            }
        }
        self.talk.known().admit(target.id);
        self.read_if_attended(target);
        keep_marks(&self.talk);
    }

    /// Somebody looks at a channel.
    pub(super) fn read_if_attended(&self, target: &Target) {
        if is_attended(&self.out, &self.talk) {
            self.talk.known().read_channel(target.id);
            show_counts(&self.out, &self.talk);
        }
    }

    /// A line was typed: what is on the screen is read.
    pub(super) fn somebody_is_there(&self) {
        let Some(screen) = self.out.as_screen() else { return };
        screen.on_key();
        self.talk.known().late = None;
        if let Some(current) = self.talk.current() {
            self.read_if_attended(&current);
        }
    }
}
