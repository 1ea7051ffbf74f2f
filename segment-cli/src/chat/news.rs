//! Tells of messages, and from where channels are served.

use std::time::Instant;

use segment_core::peer::events::{ChannelMessage, Content, Serving, Source, Transfer};
use segment_proto::access::AccessOp;
use segment_proto::messages::Failure;
use segment_proto::{AccountId, ChannelId, Reason};

use super::absence::Absence;
use super::answers::{MessageShown, NewBelow};
use super::attending::{is_attended, show_counts};
use super::backlog::Backlog;
use super::narrator::{Narrator, SOON};
use super::shown::Shown;
use super::talk::{Known, Trouble};
use super::telling::{removed_from, served_from};

impl Narrator {
    pub(super) fn tell_messages(
        &mut self,
        id: ChannelId,
        messages: Vec<ChannelMessage>,
        source: Source,
        transfer: Transfer,
    ) {
        let is_json = self.out.is_json();
        self.note_messages(id, &messages);
        let (news, is_entered): (Vec<ChannelMessage>, bool) = {
            let mut known = self.talk.known();
            let me = known.account();
            // What I may do from now on is said in other words.
            let is_shown = |known: &mut Known, message: &ChannelMessage| {
                is_json || (!known.was_shown(message) && !is_about(&message.content, me))
            };
            let is_news = |message: &ChannelMessage| known.is_news(id, message) && is_shown(&mut known, message);
            let news = messages.into_iter().filter(is_news).collect();
            (news, known.entering == Some(id))
        };
        if news.is_empty() {
            return self.tell_order(id);
        }
        if (transfer != Transfer::Live || is_entered) && !is_json {
            return self.backlogs.entry(id).or_default().add(news, source);
        }
        self.tell_backlog(id);
        news.iter().for_each(|message| self.show(id, message, &source));
        self.tell_order(id);
    }

    /// Lines that were shown stay where they are, also where the channel has another order since.
    fn tell_order(&self, id: ChannelId) {
        if self.backlogs.contains_key(&id) {
            return;
        }
        let name = {
            let mut known = self.talk.known();
            let is_here = known.current.as_ref().is_some_and(|current| current.id == id);
            if !known.shown.get_mut(&id).is_some_and(Shown::take_another_order) || !is_here {
                return;
            }
            known.name_of(&id)
        };
        let text =
            format!("some messages of #{name} stand here in another order than in the channel; /history has its order");
        self.notice("another_order", Some(&name), text);
    }

    /// What Tab has to know of them.
    fn note_messages(&self, id: ChannelId, messages: &[ChannelMessage]) {
        let Some(last) = messages.last() else { return };
        let mut known = self.talk.known();
        if known.current.as_ref().is_some_and(|target| target.id == id) {
            known.newest = last.pos;
        }
        let authors = messages.iter().filter_map(|message| message.author.as_ref());
        authors.for_each(|author| known.heard(author.to_string()));
        if let Some(screen) = self.out.as_screen() {
            screen.set_known(known.for_tab());
        }
    }

    fn show(&self, id: ChannelId, message: &ChannelMessage, source: &Source) {
        let (name, current, divides, above) = {
            let mut known = self.talk.known();
            let above = known.above_ms.replace(message.sent.0).unwrap_or(message.sent.0);
            let current = known.current.clone();
            let is_here = current.as_ref().is_some_and(|current| current.id == id);
            let divides = is_here && known.unread.get_mut(&id).is_some_and(|unread| unread.divides(message.pos));
            (known.name_of(&id), current.map(|target| target.name.to_string()), divides, above)
        };
        if divides && !self.out.is_json() {
            self.out.happened(&NewBelow { new: None });
        }
        self.out.happened(&MessageShown::new(message, &name, current.as_deref(), source).below(above).received());
    }

    /// Shows the fetched messages after which none came for a while.
    pub(super) async fn tell_backlogs(&mut self) {
        let now = Instant::now();
        let due: Vec<ChannelId> =
            self.backlogs.iter().filter(|(_, backlog)| backlog.due() <= now).map(|(id, _)| *id).collect();
        for id in due {
            let view = self.peer.call(move |machine, _| machine.channel(id)).await.ok().flatten();
            let is_all = view.is_none_or(|view| view.level);
            if is_all || !self.backlogs.get_mut(&id).is_some_and(Backlog::postpone) {
                self.tell_backlog(id);
            }
        }
    }

    /// While a channel becomes the current one, its newest messages are on their way to the screen already.
    fn tell_backlog(&mut self, id: ChannelId) {
        if self.talk.known().entering == Some(id) {
            return self.backlogs.entry(id).or_default().wait();
        }
        let Some((skipped, newest)) = self.backlogs.remove(&id).map(super::backlog::Backlog::take) else { return };
        let (is_here, is_early) = {
            let known = self.talk.known();
            (known.current.as_ref().is_some_and(|current| current.id == id), !known.welcomed)
        };
        if is_early {
            // The first lines say how much there is.
            return;
        }
        if !is_here {
            return self.tell_elsewhere(id, skipped + newest.len());
        }
        if skipped > 0 {
            let name = self.talk.known().name_of(&id);
            self.notice("skipped", Some(&name), format!("{skipped} earlier messages in #{name}; /history shows them"));
        }
        let waited = |message: &ChannelMessage| {
            self.talk.known().shown.get(&id).is_none_or(|shown| !shown.was_answered(message.pos))
        };
        let newest: Vec<_> = newest.iter().filter(|(message, _)| waited(message)).collect();
        self.divide_off_late(id, newest.len());
        newest.iter().for_each(|(message, source)| self.show(id, message, source));
        self.read_late(id);
        self.tell_order(id);
    }

    /// What was written before somebody came, and fetched only after the channel was shown.
    fn divide_off_late(&self, id: ChannelId, shown: usize) {
        let new = {
            let mut known = self.talk.known();
            let is_late = known.late == Some(id) && shown > 0;
            let unread = known.unread.get_mut(&id).filter(|_| is_late);
            unread.map_or(0, |unread| unread.divide())
        };
        if new > 0 {
            self.out.happened(&NewBelow { new: Some(new) });
        }
    }

    fn read_late(&self, id: ChannelId) {
        {
            let mut known = self.talk.known();
            if known.late.take_if(|late| *late == id).is_none() {
                return;
            }
        }
        if is_attended(&self.out, &self.talk) {
            self.talk.known().read_arrived(id, Transfer::Live);
            show_counts(&self.out, &self.talk);
        }
    }

    /// What was fetched of other channels is only counted: it would bury the current one.
    fn tell_elsewhere(&self, id: ChannelId, count: usize) {
        let name = {
            let known = self.talk.known();
            if known.unread.get(&id).is_none_or(|unread| unread.messages() == 0) {
                return;
            }
            known.name_of(&id)
        };
        let messages = if count == 1 { "message" } else { "messages" };
        let text = format!("#{name} has caught up: {count} {messages}; /switch #{name} shows them");
        self.notice("caught_up", Some(&name), text);
    }

    /// What is as it should be is not talked about, unless it was said before that it is not; and what lasts only a
    /// moment is not talked about to people at all.
    pub(super) fn tell_serving(&self, channel: ChannelId, serving: Serving) {
        if self.out.is_json() {
            return self.say_serving(channel, serving);
        }
        if self.talk.known().logged_out {
            return;
        }
        let is_good = matches!(serving, Serving::Here | Serving::Host(_));
        let was_told = {
            let mut known = self.talk.known();
            if is_good {
                let was_told = known.troubled.remove(&channel).is_some_and(|trouble| trouble.told);
                // What the host has taken over is said as soon as that is known, and with it that the host is there.
                was_told && !self.absences.get(&channel).is_some_and(Absence::is_told)
            } else if known.removed.contains(&channel) {
                false
            } else {
                let trouble = Trouble { since: Instant::now(), told: false, serving };
                let trouble = known.troubled.entry(channel).or_insert(trouble);
                let before = std::mem::replace(&mut trouble.serving, serving);
                trouble.told && before != serving
            }
        };
        if was_told {
            self.say_serving(channel, serving);
        }
    }

    /// Troubles that last.
    pub(super) fn tell_troubles(&self) {
        let late: Vec<(ChannelId, Serving)> = {
            let mut known = self.talk.known();
            let is_late = |trouble: &Trouble| !trouble.told && trouble.since.elapsed() >= SOON;
            let late = known.troubled.iter_mut().filter(|(_, trouble)| is_late(trouble));
            late.map(|(channel, trouble)| {
                trouble.told = true;
                (*channel, trouble.serving)
            })
            .collect()
        };
        late.into_iter().for_each(|(channel, serving)| self.say_serving(channel, serving));
    }

    fn say_serving(&self, channel: ChannelId, serving: Serving) {
        let (name, host) = {
            let known = self.talk.known();
            let is_own = known.own_hosted.contains(&channel);
            (known.name_of(&channel), if is_own { None } else { Some(known.host_of(&channel)) })
        };
        let mut text = served_from(&name, host.as_deref(), serving);
        if let Some(owner) = self.talk.known().owner_of_elsewhere(&channel).filter(|_| serving == Serving::Copy) {
            text += &format!("; if that machine is lost, /host #{name} move @{owner} brings it to this one");
        }
        self.notice("served_from", Some(&name), text);
    }

    /// Nothing is cut silently.
    pub(super) fn tell_older_removed(&self, channel: ChannelId, kept: u64) {
        let name = self.talk.known().name_of(&channel);
        let text = format!("#{name}: older messages were removed by the channel's policy ({kept} kept)");
        self.notice("older_removed", Some(&name), text);
    }

    /// The tracker was put back from a copy that is older than a channel of this machine.
    pub(super) fn tell_restored(&self, channel: ChannelId) {
        let name = self.talk.known().name_of(&channel);
        let text = format!(
            "#{name}: the tracker had lost this channel and has it again, from this machine; who was in it comes back by itself"
        );
        self.notice("channel_restored", Some(&name), text);
    }

    pub(super) fn tell_not_restored(&self, channel: ChannelId, failure: &Failure) {
        let name = self.talk.known().name_of(&channel);
        let why = match failure.reason {
            Reason::NameTaken => "another one has its name now".to_owned(),
            reason => reason.to_string(),
        };
        let text = format!(
            "#{name}: the tracker has lost this channel and does not take it back ({why}): it is only on this machine; /leave #{name} gives it up"
        );
        self.notice("channel_not_restored", Some(&name), text);
    }

    /// The tracker was put back from a copy that is older than this membership.
    pub(super) fn tell_membership_lost(&self, channel: ChannelId) {
        let name = {
            let mut known = self.talk.known();
            // Nobody serves it meanwhile, and this says why.
            known.troubled.remove(&channel);
            known.name_of(&channel)
        };
        let text = format!(
            "#{name}: the tracker has lost that you are in it; that comes back by itself once its host is there; what you write waits, \
             and /join #{name} does not wait for the host"
        );
        self.notice("membership_lost", Some(&name), text);
    }

    pub(super) fn tell_membership_restored(&self, channel: ChannelId) {
        let name = self.talk.known().name_of(&channel);
        self.notice("membership_restored", Some(&name), format!("#{name}: you are in it again"));
    }

    pub(super) fn tell_removed(&self, channel: ChannelId, reason: Reason) {
        if reason == Reason::BadCertificate {
            // A session has ended, and no right: whoever logs in again reads on.
            return;
        }
        let (name, was_told) = {
            let mut known = self.talk.known();
            let was_told = known.removed.contains(&channel);
            known.remove(channel);
            (known.name_of(&channel), was_told)
        };
        super::attending::keep_marks(&self.talk);
        if was_told && !self.out.is_json() {
            return;
        }
        let text = match reason {
            Reason::NoVisitors => format!("#{name} takes no visitors any more: you are out of it"),
            _ => removed_from(&name),
        };
        self.notice("removed", Some(&name), text);
    }
}

/// Whether a message gives rights to somebody, or takes them.
fn is_about(content: &Content, account: Option<AccountId>) -> bool {
    let Content::Access(change) = content else { return false };
    matches!(change.op, AccessOp::Allow | AccessOp::Deny | AccessOp::Kick) && Some(change.account) == account
}
